"""A bad day at Stripe, in front of a local one: errors, lost answers and unreliable webhooks, on demand.

Answers pass in the order of the real one: what limits the rate comes before the idempotency keys, and those before the
work. So a 500 is kept under its key and given again, and a 429 is not.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp import web

from cluster.embedded.process import LOOPBACK, free_port
from cluster.embedded.stripe import LocalStripe
from cluster.embedded.stripe_answers import SavedAnswers
from cluster.embedded.stripe_deliveries import signature

OUR_SECRET = "whsec_between_the_local_stripe_and_the_proxy"
STALE_SECONDS = 3_600
FORWARDED = ("Authorization", "Content-Type", "Idempotency-Key", "Origin", "Stripe-Version")
ALLOWED_ORIGIN = "Access-Control-Allow-Origin"
FORWARD_SECONDS_MAX = 60.0


class Fault(Enum):
    """What happens to one request of the product's."""

    RATE_LIMIT = "429"
    ERROR_BEFORE = "a 500, and nothing is done"
    ERROR_AFTER = "it is done, and the answer is a 500"
    BAD_GATEWAY = "a 502 that no API wrote, and nothing is done"
    SLOW = "it is done, and the answer comes after `slow_seconds`"
    DROP_BEFORE = "the connection breaks, and nothing is done"
    DROP_AFTER = "it is done, and the connection breaks"
    BREAK_OFF = "it is done, and the answer ends half way"


class Delivery(Enum):
    """What happens to one delivery of an event. A forged one is tried again, properly, as a failed one."""

    DUPLICATED = "it comes twice"
    DELAYED = "it comes after `delay_seconds`"
    WITHHELD = "it comes with `release`"
    REORDERED = "it comes after the next one"
    UNSIGNED = "first without a signature"
    WRONG_SECRET = "first signed with another secret"
    STALE = "first with an old signature"
    TAMPERED = "first with another body than was signed"


FORGED = (Delivery.UNSIGNED, Delivery.WRONG_SECRET, Delivery.STALE, Delivery.TAMPERED)


@dataclass(slots=True)
class StripeProxy:
    """`async with StripeProxy(local) as proxy`: its `url` is a Stripe for a gateway or for a running product.

    `faults`, `look_faults` and `deliveries` are used up, one (or None) per change and per look that the product asks
    for with its secret key, and per delivery; `always` happens to every request of the product's. Buyers, who have a
    publishable key, are served as usual.
    """

    local: LocalStripe
    faults: deque[Fault | None] = field(default_factory=deque)
    look_faults: deque[Fault | None] = field(default_factory=deque)
    always: Fault | None = None
    slow_seconds: float = 2.0
    deliveries: deque[Delivery | None] = field(default_factory=deque)
    delay_seconds: float = 0.5
    requests: list[str] = field(default_factory=list)
    """Method and path of each request of the product's, as it came."""
    events: list[dict[str, Any]] = field(default_factory=list)
    """Every event that the local Stripe has delivered here."""
    answers: list[int] = field(default_factory=list)
    """What the receiver said to each delivery."""
    _saved: SavedAnswers = field(default_factory=SavedAnswers)
    _held: list[bytes] = field(default_factory=list)
    _withheld: list[bytes] = field(default_factory=list)
    _target: tuple[str, str] | None = None
    _port: int = field(default_factory=free_port)
    _runner: web.AppRunner | None = None
    _session: aiohttp.ClientSession | None = None

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self._port}"

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=FORWARD_SECONDS_MAX)
        self._session = aiohttp.ClientSession(timeout=timeout)
        app = web.Application()
        app.router.add_post("/_proxy/webhooks", self._receive)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, LOOPBACK, self._port).start()
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        assert self._runner is not None
        assert self._session is not None
        await self._runner.cleanup()
        await self._session.close()

    async def forward_webhooks(self, url: str, secret: str) -> None:
        """The events of the local Stripe go there from now on, through this proxy."""
        self._target = url, secret
        ours = f"{self.url}/_proxy/webhooks"
        await asyncio.to_thread(self.local.register_webhook, ours, OUR_SECRET)

    async def release(self) -> None:
        """Delivers what was withheld, newest first: days late, but signed now, as Stripe does."""
        withheld, self._withheld = self._withheld, []
        for payload in reversed(withheld):
            await self._deliver(payload)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if not request.headers.get("Authorization", "").startswith("Bearer sk_"):
            return await self._forward(request)
        self.requests.append(f"{request.method} {request.path}")
        faults = self.faults if request.method == "POST" else self.look_faults
        fault = self.always or (faults.popleft() if faults else None)
        match fault:
            case Fault.DROP_BEFORE:
                return _hang_up(request)
            case Fault.RATE_LIMIT:
                return _error(429, "rate_limit", {"Retry-After": "7"})
            case Fault.BAD_GATEWAY:
                return web.Response(status=502, text="<html>bad gateway</html>")
        answer = await self._saved.handle(request, lambda asked: self._work(asked, fault))
        match fault:
            case Fault.DROP_AFTER:
                return _hang_up(request)
            case Fault.BREAK_OFF:
                return await _break_off(request)
            case Fault.SLOW:
                await asyncio.sleep(self.slow_seconds)
        return answer

    async def _work(self, request: web.Request, fault: Fault | None) -> web.Response:
        if fault is Fault.ERROR_BEFORE:
            return _error(500, "api_error", {"Stripe-Should-Retry": "false"})
        answer = await self._forward(request)
        if fault is Fault.ERROR_AFTER:
            return _error(500, "api_error", {"Stripe-Should-Retry": "false"})
        return answer

    async def _forward(self, request: web.Request) -> web.Response:
        assert self._session is not None
        headers = {name: request.headers[name] for name in FORWARDED if name in request.headers}
        url = f"{self.local.url}{request.path_qs}"
        body = await request.read()
        async with self._session.request(request.method, url, data=body, headers=headers) as answer:
            allowed = answer.headers.get(ALLOWED_ORIGIN)
            return web.Response(
                status=answer.status,
                body=await answer.read(),
                content_type=answer.content_type,
                headers={ALLOWED_ORIGIN: allowed} if allowed else None,
            )

    async def _receive(self, request: web.Request) -> web.Response:
        payload = await request.read()
        delivery = self.deliveries.popleft() if self.deliveries else None
        if delivery in FORGED:
            await self._forge(payload, delivery)
            return web.Response(status=503)
        self.events.append(json.loads(payload))
        match delivery:
            case Delivery.WITHHELD:
                self._withheld.append(payload)
                return web.Response()
            case Delivery.REORDERED:
                self._held.append(payload)
                return web.Response()
            case Delivery.DELAYED:
                await asyncio.sleep(self.delay_seconds)
            case Delivery.DUPLICATED:
                await self._deliver(payload)
        status = await self._deliver(payload)
        held, self._held = self._held, []
        for waiting in held:
            await self._deliver(waiting)
        return web.Response(status=status)

    async def _forge(self, payload: bytes, delivery: Delivery | None) -> None:
        assert self._target is not None
        _, secret = self._target
        now = int(time.time())
        match delivery:
            case Delivery.UNSIGNED:
                await self._post(payload, None)
            case Delivery.WRONG_SECRET:
                await self._post(payload, signature(payload, "whsec_of_somebody_else", now))
            case Delivery.STALE:
                await self._post(payload, signature(payload, secret, now - STALE_SECONDS))
            case _:
                forged = payload.replace(b'"livemode": false', b'"livemode": true ')
                await self._post(forged, signature(payload, secret, now))

    async def _deliver(self, payload: bytes) -> int:
        assert self._target is not None
        return await self._post(payload, signature(payload, self._target[1], int(time.time())))

    async def _post(self, payload: bytes, signed: str | None) -> int:
        assert self._session is not None
        assert self._target is not None
        headers = {"Content-Type": "application/json"}
        if signed is not None:
            headers["Stripe-Signature"] = signed
        try:
            async with self._session.post(self._target[0], data=payload, headers=headers) as answer:
                status = answer.status
        except (aiohttp.ClientError, TimeoutError):
            status = 502
        self.answers.append(status)
        return status


def _error(status: int, kind: str, headers: dict[str, str]) -> web.Response:
    return web.json_response(
        {"error": {"type": kind, "message": "as the test wanted it"}},
        status=status,
        headers=headers,
    )


def _hang_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _break_off(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Type": "application/json"})
    answer.content_length = 1_000
    await answer.prepare(request)
    await answer.write(b'{"id": "pi_')
    if request.transport is not None:
        request.transport.abort()
    return answer
