"""Organizers, operators and scanners carry `Authorization: Bearer KEY` (RFC 6750)."""

from __future__ import annotations

import hmac

from pydantic import SecretStr
from starlette.requests import Request

from serve_app.problems import Problem
from serve_app.runtime import runtime_of


async def require_admin(request: Request) -> None:
    """401 without a bearer key, 403 with one that is not the administrator's."""
    _require(request, runtime_of(request).settings.admin_key)


async def require_scanner(request: Request) -> None:
    """401 without a bearer key, 403 with one that is neither a scanner's nor the administrator's."""
    settings = runtime_of(request).settings
    _require(request, settings.scanner_key, settings.admin_key)


def _require(request: Request, *accepted: SecretStr | None) -> None:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise Problem("unauthenticated", "send Authorization: Bearer KEY")
    given = key.strip().encode()
    if not any(
        hmac.compare_digest(given, one.get_secret_value().encode()) for one in accepted if one
    ):
        raise Problem("forbidden")
