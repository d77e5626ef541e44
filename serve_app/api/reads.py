"""Seat map and availability, from the replica's view: no actor is asked, no store is read.

`status` of a block: two bits per ticket in index order, four tickets to a byte, the first ticket in the lowest bits
(0 available, 1 held, 2 sold, 3 withheld), base64. A block's index order is that of the seat map: row after row, and
in an area unit after unit.
"""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from cluster.reads.show_view import STATUS_NAMES
from serve_app.conditional import IMMUTABLE_CACHE, matches, takes_gzip
from serve_app.runtime import runtime_of
from serve_app.shows import view_of

AVAILABILITY_CACHE = "public, max-age=0, must-revalidate"
SEATMAP_CACHE = "public, max-age=60"


async def availability(request: Request) -> Response:
    """GET /v1/shows/{show_id}/availability"""
    view = await view_of(runtime_of(request), request.path_params["show_id"])
    tag = f'"{view.version}"'
    headers = {"ETag": tag, "Cache-Control": AVAILABILITY_CACHE}
    if matches(request, tag):
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
    drawn = await request.app.state.seat_maps.of(view)
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
        return Response(drawn.gzipped, 200, headers, "application/json")
    return Response(drawn.body, 200, headers, "application/json")
