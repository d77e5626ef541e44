"""Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07), without a response cache.

What a request creates has an id that follows from the key, and remembers a digest of the request. So the same key
with the same body finds what it created before, and with another body it is noticed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from starlette.requests import Request

from actors.domain.identity import token_of, token_of_key
from cluster.bootstrap import Runtime
from serve_app.problems import Problem

KEY_LENGTH_MAX = 255
REPLAYED = {"Idempotent-Replayed": "true"}


@dataclass(frozen=True, slots=True)
class RequestIdentity:
    """`token` follows from the key if there is one; `fingerprint` is a digest of what is asked for."""

    token: str
    fingerprint: str
    keyed: bool


def identify(request: Request, runtime: Runtime, scope: str, *asked: bytes) -> RequestIdentity:
    """The identity of a creating request within `scope` (the collection that it adds to); `asked` is what it says."""
    digest = hashlib.blake2b(digest_size=12)
    for part in asked:
        digest.update(part)
    fingerprint = digest.hexdigest()
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return RequestIdentity(token_of(runtime.entropy(16)), fingerprint, keyed=False)
    key = key.strip()
    if (
        len(key) >= 2 and key[0] == key[-1] == '"'
    ):  # a structured-field string, as the draft asks for
        key = key[1:-1]
    if not 0 < len(key) <= KEY_LENGTH_MAX or not all(" " <= char <= "~" for char in key):
        raise Problem("invalid_idempotency_key", f"1 to {KEY_LENGTH_MAX} visible ASCII characters")
    return keyed_identity(runtime, scope, key, fingerprint)


def keyed_identity(runtime: Runtime, scope: str, key: str, fingerprint: str) -> RequestIdentity:
    """The identity that follows from a key; without the installation's secret nobody can work it out."""
    admin_key = runtime.settings.admin_key
    secret = admin_key.get_secret_value().encode() if admin_key else b""
    return RequestIdentity(token_of_key(secret, scope, key), fingerprint, keyed=True)
