"""Whether the journal's servers store what they are sent, and which of them answer."""

from __future__ import annotations

import asyncio
import contextlib
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msgspec
from nats.aio.client import Client

from actors.domain.identity import BlockKey
from actors.journal import JournalUnavailable
from cluster.journal.acks import stored_sequence
from cluster.journal.api import call, last_message, request
from cluster.journal.settle import Doubtful
from cluster.journal.streams import DEFINITIONS, JOURNAL, journal_subject, snapshot_subject

NOBODY = BlockKey("ready", 0)
"""A block that no show has."""

PROBE_BYTES = 8_192
"""More than what may be left in the last page of a file: on a full disk there is no room for it."""

PROBE_SECONDS_MIN = 1.0
"""A process asks no more often than that, however often it is asked."""

GREETING_SECONDS_MAX = 2.0
GREETING = re.compile(rb"INFO (\{.*\})\s*\r\n")
"""The first line of a NATS server (docs.nats.io, client protocol)."""

PORT = 4222


async def store(nc: Client) -> None:
    """Read the journal from its leader, and have a message stored beside it. Raises JournalUnavailable.

    In SNAPSHOTS, on the same servers and disks, where one message of a subject stays; from the journal nothing could be
    deleted.
    """
    await last_message(nc, JOURNAL, journal_subject(NOBODY))
    answer = await request(nc, snapshot_subject(NOBODY), bytes(PROBE_BYTES))
    try:
        stored_sequence(answer)
    except Doubtful as doubt:
        raise JournalUnavailable(str(doubt)) from None


class Probe:
    """`store` for a process of which many may ask at once: they share an answer."""

    def __init__(self, nc: Client) -> None:
        self._nc = nc
        self._asking: asyncio.Task[JournalUnavailable | None] | None = None
        self._asked_at = 0.0

    async def ask(self) -> None:
        """Raises JournalUnavailable."""
        now = asyncio.get_running_loop().time()
        over = self._asking is None or self._asking.done()
        if self._asking is None or (over and now - self._asked_at >= PROBE_SECONDS_MIN):
            self._asked_at, self._asking = now, asyncio.create_task(self._store())
        if (error := await asyncio.shield(self._asking)) is not None:
            raise JournalUnavailable(str(error))

    async def _store(self) -> JournalUnavailable | None:
        try:
            await store(self._nc)
        except JournalUnavailable as error:  # as a value: whoever asked may have gone away
            return error
        return None


@dataclass(frozen=True, slots=True)
class Server:
    """One of the servers of the URLs, without their credentials; `name` is None when it does not answer."""

    address: str
    name: str | None

    @property
    def called(self) -> str:
        return self.address if self.name is None else f"{self.name} ({self.address})"


async def servers(urls: str) -> list[Server]:
    """Who is there; each server greets whoever connects, before it asks for anything."""
    return list(await asyncio.gather(*[_greeted(url.strip()) for url in urls.split(",")]))


async def _greeted(url: str) -> Server:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or PORT
    address, line = f"{host}:{port}", b""
    with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, ValueError):
        async with asyncio.timeout(GREETING_SECONDS_MAX):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                line = await reader.readline()
            finally:
                writer.close()
    return Server(address, _name(line))


def _name(line: bytes) -> str | None:
    """The server's name as it says it. None when this is no greeting."""
    found = GREETING.match(line)
    if found is None:
        return None
    with contextlib.suppress(msgspec.DecodeError):
        return str(msgspec.json.decode(found.group(1)).get("server_name", ""))
    return None


async def groups(nc: Client) -> dict[str, dict[str, Any] | None]:
    """The Raft group of every stream as STREAM.INFO has it; None of one that nobody tells of: it has no leader."""
    found = await asyncio.gather(*[_group(nc, stream) for stream in DEFINITIONS])
    return dict(zip(DEFINITIONS, found, strict=True))


async def _group(nc: Client, stream: str) -> dict[str, Any] | None:
    try:
        return (await call(nc, f"STREAM.INFO.{stream}")).get("cluster") or {}
    except JournalUnavailable:
        return None
