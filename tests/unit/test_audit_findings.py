"""Every finding of the auditor, word for word, and what is just legal, to the millisecond and to the ticket."""

from __future__ import annotations

from hashlib import blake2b

import pytest

from actors.domain.audit import LIFETIME_MAX_MS, BlockAudit, SeenHold
from actors.domain.commands import Part
from actors.domain.cutting import cut_blocks
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
from actors.domain.layout import Layout, Rules
from actors.domain.seat_rows import SeatRow
from tests.unit.halls import held

RULES = Rules("EUR", hold_seconds=60, max_per_order=4, opens_at=0, closes_at=10_000_000)
CAP = 1_800_000

Commits = list[tuple[int, list[Event]]]
Finding = tuple[str, int, str]


def seats(section: str = "A") -> Layout:
    rows = [SeatRow(n, section, "1", str(n), "c", None, None) for n in range(8)]
    return cut_blocks(rows, {"c": 100})[0]


def hold(token: str) -> str:
    return "hold #" + blake2b(token.encode(), digest_size=4).hexdigest()


def followed(commits: Commits) -> BlockAudit:
    """Block 1 after its opening with commit 1 at 0 ms, and these, (time, events), with commits 2, 3, ..."""
    audit = BlockAudit(1)
    audit.commit(1, 0, [BlockOpened(seats(), RULES, "test")])
    for sequence, (at, events) in enumerate(commits, start=2):
        audit.commit(sequence, at, events)
    return audit


def findings(audit: BlockAudit) -> list[Finding]:
    assert all(found.block == 1 for found in audit.violations)
    return [(found.seat, found.sequence, found.detail) for found in audit.violations]


A_HOLDS_3: tuple[int, list[Event]] = (0, [held("a", 3)])

FOUND: dict[str, tuple[Commits, list[Finding]]] = {
    "held while held": (
        [A_HOLDS_3, (1, [held("b", 3, 4, at=1)])],
        [("A-1-3", 3, f"held for {hold('b')} although it is held for {hold('a')}")],
    ),
    "held while withheld": (
        [(0, [TicketsWithheld((3,), "r")]), (1, [held("b", 3, at=1)])],
        [("A-1-3", 3, f"held for {hold('b')} although it is withheld")],
    ),
    "held while it stands": (
        [A_HOLDS_3, (1, [held("a", 4, at=1)])],
        [("", 3, f"{hold('a')} begins while it stands already")],
    ),
    "in an abandoned epoch": (
        [(0, [HoldAbandoned("a", 2), HoldAbandoned("a", 1)]), (1, [held("a", 1, at=1, epoch=2)])],
        [("", 3, f"{hold('a')} begins in an abandoned epoch")],
    ),
    "in an epoch before the first": (
        [(0, [held("a", 1, epoch=-1)])],
        [("", 2, f"{hold('a')} begins in an abandoned epoch")],
    ),
    "abandoned while it stands": (
        [A_HOLDS_3, (1, [HoldAbandoned("a", 0)])],
        [("", 3, f"{hold('a')} is abandoned while it stands")],
    ),
    "a ticket twice": ([(0, [held("a", 1, 1)])], [("", 2, f"{hold('a')} names a ticket twice")]),
    "too many": (
        [(0, [held("a", 0, 1, 2, 3, 4)])],
        [("", 2, f"{hold('a')} has 5 tickets, 4 are allowed")],
    ),
    "too many with its parts": (
        [(0, [held("a", 0, parts=(Part(2, (1, 2)), Part(3, (0, 1))))])],
        [("", 2, f"{hold('a')} has 5 tickets, 4 are allowed")],
    ),
    "from the future": (
        [(0, [held("a", 1, at=1)])],
        [("", 2, f"{hold('a')} begins after its commit")],
    ),
    "over at once": (
        [(0, [held("a", 1, deadline=0)])],
        [("", 2, f"{hold('a')} ends before it begins")],
    ),
    "too long": (
        [(5, [held("a", 1, at=5, deadline=60_006)])],
        [("", 2, f"{hold('a')} is longer than allowed")],
    ),
    "not on sale": (
        [(10_000_000, [held("a", 1, at=10_000_000)])],
        [("", 2, f"{hold('a')} begins while the show is not on sale")],
    ),
    "a wrong amount": (
        [(0, [held("a", 1, 2, amount=201)])],
        [("", 2, f"{hold('a')} has a wrong amount")],
    ),
    "beyond the block": (
        [(0, [held("a", 7, 8, 9, amount=100)])],
        [("", 2, "ticket 8 is held, the block has 8")],
    ),
    "before the block": (
        [(0, [held("a", -1, 0, amount=100)])],
        [("", 2, "ticket -1 is held, the block has 8")],
    ),
    "released by a stranger": (
        [A_HOLDS_3, (1, [HoldReleased("b", (3,))])],
        [("A-1-3", 3, f"released by {hold('b')} although it is held for {hold('a')}")],
    ),
    "released when nobody holds it": (
        [(0, [HoldReleased("b", (3,))])],
        [("A-1-3", 2, f"released by {hold('b')} although it is available")],
    ),
    "released without tickets or a hold": (
        [(0, [HoldReleased("b", ())])],
        [("", 2, f"{hold('b')} is released although it does not stand")],
    ),
    "released in part": (
        [(0, [held("a", 3, 4)]), (1, [HoldReleased("a", (3,))])],
        [("", 3, f"{hold('a')} is released with other tickets than it has")],
    ),
    "released beyond the block": (
        [(0, [HoldReleased("a", (8,))])],
        [("", 2, "ticket 8 is released, the block has 8")],
    ),
    "expired without a hold": (
        [(0, [HoldExpired("b", (3,))])],
        [("A-1-3", 2, f"expired by {hold('b')} although it is available")],
    ),
    "expired early": (
        [(0, [held("a", 3, 4)]), (59_998, [HoldExpired("a", (3, 4))])],
        [
            ("A-1-3", 3, "its hold expired 2 ms before its deadline"),
            ("A-1-4", 3, "its hold expired 2 ms before its deadline"),
        ],
    ),
    "expired early in the block's first and beyond its last place": (
        [(0, [held("a", 0, 8, amount=100)]), (59_999, [HoldExpired("a", (0, 8))])],
        [
            ("", 2, "ticket 8 is held, the block has 8"),
            ("", 3, "ticket 8 is expired, the block has 8"),
            ("A-1-0", 3, "its hold expired 1 ms before its deadline"),
        ],
    ),
    "expired before its later deadline": (
        [A_HOLDS_3, (1, [HoldExtended("a", 61_000, "r")]), (60_000, [HoldExpired("a", (3,))])],
        [("A-1-3", 4, "its hold expired 1000 ms before its deadline")],
    ),
    "extended with a ticket beyond the block": (
        [(0, [held("a", 8, amount=0)]), (1, [HoldExtended("a", 61_000, "r")])],
        [("", 2, "ticket 8 is held, the block has 8")],
    ),
    "extended without a hold": (
        [(0, [HoldExtended("a", 90_000, "r")])],
        [("", 2, f"{hold('a')} is extended although it does not stand")],
    ),
    "extended twice": (
        [A_HOLDS_3, (1, [HoldExtended("a", 61_000, "r")]), (2, [HoldExtended("a", 62_000, "r")])],
        [("", 4, f"{hold('a')} is extended a second time")],
    ),
    "extended too late": (
        [A_HOLDS_3, (60_000, [HoldExtended("a", 61_000, "r")])],
        [("", 3, f"{hold('a')} is extended after its deadline")],
    ),
    "extended to an earlier time": (
        [A_HOLDS_3, (1, [HoldExtended("a", 59_999, "r")])],
        [("", 3, f"{hold('a')} is made shorter")],
    ),
    "extended beyond the cap": (
        [(7, [held("a", 3, at=7)]), (8, [HoldExtended("a", CAP + 8, "r")])],
        [("", 3, f"{hold('a')} is extended beyond the cap")],
    ),
    "sold to a stranger": (
        [A_HOLDS_3, (1, [TicketsSold("b", "o", (3,))])],
        [("A-1-3", 3, f"sold by {hold('b')} although it is held for {hold('a')}")],
    ),
    "sold twice": (
        [A_HOLDS_3, (1, [TicketsSold("a", "o", (3,))]), (2, [TicketsSold("a", "o", (3,))])],
        [("A-1-3", 4, f"sold by {hold('a')} although it is sold for {hold('a')}")],
    ),
    "sold when nobody holds it": (
        [(0, [TicketsSold("a", "o", (3,))])],
        [("A-1-3", 2, f"sold by {hold('a')} although it is available")],
    ),
    "sold to nobody": (
        [(0, [TicketsSold("a", "o", ())])],
        [("", 2, f"{hold('a')} is sold although it does not stand")],
    ),
    "sold with another ticket": (
        [A_HOLDS_3, (1, [TicketsSold("a", "o", ())])],
        [("", 3, f"{hold('a')} is sold with other tickets than it has")],
    ),
    "sold beyond the block": (
        [(0, [TicketsSold("a", "o", (8,))])],
        [("", 2, "ticket 8 is sold, the block has 8")],
    ),
    "sold late": (
        [(0, [held("a", 3, 4)]), (60_003, [TicketsSold("a", "o", (3, 4))])],
        [
            ("A-1-3", 3, "sold 3 ms after its hold's deadline"),
            ("A-1-4", 3, "sold 3 ms after its hold's deadline"),
        ],
    ),
    "withheld from a buyer": (
        [A_HOLDS_3, (1, [TicketsWithheld((2, 3), "r")])],
        [("A-1-3", 3, "withheld although it is held")],
    ),
    "withheld beyond the block": (
        [(0, [TicketsWithheld((8,), "r")])],
        [("", 2, "ticket 8 is withheld, the block has 8")],
    ),
    "restored without need": (
        [(0, [TicketsWithheld((2,), "r"), TicketsRestored((2, 3), "r")])],
        [("A-1-3", 2, "restored although it is available")],
    ),
    "restored beyond the block": (
        [(0, [TicketsRestored((-1,), "r")])],
        [("", 2, "ticket -1 is restored, the block has 8")],
    ),
    "opened twice": (
        [A_HOLDS_3, (0, [BlockOpened(seats("B"), RULES, "x"), HoldReleased("b", (3,))])],
        [
            ("", 3, "the block is opened a second time"),
            ("A-1-3", 3, f"released by {hold('b')} although it is held for {hold('a')}"),
        ],
    ),
}


@pytest.mark.parametrize("name", FOUND)
def test_a_finding_says_what_happened_where_and_when(name: str) -> None:
    commits, expected = FOUND[name]
    assert findings(followed(commits)) == expected


def test_a_seat_is_given_twice_only_when_it_was_anothers() -> None:
    twice = {
        name
        for name, (commits, _) in FOUND.items()
        for found in followed(commits).violations
        if found.doubled is True
    }
    assert twice == {"held while held", "sold to a stranger"}
    once = [found for commits, _ in FOUND.values() for found in followed(commits).violations]
    assert all(isinstance(found.doubled, bool) for found in once)


LEGAL: dict[str, Commits] = {
    "as many as allowed": [(0, [held("a", 0, 1, 2, 3)])],
    "as many as allowed with its parts": [(0, [held("a", 0, parts=(Part(2, (0, 1, 2)),))])],
    "as long as allowed": [(9, [held("a", 0, at=9, deadline=60_009)])],
    "as short as can be": [(9, [held("a", 0, at=9, deadline=10)])],
    "another amount with parts": [(0, [held("a", 0, amount=7, parts=(Part(2, (1,)),))])],
    "a later epoch": [(0, [HoldAbandoned("a", 0)]), (1, [held("a", 0, at=1, epoch=1)])],
    "an epoch abandoned for another": [(0, [HoldAbandoned("b", 0), held("a", 0)])],
    "on the last moment of the sale": [(9_999_999, [held("a", 0, at=9_999_999)])],
    "expired at its deadline": [A_HOLDS_3, (60_000, [HoldExpired("a", (3,))])],
    "released late": [A_HOLDS_3, (99_999, [HoldReleased("a", (3,))])],
    "extended in time": [A_HOLDS_3, (59_999, [HoldExtended("a", 60_000, "r")])],
    "extended to the cap": [(7, [held("a", 3, at=7)]), (8, [HoldExtended("a", CAP + 7, "r")])],
    "sold in time": [A_HOLDS_3, (59_999, [TicketsSold("a", "o", (3,))])],
    "held again after its end": [A_HOLDS_3, (1, [HoldReleased("a", (3,)), held("a", 3, at=1)])],
    "in another order of tickets": [(0, [held("a", 3, 4), HoldReleased("a", (4, 3))])],
    "restored and held": [
        (0, [TicketsWithheld((3,), "r"), TicketsRestored((3,), "r")]),
        A_HOLDS_3,
    ],
}


@pytest.mark.parametrize("name", LEGAL)
def test_what_is_just_legal_is_not_found(name: str) -> None:
    assert findings(followed(LEGAL[name])) == []


def test_a_commit_that_does_not_follow_is_named_by_its_own_sequence() -> None:
    audit = followed([])
    audit.commit(5, 0, [])
    audit.commit(5, 0, [])
    audit.commit(4, 0, [held("a", 3, at=9, deadline=60_000)])
    assert findings(audit) == [
        ("", 5, "follows commit 5 of the block"),
        ("", 4, "follows commit 5 of the block"),
        ("", 4, f"{hold('a')} begins after its commit"),
    ]
    assert (audit.sequence, audit.commits) == (4, 4)


def test_what_comes_before_the_opening_is_named_and_the_opening_still_counts() -> None:
    audit = BlockAudit(1)
    audit.commit(3, 0, [held("a", 1), BlockOpened(seats(), RULES, "x"), held("a", 1)])
    assert findings(audit) == [("", 3, "TicketsHeld before the block was opened")]
    assert audit.status[1] == 1


def test_each_ticket_has_the_state_the_owner_and_the_sequence_of_its_last_change() -> None:
    audit = followed(
        [
            (0, [held("a", 0, 1)]),
            (0, [held("b", 2)]),
            (0, [held("c", 3)]),
            (0, [HoldExtended("a", 70_000, "r")]),
            (0, [TicketsSold("b", "o", (2,))]),
            (0, [HoldReleased("c", (3,))]),
            (0, [TicketsWithheld((4, 5), "r")]),
            (0, [TicketsRestored((5,), "r")]),
        ]
    )
    assert findings(audit) == []
    assert list(audit.status) == [1, 1, 2, 0, 3, 0, 0, 0]
    assert audit.owner == ["a", "a", "b", "", "", "", "", ""]
    assert list(audit.changed) == [5, 5, 6, 7, 8, 9, 1, 1]
    assert audit.sequence == audit.commits == 9
    assert {token: seen.deadline for token, seen in audit.live.items()} == {"a": 70_000}
    assert audit.live["a"].extended


def test_a_hold_over_several_blocks_is_kept_with_its_end() -> None:
    primary = held("a", 0, parts=(Part(2, (1,)),))
    part, own = held("b", 1, primary=2), held("c", 2)
    audit = followed([(0, [primary]), (0, [part, own]), (0, [HoldReleased("b", (1,))])])
    audit.commit(9, 0, [TicketsSold("a", "o", (0,))])
    assert audit.shared == [
        SeenHold(primary, 2, 60_000, ended_at=9, sold=True, order="o"),
        SeenHold(part, 3, 60_000, ended_at=4),
    ]
    assert audit.live == {"c": SeenHold(own, 3, 60_000)}


def test_after_a_finding_the_journals_word_is_taken() -> None:
    audit = followed(
        [
            A_HOLDS_3,
            (1, [held("b", 3, at=1)]),
            (2, [TicketsSold("b", "o", (3,))]),
            (3, [HoldExtended("a", CAP + 1, "r")]),
            (4, [HoldExtended("a", CAP + 1, "r")]),
        ]
    )
    assert [found.sequence for found in audit.violations] == [3, 5, 6]
    assert audit.live["a"].deadline == CAP + 1
    assert (audit.owner[3], audit.status[3]) == ("b", 2)


def test_the_cap_is_half_an_hour() -> None:
    assert LIFETIME_MAX_MS == CAP


def test_an_auditor_begins_with_nothing() -> None:
    audit, other = BlockAudit(1), BlockAudit(1)
    assert audit == other
    assert (audit.layout, audit.rules.currency) == (None, "XXX")
    assert (bytes(audit.status), audit.owner, list(audit.changed)) == (b"", [], [])
    assert (audit.live, audit.abandoned, audit.shared, audit.violations) == ({}, {}, [], [])
    assert (audit.sequence, audit.commits) == (0, 0)
    seen = SeenHold(held("a", 1), 2, 3)
    assert (seen.extended, seen.ended_at, seen.expired_at, seen.sold) == (False, 0, 0, False)
