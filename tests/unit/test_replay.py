"""A block folded to a moment."""

from __future__ import annotations

from actors.codec import Commit
from actors.domain.events import (
    BlockOpened,
    HoldExpired,
    TicketsHeld,
    TicketsSold,
    TicketsWithheld,
)
from actors.domain.identity import BlockKey
from actors.domain.layout import Category, Layout, Row, Rules
from cluster.operate.replay import Moment, moment_at

LAYOUT = Layout(
    "Stalls",
    (Row("A", 0, ("1", "2")), Row("B", 2, ("1", "2"))),
    4,
    (Category("Standard", 2500),),
    bytes(4),
    (0.0, 1.0, 0.0, 1.0),
    (0.0, 0.0, 1.0, 1.0),
)
KEY = BlockKey("saaaaaaaaaaaa", 4)
TOKEN, OTHER = "a" * 26, "b" * 26
COMMITS = [
    (3, Commit(1_000, "host-0", (BlockOpened(LAYOUT, Rules("EUR"), "job"),))),
    (7, Commit(2_000, "host-0", (TicketsHeld(TOKEN, "f", (0, 1), 5000, 2_000, 9_000, 4),))),
    (9, Commit(3_000, "host-1", (TicketsHeld(OTHER, "f", (2,), 2500, 3_000, 5_000, 4),
                                 TicketsWithheld((3,), "camera")))),
    (12, Commit(4_000, "host-1", (TicketsSold(TOKEN, "order-1", (0, 1)),))),
    (15, Commit(6_000, "host-1", (HoldExpired(OTHER, (2,)),))),
]  # fmt: skip


def at(until: int | None = None, sequence: int | None = None) -> Moment:
    moment = moment_at(KEY, COMMITS, until, sequence, with_seats=True)
    assert moment is not None
    return moment


def test_the_end_is_what_the_block_is_now() -> None:
    moment = at()
    assert (moment.sequence, moment.commits, moment.by) == (15, 5, "host-1")
    assert moment.counts == {"available": 1, "held": 0, "sold": 2, "withheld": 1}
    assert (moment.holds, moment.seats) == ((), {"Stalls-A": "ss", "Stalls-B": ".w"})


def test_a_sequence_between_two_commits_means_the_one_before() -> None:
    assert at(sequence=11) == at(sequence=9)
    moment = at(sequence=9)
    assert (moment.at, moment.events) == (
        "1970-01-01T00:00:03.000Z",
        ("tickets_held", "tickets_withheld"),
    )
    assert moment.seats == {"Stalls-A": "hh", "Stalls-B": "hw"}


def test_only_the_beginning_of_a_token_is_told() -> None:
    first, second = at(sequence=9).holds
    assert (first.hold, first.seats) == ("bbbbbb…", ("Stalls-B-1",))
    assert (second.hold, second.seats) == ("aaaaaa…", ("Stalls-A-1", "Stalls-A-2"))
    assert TOKEN not in repr(at(sequence=9))


def test_a_time_counts_to_its_end_and_knows_what_is_overdue() -> None:
    assert at(until=2_000).sequence == 7
    assert at(until=1_999).sequence == 3
    assert [hold.overdue for hold in at(until=4_999).holds] == [False]
    assert [hold.overdue for hold in at(until=5_000).holds] == [True]


def test_before_its_opening_there_is_nothing() -> None:
    assert moment_at(KEY, COMMITS, until=999) is None
    assert moment_at(KEY, COMMITS, sequence=2) is None
    assert moment_at(KEY, []) is None
