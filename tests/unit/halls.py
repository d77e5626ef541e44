"""Small halls and blocks to test with."""

from __future__ import annotations

from collections.abc import Sequence

from actors.domain.block import Block, evolve
from actors.domain.commands import Command, HoldTerms, OpenBlock
from actors.domain.cutting import area_layouts, cut_blocks, register_layout
from actors.domain.events import Event, TicketsHeld
from actors.domain.layout import Category, Layout, Rules
from actors.domain.rejections import Rejection
from actors.domain.seat_rows import SeatRow
from actors.domain.tickets import decide

NOW = 1_000_000_000_000
RULES = Rules(currency="EUR", hold_seconds=600, max_per_order=10, registers=1)
TOKENS = [letter * 26 for letter in "abcdefghijkl"]


def seats(*rows: str, section: str = "Stalls", prices: dict[str, int] | None = None) -> Layout:
    """A section: one string per row, one letter per seat, the letter its category."""
    listed = [
        SeatRow(100 * line + place, section, f"R{line}", str(place + 1), category, None, None)
        for line, row in enumerate(rows)
        for place, category in enumerate(row)
    ]
    known = prices or {category: 1000 + ord(category) for row in rows for category in row}
    (layout,) = cut_blocks(listed, known)
    return layout


def area(capacity: int) -> Layout:
    (layout,) = area_layouts("Floor", Category("g", 2500), capacity)
    return layout


def register() -> Layout:
    return register_layout()


def opened(layout: Layout, rules: Rules = RULES) -> Block:
    return after(Block(), OpenBlock(layout, rules, "test"))


def terms(
    token: str = TOKENS[0], size: int = 1, fingerprint: str = "f", **more: object
) -> HoldTerms:
    return HoldTerms(token, fingerprint, size, 0, **more)  # type: ignore[arg-type]


def after(block: Block, *commands: Command, now: int = NOW) -> Block:
    """The block after commands that are all accepted."""
    for command in commands:
        events = decide(block, command, now)
        assert not isinstance(events, Rejection), (command, events)
        block = folded(block, events)
    return block


def folded(block: Block, events: Sequence[Event]) -> Block:
    for event in events:
        block = evolve(block, event)
    return block


def held(token: str, *tickets: int, at: int = 0, **changes: object) -> TicketsHeld:
    """The event of a hold in block 1 whose seats cost 100 each, for a minute from `at`."""
    fields: dict[str, object] = {
        "token": token,
        "fingerprint": "f",
        "tickets": tickets,
        "amount": 100 * len(tickets),
        "held_at": at,
        "deadline": at + 60_000,
        "primary": 1,
        **changes,
    }
    return TicketsHeld(**fields)  # type: ignore[arg-type]
