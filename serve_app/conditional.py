"""What may be kept of an answer, and conditional requests (RFC 9111; RFC 9110, section 13)."""

from __future__ import annotations

from starlette.requests import Request

IMMUTABLE_CACHE = "public, max-age=31536000, immutable"
"""Of an address that names its content by a hash: a year, and no question in between."""

NO_STORE = {"Cache-Control": "no-store"}
"""Of what is one buyer's: a hold, an order with its address and the codes of its tickets."""


def matches(request: Request, tag: str) -> bool:
    """If-None-Match, by weak comparison (RFC 9110, 13.1.2)."""
    asked = request.headers.get("If-None-Match")
    if asked is None:
        return False
    tags = [candidate.strip().removeprefix("W/") for candidate in asked.split(",")]
    return "*" in tags or tag in tags


def takes_gzip(request: Request) -> bool:
    """Accept-Encoding (RFC 9110, 12.5.3), as far as it is about gzip."""
    for coding in request.headers.get("Accept-Encoding", "").split(","):
        name, _, weight = coding.partition(";")
        if name.strip().lower() == "gzip":
            return weight.replace(" ", "").rstrip("0.") != "q="
    return False
