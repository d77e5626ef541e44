"""Seat map and availability as bytes that a browser reads without parsing 50,000 numbers. Everything is little-endian.

**seatmap.bin** (`application/octet-stream`), version 1. `n` is the number of seats, areas not counted:

| offset | bytes | what |
|---|---|---|
| 0 | 4 | `FRM1` |
| 4 | 4 | `h`, the length of the texts: unsigned, a multiple of 4 |
| 8 | h | the texts: a JSON object in UTF-8, filled up with spaces |
| 8+h | 4n | x in hundredths of the plan's unit, signed: each as the difference to the seat before it, the first to 0 |
| 8+h+4n | 4n | y in the same way |
| 8+h+8n | 2n | category, unsigned: an index into the texts' `categories` |

The texts are the JSON seat map without its `hash`, and without the blocks' `category`, `x` and `y`; the columns have
the seats of all blocks, block after block, each in index order. A row whose numbers count evenly (1, 2, 3; 20, 18, 16)
has `from`, `step` and `seats` (how many) in place of `numbers`.

**availability.bin**, version 1:

| offset | bytes | what |
|---|---|---|
| 0 | 4 | `FRA1` |
| 4 | 4 | `b`, the number of blocks, unsigned |
| 8 | 8 | the version, unsigned |
| 16 | 8b | for each block its number and its tickets, 4 bytes each, unsigned |
| 16+8b | | the packed statuses, block after block, each (tickets + 3) // 4 bytes: two bits per ticket, lowest first |
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterable
from typing import Any

import msgspec

from actors.domain.layout import Layout, Row
from cluster.reads.show_view import ShowView
from serve_app.seat_maps import Geometry, digest_of, drawn_block

MEDIA_TYPE = "application/octet-stream"
SEATMAP_MAGIC, AVAILABILITY_MAGIC = b"FRM1", b"FRA1"

DIGITS_MAX = 9
"""Of a number that is counted: every client can compute with it."""

_COLUMNS = ("category", "x", "y")


def packed_seat_map(geometry: Geometry) -> tuple[str, bytes]:
    """`seatmap.bin`, after its digest."""
    seats = [layout for _, layout in geometry.blocks if not layout.is_area]
    texts = msgspec.json.encode(
        {
            "show_id": geometry.show_id,
            "currency": geometry.currency,
            "categories": geometry.categories(),
            "blocks": [_texts(number, layout, geometry) for number, layout in geometry.blocks],
        }
    )
    texts += b" " * (-len(texts) % 4)
    categories = [
        geometry.names.index(layout.categories[own].name)
        for layout in seats
        for own in layout.category_of
    ]
    body = b"".join(
        [
            SEATMAP_MAGIC,
            struct.pack("<I", len(texts)),
            texts,
            _column("i", _differences(x for layout in seats for x in layout.x)),
            _column("i", _differences(y for layout in seats for y in layout.y)),
            _column("H", categories),
        ]
    )
    return digest_of(body), body


def packed_availability(view: ShowView) -> bytes:
    """`availability.bin`."""
    blocks = view.seat_blocks()
    numbers = [value for number, block in blocks for value in (number, block.layout.size)]
    return b"".join(
        [
            AVAILABILITY_MAGIC,
            struct.pack("<IQ", len(blocks), view.version),
            _column("I", numbers),
            *(block.packed() for _, block in blocks),
        ]
    )


def _texts(number: int, layout: Layout, geometry: Geometry) -> dict[str, Any]:
    block = drawn_block(number, layout, geometry.names)
    if layout.is_area:
        return block
    kept = {name: value for name, value in block.items() if name not in _COLUMNS}
    return {**kept, "rows": [_row(row) for row in layout.rows]}


def _row(row: Row) -> dict[str, Any]:
    numbers = row.numbers
    if all(n.isascii() and n.isdigit() and len(n) <= DIGITS_MAX for n in numbers):
        first = int(numbers[0])
        step = int(numbers[1]) - first if len(numbers) > 1 else 0
        if numbers == tuple(str(first + step * place) for place in range(len(numbers))):
            return {"row": row.name, "from": first, "step": step, "seats": len(numbers)}
    return {"row": row.name, "numbers": numbers}


def _differences(values: Iterable[float]) -> list[int]:
    """In hundredths, rounded as the JSON seat map rounds. COORDINATE_MAX keeps them within 32 bits."""
    hundredths = [round(round(value, 2) * 100) for value in values]
    return [value - before for before, value in zip([0, *hundredths], hundredths, strict=False)]


def _column(kind: str, values: Iterable[int]) -> bytes:
    column = array(kind, values)
    if sys.byteorder == "big":
        column.byteswap()
    return column.tobytes()
