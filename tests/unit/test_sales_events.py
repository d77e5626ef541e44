"""What the events of orders carry, and what becomes of a block by them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.codec import decode_block, decode_commit, encode_block, encode_commit
from actors.domain import block as block_module
from actors.domain.block import Block, Ending, Hold, Status
from actors.domain.commands import (
    AbandonHold,
    CancelSale,
    ConfirmHold,
    ExpireDue,
    ExtendHold,
    FindHold,
    HoldTickets,
    Part,
    ReleaseHold,
    ReturnTickets,
    SecureHold,
    WithholdTickets,
)
from actors.domain.events import (
    BlockOpened,
    Event,
    HoldExpired,
    HoldSecured,
    SaleCancelled,
    TicketsHeld,
    TicketsReturned,
    TicketsSold,
)
from actors.domain.rejections import Code, Conflict, Reason, Rejection
from actors.domain.tickets import decide
from tests.unit.halls import NOW, RULES, TOKENS, after, folded, opened, register, terms
from tests.unit.test_sales import (
    CLOSED,
    EXPIRED,
    HELD,
    LAYOUT,
    MINUTE,
    OPEN,
    ORDER,
    OTHER,
    OVERDUE,
    RELEASED,
    RETURNED,
    RIVAL,
    SECURED,
    SOLD,
    TABLE,
    UNTIL,
    A,
    B,
    events_of,
    secure,
)

PAIR = 2 * 1097


@pytest.mark.parametrize(
    ("until", "deadline"),
    [
        (NOW, OVERDUE),
        (OVERDUE, OVERDUE),
        (OVERDUE + 1, OVERDUE + 1),
        (NOW + 3_599_999, NOW + 3_599_999),
        (NOW + 3_600_001, NOW + 3_600_000),
    ],
    ids=["never shorter", "as long as it is", "longer", "to the cap", "an hour at most"],
)
def test_a_secured_hold_lasts_as_long_as_is_asked_for_but_for_an_hour_at_most(
    until: int, deadline: int
) -> None:
    assert events_of(HELD, secure(until), OVERDUE - 1) == [HoldSecured(A, ORDER, deadline)]


def test_a_secured_hold_is_made_longer_again_and_again_up_to_the_same_cap() -> None:
    assert events_of(SECURED, secure(UNTIL + 1), UNTIL - 1) == [HoldSecured(A, ORDER, UNTIL + 1)]
    longest = after(SECURED, secure(NOW + 90 * MINUTE))
    assert longest.holds[A].deadline == NOW + 60 * MINUTE
    assert decide(longest, secure(NOW + 91 * MINUTE), NOW) == ()
    assert decide(SECURED, secure(UNTIL - 1), NOW) == ()


def test_an_extension_knows_no_longer_a_time_because_a_hold_is_secured() -> None:
    extended = events_of(SECURED, ExtendHold(A, "r"))
    assert extended[0].deadline == NOW + 30 * MINUTE
    longest = after(HELD, secure(NOW + 60 * MINUTE))
    assert events_of(longest, ExtendHold(A, "r"))[0].deadline == NOW + 60 * MINUTE


@pytest.mark.parametrize(
    ("block", "before"),
    [
        (EXPIRED, []),
        (HELD, [HoldExpired(A, (0, 1))]),
        (
            after(RIVAL, HoldTickets(terms("k" * 26), (0,)), now=OVERDUE),
            [HoldExpired("k" * 26, (0,)), HoldExpired(B, (1,))],
        ),
    ],
    ids=["expired", "overdue itself", "overdue rivals"],
)
def test_a_hold_that_ran_out_is_made_again_with_its_seats_and_its_price(
    block: Block, before: list[Event]
) -> None:
    late = OVERDUE + 10 * MINUTE
    events = events_of(block, secure(late + 15 * MINUTE), late)
    assert events == [
        *before,
        TicketsHeld(A, "f", (0, 1), PAIR, late, late + 10 * MINUTE, 0),
        HoldSecured(A, ORDER, late + 15 * MINUTE),
    ]
    assert folded(block, events).holds[A] == Hold(
        A, "f", (0, 1), PAIR, late, late + 15 * MINUTE, 0, order_id=ORDER
    )


@pytest.mark.parametrize(
    ("until", "deadline"),
    [(0, 10 * MINUTE), (60 * MINUTE + 1, 60 * MINUTE), (60 * MINUTE - 1, 60 * MINUTE - 1)],
)
def test_a_hold_made_again_lasts_at_least_as_any_and_for_an_hour_at_most(
    until: int, deadline: int
) -> None:
    held, secured = events_of(EXPIRED, secure(OVERDUE + until), OVERDUE)
    assert held.deadline == OVERDUE + 10 * MINUTE
    assert secured == HoldSecured(A, ORDER, OVERDUE + deadline)


def test_a_part_and_a_primary_are_made_again_with_the_terms_that_they_were_made_with() -> None:
    parts = (Part(3, (1, 2)),)
    whole = SecureHold(
        terms(A, 4, "g", epoch=2, parts=parts, parts_amount=500), (0, 1), ORDER, UNTIL
    )
    held, _ = events_of(OPEN, whole)
    assert held == TicketsHeld(A, "g", (0, 1), PAIR + 500, NOW, OVERDUE, 0, 2, parts)
    part = SecureHold(replace(terms(A, 4, "g"), primary=7), (2,), ORDER, UNTIL)
    held, _ = events_of(OPEN, part)
    assert held == TicketsHeld(A, "g", (2,), 1097, NOW, OVERDUE, 7)


def test_a_register_makes_its_record_again_without_tickets() -> None:
    more: dict[str, object] = {"parts": (Part(3, (1, 2)),), "parts_amount": 500}
    block = after(opened(register()), HoldTickets(terms(A, 2, "f", **more), ()))
    command = SecureHold(terms(A, 2, "f", **more), (), ORDER, UNTIL)
    ended, held, secured = events_of(block, command, OVERDUE)
    assert ended == HoldExpired(A, ())
    assert (held.tickets, held.amount, held.parts) == ((), 500, (Part(3, (1, 2)),))
    assert secured == HoldSecured(A, ORDER, UNTIL)
    sold = after(block, command, ConfirmHold(A, ORDER), now=OVERDUE)
    assert sold.sold[A].parts == (Part(3, (1, 2)),)
    assert events_of(sold, CancelSale(A, ORDER)) == [SaleCancelled(A, ORDER, ())]


def test_making_a_hold_again_names_each_seat_in_the_way_and_why() -> None:
    block = after(EXPIRED, HoldTickets(terms(B), (1,)), WithholdTickets((0,), "r"), now=OVERDUE)
    assert decide(block, secure(), OVERDUE) == Rejection(
        Code.SEATS_UNAVAILABLE, (Conflict(0, Reason.WITHHELD), Conflict(1, Reason.HELD))
    )


def test_a_hold_that_is_made_again_is_checked_in_the_documented_order() -> None:
    """A command that is wrong in every way is refused for the first reason; each repair shows the next one."""
    base = after(opened(LAYOUT, CLOSED), HoldTickets(terms(B), (1,)), AbandonHold(A, 1))
    wrong = SecureHold(terms(A, epoch=1), (1, 9), ORDER, UNTIL)
    known = after(HELD, secure(order=OTHER), ExpireDue(), now=NOW)
    assert decide(known, wrong, UNTIL) == Rejection(Code.HOLD_IN_PAYMENT)
    assert decide(Block(), wrong, OVERDUE) == Rejection(Code.BLOCK_NOT_OPEN)
    assert decide(base, wrong, OVERDUE) == Rejection(Code.INVALID_TICKETS)
    wrong = replace(wrong, tickets=(1,))
    assert decide(base, wrong, OVERDUE) == Rejection(Code.HOLD_NOT_FOUND)
    wrong = replace(wrong, terms=terms(A, epoch=2))
    assert decide(base, wrong, OVERDUE) == Rejection(Code.SALE_NOT_OPEN)
    taken = decide(base, wrong, OVERDUE - 1)
    assert taken == Rejection(Code.SEATS_UNAVAILABLE, (Conflict(1, Reason.HELD),))
    assert len(events_of(base, replace(wrong, tickets=(0,)), OVERDUE - 1)) == 2


@pytest.mark.parametrize(("epoch", "possible"), [(-1, False), (0, True), (1, True)])
def test_only_an_abandoned_epoch_cannot_come_back(epoch: int, possible: bool) -> None:
    assert isinstance(decide(OPEN, secure(epoch=epoch), NOW), Rejection) != possible


def test_the_money_is_authorised_and_all_tickets_of_the_hold_are_sold() -> None:
    for block in (HELD, SECURED):
        assert events_of(block, ConfirmHold(A, ORDER)) == [TicketsSold(A, ORDER, (0, 1))]
    assert SOLD.status == bytes([Status.SOLD] * 2 + [Status.AVAILABLE] * 2)
    assert SOLD.owner == {0: A, 1: A}
    assert (SOLD.holds, SOLD.ended) == ({}, {})
    assert SOLD.sold[A] == replace(SECURED.holds[A], ending=Ending.SOLD)


@pytest.mark.parametrize(
    ("before", "tickets"),
    [
        (HELD, (0, 1)),
        (SECURED, (0, 1)),
        (SOLD, (0, 1)),
        (after(SOLD, ReturnTickets(A, ORDER, (0,))), (1,)),
        (RETURNED, ()),
        (EXPIRED, ()),
        (RELEASED, ()),
    ],
)
def test_an_order_that_comes_to_nothing_gives_back_what_it_has(
    before: Block, tickets: tuple[int, ...]
) -> None:
    (event,) = events_of(before, CancelSale(A, ORDER))
    assert event == SaleCancelled(A, ORDER, tickets)
    known = before.hold(A)
    assert known is not None
    block = folded(before, [event])
    assert block.status == bytes(4)
    assert (block.owner, block.holds, block.sold) == ({}, {}, {})
    assert block.ended == {A: replace(known, ending=Ending.CANCELLED, order_id=ORDER)}


def test_an_order_that_a_block_does_not_know_gets_nothing_there_any_more() -> None:
    (event,) = events_of(OPEN, CancelSale(A, ORDER))
    assert event == SaleCancelled(A, ORDER, ())
    block = folded(OPEN, [event])
    assert block.hold(A) == Hold(A, "", (), 0, 0, 0, 0, ending=Ending.CANCELLED, order_id=ORDER)
    assert decide(block, HoldTickets(terms(A, 2), (0, 1)), NOW) == Rejection(
        Code.IDEMPOTENCY_KEY_REUSED
    )
    assert decide(block, HoldTickets(terms(A, 2, "", epoch=9), (0, 1)), NOW) == ()
    assert decide(block, AbandonHold(A, 0), NOW) == ()
    assert decide(block, FindHold(A), NOW) == Rejection(Code.HOLD_NOT_FOUND)


def test_cancelled_orders_are_remembered_among_the_ended_holds_the_oldest_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(block_module, "ENDED_HOLDS_MAX", 2)
    block = after(OPEN, CancelSale(A, ORDER), HoldTickets(terms(B), (1,)), ReleaseHold(B))
    assert list(block.ended) == [A, B]
    block = after(block, CancelSale(B, ORDER), HoldTickets(terms(TOKENS[2]), (1,)))
    block = after(block, ReleaseHold(TOKENS[2]))
    assert list(block.ended) == [B, TOKENS[2]]
    block = after(block, CancelSale(B, ORDER), CancelSale(TOKENS[3], ORDER))
    assert list(block.ended) == TOKENS[2:4]
    block = after(block, CancelSale(TOKENS[2], ORDER), CancelSale(TOKENS[4], ORDER))
    assert list(block.ended) == [TOKENS[2], TOKENS[4]], "what happened last is forgotten last"


@pytest.mark.parametrize(
    ("asked", "returned", "left"),
    [
        ((0,), (0,), (1,)),
        ((1, 0), (0, 1), ()),
        ((1, 2, 9, -1), (1,), (0,)),
        ((1, 1), (1,), (0,)),
        ((0, 1, 0), (0, 1), ()),
    ],
    ids=["one", "all", "only its own", "one named twice", "all, one named twice"],
)
@pytest.mark.parametrize("withhold", [False, True])
def test_a_refunded_seat_is_on_sale_again_or_off_sale(
    asked: tuple[int, ...], returned: tuple[int, ...], left: tuple[int, ...], withhold: bool
) -> None:
    command = ReturnTickets(A, ORDER, asked, withhold, "a refund")
    (event,) = events_of(SOLD, command)
    assert event == TicketsReturned(A, ORDER, returned, withhold, "a refund")
    block = folded(SOLD, [event])
    free = Status.WITHHELD if withhold else Status.AVAILABLE
    assert [block.status[ticket] for ticket in returned] == [free] * len(returned)
    assert [block.status[ticket] for ticket in left] == [Status.SOLD] * len(left)
    assert block.owner == dict.fromkeys(left, A)
    assert block.sold[A] == replace(SOLD.sold[A], tickets=left)


def test_a_seat_that_was_bought_by_somebody_else_meanwhile_is_left_alone() -> None:
    block = after(
        SOLD,
        ReturnTickets(A, ORDER, (0,)),
        HoldTickets(terms(B), (0,)),
        ConfirmHold(B, OTHER),
    )
    assert decide(block, ReturnTickets(A, ORDER, (0,)), NOW) == ()
    assert events_of(block, ReturnTickets(A, ORDER, (0, 1)))[0].tickets == (1,)
    assert events_of(block, CancelSale(A, ORDER)) == [SaleCancelled(A, ORDER, (1,))]
    assert block.owner == {0: B, 1: A}


@pytest.mark.parametrize("state", [state for state in TABLE if state != "not open"])
def test_a_snapshot_keeps_every_state_of_a_hold_and_of_its_order(state: str) -> None:
    block, _, _ = TABLE[state]
    opening = decode_commit(encode_commit(NOW, "w", [BlockOpened(LAYOUT, RULES, "load")]))
    again = decode_block(encode_block(block), opening)
    assert again == block
    assert again.hold(A) == block.hold(A)
