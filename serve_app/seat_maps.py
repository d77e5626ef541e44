"""Seat maps as bytes: drawn once for every set of blocks, because a block never changes.

In a thread: a large hall takes a tenth of a second, and buyers are waiting.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import msgspec

from actors.domain.layout import Layout
from cluster.reads.show_view import ShowView

SEATMAPS_CACHED_MAX = 50
GZIP_LEVEL = 6


@dataclass(frozen=True, slots=True)
class SeatMap:
    """`digest` is of the geometry: the same on every replica and after every restart."""

    blocks: int
    digest: str
    body: bytes
    gzipped: bytes


class SeatMaps:
    """The seat maps of a replica, those asked for last."""

    def __init__(self) -> None:
        self._drawn: OrderedDict[str, SeatMap] = OrderedDict()
        self._drawing = asyncio.Lock()

    async def of(self, view: ShowView) -> SeatMap:
        """The map of all blocks that the view has now."""
        return self._current(view) or await self._draw(view)

    def _current(self, view: ShowView) -> SeatMap | None:
        drawn = self._drawn.get(view.show_id)
        if drawn is None or drawn.blocks != len(view.blocks):
            return None
        self._drawn.move_to_end(view.show_id)
        return drawn

    async def _draw(self, view: ShowView) -> SeatMap:
        async with (
            self._drawing
        ):  # one at a time: when a sale opens, everybody asks for the same one
            drawn = self._current(view)
            if drawn is None:
                blocks = [(number, block.layout) for number, block in view.seat_blocks()]
                names, currency = list(view.counts), view.rules.currency if view.rules else None
                drawn = await asyncio.to_thread(
                    _drawn, view.show_id, currency, names, blocks, len(view.blocks)
                )
                self._drawn[view.show_id] = drawn
                while len(self._drawn) > SEATMAPS_CACHED_MAX:
                    self._drawn.popitem(last=False)
        return drawn


def _drawn(
    show_id: str,
    currency: str | None,
    names: list[str],
    blocks: list[tuple[int, Layout]],
    count: int,
) -> SeatMap:
    prices = {
        category.name: category.price for _, layout in blocks for category in layout.categories
    }
    geometry = msgspec.json.encode(
        {
            "show_id": show_id,
            "currency": currency,
            "categories": [{"name": name, "price": prices[name]} for name in names],
            "blocks": [_block(number, layout, names) for number, layout in blocks],
        }
    )
    digest = hashlib.blake2b(geometry, digest_size=12).hexdigest()
    body = b'{"hash":"' + digest.encode() + b'",' + geometry[1:]
    return SeatMap(count, digest, body, gzip.compress(body, GZIP_LEVEL, mtime=0))


def _block(number: int, layout: Layout, names: list[str]) -> dict[str, Any]:
    if layout.is_area:
        return {
            "block": number,
            "area": layout.section,
            "first_unit": layout.first_unit,
            "tickets": layout.size,
            "category": names.index(layout.categories[0].name),
        }
    own = [names.index(category.name) for category in layout.categories]
    return {
        "block": number,
        "section": layout.section,
        "focal": [_short(value) for value in layout.focal],
        "rows": [{"row": row.name, "numbers": row.numbers} for row in layout.rows],
        "category": [own[index] for index in layout.category_of],
        "x": [_short(value) for value in layout.x],
        "y": [_short(value) for value in layout.y],
    }


def _short(value: float) -> float | int:
    rounded = round(value, 2)
    return int(rounded) if rounded.is_integer() else rounded
