"""The local Stripe's webhooks: signed, delivered at once, and tried again while the receiver is away.

In place of localstripe's own, which wait for a second, are sent once, and forgotten with the process. Stripe tries for
days ("Receive Stripe events"); a local one gives up within minutes. The scheme is that of "Verify webhook signatures".
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import time
from dataclasses import asdict, dataclass
from typing import Any

import aiohttp

RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0)
"""The pauses before another attempt; after the last one the event stays undelivered."""

ATTEMPT_SECONDS_MAX = 10.0
IN_FLIGHT_MAX = 16
PENDING_MAX = 50_000
EVENTS_MAX = 10_000
"""Events that can still be asked for; older ones are forgotten, as Stripe does after a month."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Endpoint:
    url: str
    secret: str
    kinds: list[str] | None = None

    def takes(self, kind: str) -> bool:
        return self.kinds is None or kind in self.kinds


def signature(payload: bytes, secret: str, seconds: int) -> str:
    """The `Stripe-Signature` header of a body that is sent at that time (since the epoch)."""
    signed = b"%d.%s" % (seconds, payload)
    mac = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={mac}"


class Deliveries:
    """`store` keeps the endpoints, and the events with their `_waiting`: whom they have not reached yet."""

    def __init__(self, store: Any, delay_seconds: float = 0.0) -> None:
        self._store = store
        self._delay_seconds = delay_seconds
        self._endpoints: dict[str, Endpoint] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._in_flight = asyncio.Semaphore(IN_FLIGHT_MAX)
        self._events: dict[str, None] = {}
        self._session: aiohttp.ClientSession | None = None

    def register(self, endpoint_id: str, url: str, secret: str, kinds: list[str] | None) -> None:
        """Takes the place of localstripe's `register_webhook`."""
        endpoint = Endpoint(url, secret, kinds)
        self._endpoints[endpoint_id] = endpoint
        self._store.put_text("endpoint", endpoint_id, json.dumps(asdict(endpoint)).encode())

    def schedule(self, event: Any) -> None:
        """Takes the place of localstripe's `schedule_webhook`."""
        self._events[f"event:{event.id}"] = None
        while len(self._events) > EVENTS_MAX:
            oldest = next(iter(self._events))
            del self._events[oldest]
            if oldest in self._store:
                del self._store[oldest]
        event._waiting = [
            name for name, endpoint in self._endpoints.items() if endpoint.takes(event.type)
        ]
        self._send(event)

    def resume(self) -> None:
        """Registers and sends again what an earlier process had not finished."""
        for name, text in self._store.texts("endpoint"):
            self._endpoints[name] = Endpoint(**json.loads(text))
        for event in self._store.of("event"):
            self._events[f"event:{event.id}"] = None
            self._send(event)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def _send(self, event: Any) -> None:
        for name in event._waiting:
            if len(self._tasks) >= PENDING_MAX:
                _log.warning("%s is not delivered: too many wait", event.id)
                return
            task = asyncio.get_running_loop().create_task(self._deliver(event, name))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _deliver(self, event: Any, name: str) -> None:
        payload = json.dumps(event._export()).encode()
        await asyncio.sleep(self._delay_seconds)
        for pause in (*RETRY_SECONDS, None):
            endpoint = self._endpoints[name]
            async with self._in_flight:
                problem = await self._attempt(endpoint, payload)
            if problem is None:
                break
            _log.info("%s %s to %s: %s", event.type, event.id, name, problem)
            if pause is not None:
                await asyncio.sleep(pause)
        event._waiting = [other for other in event._waiting if other != name]

    async def _attempt(self, endpoint: Endpoint, payload: bytes) -> str | None:
        """None when it was taken, else why not: never the URL, which may hold credentials."""
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=ATTEMPT_SECONDS_MAX)
            self._session = aiohttp.ClientSession(timeout=timeout)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(payload, endpoint.secret, int(time.time())),
        }
        try:
            async with self._session.post(
                endpoint.url, data=payload, headers=headers, allow_redirects=False
            ) as answer:
                return None if 200 <= answer.status < 300 else f"answered {answer.status}"
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return type(error).__name__
