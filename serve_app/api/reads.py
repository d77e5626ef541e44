"""Seat map and availability, from the replica's view: no actor is asked, no store is read.

`status` of a block: two bits per ticket in index order, four tickets to a byte, the first ticket in the lowest bits
(0 available, 1 held, 2 sold, 3 withheld), base64. A block's index order is that of the seat map: row after row, and
in an area unit after unit.
"""

from __future__ import annotations

import gzip
import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from cluster.reads.show_view import STATUS_NAMES, BlockView, ShowView
from serve_app.runtime import runtime_of
from serve_app.shows import view_of

SEATMAPS_CACHED_MAX = 50
GZIP_LEVEL = 6
AVAILABILITY_CACHE = "public, max-age=0, must-revalidate"
SEATMAP_CACHE = "public, max-age=60"
IMMUTABLE_CACHE = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class _Seatmap:
    blocks: int
    tag: str
    body: bytes
    gzipped: bytes


_seatmaps: OrderedDict[str, _Seatmap] = OrderedDict()


async def availability(request: Request) -> Response:
    """GET /v1/shows/{show_id}/availability"""
    view = await view_of(runtime_of(request), request.path_params["show_id"])
    tag = f'"{view.version}"'
    headers = {"ETag": tag, "Cache-Control": AVAILABILITY_CACHE}
    if _matches(request, tag):
        return Response(status_code=304, headers=headers)
    body = {
        "show_id": view.show_id,
        "version": view.version,
        "counts": {
            category: {STATUS_NAMES[status]: counts[status] for status in STATUS_NAMES}
            for category, counts in view.counts.items()
        },
        "blocks": [
            {"block": number, "tickets": block.layout.size, "status": block.packed()}
            for number, block in view.seat_blocks()
        ],
    }
    return Response(msgspec.json.encode(body), 200, headers, "application/json")


async def seatmap(request: Request) -> Response:
    """GET /v1/shows/{show_id}/seatmap"""
    view = await view_of(runtime_of(request), request.path_params["show_id"])
    drawn = _seatmap(view)
    hashed = request.query_params.get("hash") == drawn.tag.strip('"')
    headers = {
        "ETag": drawn.tag,
        "Cache-Control": IMMUTABLE_CACHE if hashed else SEATMAP_CACHE,
        "Vary": "Accept-Encoding",
    }
    if _matches(request, drawn.tag):
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(drawn.gzipped, 200, headers, "application/json")
    return Response(drawn.body, 200, headers, "application/json")


def _matches(request: Request, tag: str) -> bool:
    """If-None-Match, by weak comparison (RFC 9110, 13.1.2)."""
    asked = request.headers.get("If-None-Match")
    if asked is None:
        return False
    tags = [candidate.strip().removeprefix("W/") for candidate in asked.split(",")]
    return "*" in tags or tag in tags


def _seatmap(view: ShowView) -> _Seatmap:
    """Drawn once for every set of blocks; a block never changes."""
    cached = _seatmaps.get(view.show_id)
    if cached is not None and cached.blocks == len(view.blocks):
        _seatmaps.move_to_end(view.show_id)
        return cached
    names = list(view.counts)
    geometry = msgspec.json.encode(
        {
            "show_id": view.show_id,
            "currency": view.rules.currency if view.rules else None,
            "categories": _categories(view),
            "blocks": [_drawn(number, block, names) for number, block in view.seat_blocks()],
        }
    )
    digest = hashlib.blake2b(geometry, digest_size=12).hexdigest()
    body = b'{"hash":"' + digest.encode() + b'",' + geometry[1:]
    drawn = _Seatmap(
        len(view.blocks), f'"{digest}"', body, gzip.compress(body, GZIP_LEVEL, mtime=0)
    )
    _seatmaps[view.show_id] = drawn
    while len(_seatmaps) > SEATMAPS_CACHED_MAX:
        _seatmaps.popitem(last=False)
    return drawn


def _categories(view: ShowView) -> list[dict[str, Any]]:
    prices = {
        category.name: category.price
        for block in view.blocks.values()
        for category in block.layout.categories
    }
    return [{"name": name, "price": prices[name]} for name in view.counts]


def _drawn(number: int, block: BlockView, names: list[str]) -> dict[str, Any]:
    layout = block.layout
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
