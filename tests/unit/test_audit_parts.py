"""What the auditor says about holds over several blocks, word for word."""

from __future__ import annotations

import pytest

from actors.domain.audit import BlockAudit, Violation
from actors.domain.audit_parts import audit_parts
from actors.domain.commands import Part
from actors.domain.events import (
    BlockOpened,
    Event,
    HoldExpired,
    HoldReleased,
    HoldSecured,
    SaleCancelled,
    TicketsHeld,
    TicketsSold,
)
from actors.domain.layout import Rules
from tests.unit.test_audit_findings import held, hold, seats

RULES = Rules("EUR", hold_seconds=60, max_per_order=8)

Journal = dict[int, list[tuple[int, list[Event]]]]
"""Of blocks 1 to 3: sequences and events."""


def audited(journal: Journal, *, opened: tuple[int, ...] = (1, 2, 3)) -> list[Violation]:
    audits = {number: BlockAudit(number) for number in (1, 2, 3)}
    for number in opened:
        audits[number].commit(number, 0, [BlockOpened(seats("ABC"[number - 1]), RULES, "test")])
    for number, commits in journal.items():
        for sequence, events in commits:
            audits[number].commit(sequence, 0, events)
    return audit_parts(audits)


def primary(*parts: Part, **changes: object) -> TicketsHeld:
    """The record of hold a at block 1, which has ticket 0 of it."""
    tickets = 1 + sum(len(part.tickets) for part in parts)
    return held("a", 0, **{"parts": parts, "amount": 100 * tickets, **changes})


def part(*tickets: int, **changes: object) -> TicketsHeld:
    return held("a", *tickets, **{"primary": 1, **changes})


def missing(block: int, seat: str) -> Violation:
    return Violation(1, 9, seat, f"{hold('a')} was committed without its part in block {block}")


IN_2 = Part(2, (3,))

CASES: dict[str, tuple[Journal, list[Violation]]] = {
    "whole": ({2: [(5, [part(3)])], 1: [(9, [primary(IN_2)])]}, []),
    "whole in two other blocks": (
        {
            2: [(5, [part(3)])],
            3: [(6, [part(1, 2)])],
            1: [(9, [primary(IN_2, Part(3, (2, 1)))])],
        },
        [],
    ),
    "sold afterwards": (
        {
            2: [(5, [part(3)]), (11, [TicketsSold("a", "o", (3,))])],
            1: [(9, [primary(IN_2)]), (10, [TicketsSold("a", "o", (0,))])],
        },
        [],
    ),
    "given back afterwards": (
        {2: [(5, [part(3)]), (10, [HoldReleased("a", (3,))])], 1: [(9, [primary(IN_2)])]},
        [],
    ),
    "given back before": (
        {2: [(5, [part(3)]), (8, [HoldReleased("a", (3,))])], 1: [(9, [primary(IN_2)])]},
        [missing(2, "B-1-3")],
    ),
    "given back and taken again": (
        {
            2: [(5, [part(3)]), (6, [HoldReleased("a", (3,))]), (7, [part(3)])],
            1: [(9, [primary(IN_2)])],
        },
        [],
    ),
    "given back with the same sequence": (
        {2: [(5, [part(3)]), (9, [HoldReleased("a", (3,))])], 1: [(9, [primary(IN_2)])]},
        [],
    ),
    "taken with the same sequence": (
        {2: [(9, [part(3)])], 1: [(9, [primary(IN_2)])]},
        [missing(2, "B-1-3")],
    ),
    "the first place never taken": ({1: [(9, [primary(Part(2, (0,)))])]}, [missing(2, "B-1-0")]),
    "taken too late": (
        {2: [(10, [part(3)])], 1: [(9, [primary(IN_2)])]},
        [missing(2, "B-1-3")],
    ),
    "never taken": ({1: [(9, [primary(IN_2)])]}, [missing(2, "B-1-3")]),
    "another seat taken": (
        {2: [(5, [part(4)])], 1: [(9, [primary(IN_2)])]},
        [missing(2, "B-1-3")],
    ),
    "taken for another hold": (
        {2: [(5, [held("b", 3, primary=1)])], 1: [(9, [primary(IN_2)])]},
        [missing(2, "B-1-3")],
    ),
    "taken for another primary": (
        {2: [(5, [part(3, primary=3)])], 1: [(9, [primary(IN_2)])]},
        [missing(2, "B-1-3")],
    ),
    "a part without tickets": (
        {1: [(9, [primary(Part(2, ()))])]},
        [missing(2, "")],
    ),
    "a part beyond the block": (
        {1: [(9, [primary(Part(2, (8,)), amount=100)])]},
        [missing(2, "")],
    ),
    "a part before the block": (
        {1: [(9, [primary(Part(2, (-1,)), amount=100)])]},
        [missing(2, "")],
    ),
    "a part in no block": ({1: [(9, [primary(Part(7, (1,)))])]}, [missing(7, "")]),
    "two parts that are missing": (
        {1: [(9, [primary(IN_2, Part(3, (1,)))])]},
        [missing(2, "B-1-3"), missing(3, "C-1-1")],
    ),
    "it ends with its part": (
        {2: [(5, [part(3, deadline=50_000)])], 1: [(9, [primary(IN_2, deadline=50_000)])]},
        [],
    ),
    "it ends after its part": (
        {2: [(5, [part(3, deadline=50_000)])], 1: [(9, [primary(IN_2, deadline=50_001)])]},
        [Violation(1, 9, "B-1-3", f"{hold('a')} ends after its part in block 2")],
    ),
    "it costs more": (
        {2: [(5, [part(3)])], 1: [(9, [primary(IN_2, amount=201)])]},
        [Violation(1, 9, "", f"{hold('a')} costs 201, its tickets 200")],
    ),
    "it costs less and lacks a part": (
        {1: [(9, [primary(IN_2, amount=1)])]},
        [missing(2, "B-1-3")],
    ),
    "a part alone": ({2: [(5, [part(3)])]}, []),
    "two holds under one token, both wrong": (
        {1: [(9, [primary(IN_2), HoldReleased("a", (0,))]), (12, [primary(IN_2)])]},
        [
            missing(2, "B-1-3"),
            Violation(1, 12, "B-1-3", f"{hold('a')} was committed without its part in block 2"),
        ],
    ),
}


PAYING = HoldSecured("a", "o", 60_000)
SOLD, CANCELLED = TicketsSold("a", "o", (3,)), SaleCancelled("a", "o", (3,))

AGAIN: dict[str, tuple[Journal, list[Violation]]] = {
    "all of it": (
        {
            2: [(3, [part(3)]), (5, [HoldExpired("a", (3,)), part(3), PAYING])],
            1: [(4, [primary(IN_2)]), (9, [HoldExpired("a", (0,)), primary(IN_2), PAYING])],
        },
        [],
    ),
    "its part is still there": ({2: [(5, [part(3)])], 1: [(9, [primary(IN_2), PAYING])]}, []),
    "its part is still there for a shorter time": (
        {2: [(5, [part(3, deadline=50_000)])], 1: [(9, [primary(IN_2), PAYING])]},
        [],
    ),
    "its part is sold already": (
        {2: [(5, [part(3)]), (7, [SOLD])], 1: [(9, [primary(IN_2), PAYING])]},
        [],
    ),
    "its part is sold already, and cancelled afterwards": (
        {
            2: [(5, [part(3)]), (7, [SOLD]), (10, [CANCELLED])],
            1: [(9, [primary(IN_2), PAYING])],
        },
        [],
    ),
    "its part is sold already, and cancelled": (
        {
            2: [(5, [part(3)]), (7, [SOLD]), (8, [CANCELLED])],
            1: [(9, [primary(IN_2), PAYING])],
        },
        [missing(2, "B-1-3")],
    ),
    "its part is cancelled": (
        {2: [(5, [part(3)]), (8, [CANCELLED])], 1: [(9, [primary(IN_2), PAYING])]},
        [missing(2, "B-1-3")],
    ),
    "its part was given back": (
        {2: [(5, [part(3)]), (8, [HoldReleased("a", (3,))])], 1: [(9, [primary(IN_2), PAYING])]},
        [missing(2, "B-1-3")],
    ),
    "its part is made again too late": (
        {
            2: [(5, [part(3)]), (8, [HoldExpired("a", (3,))]), (10, [part(3), PAYING])],
            1: [(9, [primary(IN_2), PAYING])],
        },
        [missing(2, "B-1-3")],
    ),
    "it costs more": (
        {2: [(5, [part(3)]), (7, [SOLD])], 1: [(9, [primary(IN_2, amount=201), PAYING])]},
        [Violation(1, 9, "", f"{hold('a')} costs 201, its tickets 200")],
    ),
    "not made again, its part is sold already": (
        {2: [(5, [part(3)]), (7, [SOLD])], 1: [(9, [primary(IN_2)])]},
        [missing(2, "B-1-3")],
    ),
    "not made again but secured later, its part is sold already": (
        {2: [(5, [part(3)]), (7, [SOLD])], 1: [(9, [primary(IN_2)]), (10, [PAYING])]},
        [missing(2, "B-1-3")],
    ),
}


@pytest.mark.parametrize("name", AGAIN)
def test_a_hold_that_is_made_again_has_all_its_parts_held_or_sold(name: str) -> None:
    journal, expected = AGAIN[name]
    assert audited(journal) == expected


@pytest.mark.parametrize("name", CASES)
def test_a_hold_has_all_its_parts_when_it_is_committed(name: str) -> None:
    journal, expected = CASES[name]
    assert audited(journal) == expected


def test_a_part_in_a_block_that_was_never_opened_has_no_seat_to_name() -> None:
    journal: Journal = {1: [(9, [primary(IN_2)])]}
    assert audited(journal, opened=(1,)) == [missing(2, "")]


def test_a_part_that_was_given_back_with_the_first_commit_of_all_is_gone() -> None:
    audits = {1: BlockAudit(1), 2: BlockAudit(2)}
    audits[2].commit(
        1, 0, [BlockOpened(seats("B"), RULES, "test"), part(3), HoldReleased("a", (3,))]
    )
    audits[1].commit(2, 0, [BlockOpened(seats("A"), RULES, "test")])
    audits[1].commit(9, 0, [primary(IN_2)])
    found = audit_parts(audits)
    assert found == [missing(2, "B-1-3")]
    assert found[0].doubled is False  # nobody else has its seats


def test_a_part_may_have_no_tickets() -> None:
    audits = {1: BlockAudit(1), 2: BlockAudit(2)}
    audits[1].commit(1, 0, [BlockOpened(seats("A"), RULES, "test")])
    audits[1].commit(9, 0, [primary(Part(2, ()), amount=100)])
    audits[2].commit(2, 0, [BlockOpened(seats("B"), RULES, "test"), part()])
    assert audit_parts(audits) == []
