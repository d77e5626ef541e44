"""The auditor and time: a commit that was on its way for so long that a part's deadline has passed is no violation."""

from __future__ import annotations

import pytest

from actors.domain.audit import BlockAudit
from actors.domain.audit_parts import audit_parts
from actors.domain.commands import Part
from actors.domain.events import BlockOpened, Event, HoldExpired, HoldReleased, TicketsHeld
from actors.domain.layout import Category, Layout, Row, Rules

RULES = Rules("EUR", hold_seconds=60, max_per_order=4, registers=1)


def layout(section: str) -> Layout:
    row = Row("1", 0, ("0", "1"))
    return Layout(section, (row,), 2, (Category("c", 100),), bytes(2), (0.0,) * 2, (0.0,) * 2)


PART = TicketsHeld("a", "f", (1,), 100, 0, 60_000, primary=2)
HOLD = TicketsHeld("a", "f", (0,), 200, 0, 60_000, primary=2, parts=(Part(1, (1,)),))


@pytest.mark.parametrize(
    ("ending", "at", "found"),
    [
        (HoldExpired("a", (1,)), 60_000, []),
        (HoldReleased("a", (1,)), 60_000, ["A-1-1@5"]),
        (HoldExpired("a", (1,)), 59_999, ["A-1-1@5"]),
    ],
    ids=["its deadline had passed", "it was given back", "it was ended early"],
)
def test_a_part_that_is_over_when_the_hold_is_stored(
    ending: Event, at: int, found: list[str]
) -> None:
    """The primary decided in time; its commit was stored later. Then nothing is promised any more, and nothing lost:
    the part was over when the hold was over."""
    part, primary = BlockAudit(1), BlockAudit(2)
    part.commit(1, 0, [BlockOpened(layout("A"), RULES, "test")])
    primary.commit(2, 0, [BlockOpened(layout("B"), RULES, "test")])
    part.commit(3, 0, [PART])
    part.commit(4, at, [ending])
    primary.commit(5, 59_000, [HOLD])
    objections = audit_parts({1: part, 2: primary})
    assert [f"{one.seat}@{one.sequence}" for one in objections] == found
