"""What the pages are made of besides HTML: scripts and a style sheet, read once, tagged by content.

A module that another one imports is imported by the address with its content, so that it may be cached for ever too.

By content, not by the time of a file as starlette's StaticFiles does it: every replica has to give the same tag.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from serve_app.conditional import IMMUTABLE_CACHE, matches
from serve_app.problems import Problem

REVALIDATED_CACHE = "public, max-age=0, must-revalidate"
MEDIA_TYPES = {
    "page.css": "text/css",
    "seatmap.js": "text/javascript",
    "hall.js": "text/javascript",
    "canvas.js": "text/javascript",
    "choice.js": "text/javascript",
    "countdown.js": "text/javascript",
    "checkout.js": "text/javascript",
    "console.js": "text/javascript",
}


_IMPORT = re.compile(rb'from "\./([a-z]+\.js)"')


@dataclass(frozen=True, slots=True)
class Asset:
    """A file; `href` names it with its content, so that it may be cached for ever."""

    name: str
    digest: str
    body: bytes

    @property
    def address(self) -> str:
        """Beside other assets."""
        return f"{self.name}?v={self.digest}"

    @property
    def href(self) -> str:
        return f"/static/{self.address}"


@cache
def _read(name: str) -> Asset:
    body = (Path(__file__).parent / "static" / name).read_bytes()
    body = _IMPORT.sub(
        lambda found: b'from "./%s"' % _read(found[1].decode()).address.encode(), body
    )
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
    }
    if matches(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(asset.body, 200, headers, MEDIA_TYPES[asset.name])
