"""The operators' console: an empty page, and a script that fills it.

The key is typed into a form, kept in the tab's sessionStorage and sent as `Authorization` by that one script. So there
is no cookie that another site could make a browser send, no session on any server, and nothing in an address or a log;
the content security policy lets no other script run that could read it, and it is gone with the tab.
"""

from __future__ import annotations

from starlette.requests import Request

from serve_app.web.language import language
from serve_app.web.page import Page, page

_WIDE = (
    ("hosts", "Hosts", ("host", "blocks", "waiting", "p50 ms", "p99 ms", "memory", "state", "")),
    ("shows", "Shows", ("show", "available", "held", "sold", "withheld", "frozen", "")),
    ("money", "Money", ("currency", "authorised", "captured", "given back", "owed")),
)
_NARROW = (
    ("orders", "Orders", ("state", "orders")),
    ("payments", "Payments", ("what", "now")),
    ("services", "Services", ("service", "running", "lag", "last error")),
    ("ready", "Parts", ("part", "state")),
)


@page
async def console(_: Request) -> Page:
    """GET /operator: empty, for everybody; its script asks for the key."""
    context = {"wide": _WIDE, "narrow": _NARROW}
    return Page(
        "console.html", context, headers={"Referrer-Policy": "no-referrer"}, only=language("en")
    )
