"""Stripe's idempotency keys, which localstripe does not have (docs.stripe.com, "Idempotent requests").

The first answer under a key is kept, also when it is an error or a 500, and given again for the same request; another
request under the key is an error, and so is one while the first is still being worked on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

ANSWERS_MAX = 100_000
"""The oldest are forgotten, as Stripe does after a day."""

KEY_LENGTH_MAX = 255
NOT_KEPT = (401, 403, 404, 409, 429)
"""Given before the request was worked on, so that it may be sent again under its key."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Answer:
    request: str
    status: int
    body: str


class SavedAnswers:
    """`keep` hears of each answer that is saved (the key and the answer), and of each that is forgotten (None)."""

    def __init__(self, keep: Callable[[str, Answer | None], None] = lambda _key, _answer: None):
        self.saved: dict[str, Answer] = {}
        self._in_flight: set[str] = set()
        self._keep = keep

    async def handle(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The answer of `handler`, or the one that its key has already; to be used as a middleware."""
        key = request.headers.get("Idempotency-Key")
        if key is None or request.method != "POST":
            return await handler(request)
        if len(key) > KEY_LENGTH_MAX:
            return _error(400, "invalid_request_error", "idempotency_key_too_long")
        fingerprint = await _fingerprint(request)
        if (saved := self.saved.get(key)) is not None:
            if saved.request != fingerprint:
                return _error(400, "idempotency_error", "idempotency_error")
            return _replay(saved)
        if key in self._in_flight:
            return _error(409, "idempotency_error", "idempotency_key_in_use")
        self._in_flight.add(key)
        try:
            answer = await handler(request)
        finally:
            self._in_flight.discard(key)
        self._save(key, fingerprint, answer)
        return answer

    def _save(self, key: str, fingerprint: str, answer: web.StreamResponse) -> None:
        if not isinstance(answer, web.Response) or answer.status in NOT_KEPT:
            return
        body = answer.text or ""
        if answer.status == 400 and not _code(body):
            return  # its parameters were wrong: it was not worked on
        self.saved[key] = Answer(fingerprint, answer.status, body)
        self._keep(key, self.saved[key])
        while len(self.saved) > ANSWERS_MAX:
            oldest = next(iter(self.saved))
            del self.saved[oldest]
            self._keep(oldest, None)


async def _fingerprint(request: web.Request) -> str:
    said = f"{request.path}\n".encode() + await request.read()
    return hashlib.sha256(said).hexdigest()


def _code(body: str) -> str | None:
    try:
        return json.loads(body)["error"].get("code")
    except (ValueError, KeyError, AttributeError, TypeError):
        return None


def _replay(saved: Answer) -> web.Response:
    headers = {"Idempotent-Replayed": "true"}
    if saved.status >= 500:
        headers["Stripe-Should-Retry"] = "false"  # it would only be given again
    return _json(saved.status, saved.body, headers)


def _error(status: int, kind: str, code: str) -> web.Response:
    return _json(status, json.dumps({"error": {"type": kind, "code": code}}), {})


def _json(status: int, body: str, headers: dict[str, str]) -> web.Response:
    return web.Response(status=status, text=body, headers=headers, content_type="application/json")
