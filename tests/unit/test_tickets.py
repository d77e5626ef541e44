"""`decide` as a table: each command against each state of a ticket and of a hold, and the order of the checks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from actors.domain import block as block_module
from actors.domain.block import Block, Ending, Status, evolve
from actors.domain.commands import (
    AbandonHold,
    Command,
    ConfirmHold,
    ExpireDue,
    ExtendHold,
    FindHold,
    HoldQuantity,
    HoldTickets,
    OpenBlock,
    Part,
    ReleaseHold,
    RestoreTickets,
    WithholdTickets,
)
from actors.domain.events import (
    BlockOpened,
    HoldAbandoned,
    HoldExpired,
    HoldExtended,
    HoldReleased,
    TicketsHeld,
    TicketsRestored,
    TicketsSold,
    TicketsWithheld,
)
from actors.domain.layout import Rules
from actors.domain.rejections import REGISTRY, Code, Conflict, Reason, Rejection
from actors.domain.tickets import HOLD_LIFETIME_MAX_MS, decide
from tests.unit.halls import NOW, RULES, TOKENS, after, area, opened, register, seats, terms

A, B, C = TOKENS[:3]
HOLD_MS = RULES.hold_seconds * 1000
OVERDUE = NOW + HOLD_MS


def hall() -> Block:
    """Ticket 0 available, 1 held by A, 2 sold to B, 3 withheld; a second free row; C has released ticket 4."""
    return after(
        opened(seats("aaaa", "bbbb")),
        HoldTickets(terms(A), (1,)),
        HoldTickets(terms(B), (2,)),
        ConfirmHold(B, "order"),
        WithholdTickets((3,), "camera"),
        HoldTickets(terms(C), (4,)),
        ReleaseHold(C),
    )


def events_of(block: Block, command: Command, now: int = NOW) -> list[Any]:
    decision = decide(block, command, now)
    assert not isinstance(decision, Rejection), decision
    return list(decision)


def ask(command: Command, now: int = NOW) -> list[str] | Code:
    """What it came to, in short: the names of the events, or the code of the refusal."""
    decision = decide(hall(), command, now)
    if isinstance(decision, Rejection):
        return decision.code
    return [type(event).__name__ for event in decision]


D = "d" * 26
RELEASE, EXTEND, CONFIRM = (
    ReleaseHold,
    lambda t: ExtendHold(t, "r"),
    lambda t: ConfirmHold(t, "order"),
)


@pytest.mark.parametrize(
    ("command", "now", "outcome"),
    [
        (HoldTickets(terms(D), (0,)), NOW, ["TicketsHeld"]),
        (HoldTickets(terms(D), (1,)), NOW, Code.SEATS_UNAVAILABLE),
        (HoldTickets(terms(D), (1,)), OVERDUE - 1, Code.SEATS_UNAVAILABLE),
        (HoldTickets(terms(D), (1,)), OVERDUE, ["HoldExpired", "TicketsHeld"]),
        (HoldTickets(terms(D), (2,)), OVERDUE, Code.SEATS_UNAVAILABLE),
        (HoldTickets(terms(D), (3,)), NOW, Code.SEATS_UNAVAILABLE),
        (HoldTickets(terms(D), (4,)), NOW, ["TicketsHeld"]),
        (HoldTickets(terms(D, 2), (0, 1)), NOW, Code.SEATS_UNAVAILABLE),
        (HoldTickets(terms(D, 2), (0, 0)), NOW, Code.INVALID_TICKETS),
        (HoldTickets(terms(D), (8,)), NOW, Code.INVALID_TICKETS),
        (HoldTickets(terms(D), (-1,)), NOW, Code.INVALID_TICKETS),
        (HoldTickets(terms(D, 0), (0,)), NOW, Code.TOO_MANY_SEATS),
        (HoldTickets(terms(D, 11), (0,)), NOW, Code.TOO_MANY_SEATS),
        (HoldTickets(terms(A), (1,)), NOW, []),
        (HoldTickets(terms(A), (0,)), NOW, []),
        (HoldTickets(terms(B), (2,)), NOW, []),
        (HoldTickets(terms(C), (4,)), NOW, []),
        (HoldTickets(terms(C, epoch=1), (4,)), NOW, ["TicketsHeld"]),
        (HoldTickets(terms(A, fingerprint="g"), (1,)), NOW, Code.IDEMPOTENCY_KEY_REUSED),
        (HoldTickets(terms(D, deadline_max=NOW), (0,)), NOW, Code.HOLD_SUPERSEDED),
        (HoldQuantity(terms(D, 4), 4), NOW, ["TicketsHeld"]),
        (HoldQuantity(terms(D, 2), 2, "a"), NOW, Code.NO_ADJACENT_SEATS),
        (HoldQuantity(terms(D, 2), 2, "a"), OVERDUE, ["HoldExpired", "TicketsHeld"]),
        (HoldQuantity(terms(D, 1), 1, "none such"), NOW, Code.NO_ADJACENT_SEATS),
        (HoldQuantity(terms(D, 5), 5), NOW, Code.NO_ADJACENT_SEATS),
        (HoldQuantity(terms(D, 1), 0), NOW, Code.INVALID_TICKETS),
        (HoldQuantity(terms(A, 1), 1), NOW, []),
        (FindHold(A), NOW, []),
        (FindHold(A), OVERDUE, Code.HOLD_EXPIRED),
        (FindHold(B), OVERDUE, []),
        (FindHold(C), NOW, Code.HOLD_NOT_FOUND),
        (FindHold(C, ended=True), NOW, []),
        (FindHold(D), NOW, Code.HOLD_NOT_FOUND),
        (FindHold(D, ended=True), NOW, Code.HOLD_NOT_FOUND),
        (RELEASE(A), NOW, ["HoldReleased"]),
        (RELEASE(A), OVERDUE, Code.HOLD_EXPIRED),
        (RELEASE(B), NOW, Code.HOLD_SOLD),
        (RELEASE(C), NOW, []),
        (RELEASE(D), NOW, Code.HOLD_NOT_FOUND),
        (ReleaseHold(A, 0), OVERDUE, ["HoldReleased"]),
        (ReleaseHold(A, -1), NOW, []),
        (ReleaseHold(B, 0), NOW, []),
        (ReleaseHold(D, 0), NOW, []),
        (EXTEND(A), NOW, ["HoldExtended"]),
        (EXTEND(A), OVERDUE, Code.HOLD_EXPIRED),
        (EXTEND(B), NOW, Code.HOLD_SOLD),
        (EXTEND(C), NOW, Code.HOLD_NOT_FOUND),
        (CONFIRM(A), NOW, ["TicketsSold"]),
        (CONFIRM(A), OVERDUE, Code.HOLD_EXPIRED),
        (CONFIRM(B), NOW, []),
        (ConfirmHold(B, "other"), NOW, Code.HOLD_SOLD),
        (CONFIRM(C), NOW, Code.HOLD_NOT_FOUND),
        (ExpireDue(), NOW, []),
        (ExpireDue(), OVERDUE, ["HoldExpired"]),
        (AbandonHold(A, 0), NOW, []),
        (AbandonHold(C, 0), NOW, []),
        (AbandonHold(D, 0), NOW, ["HoldAbandoned"]),
        (WithholdTickets((0,), "x"), NOW, ["TicketsWithheld"]),
        (WithholdTickets((1,), "x"), NOW, Code.SEATS_UNAVAILABLE),
        (WithholdTickets((1,), "x"), OVERDUE, ["HoldExpired", "TicketsWithheld"]),
        (WithholdTickets((0, 2), "x"), NOW, Code.SEATS_UNAVAILABLE),
        (WithholdTickets((3,), "x"), NOW, []),
        (WithholdTickets((9,), "x"), NOW, Code.INVALID_TICKETS),
        (RestoreTickets((3,)), NOW, ["TicketsRestored"]),
        (RestoreTickets((0,)), NOW, []),
        (RestoreTickets((1,)), NOW, Code.SEATS_UNAVAILABLE),
        (RestoreTickets((2, 3)), NOW, Code.SEATS_UNAVAILABLE),
        (RestoreTickets((3, 3)), NOW, Code.INVALID_TICKETS),
        (OpenBlock(seats("aaaa", "bbbb"), RULES, "again"), NOW, []),
        (OpenBlock(seats("aaaa"), RULES, "other"), NOW, Code.INVALID_TICKETS),
    ],
)
def test_each_command_against_each_state(
    command: Command, now: int, outcome: list[str] | Code
) -> None:
    assert ask(command, now) == outcome


def test_a_refusal_names_each_ticket_in_the_way_and_why() -> None:
    decision = decide(hall(), HoldTickets(terms(D, 4), (0, 1, 2, 3)), NOW)
    assert decision == Rejection(
        Code.SEATS_UNAVAILABLE,
        (Conflict(1, Reason.HELD), Conflict(2, Reason.SOLD), Conflict(3, Reason.WITHHELD)),
    )


def test_the_checks_come_in_the_documented_order() -> None:
    """A command that is wrong in every way is refused for the first reason; each repair shows the next one."""
    rules = replace(RULES, opens_at=NOW + 1)
    base = after(opened(seats("aaaa"), rules), AbandonHold(A, 2))
    known = opened(seats("aaaa"), RULES)
    known = after(known, HoldTickets(terms(A), (0,)))
    wrong = HoldTickets(terms(A, 11, "g", epoch=0), (9,))
    assert decide(known, wrong, NOW) == Rejection(Code.IDEMPOTENCY_KEY_REUSED)
    assert decide(Block(), wrong, NOW) == Rejection(Code.BLOCK_NOT_OPEN)
    assert decide(base, wrong, NOW) == Rejection(Code.HOLD_SUPERSEDED, epoch=3)
    wrong = HoldTickets(terms(A, 11, epoch=3), (9,))
    assert decide(base, wrong, NOW) == Rejection(Code.SALE_NOT_OPEN)
    later = decide(base, wrong, NOW + 1)
    assert isinstance(later, Rejection)
    assert later.code is Code.TOO_MANY_SEATS
    wrong = HoldTickets(terms(A, 1, epoch=3), (9,))
    assert decide(base, wrong, NOW + 1) == Rejection(Code.INVALID_TICKETS)


@pytest.mark.parametrize(
    "command",
    [
        HoldTickets(terms(), (0,)),
        HoldQuantity(terms(), 1),
        AbandonHold(A, 0),
        WithholdTickets((0,), "x"),
        RestoreTickets((0,)),
    ],
)
def test_a_block_that_is_not_open_says_so(command: Command) -> None:
    assert decide(Block(), command, NOW) == Rejection(Code.BLOCK_NOT_OPEN)


@pytest.mark.parametrize(("now", "open_"), [(99, False), (100, True), (199, True), (200, False)])
def test_a_sale_is_open_from_its_opening_to_before_its_closing(now: int, open_: bool) -> None:
    block = opened(seats("a"), Rules("EUR", opens_at=100, closes_at=200))
    assert isinstance(decide(block, HoldTickets(terms(), (0,)), now), Rejection) != open_


def test_a_hold_lasts_for_the_shows_time_or_as_long_as_its_parts() -> None:
    block = opened(seats("aa"))
    parts = (Part(3, (1, 2)),)
    more = {"parts": parts, "parts_amount": 500, "deadline_max": NOW + 5}
    (held,) = events_of(block, HoldTickets(terms(A, 3, **more), (0,)))
    assert held == TicketsHeld(A, "f", (0,), 1597, NOW, NOW + 5, 0, 0, parts)
    (held,) = events_of(block, HoldTickets(terms(A), (0,)))
    assert held.deadline == NOW + HOLD_MS


def test_an_extension_is_capped_and_never_shortens() -> None:
    block = after(opened(seats("a")), HoldTickets(terms(), (0,)))
    late = NOW + HOLD_MS - 1
    (extended,) = events_of(block, ExtendHold(A, "r"), late)
    assert extended == HoldExtended(A, NOW + 2 * HOLD_MS, "r")
    (extended,) = events_of(block, ExtendHold(A, "r", deadline_max=NOW + HOLD_MS + 7), late)
    assert extended == HoldExtended(A, NOW + HOLD_MS + 7, "r")
    long = after(opened(seats("a"), replace(RULES, hold_seconds=1200)), HoldTickets(terms(), (0,)))
    (extended,) = events_of(long, ExtendHold(A, "r"))
    assert extended.deadline == NOW + HOLD_LIFETIME_MAX_MS
    longest = after(
        opened(seats("a"), replace(RULES, hold_seconds=3600)), HoldTickets(terms(), (0,))
    )
    (extended,) = events_of(longest, ExtendHold(A, "r"))
    assert extended.deadline == NOW + 3_600_000


def test_an_extension_happens_once_and_its_retry_is_no_second_one() -> None:
    block = after(opened(seats("a")), HoldTickets(terms(), (0,)), ExtendHold(A, "r"))
    assert decide(block, ExtendHold(A, "r"), NOW) == ()
    assert decide(block, ExtendHold(A, "s"), NOW) == Rejection(Code.ALREADY_EXTENDED)
    assert decide(block, ExtendHold(A, "s", part=True), NOW) == ()


def test_an_area_gives_any_units_and_says_why_it_has_none() -> None:
    block = after(opened(area(5)), WithholdTickets((0,), "x"))
    (held,) = events_of(block, HoldQuantity(terms(A, 3), 3))
    assert held.tickets == (1, 2, 3)
    full = after(block, HoldQuantity(terms(A, 4), 4))
    for state, reason in (
        (full, Reason.HELD),
        (after(full, ConfirmHold(A, "o")), Reason.WITHHELD),
        (
            after(
                full,
                ConfirmHold(A, "o"),
                RestoreTickets((0,)),
                HoldQuantity(terms(B), 1),
                ConfirmHold(B, "p"),
            ),
            Reason.SOLD,
        ),
        (opened(register()), Reason.UNKNOWN),
    ):
        refused = decide(state, HoldQuantity(terms(C), 1), NOW)
        assert refused == Rejection(Code.SEATS_UNAVAILABLE, (Conflict(0, reason),))


def test_an_overdue_hold_gives_back_all_its_tickets_when_one_is_needed() -> None:
    block = after(opened(seats("aaa")), HoldTickets(terms(A, 2), (0, 1)))
    events = events_of(block, HoldTickets(terms(B), (1,)), OVERDUE)
    assert events[0] == HoldExpired(A, (0, 1))
    assert len(events) == 2


def test_a_register_remembers_holds_without_tickets_of_its_own() -> None:
    block = opened(register())
    parts = (Part(2, (1,)),)
    block = after(block, HoldTickets(terms(A, 1, parts=parts, parts_amount=7), ()))
    assert block.holds[A].parts == parts
    assert block.holds[A].amount == 7
    assert decide(block, HoldTickets(terms(A, 1, "g"), ()), NOW) == Rejection(
        Code.IDEMPOTENCY_KEY_REUSED
    )


def test_an_abandoned_epoch_cannot_come_back_and_never_goes_down() -> None:
    block = after(opened(register()), AbandonHold(A, 1))
    assert decide(block, AbandonHold(A, 0), NOW) == ()
    assert decide(block, AbandonHold(A, 1), NOW) == ()
    assert decide(block, AbandonHold(A, 2), NOW) == (HoldAbandoned(A, 2),)
    assert decide(block, HoldTickets(terms(A, epoch=1), ()), NOW) == Rejection(
        Code.HOLD_SUPERSEDED, epoch=2
    )
    assert len(events_of(block, HoldTickets(terms(A, epoch=2), ()))) == 1


def test_the_oldest_ended_holds_are_forgotten_but_never_a_sale(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(block_module, "ENDED_HOLDS_MAX", 2)
    block = after(opened(seats("aaaa")), HoldTickets(terms(A), (0,)), ConfirmHold(A, "order"))
    for token in TOKENS[1:6]:
        block = after(block, HoldTickets(terms(token), (1,)), ReleaseHold(token))
    assert list(block.ended) == TOKENS[4:6]
    assert decide(block, ConfirmHold(A, "order"), NOW) == ()


def test_the_most_recently_abandoned_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block_module, "ABANDONED_HOLDS_MAX", 2)
    block = after(opened(register()), *[AbandonHold(t, 0) for t in (A, B)], AbandonHold(A, 1))
    block = after(block, AbandonHold(C, 0))
    assert block.abandoned == {A: 1, C: 0}


def test_next_to_end_is_the_live_hold_with_the_earliest_deadline() -> None:
    ending = hall().next_to_end()
    assert ending is not None
    assert ending.deadline == OVERDUE
    assert opened(seats("a")).next_to_end() is None


@pytest.mark.parametrize(
    ("event", "changed"),
    [
        (TicketsHeld(D, "f", (0,), 5, NOW, OVERDUE, 0), {0: Status.HELD}),
        (HoldReleased(A, (1,)), {1: Status.AVAILABLE}),
        (HoldExpired(A, (1,)), {1: Status.AVAILABLE}),
        (TicketsSold(A, "o", (1,)), {1: Status.SOLD}),
        (TicketsWithheld((0, 5), "x"), {0: Status.WITHHELD, 5: Status.WITHHELD}),
        (TicketsRestored((3,), "x"), {3: Status.AVAILABLE}),
        (HoldExtended(A, OVERDUE + 1, "r"), {}),
        (HoldAbandoned(D, 1), {}),
        (BlockOpened(seats("aaaa", "bbbb"), RULES, "x"), None),
    ],
)
def test_evolve_changes_what_the_event_says_and_never_its_input(
    event: object, changed: dict[int, Status] | None
) -> None:
    before, same = hall(), hall()
    result = evolve(before, event)  # type: ignore[arg-type]
    assert before == same
    assert result != before or event == BlockOpened(seats("aaaa", "bbbb"), RULES, "x")
    if changed is not None:
        expected = bytearray(before.status)
        for ticket, status in changed.items():
            expected[ticket] = status
        assert result.status == expected


def test_an_ended_hold_keeps_its_ending() -> None:
    block = after(hall(), ReleaseHold(A))
    endings = {token: block.hold(token).ending for token in (A, B, C)}  # type: ignore[union-attr]
    assert endings == {A: Ending.RELEASED, B: Ending.SOLD, C: Ending.RELEASED}
    assert after(hall(), ExpireDue(), now=OVERDUE).ended[A].ending is Ending.EXPIRED


def test_every_code_has_its_meaning() -> None:
    assert set(REGISTRY) == set(Code)
    assert Rejection(Code.HOLD_EXPIRED).meaning.title
