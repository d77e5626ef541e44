"""What an order knows of itself, and the words that are stored and told."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

import pytest

from actors.domain.commands import HoldTerms, Part
from actors.domain.order import Actor, Cause, Line, Order, Refund, State, Task, Transition
from actors.domain.payment import MoneyBack, Payment, PaymentStatus, RefundStatus
from tests.unit.orders import LINES, NOW, ORDERS, SEATS, draft


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            State,
            "awaiting_payment authorised paid cancelled expired refunded partially_refunded",
        ),
        (Task, "watch sell capture undo void refund none"),
        (Actor, "buyer organizer payments tickets clock operator"),
        (
            Cause,
            "ordered nothing_to_pay payment_opened payment_refused hold_extended payment_authorised"
            " late_payment seats_sold captured hold_released hold_expired buyer_cancelled"
            " payment_canceled amount_mismatch seats_gone too_late seats_given_back money_freed"
            " money_to_return refund_requested refund_sent refund_failed refunded"
            " restored",
        ),
        (PaymentStatus, "open processing authorised captured canceled"),
        (RefundStatus, "pending succeeded failed"),
    ],
)
def test_words_that_are_stored_and_told_are_never_renamed(
    words: type[StrEnum], expected: str
) -> None:
    assert [word.value for word in words] == expected.split()
    renamed = {Cause.FREE}
    assert all(word.name == word.value.upper() for word in words if word not in renamed)


def test_what_is_not_said_of_an_order_has_not_happened() -> None:
    order = draft()
    assert (order.payment_id, order.attempts, order.key_number) == ("", 0, 1)
    assert (order.refunds, order.history) == ((), ())
    refund = Refund("r", SEATS, 5, withhold=False, reason="", requested_at=NOW)
    assert (refund.fingerprint, refund.provider_id, refund.problem) == ("", "", "")
    assert (refund.status, refund.attempt) == (RefundStatus.PENDING, 1)
    assert not refund.returned
    assert Transition(1, State.PAID, NOW, Cause.CAPTURED, Actor.PAYMENTS).detail == ""
    assert Payment("pi", PaymentStatus.OPEN, 5, "EUR", "o").problem == ""
    assert MoneyBack("re", "r", 5, RefundStatus.PENDING).problem == ""


def test_a_hold_has_its_name_from_its_show_its_primary_and_its_token() -> None:
    assert draft(primary=12).hold_id == "show-12-token"


def test_seats_are_those_of_all_lines_in_their_order() -> None:
    assert draft().seats == ("A-1-5", "A-1-6", "B-1-1")
    assert draft(lines=()).seats == ()


@pytest.mark.parametrize(
    ("primary", "lines", "blocks"),
    [
        (0, LINES, (3, 7, 0)),
        (0, LINES[::-1], (3, 7, 0)),
        (7, LINES, (3, 7)),
        (3, LINES, (7, 3)),
        (3, LINES[:1], (3,)),
        (9, LINES, (3, 7, 9)),
    ],
)
def test_the_primary_is_the_last_of_an_orders_blocks(
    primary: int, lines: tuple[Line, ...], blocks: tuple[int, ...]
) -> None:
    assert draft(primary=primary, lines=lines).blocks == blocks


def test_a_block_has_its_line_and_its_tickets_or_none() -> None:
    order = draft()
    assert [order.line(block) for block in (3, 7, 0)] == [LINES[0], LINES[1], None]
    assert [order.tickets(block) for block in (3, 7, 0)] == [(4, 5), (0,), ()]


@pytest.mark.parametrize(
    ("primary", "block", "expected"),
    [
        (0, 3, HoldTerms("token", "hold", 3, 0, 2)),
        (0, 7, HoldTerms("token", "hold", 3, 0, 2)),
        (0, 0, HoldTerms("token", "hold", 3, 0, 2, (Part(3, (4, 5)), Part(7, (0,))), 5_000)),
        (7, 7, HoldTerms("token", "hold", 3, 7, 2, (Part(3, (4, 5)),), 2_500)),
        (3, 3, HoldTerms("token", "hold", 3, 3, 2, (Part(7, (0,)),), 2_500)),
        (3, 7, HoldTerms("token", "hold", 3, 3, 2)),
    ],
)
def test_each_block_is_asked_for_its_part_in_the_terms_of_the_hold(
    primary: int, block: int, expected: HoldTerms
) -> None:
    assert draft(primary=primary).terms(block) == expected


def test_a_hold_in_one_block_has_no_parts() -> None:
    order = draft(primary=3, lines=LINES[:1])
    assert order.terms(3) == HoldTerms("token", "hold", 2, 3, 2)


@pytest.mark.parametrize(
    ("seats", "price"),
    [((), 0), (("A-1-6",), 1_500), (("B-1-1", "A-1-5"), 3_500), (SEATS, 5_000)],
)
def test_seats_cost_what_they_cost_in_the_hold(seats: tuple[str, ...], price: int) -> None:
    assert draft().price(seats) == price


def test_a_line_that_lacks_a_price_is_not_read_as_a_seat_for_nothing() -> None:
    order = draft(lines=(replace(LINES[0], prices=(1_000,)),))
    with pytest.raises(ValueError, match="shorter"):
        order.price(("A-1-5",))


def test_a_refund_is_found_by_its_name() -> None:
    order = ORDERS["refunding more"]
    assert order.refund("r2") is order.refunds[1]
    assert order.refund("r1") is order.refunds[0]
    assert order.refund("r3") is None


@pytest.mark.parametrize(
    ("changes", "sent", "over"),
    [
        ({}, False, False),
        ({"provider_id": "re"}, True, False),
        ({"status": RefundStatus.SUCCEEDED}, False, False),
        ({"returned": True}, False, False),
        ({"returned": True, "status": RefundStatus.SUCCEEDED}, False, True),
        ({"returned": True, "status": RefundStatus.FAILED}, False, False),
        ({"returned": True, "provider_id": "re"}, True, False),
    ],
)
def test_a_refund_is_over_when_the_money_and_the_tickets_are_back(
    changes: dict[str, object], sent: bool, over: bool
) -> None:
    refund = Refund("r", SEATS, 5, withhold=False, reason="", requested_at=NOW)
    refund = replace(refund, **changes)  # type: ignore[arg-type]
    assert (refund.sent, refund.over) == (sent, over)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("ordered", "ordered"),
        ("opened", "ordered"),
        ("sold", "payment_authorised"),
        ("paid", "captured"),
        ("refunding", "captured"),
        ("free", "nothing_to_pay"),
        ("cancelled", "buyer_cancelled"),
        ("closed", "hold_expired"),
        ("partly refunded", "refunded"),
    ],
)
def test_the_reason_is_why_the_state_changed_last(name: str, reason: str) -> None:
    assert ORDERS[name].reason == reason


def test_an_order_without_a_history_has_no_reason() -> None:
    assert draft().reason == ""


def test_the_reason_of_a_state_that_came_again_is_the_later_one() -> None:
    causes = [(State.PAID, Cause.CAPTURED), (State.EXPIRED, Cause.HOLD_EXPIRED)]
    history = tuple(
        Transition(n, state, NOW, cause, Actor.CLOCK)
        for n, (state, cause) in enumerate([*causes, (State.PAID, Cause.SEATS_SOLD)])
    )
    order: Order = draft(state=State.PAID, history=history)
    assert order.reason == "seats_sold"


@pytest.mark.parametrize(
    ("name", "ticketed"),
    [
        *[("ordered", False), ("authorised", False), ("sold", True), ("paid", True)],
        *[("refunded", True), ("free", True), ("undoing", False), ("cancelled", False)],
    ],
)
def test_tickets_may_have_been_issued_once_the_seats_were_sold(name: str, ticketed: bool) -> None:
    assert ORDERS[name].ticketed is ticketed
