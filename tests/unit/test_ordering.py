"""What each fact makes of an order in each state, from its beginning until it is paid or over."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from actors.domain import ordering, repaying
from actors.domain.order import Actor, Cause, Order, Refund, State, Task, Transition
from actors.domain.payment import PaymentStatus, RefundStatus
from actors.domain.rejections import Code, Rejection
from tests.unit.orders import (
    FREE_LINES,
    LATER,
    NOW,
    ORDERS,
    SEATS,
    Came,
    Fact,
    changed,
    draft,
    expected,
    money,
    payment,
    tried,
)

OPEN, PROCESSING, AUTHORISED, CAPTURED, CANCELED = PaymentStatus
EXTENDED = NOW + 600_001
PAID = Came(State.PAID, Task.NONE, Cause.CAPTURED, Actor.PAYMENTS)
TO_SELL = Came(State.AUTHORISED, Task.SELL, Cause.PAYMENT_AUTHORISED, Actor.PAYMENTS)
LATE = TO_SELL._replace(cause=Cause.LATE_PAYMENT)
BUYER_CANCELS = Came(State.CANCELLED, Task.UNDO, Cause.BUYER_CANCELLED, Actor.BUYER)
EXPIRES = Came(State.EXPIRED, Task.WATCH, Cause.HOLD_EXPIRED, Actor.TICKETS)
RELEASED = Came(State.CANCELLED, Task.UNDO, Cause.HOLD_RELEASED, Actor.BUYER)
TOO_LATE = Came(State.EXPIRED, Task.UNDO, Cause.TOO_LATE, Actor.CLOCK)
CLOSED = Came(State.EXPIRED, Task.UNDO, Cause.PAYMENT_CANCELED, Actor.PAYMENTS)
UNDONE = Came(State.CANCELLED, Task.VOID, Cause.SEATS_GIVEN_BACK, Actor.TICKETS)
FREED = Came(State.CANCELLED, Task.NONE, Cause.MONEY_FREED, Actor.PAYMENTS)
LONGER = Came(
    State.AWAITING_PAYMENT,
    Task.WATCH,
    Cause.HOLD_EXTENDED,
    Actor.TICKETS,
    changes={"deadline": EXTENDED},
)


def given_up(cause: Cause, detail: str, actor: Actor = Actor.PAYMENTS) -> Came:
    return Came(State.CANCELLED, Task.UNDO, cause, actor, detail)


def owing(state: State, amount: int) -> Came:
    back = Refund("void", SEATS, amount, False, "money_to_return", LATER, returned=True)
    cause, changes = Cause.MONEY_TO_RETURN, {"refunds": (back,)}
    return Came(state, Task.REFUND, cause, Actor.PAYMENTS, changes=changes)


def seen(status: PaymentStatus, *more: object) -> Fact:
    return lambda order: ordering.payment_seen(order, payment(status, *more), LATER)  # type: ignore[arg-type]


def captured(status: PaymentStatus, *more: object) -> Fact:
    return lambda order: ordering.captured(order, payment(status, *more), LATER)  # type: ignore[arg-type]


def voided(status: PaymentStatus, *more: object) -> Fact:
    return lambda order: ordering.voided(order, payment(status, *more), LATER)  # type: ignore[arg-type]


def at(function: object, *more: object) -> Fact:
    return lambda order: function(order, *more, LATER)  # type: ignore[operator]


GONE = given_up(Cause.PAYMENT_CANCELED, "problem")
TOO_LITTLE = given_up(Cause.AMOUNT_MISMATCH, "4999 EUR instead of 5000 EUR")
TOO_FOREIGN = given_up(Cause.AMOUNT_MISMATCH, "5000 USD instead of 5000 EUR")
SEATS_GONE = given_up(Cause.SEATS_GONE, "sold", Actor.TICKETS)

TABLE: dict[str, tuple[Fact, dict[str, Came]]] = {
    "a payment is opened": (
        at(ordering.payment_opened, "pi_2"),
        {
            "ordered": Came(
                State.AWAITING_PAYMENT,
                Task.WATCH,
                Cause.PAYMENT_OPENED,
                Actor.PAYMENTS,
                changes={"payment_id": "pi_2"},
            )
        },
    ),
    "its payment is opened": (
        at(ordering.payment_opened, "pi_1"),
        {
            "ordered": Came(
                State.AWAITING_PAYMENT,
                Task.WATCH,
                Cause.PAYMENT_OPENED,
                Actor.PAYMENTS,
                changes={"payment_id": "pi_1"},
            )
        },
    ),
    "no payment can be opened": (
        at(ordering.payment_refused, "too small"),
        {"ordered": given_up(Cause.PAYMENT_REFUSED, "too small")},
    ),
    "its hold is longer": (
        at(ordering.hold_extended, EXTENDED),
        {
            "ordered": LONGER,
            "opened": LONGER,
            "expired": LONGER._replace(state=State.EXPIRED),
            "expired, never payable": LONGER._replace(state=State.EXPIRED),
        },
    ),
    "its hold is as long as before": (at(ordering.hold_extended, EXTENDED - 1), {}),
    "its hold has expired": (
        partial(ordering.hold_over, expired=True, now=LATER),
        {"ordered": EXPIRES, "opened": EXPIRES},
    ),
    "its hold was given back": (
        partial(ordering.hold_over, expired=False, now=LATER),
        {"ordered": RELEASED._replace(task=Task.NONE), "opened": RELEASED},
    ),
    "its payment is open": (seen(OPEN), {}),
    "its payment is in processing": (seen(PROCESSING), {}),
    "its payment is authorised": (
        seen(AUTHORISED),
        {"opened": TO_SELL, "expired": LATE},
    ),
    "its payment is captured": (
        seen(CAPTURED),
        {"opened": TO_SELL, "expired": LATE, "sold": PAID},
    ),
    "its payment is canceled": (
        seen(CANCELED),
        {"opened": GONE, "authorised": GONE, "sold": GONE, "expired": CLOSED},
    ),
    "too little is authorised": (
        seen(AUTHORISED, 4_999),
        {"opened": TOO_LITTLE, "expired": TOO_LITTLE},
    ),
    "another currency is captured": (
        seen(CAPTURED, 5_000, "USD"),
        {"opened": TOO_FOREIGN, "expired": TOO_FOREIGN, "sold": TOO_FOREIGN},
    ),
    "another payment is authorised": (seen(AUTHORISED, 5_000, "EUR", "pi_2"), {}),
    "another payment is captured": (seen(CAPTURED, 5_000, "EUR", "pi_2"), {}),
    "another payment is canceled": (seen(CANCELED, 5_000, "EUR", "pi_2"), {}),
    "it is too late to pay": (
        at(ordering.too_late),
        {"expired": TOO_LATE, "expired, never payable": TOO_LATE._replace(task=Task.NONE)},
    ),
    "its seats are sold": (
        at(ordering.sold),
        {
            "authorised": Came(State.AUTHORISED, Task.CAPTURE, Cause.SEATS_SOLD, Actor.TICKETS),
            "free": Came(State.PAID, Task.NONE, Cause.SEATS_SOLD, Actor.TICKETS),
        },
    ),
    "its seats are gone": (
        lambda order: ordering.seats_gone(order, LATER, "sold"),
        {"authorised": SEATS_GONE, "free": SEATS_GONE},
    ),
    "its money is taken": (captured(CAPTURED), {"sold": PAID}),
    "too little is taken": (captured(CAPTURED, 4_999), {"sold": TOO_LITTLE}),
    "another currency is taken": (captured(CAPTURED, 5_000, "USD"), {"sold": TOO_FOREIGN}),
    "the money of another payment is taken": (captured(CAPTURED, 5_000, "EUR", "pi_other"), {}),
    "its money is still to be taken": (captured(AUTHORISED), {}),
    "its money is being taken": (captured(PROCESSING), {}),
    "its money can no longer be taken": (captured(CANCELED), {"sold": GONE}),
    "its money is not set aside any more": (captured(OPEN), {"sold": GONE}),
    "its capture is refused": (
        at(ordering.capture_refused, "expired_card"),
        {"sold": given_up(Cause.PAYMENT_CANCELED, "expired_card")},
    ),
    "its seats are given back": (
        at(ordering.undone),
        {
            "undoing": UNDONE,
            "undoing, never payable": UNDONE._replace(task=Task.NONE),
            "ending": UNDONE._replace(state=State.EXPIRED),
        },
    ),
    "its payment cannot be paid any more": (
        voided(CANCELED),
        {"voiding": FREED, "closing": FREED._replace(state=State.EXPIRED)},
    ),
    "its payment was captured before it could be closed": (
        voided(CAPTURED),
        {"voiding": owing(State.CANCELLED, 5_000), "closing": owing(State.EXPIRED, 5_000)},
    ),
    "another amount was captured before it could be closed": (
        voided(CAPTURED, 4_999),
        {"voiding": owing(State.CANCELLED, 4_999), "closing": owing(State.EXPIRED, 4_999)},
    ),
    "another payment cannot be paid any more": (voided(CANCELED, 5_000, "EUR", "pi_other"), {}),
    "its payment cannot be closed while it is open": (voided(OPEN), {}),
    "its payment cannot be closed while it is processed": (voided(PROCESSING), {}),
    "its payment cannot be closed while it is authorised": (voided(AUTHORISED), {}),
}


@pytest.mark.parametrize("state", ORDERS)
@pytest.mark.parametrize("fact", TABLE)
def test_what_each_fact_makes_of_an_order_in_each_state(fact: str, state: str) -> None:
    heard, outcomes = TABLE[fact]
    before = tried(state)
    came = outcomes.get(state)
    assert heard(before) == (None if came is None else expected(before, came))


@pytest.mark.parametrize(
    ("fact", "state"), [(fact, state) for fact, (_, states) in TABLE.items() for state in states]
)
def test_a_fact_that_is_heard_twice_changes_an_order_once(fact: str, state: str) -> None:
    heard, _ = TABLE[fact]
    once = changed(heard(ORDERS[state]))
    assert heard(once) is None


CANCELLED_BEFORE = {state for state, order in ORDERS.items() if order.state is State.CANCELLED}
EXPIRED_BEFORE = {state for state, order in ORDERS.items() if order.state is State.EXPIRED}


@pytest.mark.parametrize("state", ORDERS)
def test_a_buyer_cancels_only_what_is_not_paid_yet(state: str) -> None:
    before = tried(state)
    after = ordering.cancelled(before, LATER)
    if state in ("ordered", "opened"):
        assert after == expected(before, BUYER_CANCELS)
    elif state in CANCELLED_BEFORE:
        assert after is None
    elif state in EXPIRED_BEFORE:
        assert after == Rejection(Code.ORDER_EXPIRED)
    else:
        assert after == Rejection(Code.ORDER_PAID, detail="ask the organizer for a refund")


def test_an_order_begins_with_its_first_version_and_waits_for_its_payment() -> None:
    order = ordering.ordered(draft(), LATER)
    first = Transition(1, State.AWAITING_PAYMENT, LATER, Cause.ORDERED, Actor.BUYER)
    assert order == draft(version=1, due_at=LATER + 100_000, history=(first,))


def test_an_order_that_costs_nothing_waits_for_nobody() -> None:
    free = draft(amount=0, lines=FREE_LINES)
    order = ordering.ordered(free, LATER)
    first = Transition(1, State.AUTHORISED, LATER, Cause.FREE, Actor.BUYER)
    assert order == draft(
        amount=0,
        lines=FREE_LINES,
        state=State.AUTHORISED,
        task=Task.SELL,
        version=1,
        due_at=LATER + 5_000,
        history=(first,),
    )


def test_no_reason_need_be_known_when_seats_are_gone() -> None:
    order: Order = changed(ordering.seats_gone(ORDERS["authorised"], LATER))
    assert order.history[-1].detail == ""


@pytest.mark.parametrize("state", ORDERS)
def test_a_task_that_is_handed_over_is_due_at_once_and_what_only_waits_is_left_alone(
    state: str,
) -> None:
    order = ORDERS[state]
    busy = {Task.SELL, Task.CAPTURE, Task.UNDO, Task.VOID, Task.REFUND}
    due = LATER if order.task in busy else order.due_at
    assert ordering.handed_over(order, LATER) == replace(order, due_at=due)


@pytest.mark.parametrize(
    ("age", "look"),
    [
        (0, 10_000),
        (10_000, 20_000),
        (10_001, 20_002),
        (294_999, 589_998),
        (295_001, 590_000),
        (400_000, 590_000),
        (589_999, 590_000),
        (590_000, 601_000),
        (600_999, 601_000),
        (601_000, 602_000),
        (602_001, 603_002),
        (631_000, 661_000),
        (700_000, 730_000),
    ],
)
def test_an_order_is_looked_at_less_often_as_it_ages_and_about_its_deadline(
    age: int, look: int
) -> None:
    """Its hold lasts for ten minutes; while it stands, seats that are paid can be sold. A bank may take its time long
    after that."""
    assert ordering.next_look(ORDERS["opened"], NOW + age) == NOW + look


def test_an_order_whose_hold_is_short_is_looked_at_after_its_deadline() -> None:
    order = replace(ORDERS["opened"], deadline=NOW + 10_000)
    assert ordering.next_look(order, NOW) == NOW + 10_000
    assert ordering.next_look(order, NOW + 500) == NOW + 10_500
    assert ordering.next_look(order, NOW + 5_000) == NOW + 11_000


@pytest.mark.parametrize(
    ("state", "attempts", "pause"),
    [
        ("sold", 0, 500),
        ("sold", 1, 1_000),
        ("sold", 5, 16_000),
        ("sold", 6, 30_000),
        ("voiding", 6, 30_000),
        ("refunding", 0, 500),
        ("refunding", 6, 32_000),
        ("refunding", 12, 2_048_000),
        ("refunding", 13, 3_600_000),
        ("refunding", 5_000, 3_600_000),
    ],
)
def test_a_task_is_tried_again_after_a_pause_that_doubles_up_to_its_limit(
    state: str, attempts: int, pause: int
) -> None:
    order = replace(ORDERS[state], attempts=attempts)
    assert ordering.retry_at(order, LATER, unavailable=False) == LATER + pause
    # Nobody has said no to it: it is not asked for ever less often.
    assert ordering.retry_at(order, LATER, unavailable=True) == LATER + min(pause, 30_000)


@pytest.mark.parametrize(
    ("attempt", "pause"), [(1, 1_000), (2, 2_000), (12, 2_048_000), (13, 3_600_000)]
)
def test_the_pause_after_a_failed_attempt_doubles_up_to_an_hour(attempt: int, pause: int) -> None:
    refund = replace(ORDERS["refunding"].refunds[0], attempt=attempt)
    order = replace(ORDERS["refunding"], refunds=(refund,))
    failed = changed(repaying.money_back(order, money(RefundStatus.FAILED), LATER))
    assert failed.due_at == LATER + pause
