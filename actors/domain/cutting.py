"""How a show's seats are cut into blocks: whole rows of one section together, areas into pools, registers empty."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from actors.domain.layout import BLOCK_TICKETS_MAX, Category, Layout, Row
from actors.domain.seat_rows import SeatRow

REGISTERS = 4
"""Blocks of a show that only remember Idempotency-Keys; several, so that keyed holds do not queue behind each other."""

Point = tuple[float, float]


def register_layout() -> Layout:
    """A block without tickets."""
    return Layout("", (), 0, (), b"", (), ())


def area_layouts(
    area: str, category: Category, capacity: int, tickets_max: int = BLOCK_TICKETS_MAX
) -> list[Layout]:
    """The pools of an area: `capacity` units in blocks as even as can be, so that buyers spread over them."""
    pools = -(-capacity // tickets_max)
    sizes = [capacity // pools + (1 if pool < capacity % pools else 0) for pool in range(pools)]
    layouts, first_unit = list[Layout](), 1
    for size in sizes:
        zeros = (0.0,) * size
        layouts.append(
            Layout(area, (), size, (category,), bytes(size), zeros, zeros, first_unit=first_unit)
        )
        first_unit += size
    return layouts


def cut_blocks(
    rows: Iterable[SeatRow], prices: dict[str, int], tickets_max: int = BLOCK_TICKETS_MAX
) -> list[Layout]:
    """The blocks of checked seat rows, deterministic: sections, rows and places in the order of the file.

    Rows are kept whole as long as they fit into a block; the focal point of a section is the middle of its first row.
    """
    sections: dict[str, dict[str, list[SeatRow]]] = {}
    for seat in rows:
        sections.setdefault(seat.section, {}).setdefault(seat.row_name, []).append(seat)
    return [
        layout
        for section, by_row in sections.items()
        for layout in _cut_section(section, by_row, prices, tickets_max)
    ]


def _cut_section(
    section: str, by_row: dict[str, list[SeatRow]], prices: dict[str, int], tickets_max: int
) -> Iterator[Layout]:
    positions = _positions(by_row)
    focal = _middle([positions[seat.row] for seat in next(iter(by_row.values()))])
    pieces = [
        (name, seats[first : first + tickets_max])
        for name, seats in by_row.items()
        for first in range(0, len(seats), tickets_max)
    ]
    block, size = list[tuple[str, list[SeatRow]]](), 0
    for name, seats in pieces:
        if block and size + len(seats) > tickets_max:
            yield _layout(section, block, positions, focal, prices)
            block, size = [], 0
        block.append((name, seats))
        size += len(seats)
    yield _layout(section, block, positions, focal, prices)


def _layout(
    section: str,
    pieces: list[tuple[str, list[SeatRow]]],
    positions: dict[int, Point],
    focal: Point,
    prices: dict[str, int],
) -> Layout:
    seats = [seat for _, piece in pieces for seat in piece]
    names = list(dict.fromkeys(seat.category for seat in seats))
    rows, first = list[Row](), 0
    for name, piece in pieces:
        rows.append(Row(name, first, tuple(seat.number for seat in piece)))
        first += len(piece)
    return Layout(
        section,
        tuple(rows),
        len(seats),
        tuple(Category(name, prices[name]) for name in names),
        bytes(names.index(seat.category) for seat in seats),
        tuple(positions[seat.row][0] for seat in seats),
        tuple(positions[seat.row][1] for seat in seats),
        focal,
        accessible=tuple(ticket for ticket, seat in enumerate(seats) if seat.accessible),
    )


def _positions(by_row: dict[str, list[SeatRow]]) -> dict[int, Point]:
    """Where each seat stands, by its row in the file; a section without coordinates becomes a plain grid."""
    placed = {
        seat.row: (seat.x, seat.y)
        for seats in by_row.values()
        for seat in seats
        if seat.x is not None and seat.y is not None
    }
    if len(placed) == sum(len(seats) for seats in by_row.values()):
        return placed
    return {
        seat.row: (place - (len(seats) - 1) / 2, float(line))
        for line, seats in enumerate(by_row.values())
        for place, seat in enumerate(seats)
    }


def _middle(points: list[Point]) -> Point:
    return sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points)
