"""The places that a journal can live in, behind one face: for suites that must hold in all of them."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, cast

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import OutboundBufferLimitError
from nats.errors import TimeoutError as NatsTimeout

from actors.domain.identity import BlockKey, show_id_of
from actors.journal import Journal
from cluster.journal.connection import connect
from cluster.journal.jetstream import JetStreamJournal
from cluster.journal.memory import Fault, Faults, MemoryJournal, MemoryStream
from cluster.journal.settle import SETTLE_SECONDS_MAX
from cluster.journal.streams import ensure_streams


class FaultyClient:
    """A connection that does to journal publishes what `Faults` says; everything else passes."""

    def __init__(self, nc: Client, faults: Faults) -> None:
        self._nc = nc
        self._faults = faults
        self._late: set[asyncio.Task[Any]] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._nc, name)

    async def request(
        self,
        subject: str,
        payload: bytes = b"",
        timeout: float = 1.0,  # noqa: ASYNC109  # nats-py's signature
        headers: dict[str, str] | None = None,
    ) -> Msg:
        if self._faults.unavailable:
            raise OutboundBufferLimitError
        fault = None
        if subject.startswith("journal.") and self._faults.publishes:
            fault = self._faults.publishes.popleft()
        if fault is Fault.LOSE_PUBLISH:
            raise NatsTimeout
        sending = self._nc.request(subject, payload, timeout=timeout, headers=headers)
        if fault is Fault.LAND_LATE:
            late = asyncio.create_task(self._later(sending))
            self._late.add(late)
            late.add_done_callback(self._late.discard)
            raise NatsTimeout
        answer = await sending
        if fault is Fault.LOSE_ACK:
            raise NatsTimeout
        return answer

    async def _later(self, sending: Any) -> None:
        await asyncio.sleep(self._faults.late_seconds)
        await sending


class World:
    """One journal; `writer` makes another process that writes to it."""

    def __init__(
        self, exits: AsyncExitStack, urls: str | None, *, replicated: bool = False
    ) -> None:
        self._exits = exits
        self._urls = urls
        self._stream = MemoryStream(replicated=replicated)

    async def writer(
        self, faults: Faults | None = None, settle_seconds: float = SETTLE_SECONDS_MAX
    ) -> Journal:
        if self._urls is None:
            return MemoryJournal(self._stream, faults, settle_seconds)
        client = await self._exits.enter_async_context(connected(self._urls))
        faulty = cast(Client, FaultyClient(client, faults or Faults()))
        return JetStreamJournal(faulty, settle_seconds)


@asynccontextmanager
async def world_of(
    urls: str | None, replicas: int = 1, *, replicated: bool = False
) -> AsyncIterator[World]:
    async with AsyncExitStack() as exits:
        if urls is not None:
            async with connected(urls) as client:
                await ensure_streams(client, replicas)
        yield World(exits, urls, replicated=replicated)


@asynccontextmanager
async def connected(urls: str, name: str = "test") -> AsyncIterator[Client]:
    client = await connect(urls, name)
    try:
        yield client
    finally:
        await client.close()


def new_block(block: int = 0) -> BlockKey:
    """A block of a show that nobody else uses, so that tests can share a server."""
    return BlockKey(show_id_of(secrets.token_bytes(8)), block)


async def until(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    """Poll until a condition holds; an AssertionError when it takes longer than any machine needs."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not holds():
        assert asyncio.get_running_loop().time() < deadline, "it never came true"
        await asyncio.sleep(0.02)
