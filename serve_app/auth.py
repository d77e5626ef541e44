"""Organizers and operators carry `Authorization: Bearer KEY` (RFC 6750)."""

from __future__ import annotations

import hmac

from starlette.requests import Request

from serve_app.problems import Problem
from serve_app.runtime import runtime_of


async def require_admin(request: Request) -> None:
    """401 without a bearer key, 403 with one that is not the administrator's."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise Problem("unauthenticated", "send Authorization: Bearer KEY")
    expected = runtime_of(request).settings.admin_key
    if expected is None or not hmac.compare_digest(
        key.strip().encode(), expected.get_secret_value().encode()
    ):
        raise Problem("forbidden")
