"""Seat maps, in JSON and in other forms: drawn once for every set of blocks, because a block never changes.

In a thread: a large hall takes a tenth of a second, and buyers are waiting.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from actors.domain.layout import Layout
from cluster.reads.show_view import ShowView

SEATMAPS_CACHED_MAX = 50
GZIP_LEVEL = 6


@dataclass(frozen=True, slots=True)
class Geometry:
    """What a seat map is drawn from. `names` are the categories, in the order in which the map numbers them."""

    show_id: str
    currency: str | None
    names: list[str]
    blocks: list[tuple[int, Layout]]

    def categories(self) -> list[dict[str, Any]]:
        """Names and prices (minor units), as every form of the map lists them."""
        prices = {
            category.name: category.price
            for _, layout in self.blocks
            for category in layout.categories
        }
        return [{"name": name, "price": prices[name]} for name in self.names]


@dataclass(frozen=True, slots=True)
class SeatMap:
    """`digest` is of the geometry: the same on every replica and after every restart."""

    blocks: int
    digest: str
    body: bytes
    gzipped: bytes


Draw = Callable[[Geometry], tuple[str, bytes]]
"""A form of the map: its digest, and its bytes."""


class SeatMaps:
    """The seat maps of a replica in one form, those asked for last."""

    def __init__(self, draw: Draw) -> None:
        self._draw_form = draw
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
                currency = view.rules.currency if view.rules else None
                geometry = Geometry(view.show_id, currency, list(view.counts), blocks)
                drawn = await asyncio.to_thread(self._made, geometry, len(view.blocks))
                self._drawn[view.show_id] = drawn
                while len(self._drawn) > SEATMAPS_CACHED_MAX:
                    self._drawn.popitem(last=False)
        return drawn

    def _made(self, geometry: Geometry, blocks: int) -> SeatMap:
        digest, body = self._draw_form(geometry)
        return SeatMap(blocks, digest, body, gzip.compress(body, GZIP_LEVEL, mtime=0))


def digest_of(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=12).hexdigest()


def json_seat_map(geometry: Geometry) -> tuple[str, bytes]:
    """The seat map as JSON, which has its own digest in it."""
    body = msgspec.json.encode(
        {
            "show_id": geometry.show_id,
            "currency": geometry.currency,
            "categories": geometry.categories(),
            "blocks": [
                drawn_block(number, layout, geometry.names) for number, layout in geometry.blocks
            ],
        }
    )
    digest = digest_of(body)
    return digest, b'{"hash":"' + digest.encode() + b'",' + body[1:]


def drawn_block(number: int, layout: Layout, names: list[str]) -> dict[str, Any]:
    """A block as the JSON seat map has it."""
    if layout.is_area:
        return {
            "block": number,
            "area": layout.section,
            "first_unit": layout.first_unit,
            "tickets": layout.size,
            "category": names.index(layout.categories[0].name),
        }
    own = [names.index(category.name) for category in layout.categories]
    accessible = {"accessible": layout.accessible} if layout.accessible else {}
    return {
        "block": number,
        "section": layout.section,
        "focal": [_short(value) for value in layout.focal],
        "rows": [{"row": row.name, "numbers": row.numbers} for row in layout.rows],
        "category": [own[index] for index in layout.category_of],
        "x": [_short(value) for value in layout.x],
        "y": [_short(value) for value in layout.y],
        **accessible,
    }


def _short(value: float) -> float | int:
    rounded = round(value, 2)
    return int(rounded) if rounded.is_integer() else rounded
