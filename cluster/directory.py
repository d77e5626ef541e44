"""The fleet of ticket hosts: a fact in the journal's cluster stream that every process watches, and its changes.

Nothing is handed over when a block changes its host: from wherever it is asked next, the journal lets one owner commit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from actors.client import Transport
from actors.domain.identity import BlockKey
from actors.fleet import Fleet, FleetRefusal
from actors.placement import Placement
from cluster.journal.connection import Client
from cluster.journal.fact import FactConflict
from cluster.journal.feed import Following
from cluster.journal.fleet import FleetFact, read_fleet, watch_fleet, write_fleet

SEEN_SECONDS_MAX = 10.0
"""How long a change of the fleet may take to come back to the process that made it."""

RETIRE_SECONDS = 2.0
"""Other processes may still call a host that is going; after this long they have heard of it."""

SPAWN_SECONDS_MAX = 60.0
"""How long new hosts may take to start before a change of the fleet is given up. They go on starting: who asks again
finds them, and who asks for fewer ends them."""

DRAIN_SECONDS_MAX = 60.0
"""How long a drained host may be at work before whoever drains it is told to ask again."""

SILENT_SECONDS_MAX = 9.0
"""How long a drained host may be silent: two calls. Nothing is placed there any more, whether it answers or not."""

POLL_SECONDS = 0.1

Change = Callable[[Fleet], Fleet | FleetRefusal]


class HostTransport(Transport, Protocol):
    """Calls hosts, and knows how they are (see `actors.ticket_host.RayTransport`)."""

    async def reports(self, hosts: list[str]) -> list[dict[str, Any] | None]: ...

    async def names(self) -> list[str]:
        """The hosts that there are, those that still wait for room too, whether or not anything is placed on them."""
        ...

    async def put_away(self, host: str, blocks: list[BlockKey] | None) -> int | None: ...

    async def restart(self, host: str) -> None: ...

    async def retire(self, host: str) -> None: ...


class Directory:
    """The placement as it is now. With a host for every block there is nothing to watch.

    Changes raise TimeoutError (its text says who was waited for), FactConflict (nothing has changed) and
    JournalUnavailable, and may be asked for again; a FleetRefusal is returned.
    """

    def __init__(self, nc: Client, hosts: int, dedicated: bool) -> None:
        self._nc = nc
        self._placement = Placement(Fleet(hosts), dedicated)
        self._revision = 0
        self._following: Following | None = None
        self._changed = asyncio.Event()

    async def watch(self) -> None:
        """Begin with the fleet that is in force, and follow its changes."""
        fact = await read_fleet(self._nc)
        if fact is not None:
            self._on_change(fact)
        self._following = await watch_fleet(self._nc, self._on_change)

    def placement(self) -> Placement:
        return self._placement

    def _on_change(self, fact: FleetFact) -> None:
        if fact.fleet != self._placement.fleet:
            self._placement = Placement(fact.fleet, self._placement.dedicated)
        self._revision = fact.revision
        self._changed.set()

    async def scale(self, transport: HostTransport, hosts: int) -> FleetRefusal | None:
        """Have `hosts` hosts: new ones answer before anything is placed on them, old ones are emptied before they go.
        Those that were started for a growth that nobody wants any more go as well."""
        return await self._resize(transport, lambda fleet: fleet.scaled(hosts))

    async def grow(self, transport: HostTransport, serving: int) -> FleetRefusal | None:
        """As `scale`, so that blocks are placed on `serving` hosts or more; never fewer than there are."""
        return await self._resize(
            transport, lambda fleet: fleet.scaled(max(fleet.hosts, fleet.size_for(serving)))
        )

    async def _resize(self, transport: HostTransport, change: Change) -> FleetRefusal | None:
        """Whatever happens to the fleet while new hosts are waited for was decided later, and ends it: FactConflict."""
        planned_on, fleet = await self._in_force()
        planned = change(fleet)
        if isinstance(planned, FleetRefusal):
            return planned

        def goes_on() -> None:
            if self._revision > planned_on and self._placement.fleet != planned:
                raise FactConflict("the fleet has changed since this was begun")

        new = [name for name in planned.names() if name not in fleet.names()]
        await _answering(transport, new, goes_on)
        revision, fleet = await self._in_force()
        if revision == planned_on:
            # The number that is in force is stored as well: that it is to stay ends a growth that waits for hosts.
            revision = (await write_fleet(self._nc, planned, revision)).revision
        elif fleet != planned:
            raise FactConflict("the fleet has changed since this was begun")
        await self._seen(revision)
        await self.end_strays(transport, await self.strays(transport))
        return None

    async def strays(self, transport: HostTransport) -> list[str]:
        """The hosts that are there and that the fleet does not name."""
        return self._placement.fleet.strays(await transport.names())

    async def end_strays(self, transport: HostTransport, names: list[str]) -> None:
        """End these hosts, if nothing is placed on them. One that still has blocks puts them away first, unless it is
        silent, or at work for too long: its blocks are asked elsewhere by now."""
        leaving = self._placement.fleet.strays(names)
        await asyncio.gather(*[_emptied(transport, name, RETIRE_SECONDS) for name in leaving])
        leaving = self._placement.fleet.strays(leaving)  # but for those that somebody wants by now
        await asyncio.gather(*[transport.retire(name) for name in leaving])

    async def drain(self, transport: HostTransport, host: str) -> FleetRefusal | None:
        """Place nothing on a host any more, and put away what it has; it is idle then."""
        refusal = await self._change_host(host, Fleet.drain)
        if refusal is not None:
            return refusal
        left = await _emptied(transport, host, SILENT_SECONDS_MAX)
        if left is None:
            raise TimeoutError(
                f"{host} does not answer; nothing is placed there any more, others have its blocks"
            )
        if left:
            raise TimeoutError(
                f"{host} is still at work; nothing new is placed there, ask again until it is idle"
            )
        return None

    async def undrain(self, transport: HostTransport, host: str) -> FleetRefusal | None:
        """Place blocks on a host again, once it answers."""
        ordinal = self._placement.fleet.ordinal(host)
        if isinstance(ordinal, FleetRefusal):
            return ordinal
        await _answering(transport, [host])
        return await self._change_host(host, Fleet.undrain)

    async def restart(self, transport: HostTransport, host: str) -> FleetRefusal | None:
        """End a host's process and return when the one that follows answers. Nothing is lost: what it had said yes to
        is in the journal."""
        ordinal = self._placement.fleet.ordinal(host)
        if isinstance(ordinal, FleetRefusal):
            return ordinal
        (before,) = await transport.reports([host])
        await transport.restart(host)
        await _replaced(transport, host, before)
        return None

    async def move(
        self, transport: HostTransport, block: BlockKey, host: str | None
    ) -> FleetRefusal | None:
        """Pin a block to a host, or (None) let it be placed as all others are; its old host puts it away."""
        before = self._placement.host_of(block)
        if host is None:
            refusal = await self._change(lambda fleet: fleet.unpin(block))
        else:
            ordinal = self._placement.fleet.ordinal(host)
            if isinstance(ordinal, FleetRefusal):
                return ordinal
            await _answering(transport, [host])
            refusal = await self._change_host(host, lambda fleet, to: fleet.pin(block, to))
        if refusal is None and self._placement.host_of(block) != before:
            await asyncio.sleep(RETIRE_SECONDS)
            await transport.put_away(before, [block])
        return refusal

    async def _change_host(
        self, host: str, change: Callable[[Fleet, int], Fleet | FleetRefusal]
    ) -> FleetRefusal | None:
        def changed(fleet: Fleet) -> Fleet | FleetRefusal:
            ordinal = fleet.ordinal(host)
            return ordinal if isinstance(ordinal, FleetRefusal) else change(fleet, ordinal)

        return await self._change(changed)

    async def _change(self, change: Change) -> FleetRefusal | None:
        """Store the fleet that `change` makes of the one in force, and return when this process works with it."""
        revision, fleet = await self._in_force()
        changed = change(fleet)
        if isinstance(changed, FleetRefusal):
            return changed
        if not revision or changed != fleet:
            revision = (await write_fleet(self._nc, changed, revision)).revision
        await self._seen(revision)
        return None

    async def _in_force(self) -> tuple[int, Fleet]:
        """The revision of the fleet that is stored (0: none is yet), and the fleet."""
        fact = await read_fleet(self._nc)
        return (0, self._placement.fleet) if fact is None else (fact.revision, fact.fleet)

    async def _seen(self, revision: int) -> None:
        """Returns when this process works with the fleet of that revision."""
        async with asyncio.timeout(SEEN_SECONDS_MAX):
            while self._revision < revision:
                self._changed.clear()
                await self._changed.wait()

    async def close(self) -> None:
        if self._following is not None:
            await self._following.stop()


async def _replaced(transport: HostTransport, host: str, before: dict[str, Any] | None) -> None:
    """Returns when another process answers for a host than the one that reported before."""
    end = asyncio.get_running_loop().time() + SPAWN_SECONDS_MAX
    while True:
        (report,) = await transport.reports([host])
        if report is not None and (before is None or report["pid"] != before["pid"]):
            return
        if asyncio.get_running_loop().time() > end:
            raise TimeoutError(_no_room(host))
        await asyncio.sleep(POLL_SECONDS)


async def _answering(
    transport: HostTransport, names: list[str], goes_on: Callable[[], None] = lambda: None
) -> None:
    """Returns when all of them answer; asking for one that is not there starts it, so `goes_on` raises before that when
    nobody wants them any more."""
    end = asyncio.get_running_loop().time() + SPAWN_SECONDS_MAX
    while None in (reports := await transport.reports(names)):
        if asyncio.get_running_loop().time() > end:
            silent = [name for name, one in zip(names, reports, strict=True) if one is None]
            raise TimeoutError(_no_room(", ".join(silent)))
        await asyncio.sleep(POLL_SECONDS)
        goes_on()


def _no_room(hosts: str) -> str:
    return f"no answer from {hosts} in {SPAWN_SECONDS_MAX:.0f} s: is there room for it? ask again"


async def _emptied(transport: HostTransport, host: str, silent_seconds: float) -> int | None:
    """Have a host put its blocks away until none is left and nobody calls it any more: 0. More when it is at work for
    DRAIN_SECONDS_MAX, None when it is silent after `silent_seconds`."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    while True:
        left = await transport.put_away(host, None)
        waited = loop.time() - begun
        if left == 0 and waited > RETIRE_SECONDS:
            return 0
        if waited > (silent_seconds if left is None else DRAIN_SECONDS_MAX):
            return left
        await asyncio.sleep(POLL_SECONDS)
