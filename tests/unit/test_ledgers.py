"""The three ledgers, compared: honest ones agree, and every planted disagreement is named, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from actors.domain.order import Actor, Cause, Line, State, Task, Transition
from actors.domain.payment import PaymentStatus, RefundStatus
from cluster.ledgers.disagreement import Kind
from cluster.ledgers.money import FORGOTTEN_MS, STUCK_MS
from cluster.ledgers.reconciliation import disagreements
from tests.unit.ledger_entries import (
    NOW,
    ONE,
    TWO,
    back,
    kinds,
    ledgers,
    only,
    order,
    payment,
    refund,
    sold,
)


def test_a_paid_order_with_its_seats_and_its_money_is_in_order() -> None:
    paid = order()
    assert disagreements(ledgers([paid], sold(paid), [payment(paid)])) == []


@pytest.mark.parametrize(
    ("state", "task", "due_at", "status"),
    [
        (State.AWAITING_PAYMENT, Task.WATCH, NOW + 1_000, PaymentStatus.OPEN),
        (State.AWAITING_PAYMENT, Task.WATCH, NOW + 1_000, PaymentStatus.PROCESSING),
        (State.AWAITING_PAYMENT, Task.WATCH, NOW + 1_000, PaymentStatus.AUTHORISED),
        (State.AUTHORISED, Task.SELL, NOW + 1_000, PaymentStatus.AUTHORISED),
        (State.EXPIRED, Task.WATCH, NOW + 1_000, PaymentStatus.OPEN),
        (State.EXPIRED, Task.NONE, None, PaymentStatus.CANCELED),
        (State.CANCELLED, Task.NONE, None, PaymentStatus.CANCELED),
    ],
)
def test_an_order_that_is_not_paid_has_neither_seats_nor_money_taken(
    state: State, task: Task, due_at: int | None, status: PaymentStatus
) -> None:
    waiting = order(state=state, task=task, due_at=due_at)
    assert disagreements(ledgers([waiting], [], [payment(waiting, status)])) == []


def test_an_order_that_is_being_sold_or_captured_may_have_its_seats_already() -> None:
    selling = order(state=State.AUTHORISED, task=Task.SELL, due_at=NOW + 1)
    aside = payment(selling, PaymentStatus.AUTHORISED)
    assert disagreements(ledgers([selling], sold(selling, "A-1"), [aside])) == []
    capturing = replace(selling, task=Task.CAPTURE)
    assert disagreements(ledgers([capturing], sold(capturing), [aside])) == []
    assert disagreements(ledgers([capturing], sold(capturing), [payment(selling)])) == []


def test_refunds_that_are_done_or_on_their_way_are_in_order() -> None:
    done = order(state=State.PARTIALLY_REFUNDED)
    done = replace(done, refunds=(refund(done),))
    books = ledgers([done], sold(done, "A-2"), [payment(done)], {done.payment_id: [back()]})
    assert disagreements(books) == []
    begun = order(task=Task.REFUND, due_at=NOW + 1)
    begun = replace(
        begun, refunds=(refund(begun, RefundStatus.PENDING, provider_id="", returned=False),)
    )
    for tickets in (sold(begun), sold(begun, "A-2")):
        assert disagreements(ledgers([begun], tickets, [payment(begun)])) == []


def test_what_costs_nothing_needs_no_payment() -> None:
    lines = (Line(1, (0,), ("A-1",), ("Stalls",), (0,)),)
    free = order(amount=0, lines=lines, payment_id="")
    ticket = replace(sold(free)[0], price=0)
    assert disagreements(ledgers([free], [ticket], [])) == []


def test_a_seat_sold_to_an_order_that_nobody_knows_is_named() -> None:
    found = only(ledgers([], sold(order(), "A-1"), []))
    assert (found.kind, found.seat, found.sequence) == (Kind.SOLD_WITHOUT_ORDER, "A-1", 7)
    nobody = replace(sold(order(), "A-1")[0], order_id="")
    assert only(ledgers([], [nobody], [])).kind is Kind.SOLD_WITHOUT_ORDER


@pytest.mark.parametrize("state", [State.AWAITING_PAYMENT, State.CANCELLED, State.EXPIRED])
def test_a_seat_sold_to_an_order_that_is_not_paid_is_named(state: State) -> None:
    unpaid = order(state=state)
    found = only(ledgers([unpaid], sold(unpaid, "A-2"), None))
    assert (found.kind, found.seat) == (Kind.SOLD_WITHOUT_PAYMENT, "A-2")
    assert state.value in found.detail


def test_a_seat_that_its_order_does_not_have_is_named() -> None:
    paid = order()
    found = only(ledgers([paid], [*sold(paid), *sold(paid, "B-9")], None))
    assert (found.kind, found.seat) == (Kind.SOLD_WITHOUT_PAYMENT, "B-9")
    other_hold = replace(sold(paid, "A-1")[0], token="another")
    found = only(ledgers([paid], [other_hold, *sold(paid, "A-2")], None))
    assert (found.kind, found.seat) == (Kind.SOLD_WITHOUT_PAYMENT, "A-1")


def test_a_seat_that_was_refunded_and_is_still_sold_is_named() -> None:
    refunded = order(state=State.PARTIALLY_REFUNDED)
    refunded = replace(refunded, refunds=(refund(refunded),))
    books = ledgers([refunded], sold(refunded), None)
    assert (only(books).kind, only(books).seat) == (Kind.SOLD_WITHOUT_PAYMENT, "A-1")


def test_a_seat_that_an_order_has_paid_for_and_does_not_have_is_named() -> None:
    paid, other = order(), order(TWO, "A-2")
    found = only(ledgers([paid], sold(paid, "A-1"), None))
    assert (found.kind, found.seat) == (Kind.PAID_WITHOUT_SEATS, "A-2")
    assert "is not sold" in found.detail
    found = only(ledgers([paid, other], [*sold(paid, "A-1"), *sold(other)], None))
    assert (found.kind, found.seat, found.order_id) == (Kind.PAID_WITHOUT_SEATS, "A-2", ONE)
    assert "is sold to" in found.detail


def test_a_seat_whose_price_is_not_the_journal_s_is_named() -> None:
    paid = order()
    tickets = [replace(sold(paid, "A-1")[0], price=4_000), *sold(paid, "A-2")]
    found = only(ledgers([paid], tickets, [payment(paid)]))
    assert (found.kind, found.seat) == (Kind.WRONG_PRICE, "A-1")
    assert "50.00 EUR in the order, 40.00 EUR in the journal" in found.detail


@pytest.mark.parametrize("state", [State.CANCELLED, State.EXPIRED, State.AWAITING_PAYMENT])
def test_money_that_is_kept_without_seats_is_named(state: State) -> None:
    over = order(state=state)
    found = only(ledgers([over], [], [payment(over)]))
    assert found.kind is Kind.MONEY_WITHOUT_SEATS
    assert "100.00 EUR" in found.detail
    half = {over.payment_id: [back()]}
    owing = replace(over, refunds=(refund(over),))
    assert kinds(ledgers([owing], [], [payment(over)], half)) == [Kind.MONEY_WITHOUT_SEATS]
    whole = {over.payment_id: [back(), back(provider_id="re_2")]}
    given = replace(over, refunds=(refund(over), refund(over, refund_id="r2", provider_id="re_2")))
    assert disagreements(ledgers([given], [], [payment(over)], whole)) == []


def test_money_that_is_set_aside_for_an_order_that_is_over_is_named() -> None:
    for state in (State.CANCELLED, State.EXPIRED):
        over = order(state=state)
        books = ledgers([over], [], [payment(over, PaymentStatus.AUTHORISED)])
        assert kinds(books) == [Kind.AUTHORISED_AND_OVER]


def test_an_authorisation_that_nobody_moves_is_forgotten() -> None:
    moved = Transition(2, State.AUTHORISED, NOW - FORGOTTEN_MS - 1, Cause.ORDERED, Actor.BUYER)
    capturing = order(
        state=State.AUTHORISED, task=Task.CAPTURE, due_at=NOW + 1_000, history=(moved,)
    )
    aside = payment(capturing, PaymentStatus.AUTHORISED)
    assert kinds(ledgers([capturing], sold(capturing), [aside])) == [Kind.AUTHORISED_AND_FORGOTTEN]
    nobody_looks = order(state=State.AWAITING_PAYMENT, task=Task.WATCH, due_at=NOW + 10**9)
    aside = payment(nobody_looks, PaymentStatus.AUTHORISED)
    assert kinds(ledgers([nobody_looks], [], [aside])) == [Kind.AUTHORISED_AND_FORGOTTEN]


@pytest.mark.parametrize(
    "status", [PaymentStatus.OPEN, PaymentStatus.AUTHORISED, PaymentStatus.CANCELED]
)
def test_a_paid_order_whose_money_was_not_taken_is_named(status: PaymentStatus) -> None:
    paid = order()
    found = only(ledgers([paid], sold(paid), [payment(paid, status)]))
    assert found.kind is Kind.PAID_WITHOUT_MONEY
    assert status.value in found.detail


def test_a_paid_order_whose_payment_the_provider_does_not_have_is_named() -> None:
    paid, none = order(), order(TWO, "B-1", payment_id="")
    books = ledgers([paid, none], [*sold(paid), *sold(none)], [])
    assert kinds(books) == [Kind.PAID_WITHOUT_MONEY] * 2


@pytest.mark.parametrize("changes", [{"amount": 9_999}, {"currency": "USD"}])
def test_a_wrong_amount_or_currency_is_named(changes: dict[str, Any]) -> None:
    paid = order()
    assert kinds(ledgers([paid], sold(paid), [payment(paid, **changes)])) == [Kind.WRONG_AMOUNT]


def test_a_wrong_amount_that_went_back_in_full_is_nobody_s_loss() -> None:
    given = order(state=State.REFUNDED)
    returned = refund(given, refund_id="void", seats=given.seats, amount=9_000)
    given = replace(given, refunds=(returned,))
    books = ledgers(
        [given], [], [payment(given, amount=9_000)], {given.payment_id: [back(amount=9_000)]}
    )
    assert disagreements(books) == []


def test_money_that_went_back_twice_is_named() -> None:
    done = order(state=State.PARTIALLY_REFUNDED)
    done = replace(done, refunds=(refund(done),))
    twice = {done.payment_id: [back(), back(provider_id="re_2")]}
    found = only(ledgers([done], sold(done, "A-2"), [payment(done)], twice))
    assert found.kind is Kind.REFUNDED_TWICE
    assert "100.00 EUR went back, the order says 50.00 EUR" in found.detail
    failed = {done.payment_id: [back(), back(RefundStatus.FAILED, provider_id="re_2")]}
    assert disagreements(ledgers([done], sold(done, "A-2"), [payment(done)], failed)) == []


def test_a_refund_that_the_provider_does_not_have_is_named() -> None:
    done = order(state=State.PARTIALLY_REFUNDED)
    done = replace(done, refunds=(refund(done),))
    assert kinds(ledgers([done], sold(done, "A-2"), [payment(done)])) == [Kind.REFUND_UNKNOWN]
    less = {done.payment_id: [back(amount=4_000)]}
    assert kinds(ledgers([done], sold(done, "A-2"), [payment(done)], less)) == [Kind.WRONG_AMOUNT]


def test_a_refund_that_failed_is_owed_whoever_says_so() -> None:
    waiting = order(task=Task.REFUND, due_at=NOW + 1_000)
    failed = refund(waiting, RefundStatus.FAILED, provider_id="", problem="lost_card")
    waiting = replace(waiting, refunds=(failed,))
    for account in ([payment(waiting)], None):
        found = only(ledgers([waiting], sold(waiting, "A-2"), account))
        assert found.kind is Kind.REFUND_OWED
        assert "lost_card" in found.detail
    done = order(state=State.PARTIALLY_REFUNDED)
    done = replace(done, refunds=(refund(done),))
    later = {done.payment_id: [back(RefundStatus.FAILED, problem="lost_card")]}
    books = ledgers([done], sold(done, "A-2"), [payment(done)], later)
    assert kinds(books) == [Kind.REFUND_OWED]


def test_an_order_that_is_overdue_or_never_looked_at_is_stuck() -> None:
    for due_at in (NOW - STUCK_MS - 1, None):
        left = order(state=State.CANCELLED, task=Task.VOID, due_at=due_at, payment_id="")
        assert kinds(ledgers([left], [], None)) == [Kind.STUCK]
    soon = order(state=State.CANCELLED, task=Task.VOID, due_at=NOW - STUCK_MS + 1)
    assert disagreements(ledgers([soon], [], None)) == []


def test_a_payment_of_an_order_that_nobody_knows_is_named_where_all_orders_are_known() -> None:
    lost = order()
    for status in (PaymentStatus.OPEN, PaymentStatus.AUTHORISED, PaymentStatus.CAPTURED):
        found = only(ledgers([], [], [payment(lost, status)]))
        assert found.kind is Kind.UNKNOWN_PAYMENT
        assert lost.payment_id in found.detail
    assert disagreements(ledgers([], [], [payment(lost)], whole=False)) == []
    assert disagreements(ledgers([], [], [payment(lost, PaymentStatus.CANCELED)])) == []
    others = payment(lost, order_id="")
    assert disagreements(ledgers([], [], [others])) == []


def test_a_second_payment_that_holds_money_is_named() -> None:
    paid = order()
    for status in (PaymentStatus.AUTHORISED, PaymentStatus.CAPTURED, PaymentStatus.PROCESSING):
        second = payment(paid, status, payment_id="pi_second")
        found = only(ledgers([paid], sold(paid), [payment(paid), second]))
        assert found.kind is Kind.SECOND_PAYMENT
        assert "pi_second" in found.detail
    closed = payment(paid, PaymentStatus.OPEN, payment_id="pi_second")
    assert disagreements(ledgers([paid], sold(paid), [payment(paid), closed])) == []


def test_two_orders_with_one_hold_or_one_payment_are_both_named() -> None:
    one = order()
    same_hold = order(TWO, "B-1", token=one.token)
    tickets = [*sold(one), *sold(same_hold)]
    both = ledgers([one, same_hold], tickets, None)
    assert kinds(both) == [Kind.SHARED_HOLD] * 2
    same_payment = order(TWO, "B-1", payment_id=one.payment_id, amount=10_000)
    both = ledgers([one, same_payment], [*sold(one), *sold(same_payment)], None)
    assert kinds(both) == [Kind.SHARED_PAYMENT] * 2


def test_no_text_holds_an_order_id() -> None:
    lost, paid = order("secret-one"), order("secret-two", "B-1", state=State.CANCELLED)
    books = ledgers(
        [paid], [*sold(lost), *sold(paid)], [payment(lost, payment_id="pi_x"), payment(paid)]
    )
    found = disagreements(books)
    assert len(found) > 3
    assert all("secret" not in one.detail.replace(one.payment_id, "") for one in found)


def test_a_disagreement_is_known_again_by_what_it_is_about_not_by_its_words() -> None:
    one, later = order(state=State.EXPIRED), order(state=State.CANCELLED)
    before = only(ledgers([one], sold(one, "A-1"), None))
    after = only(ledgers([later], sold(later, "A-1"), None))
    assert before.detail != after.detail
    assert before.key == after.key
