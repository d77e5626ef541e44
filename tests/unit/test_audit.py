"""The auditor: silent about everything that the core writes, and loud about anything that it would not."""

from __future__ import annotations

import random

import pytest

from actors import holding
from actors.domain.audit import STATES, BlockAudit
from actors.domain.audit_parts import audit_parts
from actors.domain.block import Block, apply
from actors.domain.commands import (
    CancelSale,
    Command,
    ConfirmHold,
    ExpireDue,
    ExtendHold,
    FreezeBlock,
    HoldQuantity,
    HoldTerms,
    HoldTickets,
    OpenBlock,
    Part,
    ReleaseHold,
    RestoreTickets,
    ReturnTickets,
    SecureHold,
    ThawBlock,
    WithholdTickets,
)
from actors.domain.cutting import cut_blocks, register_layout
from actors.domain.events import (
    BlockOpened,
    Event,
    HoldAbandoned,
    HoldExpired,
    HoldExtended,
    HoldReleased,
    TicketsRestored,
    TicketsSold,
    TicketsWithheld,
)
from actors.domain.identity import BlockKey
from actors.domain.layout import Layout, Rules
from actors.domain.rejections import Rejection
from actors.domain.seat_rows import SeatRow
from actors.domain.tickets import decide
from actors.outcomes import Accepted, Outcome
from tests.unit.halls import held

RULES = Rules("EUR", hold_seconds=60, max_per_order=4, registers=1)


def seats(section: str = "A", count: int = 8) -> Layout:
    rows = [SeatRow(n, section, "1", str(n), "c", None, None) for n in range(count)]
    return cut_blocks(rows, {"c": 100})[0]


class Venue:
    """Blocks that decide as they do on a host, every commit audited: block 0 is a register, 1 to 3 have seats."""

    def __init__(self) -> None:
        self.now = 1_000_000
        self.sequence = 0
        self.blocks = {number: Block() for number in range(4)}
        self.audits = {number: BlockAudit(number) for number in range(4)}
        for number in range(4):
            layout = register_layout() if number == 0 else seats("ABCD"[number])
            self.do(number, OpenBlock(layout, RULES, "test"))

    def do(self, number: int, command: Command) -> Outcome:
        decision = decide(self.blocks[number], command, self.now)
        if isinstance(decision, Rejection):
            return decision
        if decision:
            self.sequence += 1
            self.audits[number].commit(self.sequence, self.now, decision)
        for event in decision:
            apply(self.blocks[number], event)
        token = getattr(command, "token", None) or getattr(
            getattr(command, "terms", None), "token", ""
        )
        return Accepted(self.blocks[number].hold(token), replayed=not decision)

    async def ask(self, key: BlockKey, command: Command) -> Outcome:
        return self.do(key.block, command)

    def objections(self) -> list[str]:
        own = [found for audit in self.audits.values() for found in audit.violations]
        return [found.detail for found in own + audit_parts(self.audits)]


@pytest.mark.parametrize("seed", range(25))
async def test_whatever_the_core_writes_is_legal_and_the_auditor_ends_in_the_same_state(
    seed: int,
) -> None:
    chance, venue = random.Random(seed), Venue()
    tokens = [f"t{n}" for n in range(12)]
    for _ in range(300):
        venue.now += chance.choice((0, 1, 1_000, 30_000))
        token, number = chance.choice(tokens), chance.randrange(1, 4)
        some = tuple(chance.sample(range(8), chance.randint(1, 3)))
        match chance.randrange(15):
            case 0 | 1 | 2:
                await _place(venue, chance, token)
            case 3:
                hold_id = holding.HoldId("saaaaaaaaaaaa", chance.randrange(4), token)
                await holding.release(venue.ask, hold_id)
            case 4:
                hold_id = holding.HoldId("saaaaaaaaaaaa", chance.randrange(4), token)
                await holding.extend(venue.ask, hold_id, "r")
            case 5:
                venue.do(number, ExpireDue())
            case 6:
                venue.do(number, ConfirmHold(token, f"o-{token}"))
            case 7:
                venue.do(number, WithholdTickets(some, "r"))
            case 8 | 9:
                _pay(venue, chance, token)
            case 10:
                venue.do(chance.randrange(4), CancelSale(token, f"o-{token}"))
            case 11:
                off_sale = chance.random() < 0.5
                venue.do(number, ReturnTickets(token, f"o-{token}", some, off_sale, "r"))
            case 12:
                venue.do(number, RestoreTickets(some))
            case 13 if chance.random() < 0.3:
                venue.do(number, FreezeBlock("r", "me"))
            case _:
                venue.do(number, ThawBlock("r", "me"))
    assert venue.objections() == []
    for number, block in venue.blocks.items():
        audit = venue.audits[number]
        assert audit.status == block.status
        assert audit.frozen == block.frozen
        assert {t: owner for t, owner in enumerate(audit.owner) if owner} == block.owner
        assert {token: hold.deadline for token, hold in audit.live.items()} == {
            token: hold.deadline for token, hold in block.holds.items()
        }


async def _place(venue: Venue, chance: random.Random, token: str) -> None:
    keyed = chance.random() < 0.5
    request = holding.HoldRequest("saaaaaaaaaaaa", token, "f", keyed, registers=1)
    numbers = chance.sample(range(1, 4), chance.randint(1, 3))
    picks = [
        holding.Pick(number, quantity=1)
        if chance.random() < 0.3
        else holding.Pick(number, (chance.randrange(8),))
        for number in numbers
    ]
    await holding.place(venue.ask, request, picks)


def _pay(venue: Venue, chance: random.Random, token: str) -> None:
    """Keep the parts of a hold, then its primary, and often sell them; what is refused anywhere is cancelled."""
    found = [
        (number, hold)
        for number, block in venue.blocks.items()
        if (hold := block.hold(token)) is not None and hold.fingerprint
    ]
    found = [(number, hold) for number, hold in found if hold.primary == number]
    if len(found) != 1:  # requests with and without a key never share a token
        return
    primary, hold = found[0]
    order, until = f"o-{token}", venue.now + chance.choice((0, 30_000, 5_000_000))
    layout = venue.blocks[primary].layout
    assert layout is not None
    size = len(hold.tickets) + sum(len(part.tickets) for part in hold.parts)
    terms = HoldTerms(token, "f", size, primary, hold.epoch)
    rest = hold.amount - layout.amount(hold.tickets)
    kept = [SecureHold(terms, part.tickets, order, until) for part in hold.parts]
    whole = HoldTerms(token, "f", size, primary, hold.epoch, hold.parts, rest)
    blocks = [*(part.block for part in hold.parts), primary]
    steps: list[Command] = [*kept, SecureHold(whole, hold.tickets, order, until)]
    if chance.random() < 0.6:
        steps += [ConfirmHold(token, order)] * len(blocks)
    for number, command in zip([*blocks, *blocks], steps, strict=False):
        if isinstance(venue.do(number, command), Rejection):
            for cancelled in blocks:
                venue.do(cancelled, CancelSale(token, order))
            return


def audited(*commits: tuple[int, list[Event]]) -> list[tuple[str, int, str]]:
    """The objections to a block of eight seats after its opening; commits are (time, events)."""
    audit = BlockAudit(1)
    audit.commit(1, 0, [BlockOpened(seats(), RULES, "test")])
    for sequence, (at, events) in enumerate(commits, start=2):
        audit.commit(sequence, at, events)
    return [(found.seat, found.sequence, found.detail) for found in audit.violations]


ILLEGAL: dict[str, tuple[list[tuple[int, list[Event]]], str, int, str]] = {
    "two owners": (
        [(0, [held("a", 3)]), (1, [held("b", 3, at=1)])],
        "A-1-3",
        3,
        "although it is held",
    ),
    "sold twice": (
        [
            (0, [held("a", 3)]),
            (1, [TicketsSold("a", "o", (3,))]),
            (2, [TicketsSold("b", "o", (3,))]),
        ],
        "A-1-3",
        4,
        "although it is sold",
    ),
    "a sold seat held": (
        [(0, [held("a", 3)]), (1, [TicketsSold("a", "o", (3,))]), (2, [held("b", 3, at=2)])],
        "A-1-3",
        4,
        "although it is sold",
    ),
    "a withheld seat held": (
        [(0, [TicketsWithheld((2,), "r")]), (1, [held("a", 2, at=1)])],
        "A-1-2",
        3,
        "although it is withheld",
    ),
    "released by a stranger": (
        [(0, [held("a", 3)]), (1, [HoldReleased("b", (3,))])],
        "A-1-3",
        3,
        "although it is held",
    ),
    "expired early": (
        [(0, [held("a", 3)]), (59_999, [HoldExpired("a", (3,))])],
        "A-1-3",
        3,
        "1 ms before its deadline",
    ),
    "sold too late": (
        [(0, [held("a", 3)]), (60_000, [TicketsSold("a", "o", (3,))])],
        "A-1-3",
        3,
        "0 ms after its hold's deadline",
    ),
    "beyond the block": ([(0, [held("a", 8, amount=0)])], "", 2, "the block has 8"),
    "other tickets than held": (
        [(0, [held("a", 3, 4)]), (1, [HoldReleased("a", (3,))])],
        "",
        3,
        "with other tickets",
    ),
    "too many": ([(0, [held("a", 0, 1, 2, 3, 4)])], "", 2, "5 tickets, 4 are allowed"),
    "a ticket twice": ([(0, [held("a", 1, 1)])], "", 2, "names a ticket twice"),
    "too long": ([(0, [held("a", 1, deadline=60_001)])], "", 2, "longer than allowed"),
    "a wrong amount": ([(0, [held("a", 1, amount=99)])], "", 2, "wrong amount"),
    "extended twice": (
        [(0, [held("a", 1)]), *[(n, [HoldExtended("a", 90_000, "r")]) for n in (1, 2)]],
        "",
        4,
        "a second time",
    ),
    "extended beyond the cap": (
        [(0, [held("a", 1)]), (1, [HoldExtended("a", 1_800_001, "r")])],
        "",
        3,
        "beyond the cap",
    ),
    "extended too late": (
        [(0, [held("a", 1)]), (60_000, [HoldExtended("a", 90_000, "r")])],
        "",
        3,
        "after its deadline",
    ),
    "restored from sale": (
        [(0, [TicketsRestored((1,), "r")])],
        "A-1-1",
        2,
        "although it is available",
    ),
    "an abandoned epoch": (
        [(0, [HoldAbandoned("a", 0)]), (1, [held("a", 1, at=1)])],
        "",
        3,
        "in an abandoned epoch",
    ),
    "opened twice": ([(0, [BlockOpened(seats(), RULES, "x")])], "", 2, "a second time"),
}


@pytest.mark.parametrize("name", ILLEGAL)
def test_an_illegal_commit_is_named_once_by_seat_and_sequence(name: str) -> None:
    commits, seat, sequence, detail = ILLEGAL[name]
    found = audited(*commits)
    assert len(found) == 1, found
    assert found[0][:2] == (seat, sequence)
    assert detail in found[0][2]


def test_events_before_the_opening_are_named() -> None:
    audit = BlockAudit(1)
    audit.commit(1, 0, [held("a", 1)])
    assert [found.detail for found in audit.violations] == [
        "TicketsHeld before the block was opened"
    ]


def test_a_token_is_never_in_a_finding() -> None:
    found = audited((0, [held("secret", 3)]), (1, [held("secretive", 3, at=1)]))
    assert found
    assert "secret" not in repr(found)


def parts_of(events: dict[int, list[tuple[int, list[Event]]]]) -> list[str]:
    """The objections between blocks 1 and 2; commits are (sequence, events)."""
    audits = {1: BlockAudit(1), 2: BlockAudit(2)}
    for number, audit in audits.items():
        audit.commit(number, 0, [BlockOpened(seats("AB"[number - 1]), RULES, "test")])
    for number, commits in events.items():
        for sequence, committed in commits:
            audits[number].commit(sequence, 0, committed)
    return [f"{found.seat}@{found.sequence}" for found in audit_parts(audits)]


def test_a_hold_that_is_committed_without_its_parts_is_named() -> None:
    primary = held("a", 0, primary=2, parts=(Part(1, (3,)),), amount=200)
    part = held("a", 3, primary=2)
    whole: dict[int, list[tuple[int, list[Event]]]] = {1: [(3, [part])], 2: [(4, [primary])]}
    assert parts_of(whole) == []
    assert parts_of({2: [(4, [primary])]}) == ["A-1-3@4"]
    assert parts_of({1: [(5, [part])], 2: [(4, [primary])]}) == ["A-1-3@4"]
    given_back = {1: [(3, [part, HoldReleased("a", (3,))])], 2: [(4, [primary])]}
    assert parts_of(given_back) == ["A-1-3@4"]  # type: ignore[arg-type]
    other_seat = {1: [(3, [held("a", 4, primary=2)])], 2: [(4, [primary])]}
    assert parts_of(other_seat) == ["A-1-3@4"]  # type: ignore[arg-type]
    dearer = held("a", 0, primary=2, parts=(Part(1, (3,)),), amount=300)
    assert parts_of({1: [(3, [part])], 2: [(4, [dearer])]}) == ["@4"]


def test_states_are_called_as_in_the_contract() -> None:
    assert STATES == ("available", "held", "sold", "withheld")


def test_a_quantity_and_a_direct_hold_are_both_followed() -> None:
    venue = Venue()
    venue.do(1, HoldQuantity(HoldTerms("a", "f", 2, 1), 2))
    venue.do(1, HoldTickets(HoldTerms("b", "f", 1, 1), (0,)))
    venue.do(1, ReleaseHold("a"))
    venue.do(1, ExtendHold("b", "r"))
    assert venue.objections() == []
