"""Every finding of the auditor about holds that are paid, sold, cancelled and returned, and what is just legal."""

from __future__ import annotations

import pytest

from actors.domain.audit import SECURED_MAX_MS, BlockAudit, SeenHold
from actors.domain.commands import Part
from actors.domain.events import (
    BlockOpened,
    Event,
    HoldExpired,
    HoldExtended,
    HoldReleased,
    HoldSecured,
    SaleCancelled,
    TicketsHeld,
    TicketsReturned,
    TicketsSold,
    TicketsWithheld,
)
from tests.unit.halls import register
from tests.unit.test_audit_findings import RULES, Commits, Finding, findings, followed, held, hold

CAP = 3_600_000

Commit = tuple[int, list[Event]]
A_HOLDS_3: Commit = (0, [held("a", 3)])
A_HOLDS_3_4: Commit = (0, [held("a", 3, 4)])
FOR_O: Commit = (1, [HoldSecured("a", "o", 90_000)])
SOLD: Commit = (2, [TicketsSold("a", "o", (3, 4))])


def returned(*tickets: int, token: str = "a", order: str = "o", withheld: bool = False) -> Event:
    return TicketsReturned(token, order, tickets, withheld, "r")


def again(at: int, deadline: int) -> Commit:
    """Hold a is made again for its payment."""
    return (at, [HoldExpired("a", (3,)), held("a", 3, at=at), HoldSecured("a", "o", deadline)])


FOUND: dict[str, tuple[Commits, list[Finding]]] = {
    "secured without a hold": (
        [(0, [HoldSecured("a", "o", 90_000)])],
        [("", 2, f"{hold('a')} is secured although it does not stand")],
    ),
    "secured after its end": (
        [A_HOLDS_3, (1, [HoldReleased("a", (3,))]), FOR_O],
        [("", 4, f"{hold('a')} is secured although it does not stand")],
    ),
    "secured after its sale": (
        [A_HOLDS_3_4, SOLD, FOR_O],
        [("", 4, f"{hold('a')} is secured although it does not stand")],
    ),
    "secured for two orders": (
        [A_HOLDS_3, FOR_O, (2, [HoldSecured("a", "p", 90_000)])],
        [("", 4, f"{hold('a')} is secured for another order")],
    ),
    "secured too late": (
        [A_HOLDS_3, (60_000, [HoldSecured("a", "o", 90_000)])],
        [("", 3, f"{hold('a')} is secured after its deadline")],
    ),
    "secured for a shorter time": (
        [A_HOLDS_3, (1, [HoldSecured("a", "o", 59_999)])],
        [("", 3, f"{hold('a')} is made shorter")],
    ),
    "secured for too long": (
        [(7, [held("a", 3, at=7)]), (8, [HoldSecured("a", "o", CAP + 8)])],
        [("", 3, f"{hold('a')} is secured beyond the cap")],
    ),
    "secured with all that can be wrong": (
        [A_HOLDS_3, FOR_O, (90_000, [HoldSecured("a", "p", CAP + 1)])],
        [
            ("", 4, f"{hold('a')} is secured for another order"),
            ("", 4, f"{hold('a')} is secured after its deadline"),
            ("", 4, f"{hold('a')} is secured beyond the cap"),
        ],
    ),
    "made again before its end": (
        [A_HOLDS_3, (59_999, [HoldExpired("a", (3,)), held("a", 3, at=59_999)])],
        [("A-1-3", 3, "its hold expired 1 ms before its deadline")],
    ),
    "made again beyond the cap": (
        [A_HOLDS_3, again(60_000, CAP + 60_001)],
        [("", 3, f"{hold('a')} is secured beyond the cap")],
    ),
    "given back while it was being paid": (
        [A_HOLDS_3_4, FOR_O, (2, [HoldReleased("a", (3, 4))])],
        [
            ("A-1-3", 4, "its hold was given back while it was being paid"),
            ("A-1-4", 4, "its hold was given back while it was being paid"),
        ],
    ),
    "expired while it was being paid": (
        [A_HOLDS_3, FOR_O, (89_999, [HoldExpired("a", (3,))])],
        [("A-1-3", 4, "its hold expired 1 ms before its deadline")],
    ),
    "sold to another than who was paying": (
        [A_HOLDS_3_4, FOR_O, (2, [TicketsSold("a", "p", (3, 4))])],
        [
            ("A-1-3", 4, "sold to another order than the one that was paying"),
            ("A-1-4", 4, "sold to another order than the one that was paying"),
        ],
    ),
    "sold after the longer time": (
        [A_HOLDS_3, FOR_O, (90_000, [TicketsSold("a", "o", (3,))])],
        [("A-1-3", 4, "sold 0 ms after its hold's deadline")],
    ),
    "held after its sale": (
        [A_HOLDS_3_4, SOLD, (3, [held("a", 1, at=3)])],
        [("", 4, f"{hold('a')} begins although it was sold")],
    ),
    "held after its order came to nothing": (
        [(0, [SaleCancelled("a", "o", ())]), (1, [held("a", 1, at=1)])],
        [("", 3, f"{hold('a')} begins although its order came to nothing")],
    ),
    "held after its sale was cancelled": (
        [A_HOLDS_3_4, SOLD, (3, [SaleCancelled("a", "o", (3, 4))]), (4, [held("a", 1, at=4)])],
        [("", 5, f"{hold('a')} begins although its order came to nothing")],
    ),
    "sold after its order came to nothing": (
        [A_HOLDS_3_4, (1, [SaleCancelled("a", "o", (3, 4))]), SOLD],
        [
            ("A-1-3", 4, f"sold by {hold('a')} although it is available"),
            ("A-1-4", 4, f"sold by {hold('a')} although it is available"),
        ],
    ),
    "cancelled with less than it holds": (
        [A_HOLDS_3_4, (1, [SaleCancelled("a", "o", (3,))])],
        [("", 3, f"{hold('a')} is cancelled with other tickets than it has")],
    ),
    "cancelled with what another holds": (
        [A_HOLDS_3, (1, [SaleCancelled("b", "o", (3,))])],
        [("A-1-3", 3, f"cancelled by {hold('b')} although it is held for {hold('a')}")],
    ),
    "cancelled with what nobody has": (
        [(0, [SaleCancelled("b", "o", (3,))])],
        [("A-1-3", 2, f"cancelled by {hold('b')} although it is available")],
    ),
    "cancelled beyond the block": (
        [(0, [SaleCancelled("b", "o", (8,))])],
        [("", 2, "ticket 8 is cancelled, the block has 8")],
    ),
    "cancelled twice with its tickets": (
        [A_HOLDS_3_4, SOLD, *[(n, [SaleCancelled("a", "o", (3, 4))]) for n in (3, 4)]],
        [
            ("A-1-3", 5, f"cancelled by {hold('a')} although it is available"),
            ("A-1-4", 5, f"cancelled by {hold('a')} although it is available"),
        ],
    ),
    "a sale cancelled by another order": (
        [A_HOLDS_3_4, SOLD, (3, [SaleCancelled("a", "p", (3, 4))])],
        [("", 4, f"{hold('a')} is cancelled by another order than it was sold to")],
    ),
    "a sale cancelled with less than it has": (
        [A_HOLDS_3_4, SOLD, (3, [SaleCancelled("a", "o", (3,))])],
        [("", 4, f"{hold('a')} is cancelled with other tickets than it has")],
    ),
    "a sale cancelled with more than it has left": (
        [A_HOLDS_3_4, SOLD, (3, [returned(3)]), (4, [SaleCancelled("a", "o", (3, 4))])],
        [("A-1-3", 5, f"cancelled by {hold('a')} although it is available")],
    ),
    "a sale cancelled with what another bought": (
        [A_HOLDS_3_4, SOLD, (3, [held("b", 5, at=3), SaleCancelled("a", "o", (3, 4, 5))])],
        [("A-1-5", 4, f"cancelled by {hold('a')} although it is held for {hold('b')}")],
    ),
    "a sale cancelled beyond the block": (
        [A_HOLDS_3_4, SOLD, (3, [SaleCancelled("a", "o", (3, 4, 8))])],
        [("", 4, "ticket 8 is cancelled, the block has 8")],
    ),
    "returned without a sale": (
        [(0, [returned(3)])],
        [("A-1-3", 2, f"returned by {hold('a')} although it is available")],
    ),
    "returned before its sale": (
        [A_HOLDS_3, (1, [returned(3)])],
        [("A-1-3", 3, f"returned by {hold('a')} although it is held for {hold('a')}")],
    ),
    "returned twice": (
        [A_HOLDS_3_4, SOLD, (3, [returned(3)]), (4, [returned(3, 4)])],
        [("A-1-3", 5, f"returned by {hold('a')} although it is available")],
    ),
    "returned by another order": (
        [A_HOLDS_3_4, SOLD, (3, [returned(3, order="p")])],
        [("", 4, f"{hold('a')} is returned by another order than it was sold to")],
    ),
    "returned by another hold": (
        [A_HOLDS_3_4, SOLD, (3, [returned(3, token="b")])],
        [("A-1-3", 4, f"returned by {hold('b')} although it is sold for {hold('a')}")],
    ),
    "returned beyond the block": (
        [A_HOLDS_3_4, SOLD, (3, [returned(8)])],
        [("", 4, "ticket 8 is returned, the block has 8")],
    ),
    "returned off sale, and held": (
        [A_HOLDS_3_4, SOLD, (3, [returned(3, withheld=True)]), (4, [held("b", 3, at=4)])],
        [("A-1-3", 5, f"held for {hold('b')} although it is withheld")],
    ),
}


@pytest.mark.parametrize("name", FOUND)
def test_a_finding_says_what_happened_where_and_when(name: str) -> None:
    commits, expected = FOUND[name]
    assert findings(followed(commits)) == expected


LEGAL: dict[str, Commits] = {
    "secured at the last moment": [A_HOLDS_3, (59_999, [HoldSecured("a", "o", 60_000)])],
    "secured for as long as it was": [A_HOLDS_3, (1, [HoldSecured("a", "o", 60_000)])],
    "secured to the cap": [(7, [held("a", 3, at=7)]), (8, [HoldSecured("a", "o", CAP + 7)])],
    "secured twice": [A_HOLDS_3, FOR_O, (89_999, [HoldSecured("a", "o", CAP)])],
    "extended while it is being paid": [A_HOLDS_3, FOR_O, (2, [HoldExtended("a", 90_000, "r")])],
    "expired at its later deadline": [A_HOLDS_3, FOR_O, (90_000, [HoldExpired("a", (3,))])],
    "given back before it was paid": [A_HOLDS_3, (1, [HoldReleased("a", (3,))])],
    "given back while another is paid": [
        A_HOLDS_3,
        FOR_O,
        (2, [held("b", 4, at=2), HoldReleased("b", (4,))]),
    ],
    "made again to the cap": [A_HOLDS_3, again(60_000, CAP + 60_000)],
    "made again after its announced end": [
        A_HOLDS_3,
        (60_000, [HoldExpired("a", (3,))]),
        (70_000, [held("a", 3, at=70_000), HoldSecured("a", "o", 130_000)]),
    ],
    "made again and sold": [
        A_HOLDS_3,
        again(60_000, CAP),
        (CAP - 1, [TicketsSold("a", "o", (3,))]),
    ],
    "sold at the last moment": [A_HOLDS_3, FOR_O, (89_999, [TicketsSold("a", "o", (3,))])],
    "sold without having been secured": [A_HOLDS_3_4, SOLD],
    "cancelled while held": [A_HOLDS_3_4, (1, [SaleCancelled("a", "o", (4, 3))])],
    "cancelled while being paid": [A_HOLDS_3, FOR_O, (2, [SaleCancelled("a", "o", (3,))])],
    "cancelled long after its deadline": [A_HOLDS_3, (99_999, [SaleCancelled("a", "o", (3,))])],
    "cancelled after its sale": [A_HOLDS_3_4, SOLD, (3, [SaleCancelled("a", "o", (4, 3))])],
    "cancelled, and again for certain": [
        A_HOLDS_3_4,
        SOLD,
        (3, [SaleCancelled("a", "o", (3, 4)), SaleCancelled("a", "o", ())]),
    ],
    "cancelled although it is not known": [(0, [SaleCancelled("a", "o", ())])],
    "cancelled although it has ended": [
        A_HOLDS_3,
        (1, [HoldReleased("a", (3,)), SaleCancelled("a", "o", ())]),
    ],
    "cancelled, and its seat sold to another": [
        A_HOLDS_3_4,
        SOLD,
        (3, [SaleCancelled("a", "o", (3, 4)), held("b", 3, at=3)]),
        (4, [TicketsSold("b", "p", (3,))]),
    ],
    "returned one by one": [A_HOLDS_3_4, SOLD, (3, [returned(3)]), (4, [returned(4)])],
    "returned, and the rest cancelled": [
        A_HOLDS_3_4,
        SOLD,
        (3, [returned(3), SaleCancelled("a", "o", (4,))]),
    ],
    "returned, all of it, and cancelled": [
        A_HOLDS_3_4,
        SOLD,
        (3, [returned(3, 4), SaleCancelled("a", "o", ())]),
    ],
    "returned, and sold to another": [
        A_HOLDS_3_4,
        SOLD,
        (3, [returned(3), held("b", 3, at=3), TicketsSold("b", "p", (3,))]),
        (4, [returned(3, token="b", order="p")]),
    ],
    "returned, and withheld": [A_HOLDS_3_4, SOLD, (3, [returned(3), TicketsWithheld((3,), "r")])],
}


@pytest.mark.parametrize("name", LEGAL)
def test_what_is_just_legal_is_not_found(name: str) -> None:
    assert findings(followed(LEGAL[name])) == []


def in_a_register(*commits: Commit) -> list[Finding]:
    """What is found in block 0, which has no tickets, after hold a of ticket 3 in block 1."""
    audit = BlockAudit(0)
    audit.commit(1, 0, [BlockOpened(register(), RULES, "test")])
    whole = TicketsHeld("a", "f", (), 100, 0, 60_000, 0, parts=(Part(1, (3,)),))
    audit.commit(2, 0, [whole])
    for sequence, (at, events) in enumerate(commits, start=3):
        audit.commit(sequence, at, events)
    return [(found.seat, found.sequence, found.detail) for found in audit.violations]


@pytest.mark.parametrize(
    ("commits", "detail"),
    [
        ([(59_998, [HoldExpired("a", ())])], "its hold expired 2 ms before its deadline"),
        ([(60_001, [TicketsSold("a", "o", ())])], "sold 1 ms after its hold's deadline"),
        (
            [FOR_O, (2, [HoldReleased("a", ())])],
            "its hold was given back while it was being paid",
        ),
        (
            [FOR_O, (2, [TicketsSold("a", "p", ())])],
            "sold to another order than the one that was paying",
        ),
    ],
)
def test_a_hold_without_tickets_of_its_own_is_named_itself(
    commits: list[Commit], detail: str
) -> None:
    assert in_a_register(*commits) == [("", 2 + len(commits), f"{hold('a')}: {detail}")]


def test_a_record_in_a_register_is_paid_sold_and_cancelled_as_any_other() -> None:
    assert in_a_register(FOR_O, (60_000, [TicketsSold("a", "o", ())])) == []
    assert in_a_register(FOR_O, (2, [SaleCancelled("a", "o", ())])) == []
    sold: Commit = (2, [TicketsSold("a", "o", ()), SaleCancelled("a", "p", ())])
    assert in_a_register(FOR_O, sold) == [
        ("", 4, f"{hold('a')} is cancelled by another order than it was sold to")
    ]


def test_each_ticket_has_the_state_the_owner_and_the_sequence_of_its_last_change() -> None:
    audit = followed(
        [
            (0, [held("a", 0, 1)]),
            (0, [held("b", 2, 3), HoldSecured("b", "p", 90_000)]),
            (0, [held("c", 4)]),
            (0, [HoldSecured("a", "o", 70_000)]),
            (0, [TicketsSold("b", "p", (2, 3))]),
            (0, [returned(2, token="b", order="p", withheld=True)]),
            (0, [returned(3, token="b", order="p")]),
            (0, [SaleCancelled("c", "q", (4,))]),
            (0, [held("d", 5), TicketsSold("d", "q", (5,))]),
            (0, [SaleCancelled("d", "q", (5,))]),
        ]
    )
    assert findings(audit) == []
    assert list(audit.status) == [1, 1, 3, 0, 0, 0, 0, 0]
    assert audit.owner == ["a", "a", "", "", "", "", "", ""]
    assert list(audit.changed) == [5, 5, 7, 8, 9, 11, 1, 1]
    assert audit.live == {"a": SeenHold(held("a", 0, 1), 2, 70_000, order="o")}
    assert audit.cancelled == {"c", "d"}
    sale = SeenHold(held("b", 2, 3), 3, 90_000, ended_at=6, sold=True, order="p", again=True)
    assert audit.sales == {"b": sale}


def test_a_hold_that_is_secured_with_a_ticket_beyond_the_block_is_followed() -> None:
    audit = followed([(0, [held("a", -1, 8, amount=0)]), (1, [HoldSecured("a", "o", 61_000)])])
    assert findings(audit) == [("", 2, "ticket -1 is held, the block has 8")]
    assert list(audit.changed) == [1] * 8


def test_a_hold_is_made_again_only_if_it_is_secured_as_it_begins() -> None:
    later = followed([A_HOLDS_3, FOR_O, (2, [HoldSecured("a", "o", 91_000)])])
    assert not later.live["a"].again
    kept = followed([A_HOLDS_3, again(60_000, 120_000), (70_000, [HoldSecured("a", "o", CAP)])])
    assert kept.live["a"].again
    twice: Commit = (0, [held("a", 3), *[HoldSecured("a", "o", 90_000)] * 2])
    assert followed([twice]).live["a"].again


def test_the_cap_of_a_payment_is_an_hour() -> None:
    assert SECURED_MAX_MS == CAP
