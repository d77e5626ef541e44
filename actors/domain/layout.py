"""The unchanging part of a block: its places, their rows, categories, prices and positions, in columns."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from actors.domain.identity import seat_id

BLOCK_TICKETS_MAX = 2_000
"""Tickets in one block: keeps a commit, a snapshot and a replay small (its opening stays under NATS's 1 MiB)."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of seats; the order of `numbers` is the order of places in the hall."""

    name: str
    first: int
    numbers: tuple[str, ...]

    @property
    def end(self) -> int:
        return self.first + len(self.numbers)


@dataclass(frozen=True, slots=True)
class Category:
    name: str
    price: int


@dataclass(frozen=True, slots=True)
class Layout:
    """`size` tickets: seats in rows, or (with `rows` empty) units of an area numbered from `first_unit`.

    `category_of[i]` indexes `categories`; `x`, `y` are plan units; `focal` is the point that the best
    seats of the section are nearest to. `accessible` are the tickets whose places take a wheelchair, in order.
    """

    section: str
    rows: tuple[Row, ...]
    size: int
    categories: tuple[Category, ...]
    category_of: bytes
    x: tuple[float, ...]
    y: tuple[float, ...]
    focal: tuple[float, float] = (0.0, 0.0)
    first_unit: int = 1
    accessible: tuple[int, ...] = ()

    @property
    def is_area(self) -> bool:
        return not self.rows

    def label(self, ticket: int) -> str:
        """The seat id of a ticket: `SECTION-ROW-NUMBER`, or `AREA-n`."""
        if self.is_area:
            return f"{self.section}-{self.first_unit + ticket}"
        row = self.row_of(ticket)
        return seat_id(self.section, row.name, row.numbers[ticket - row.first])

    def labels(self) -> list[str]:
        """The seat ids of all tickets, in index order."""
        if self.is_area:
            return [f"{self.section}-{self.first_unit + n}" for n in range(self.size)]
        return [
            seat_id(self.section, row.name, number) for row in self.rows for number in row.numbers
        ]

    def row_of(self, ticket: int) -> Row:
        return self.rows[bisect_right(self.rows, ticket, key=lambda row: row.first) - 1]

    def price(self, ticket: int) -> int:
        return self.categories[self.category_of[ticket]].price

    def amount(self, tickets: tuple[int, ...]) -> int:
        """The price of these tickets together, in minor units."""
        categories, category_of = self.categories, self.category_of
        return sum(categories[category_of[ticket]].price for ticket in tickets)

    def category_index(self, name: str) -> int:
        """The index of a category, or -1 when the block has no such category."""
        return next((i for i, category in enumerate(self.categories) if category.name == name), -1)

    def distance(self, ticket: int) -> float:
        """The squared distance of a ticket's place from the focal point."""
        dx, dy = self.x[ticket] - self.focal[0], self.y[ticket] - self.focal[1]
        return dx * dx + dy * dy


@dataclass(frozen=True, slots=True)
class Rules:
    """What was fixed for the whole show. Times are milliseconds since the epoch, UTC.

    `registers`: blocks 0 to registers-1 have no tickets; they remember Idempotency-Keys (see `home_register`).
    """

    currency: str
    hold_seconds: int = 600
    max_per_order: int = 10
    opens_at: int | None = None
    closes_at: int | None = None
    registers: int = 1

    def on_sale(self, now: int) -> bool:
        if self.opens_at is not None and now < self.opens_at:
            return False
        return self.closes_at is None or now < self.closes_at
