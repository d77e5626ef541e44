"""What a show offers now, as its page tells it: pure, from the show and a replica's view of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from actors.domain.block import Status
from cluster.reads.show_view import BlockView, Counts, ShowView
from cluster.store.show import Show

FEW_SHARE = 20
"""Less than one in so many left: `few`."""


class Sale(StrEnum):
    """Whether tickets can be had. `unknown`: the view could not be had in time."""

    SOON = "soon"
    OPEN = "open"
    FEW = "few"
    SOLD_OUT = "sold_out"
    CLOSED = "closed"
    EMPTY = "empty"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Offer:
    """One category: its price in minor units, and how many of its tickets there are in each state."""

    category: str
    price: int
    available: int
    held: int
    sold: int
    withheld: int


@dataclass(frozen=True, slots=True)
class Part:
    """A section or an area: how many tickets are free in it, of how many, and what the cheapest costs."""

    name: str
    free: int
    size: int
    price: int


@dataclass(frozen=True, slots=True)
class Place:
    """A seat of a row, as a buyer who chooses by name sees it."""

    seat: str
    number: str
    category: str
    price: int
    status: Status
    accessible: bool


@dataclass(frozen=True, slots=True)
class SeatRow:
    """A row of a section with its seats, in the order in which they stand."""

    name: str
    places: tuple[Place, ...]

    @property
    def free(self) -> int:
        return sum(place.status is Status.AVAILABLE for place in self.places)


def sale_of(show: Show, counts: Counts | None, now: int) -> Sale:
    """`now`: ms since the epoch."""
    if show.sale_closes_at is not None and now >= show.sale_closes_at:
        return Sale.CLOSED
    if show.sale_opens_at is not None and now < show.sale_opens_at:
        return Sale.SOON
    if counts is None:
        return Sale.UNKNOWN
    size = sum(sum(of_category) for of_category in counts.values())
    available = sum(of_category[Status.AVAILABLE] for of_category in counts.values())
    if size == 0:
        return Sale.EMPTY
    if available == 0:
        return Sale.SOLD_OUT
    return Sale.FEW if available * FEW_SHARE < size else Sale.OPEN


def offers_of(show: Show, counts: Counts) -> list[Offer]:
    """One per category, in the order of the show's prices."""
    none = [0] * len(Status)
    return [
        Offer(category, price, *counts.get(category, none))
        for category, price in show.prices.items()
    ]


def parts_of(view: ShowView, now: int, *, areas: bool) -> list[Part]:
    """The sections, or the areas, in the order in which they were loaded."""
    blocks = dict[str, list[BlockView]]()
    for _, block in view.seat_blocks():
        if block.layout.is_area is areas:
            blocks.setdefault(block.layout.section, []).append(block)
    return [_part(name, of_name, now) for name, of_name in blocks.items()]


def _part(name: str, blocks: Sequence[BlockView], now: int) -> Part:
    return Part(
        name,
        sum(block.free(None, now) for block in blocks),
        sum(block.layout.size for block in blocks),
        min(category.price for block in blocks for category in block.layout.categories),
    )


def rows_of(view: ShowView, section: str, now: int) -> list[SeatRow]:
    """The rows of a section; empty when there is no such section. A row that two blocks share is one row."""
    rows = dict[str, list[Place]]()
    for _, block in view.seat_blocks():
        if block.layout.section == section and not block.layout.is_area:
            for name, places in _rows_of_block(block, now):
                rows.setdefault(name, []).extend(places)
    return [SeatRow(name, tuple(places)) for name, places in rows.items()]


def _rows_of_block(block: BlockView, now: int) -> Iterator[tuple[str, list[Place]]]:
    layout, statuses = block.layout, block.sellable(now)
    accessible = frozenset(layout.accessible)
    for row in layout.rows:
        yield (
            row.name,
            [
                Place(
                    layout.label(ticket),
                    number,
                    layout.categories[layout.category_of[ticket]].name,
                    layout.price(ticket),
                    Status(statuses[ticket]),
                    ticket in accessible,
                )
                for ticket, number in enumerate(row.numbers, row.first)
            ],
        )
