"""What a refusal carries besides its code, and the limits and borders of `decide`, in figures instead of names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.domain.block import Block
from actors.domain.commands import (
    AbandonHold,
    Command,
    ConfirmHold,
    ExtendHold,
    HoldQuantity,
    HoldTickets,
    OpenBlock,
    RestoreTickets,
    WithholdTickets,
)
from actors.domain.events import HoldExtended
from actors.domain.rejections import Code, Conflict, Reason, Rejection
from actors.domain.tickets import decide
from tests.unit.halls import NOW, RULES, TOKENS, after, opened, register, seats, terms

A, B = TOKENS[:2]


def refusal(block: Block, command: Command, now: int = NOW) -> Rejection:
    decision = decide(block, command, now)
    assert isinstance(decision, Rejection), decision
    return decision


def taken() -> Block:
    """Ticket 0 available, 1 held, 2 sold, 3 withheld."""
    return after(
        opened(seats("aaaa")),
        HoldTickets(terms(A), (1,)),
        HoldTickets(terms(B), (2,)),
        ConfirmHold(B, "order"),
        WithholdTickets((3,), "camera"),
    )


def test_withholding_names_every_ticket_in_the_way_and_why() -> None:
    assert refusal(taken(), WithholdTickets((0, 1, 2, 3), "camera")) == Rejection(
        Code.SEATS_UNAVAILABLE, (Conflict(1, Reason.HELD), Conflict(2, Reason.SOLD))
    )


def test_restoring_names_every_ticket_in_the_way_and_why() -> None:
    assert refusal(taken(), RestoreTickets((0, 1, 2, 3))) == Rejection(
        Code.SEATS_UNAVAILABLE, (Conflict(1, Reason.HELD), Conflict(2, Reason.SOLD))
    )


def test_a_block_says_that_it_was_opened_with_other_tickets() -> None:
    assert refusal(taken(), OpenBlock(seats("aa"), RULES, "other")) == Rejection(
        Code.INVALID_TICKETS, detail="the block was opened with other tickets"
    )


def test_an_order_that_is_too_large_is_told_the_limit() -> None:
    block = opened(seats("aaaa"), replace(RULES, max_per_order=3))
    assert refusal(block, HoldTickets(terms(A, 4), (0, 1, 2, 3))) == Rejection(
        Code.TOO_MANY_SEATS, detail="at most 3"
    )


@pytest.mark.parametrize("epoch", [0, 1, 7])
def test_a_hold_whose_part_is_over_is_told_the_epoch_to_try_again_with(epoch: int) -> None:
    late = terms(A, epoch=epoch, deadline_max=NOW)
    assert refusal(opened(register()), HoldTickets(late, ())) == Rejection(
        Code.HOLD_SUPERSEDED,
        detail="a part of the hold expired before it was complete",
        epoch=epoch + 1,
    )


@pytest.mark.parametrize(("now", "over"), [(0, False), (1, True), (2, True)])
def test_a_part_is_over_from_its_deadline_on_were_it_the_first_of_all_times(
    now: int, over: bool
) -> None:
    decision = decide(opened(register()), HoldTickets(terms(A, deadline_max=1), ()), now)
    assert isinstance(decision, Rejection) == over


@pytest.mark.parametrize("command", [HoldTickets(terms(A), (0,)), HoldQuantity(terms(A), 1)])
@pytest.mark.parametrize("now", [NOW - 1, NOW + 10])
def test_no_kind_of_hold_begins_while_the_show_is_not_on_sale(command: Command, now: int) -> None:
    block = opened(seats("aa"), replace(RULES, opens_at=NOW, closes_at=NOW + 10))
    assert refusal(block, command, now) == Rejection(Code.SALE_NOT_OPEN)
    assert not isinstance(decide(block, command, NOW), Rejection)


def test_epochs_begin_at_nought() -> None:
    block = opened(register())
    assert refusal(block, HoldTickets(terms(A, epoch=-1), ())) == Rejection(
        Code.HOLD_SUPERSEDED, epoch=0
    )
    assert decide(block, AbandonHold(A, -1), NOW) == ()
    assert decide(block, AbandonHold(A, 0), NOW) != ()


def test_an_extended_hold_lives_for_thirty_minutes_at_most() -> None:
    half_an_hour = 1_800_000
    block = opened(seats("a"), replace(RULES, hold_seconds=1_000))
    block = after(block, HoldTickets(terms(A), (0,)))
    assert decide(block, ExtendHold(A, "r"), NOW) == (HoldExtended(A, NOW + half_an_hour, "r"),)
