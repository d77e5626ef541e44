"""The inbox of a pull consumer: requests for batches, and the deliveries and statuses that answer them.

nats-py's own `fetch` makes a task per message and is several times slower than a callback; it also hides the
statuses by which a lost consumer is noticed. Protocol: ADR-37 and docs.nats.io, "Pull consumers".
"""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType
from typing import Any

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from actors.journal import JournalUnavailable
from cluster.journal.api import is_delivery, status

FETCH_SECONDS_MAX = 5.0
"""How long a batch of stored messages may take from one arrival to the next."""

_HEARTBEAT = "100"


class PullInbox:
    """One subscription for all pulls of one consumer, one pull in flight; an async context manager.

    `arrived` holds what was delivered and not yet taken; at most one pull's batch.
    """

    def __init__(self, nc: Client, stream: str, consumer: str) -> None:
        self._nc = nc
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._prefix = nc.new_inbox()
        self._subscription: Subscription | None = None
        self._pulls = 0
        self._outstanding = 0
        self._news = asyncio.Event()
        self.arrived: deque[Msg] = deque()
        self.ended: str | None = "no pull was sent"
        """Why the current pull delivers nothing more; None while it may."""

    async def __aenter__(self) -> PullInbox:
        self._subscription = await self._nc.subscribe(f"{self._prefix}.*", cb=self._on_message)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if self._subscription is not None:
                await self._subscription.unsubscribe()
        except NatsError:
            return  # the connection is closed or closing, and the subscription with it

    async def pull(self, batch: int, **options: Any) -> None:
        """Ask for up to `batch` messages. Options as in the protocol: no_wait, expires, max_bytes, idle_heartbeat.

        Raises JournalUnavailable without a connection.
        """
        self._pulls += 1
        self._outstanding = batch
        self.ended = None
        self._news.clear()
        body = msgspec.json.encode({"batch": batch, **options})
        try:
            await self._nc.publish(self._next, body, reply=f"{self._prefix}.{self._pulls}")
        except (NatsError, OSError) as error:
            self.ended = type(error).__name__
            raise JournalUnavailable(f"NATS: {self.ended}") from None

    async def news(self, seconds: float) -> bool:
        """Wait until something came (a message, a status, a heartbeat); False after `seconds` of silence."""
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return False
        self._news.clear()
        return True

    def take(self) -> list[Msg]:
        """What has arrived."""
        taken = list(self.arrived)
        self.arrived.clear()
        return taken

    async def fetch_available(self, batch: int, bytes_max: int) -> list[Msg]:
        """Up to `batch` messages that are stored already; empty when there are none. Raises JournalUnavailable."""
        await self.pull(batch, no_wait=True, max_bytes=bytes_max)
        while self.ended is None:
            if not await self.news(FETCH_SECONDS_MAX):
                raise JournalUnavailable("a pull was not answered")
        if not self.arrived and not self.ended.startswith(("404", "408", "409 Message Size")):
            raise JournalUnavailable(f"a pull was refused: {self.ended}")
        return self.take()

    async def _on_message(self, message: Msg) -> None:
        if is_delivery(message):
            self.arrived.append(message)
            self._outstanding -= 1
            if self._outstanding <= 0:
                self.ended = "batch complete"
        elif message.subject == f"{self._prefix}.{self._pulls}":
            line = status(message)
            if not line.startswith(_HEARTBEAT):
                self.ended = line or "unknown status"
        else:
            return  # the end of an earlier pull
        self._news.set()
