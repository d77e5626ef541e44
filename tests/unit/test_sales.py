"""From a hold to a sale and back: what each command of an order comes to in each state of its hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from actors.domain.block import Block
from actors.domain.commands import (
    AbandonHold,
    CancelSale,
    Command,
    ConfirmHold,
    ExpireDue,
    HoldTickets,
    ReleaseHold,
    ReturnTickets,
    SecureHold,
    WithholdTickets,
)
from actors.domain.events import HoldReleased, HoldSecured, TicketsSold
from actors.domain.rejections import Code, Rejection
from actors.domain.tickets import decide
from tests.unit.halls import NOW, RULES, TOKENS, after, folded, opened, seats, terms

A, B = TOKENS[:2]
ORDER, OTHER = "order", "another order"
MINUTE = 60_000
OVERDUE = NOW + 10 * MINUTE
UNTIL = NOW + 20 * MINUTE
LAYOUT = seats("aaaa")


def secure(until: int = UNTIL, order: str = ORDER, **more: object) -> SecureHold:
    return SecureHold(terms(A, 2, "f", **more), (0, 1), order, until)


COMMANDS: dict[str, Command] = {
    "secure": secure(),
    "confirm": ConfirmHold(A, ORDER),
    "cancel": CancelSale(A, ORDER),
    "return": ReturnTickets(A, ORDER, (0, 1)),
    "release": ReleaseHold(A),
}

OPEN = opened(LAYOUT)
HELD = after(OPEN, HoldTickets(terms(A, 2), (0, 1)))
EXPIRED = after(HELD, ExpireDue(), now=OVERDUE)
RELEASED = after(HELD, ReleaseHold(A))
SECURED = after(HELD, secure())
THEIRS = after(HELD, secure(order=OTHER))
SOLD = after(SECURED, ConfirmHold(A, ORDER))
RETURNED = after(SOLD, ReturnTickets(A, ORDER, (0, 1)))
CANCELLED = after(HELD, CancelSale(A, ORDER))
RIVAL = after(EXPIRED, HoldTickets(terms(B), (1,)), now=OVERDUE)
CLOSED = replace(RULES, closes_at=OVERDUE)

AGAIN, SECURE, SELL = ["TicketsHeld", "HoldSecured"], ["HoldSecured"], ["TicketsSold"]
CANCEL, GIVE_BACK, RELEASE = ["SaleCancelled"], ["TicketsReturned"], ["HoldReleased"]
GONE, OVER, PAYING = Code.HOLD_NOT_FOUND, Code.HOLD_EXPIRED, Code.HOLD_IN_PAYMENT
NOT_OPEN, CLOSED_SALE, TAKEN = Code.BLOCK_NOT_OPEN, Code.SALE_NOT_OPEN, Code.SEATS_UNAVAILABLE
ALL_SOLD = Code.HOLD_SOLD

Outcome = list[str] | Code
TABLE: dict[str, tuple[Block, int, tuple[Outcome, Outcome, Outcome, Outcome, Outcome]]] = {
    # secure, confirm, cancel, return, release
    "not open": (Block(), NOW, (NOT_OPEN, GONE, NOT_OPEN, GONE, GONE)),
    "unknown": (OPEN, NOW, (AGAIN, GONE, CANCEL, GONE, GONE)),
    "abandoned": (after(OPEN, AbandonHold(A, 0)), NOW, (GONE, GONE, CANCEL, GONE, GONE)),
    "live": (HELD, OVERDUE - 1, (SECURE, SELL, CANCEL, GONE, RELEASE)),
    "overdue": (HELD, OVERDUE, (["HoldExpired", *AGAIN], OVER, CANCEL, GONE, OVER)),
    "expired": (EXPIRED, OVERDUE, (AGAIN, OVER, CANCEL, GONE, OVER)),
    "expired, a seat taken": (RIVAL, OVERDUE, (TAKEN, OVER, CANCEL, GONE, OVER)),
    "expired, a rival's time over": (
        RIVAL,
        OVERDUE + 10 * MINUTE,
        (["HoldExpired", *AGAIN], OVER, CANCEL, GONE, OVER),
    ),
    "expired, a seat withheld": (
        after(EXPIRED, WithholdTickets((0,), "camera")),
        OVERDUE,
        (TAKEN, OVER, CANCEL, GONE, OVER),
    ),
    "released": (RELEASED, NOW, (GONE, GONE, CANCEL, GONE, [])),
    "secured": (SECURED, UNTIL - 1, ([], SELL, CANCEL, GONE, PAYING)),
    "secured, overdue": (SECURED, UNTIL, (["HoldExpired", *AGAIN], OVER, CANCEL, GONE, OVER)),
    "secured, expired": (
        after(SECURED, ExpireDue(), now=UNTIL),
        UNTIL,
        (AGAIN, OVER, CANCEL, GONE, OVER),
    ),
    "another's": (THEIRS, NOW, (PAYING, PAYING, PAYING, GONE, PAYING)),
    "another's, overdue": (THEIRS, UNTIL, (PAYING, OVER, PAYING, GONE, OVER)),
    "another's, expired": (
        after(THEIRS, ExpireDue(), now=UNTIL),
        UNTIL,
        (PAYING, OVER, PAYING, GONE, OVER),
    ),
    "sold": (SOLD, UNTIL + 1, ([], [], CANCEL, GIVE_BACK, ALL_SOLD)),
    "sold to another": (
        after(THEIRS, ConfirmHold(A, OTHER)),
        NOW,
        (ALL_SOLD, ALL_SOLD, ALL_SOLD, GONE, ALL_SOLD),
    ),
    "returned": (RETURNED, NOW, ([], [], CANCEL, [], ALL_SOLD)),
    "cancelled": (CANCELLED, NOW, (GONE, GONE, [], GONE, GONE)),
    "cancelled by another": (
        after(HELD, CancelSale(A, OTHER)),
        NOW,
        (GONE, GONE, [], GONE, GONE),
    ),
    "cancelled after its sale": (
        after(SOLD, CancelSale(A, ORDER)),
        NOW,
        (GONE, GONE, [], GONE, GONE),
    ),
    "live, sale closed": (
        replace(HELD, rules=CLOSED),
        OVERDUE - 1,
        (SECURE, SELL, CANCEL, GONE, RELEASE),
    ),
    "expired, sale closed": (
        replace(EXPIRED, rules=CLOSED),
        OVERDUE,
        (CLOSED_SALE, OVER, CANCEL, GONE, OVER),
    ),
}


def events_of(block: Block, command: Command, now: int = NOW) -> list[Any]:
    decision = decide(block, command, now)
    assert not isinstance(decision, Rejection), decision
    return list(decision)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("state", TABLE)
def test_each_command_of_an_order_in_each_state_of_its_hold(state: str, command: str) -> None:
    block, now, outcomes = TABLE[state]
    decision = decide(block, COMMANDS[command], now)
    came_to = (
        decision.code
        if isinstance(decision, Rejection)
        else [type(event).__name__ for event in decision]
    )
    assert came_to == outcomes[list(COMMANDS).index(command)]


@pytest.mark.parametrize(
    ("state", "command"),
    [
        (state, command)
        for state, (_, _, outcomes) in TABLE.items()
        for command, outcome in zip(COMMANDS, outcomes, strict=True)
        if isinstance(outcome, list)
    ],
)
def test_what_was_accepted_once_changes_nothing_the_second_time(state: str, command: str) -> None:
    block, now, _ = TABLE[state]
    accepted = events_of(block, COMMANDS[command], now)
    assert decide(folded(block, accepted), COMMANDS[command], now) == ()


@pytest.mark.parametrize(
    ("block", "given_back"), [(HELD, True), (SECURED, False), (THEIRS, False), (SOLD, False)]
)
@pytest.mark.parametrize("epoch", [0, 1])
def test_a_failed_attempt_gives_no_hold_back_that_is_being_paid(
    block: Block, given_back: bool, epoch: int
) -> None:
    """An attempt that comes late may not know that its twin's hold has become an order."""
    assert (events_of(block, ReleaseHold(A, epoch)) == [HoldReleased(A, (0, 1))]) == given_back
    assert (decide(block, ReleaseHold(A, epoch), UNTIL) == ()) != given_back


@pytest.mark.parametrize("block", [HELD, SECURED])
@pytest.mark.parametrize("tickets", [(0,), (0, 2), (0, 1, 2), ()])
def test_a_hold_of_other_tickets_under_the_same_token_is_not_the_one_that_was_ordered(
    block: Block, tickets: tuple[int, ...]
) -> None:
    """The blocks may have forgotten the hold that was ordered, and a retry of its request got other seats since."""
    missing = Rejection(Code.HOLD_NOT_FOUND)
    assert decide(block, replace(secure(), tickets=tickets), NOW) == missing
    assert decide(block, ConfirmHold(A, ORDER, tickets), NOW) == missing


def test_the_order_of_tickets_does_not_matter() -> None:
    assert events_of(HELD, replace(secure(), tickets=(1, 0))) == [HoldSecured(A, ORDER, UNTIL)]
    for block in (HELD, SECURED):
        sold = events_of(block, ConfirmHold(A, ORDER, (1, 0)))
        assert sold == [TicketsSold(A, ORDER, (0, 1))]
    assert decide(SOLD, ConfirmHold(A, ORDER, (0, 1)), NOW) == ()
    assert decide(RETURNED, ConfirmHold(A, ORDER, (0, 1)), NOW) == ()
