"""Organizers, operators and scanners carry `Authorization: Bearer KEY` (RFC 6750)."""

from __future__ import annotations

import hmac

from pydantic import SecretStr
from starlette.requests import Request
from starlette.types import Scope

from cluster.settings import Settings
from serve_app.problems import Problem
from serve_app.runtime import runtime_of


async def require_admin(request: Request) -> None:
    """401 without a bearer key, 403 with one that is not the administrator's."""
    _require(request, runtime_of(request).settings.admin_key)


async def require_scanner(request: Request) -> None:
    """401 without a bearer key, 403 with one that is neither a scanner's nor the administrator's."""
    settings = runtime_of(request).settings
    _require(request, settings.scanner_key, settings.admin_key)


def has_key(scope: Scope, settings: Settings) -> bool:
    """Whether a request carries one of the keys."""
    given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    key = _key_of(given.decode("latin-1"))
    return bool(key) and _is_one_of(key, settings.admin_key, settings.scanner_key)


def _require(request: Request, *accepted: SecretStr | None) -> None:
    key = _key_of(request.headers.get("Authorization", ""))
    if not key:
        raise Problem("unauthenticated", "send Authorization: Bearer KEY")
    if not _is_one_of(key, *accepted):
        raise Problem("forbidden")


def _key_of(authorization: str) -> bytes:
    scheme, _, key = authorization.partition(" ")
    return key.strip().encode() if scheme.lower() == "bearer" else b""


def _is_one_of(given: bytes, *accepted: SecretStr | None) -> bool:
    return any(
        hmac.compare_digest(given, one.get_secret_value().encode()) for one in accepted if one
    )
