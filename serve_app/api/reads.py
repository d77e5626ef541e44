"""Seat map and availability, from the replica's view: no actor is asked, no store is read.

`status` of a block: two bits per ticket in index order, four tickets to a byte, the first ticket in the lowest bits
(0 available, 1 held, 2 sold, 3 withheld), base64. A block's index order is that of the seat map: row after row, and
in an area unit after unit. `serve_app.packed` says how both look as bytes.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from cluster.reads.show_view import STATUS_NAMES, ShowView
from serve_app.conditional import IMMUTABLE_CACHE, matches, takes_gzip
from serve_app.packed import MEDIA_TYPE, packed_availability
from serve_app.runtime import runtime_of
from serve_app.seat_maps import SeatMaps
from serve_app.shows import view_of

AVAILABILITY_CACHE = "public, max-age=0, must-revalidate"
SEATMAP_CACHE = "public, max-age=60"


async def availability(request: Request) -> Response:
    """GET /v1/shows/{show_id}/availability"""
    return await _availability(request, _json_availability, "application/json")


async def availability_packed(request: Request) -> Response:
    """GET /v1/shows/{show_id}/availability.bin"""
    return await _availability(request, packed_availability, MEDIA_TYPE)


async def _availability(
    request: Request, form: Callable[[ShowView], bytes], media_type: str
) -> Response:
    view = await view_of(runtime_of(request), request.path_params["show_id"])
    tag = f'"{view.version}"'
    headers = {"ETag": tag, "Cache-Control": AVAILABILITY_CACHE}
    if matches(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(form(view), 200, headers, media_type)


def _json_availability(view: ShowView) -> bytes:
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
    return msgspec.json.encode(body)


async def seatmap(request: Request) -> Response:
    """GET /v1/shows/{show_id}/seatmap"""
    return await _seatmap(request, request.app.state.seat_maps, "application/json")


async def seatmap_packed(request: Request) -> Response:
    """GET /v1/shows/{show_id}/seatmap.bin"""
    return await _seatmap(request, request.app.state.packed_seat_maps, MEDIA_TYPE)


async def _seatmap(request: Request, maps: SeatMaps, media_type: str) -> Response:
    view = await view_of(runtime_of(request), request.path_params["show_id"])
    drawn = await maps.of(view)
    hashed = request.query_params.get("hash") == drawn.digest
    zipped, tag = takes_gzip(request), f'"{drawn.digest}"'
    headers = {
        "ETag": f"W/{tag}" if zipped else tag,  # a strong tag would promise the same bytes
        "Cache-Control": IMMUTABLE_CACHE if hashed else SEATMAP_CACHE,
        "Vary": "Accept-Encoding",
    }
    if matches(request, tag):
        return Response(status_code=304, headers=headers)
    if zipped:
        headers["Content-Encoding"] = "gzip"
        return Response(drawn.gzipped, 200, headers, media_type)
    return Response(drawn.body, 200, headers, media_type)
