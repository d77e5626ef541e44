"""How many ticket hosts there are: a fact in the journal's cluster stream that every process watches."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from actors.client import Transport
from actors.placement import Placement
from cluster.journal.connection import Client
from cluster.journal.facts import (
    HostCount,
    read_host_count,
    watch_host_count,
    write_host_count,
)
from cluster.journal.feed import Following

SEEN_SECONDS_MAX = 10.0
"""How long a change of the host count may take to come back to the process that made it."""

RETIRE_SECONDS = 2.0
"""Other processes may still call a host that is going; after this long they have heard of it."""

SPAWN_SECONDS_MAX = 60.0
"""How long new hosts may take to start before a change of their number is given up."""

SPAWN_POLL_SECONDS = 0.1


class HostTransport(Transport, Protocol):
    """Calls hosts, and knows how they are (see `actors.ticket_host.RayTransport`)."""

    async def reports(self, hosts: list[str]) -> list[dict[str, Any] | None]: ...

    async def retire(self, host: str) -> None: ...


class Directory:
    """The placement as it is now. With a host for every block there is nothing to watch."""

    def __init__(self, nc: Client, hosts: int, dedicated: bool) -> None:
        self._nc = nc
        self._placement = Placement(hosts, dedicated)
        self._following: Following | None = None
        self._changed = asyncio.Event()

    async def watch(self) -> None:
        """Begin with the number that is in force, and follow its changes."""
        count = await read_host_count(self._nc)
        if count is not None:
            self._on_change(count)
        self._following = await watch_host_count(self._nc, self._on_change)

    def placement(self) -> Placement:
        return self._placement

    def _on_change(self, count: HostCount) -> None:
        if count.hosts != self._placement.hosts:
            self._placement = Placement(count.hosts, self._placement.dedicated)
            self._changed.set()

    async def scale(self, transport: HostTransport, hosts: int) -> None:
        """Have `hosts` hosts: new ones answer before anything is placed on them, old ones go when nothing is.

        Raises TimeoutError (nothing has changed), HostCountConflict, JournalUnavailable.
        """
        wanted = Placement(hosts, self._placement.dedicated)
        before = self._placement.names()
        await _answering(transport, [name for name in wanted.names() if name not in before])
        current = await read_host_count(self._nc)
        await write_host_count(self._nc, hosts, current.revision if current else 0)
        async with asyncio.timeout(SEEN_SECONDS_MAX):
            while self._placement.hosts != hosts:
                self._changed.clear()
                await self._changed.wait()
        leaving = [name for name in before if name not in wanted.names()]
        if leaving:
            await asyncio.sleep(RETIRE_SECONDS)
        for name in leaving:
            await transport.retire(name)

    async def close(self) -> None:
        if self._following is not None:
            await self._following.stop()


async def _answering(transport: HostTransport, names: list[str]) -> None:
    """Returns when all of them answer; asking for one that is not there starts it."""
    end = asyncio.get_running_loop().time() + SPAWN_SECONDS_MAX
    while None in await transport.reports(names):
        if asyncio.get_running_loop().time() > end:
            raise TimeoutError
        await asyncio.sleep(SPAWN_POLL_SECONDS)
