"""Cookies that are secrets (RFC 6265bis): only the server reads them, only over TLS, and no other site sends them.

Without TLS on this very machine alone, or where the operator has said that buyers come without it.
"""

from __future__ import annotations

from enum import StrEnum
from http.cookies import SimpleCookie

from starlette.requests import Request

from cluster.ticketing.mailer import is_loopback
from serve_app.runtime import runtime_of


class Cookie(StrEnum):
    SESSION = "session"
    """The token of a session."""

    ORDERS = "orders"
    """A token of a link: the address whose orders this browser sees for a while."""

    PASSWORD = "password"
    """The token of a link with which a password is chosen."""


def cookie_of(request: Request, cookie: Cookie) -> str | None:
    """What the browser has kept."""
    return request.cookies.get(_name(request, cookie)) or None


def kept(request: Request, cookie: Cookie, value: str, seconds: int) -> str:
    """A Set-Cookie field: the browser keeps it for so long."""
    name, made = _name(request, cookie), SimpleCookie()
    made[name] = value
    made[name].update({"path": "/", "max-age": str(seconds), "samesite": "Lax"})
    if _is_secure(request):
        made[name]["secure"] = True
    made[name]["httponly"] = True
    return made[name].OutputString()


def dropped(request: Request, cookie: Cookie) -> str:
    """A Set-Cookie field: the browser forgets it."""
    return kept(request, cookie, "", 0)


def _name(request: Request, cookie: Cookie) -> str:
    """With the prefix no other host, and no page without TLS, can have set it."""
    return f"__Host-{cookie}" if _is_secure(request) else cookie.value


def _is_secure(request: Request) -> bool:
    public = runtime_of(request).settings.public_url
    if public is not None:
        return public.startswith("https://")
    return request.url.scheme == "https" or not is_loopback(request.url.hostname or "")
