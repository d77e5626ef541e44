"""What the pages are made of besides HTML: a script and a style sheet, read once, tagged by content.

By content, not by the time of a file as starlette's StaticFiles does it: every replica has to give the same tag.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from serve_app.conditional import IMMUTABLE_CACHE, matches
from serve_app.problems import Problem

REVALIDATED_CACHE = "public, max-age=0, must-revalidate"
MEDIA_TYPES = {
    "page.css": "text/css",
    "seatmap.js": "text/javascript",
    "countdown.js": "text/javascript",
    "console.js": "text/javascript",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file; `href` names it with its content, so that it may be cached for ever."""

    name: str
    digest: str
    body: bytes

    @property
    def href(self) -> str:
        return f"/static/{self.name}?v={self.digest}"


def _read(name: str) -> Asset:
    body = (Path(__file__).parent / "static" / name).read_bytes()
    return Asset(name, hashlib.blake2b(body, digest_size=12).hexdigest(), body)


ASSETS = {name: _read(name) for name in MEDIA_TYPES}


async def static(request: Request) -> Response:
    """GET /static/{name}"""
    asset = ASSETS.get(request.path_params["name"])
    if asset is None:
        raise Problem("not_found")
    tag, named = f'"{asset.digest}"', request.query_params.get("v") == asset.digest
    headers = {
        "ETag": tag,
        "Cache-Control": IMMUTABLE_CACHE if named else REVALIDATED_CACHE,
        "X-Content-Type-Options": "nosniff",
    }
    if matches(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(asset.body, 200, headers, MEDIA_TYPES[asset.name])
