"""The Ray actor around a host, and the transport that calls it. Detached, named, restarted for ever."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from typing import Any

import ray
import structlog
from ray.exceptions import ActorDiedError, RayError

from actors.client import CALL_SECONDS_MAX, HostUnavailable
from actors.domain.identity import BlockKey
from actors.host import SWEEP_SECONDS, TELL_SECONDS, Host
from actors.wire import decode_batch, encode_outcomes

CONCURRENT_CALLS_MAX = 64
"""Calls in one host at a time: one per replica and service, and the operator's."""

LOOK_SECONDS_MAX = 5.0
"""How long a host may take to report, or to put blocks away."""

HOST_RESOURCE = "ticket_host"
"""The custom resource of the nodes that are meant for hosts."""

_log = structlog.get_logger()

BuildHost = Callable[[str], Coroutine[Any, Any, Host]]


class TicketHost:
    """A process full of tickets. `build` connects the journal; it runs in the actor's own loop."""

    async def __init__(self, name: str, build: BuildHost) -> None:
        self._name = name
        self._build = build
        self._keepers: tuple[asyncio.Task[None], ...] = ()
        # Connect before anybody asks: after a restart that is a part of the way back.
        self._host: asyncio.Task[Host] = asyncio.create_task(build(name))

    async def execute(self, payload: bytes) -> bytes:
        """Run an encoded batch of commands; the encoded outcomes."""
        host = await self._ready()
        return encode_outcomes(await host.execute(*decode_batch(payload)))

    async def report(self) -> dict[str, Any]:
        """The host's report as plain data, with what only its process knows."""
        host = await self._ready()
        return {**asdict(host.report()), **_process()}

    async def save_snapshots(self) -> None:
        """Before the host is let go: leave short replays behind."""
        await (await self._ready()).save_snapshots()

    async def put_away(self, blocks: list[str] | None) -> int:
        """Deactivate blocks (None: all), unless they are at work; how many are still here."""
        host = await self._ready()
        return await host.put_away(None if blocks is None else [*map(BlockKey.parse, blocks)])

    async def _ready(self) -> Host:
        if self._host.done() and self._host.exception() is not None:
            self._host = asyncio.create_task(self._build(self._name))
        host = await asyncio.shield(self._host)
        if not self._keepers:
            keepers = (self._sweep(host), self._tell(host))
            self._keepers = tuple(asyncio.create_task(keeper) for keeper in keepers)
        return host

    async def _sweep(self, host: Host) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            await host.put_idle_away()

    async def _tell(self, host: Host) -> None:
        while True:
            host.tell()
            await asyncio.sleep(TELL_SECONDS)


def _process() -> dict[str, Any]:
    """Where this process is, and the memory that it has for itself and shares (RSS, bytes)."""
    import psutil  # a host that Ray restarts must be back at once

    return {
        "pid": os.getpid(),
        "cpu_seconds": time.process_time(),
        "node": ray.util.get_node_ip_address(),
        "node_id": ray.get_runtime_context().get_node_id(),
        "memory": psutil.Process().memory_info().rss,
    }


# Not as a decorator: its type stubs know neither asynchronous actors nor their options.
_TicketHostActor: Any = ray.remote(TicketHost)


class RayTransport:
    """Calls hosts by name, creating those that the placement names and nobody has created yet.

    `claim` is how much of HOST_RESOURCE a host takes of its node; 0 places hosts anywhere. A host that finds no room
    waits for it, and Ray's autoscaler sees that it does.
    """

    def __init__(self, namespace: str, build: BuildHost, claim: float = 0) -> None:
        self._namespace = namespace
        self._build = build
        self._resources = {HOST_RESOURCE: claim} if claim else {}
        self._handles: dict[str, Any] = {}

    def handle(self, host: str) -> Any:
        """The actor of a host: found by name, or created (a race has one winner)."""
        handle = self._handles.get(host)
        if handle is None:
            handle = _TicketHostActor.options(
                name=host,
                namespace=self._namespace,
                lifetime="detached",
                get_if_exists=True,
                num_cpus=0,
                resources=self._resources,
                scheduling_strategy="SPREAD",  # one node that is lost takes few hosts with it
                max_restarts=-1,
                max_task_retries=0,
                max_concurrency=CONCURRENT_CALLS_MAX,
            ).remote(host, self._build)
            self._handles[host] = handle
        return handle

    async def execute(self, host: str, payload: bytes) -> bytes:
        try:
            return await asyncio.wait_for(
                self.handle(host).execute.remote(payload), CALL_SECONDS_MAX
            )
        except TimeoutError as error:
            raise HostUnavailable("no answer in time") from error
        except RayError as error:
            self._forget(host, error)
            raise HostUnavailable(type(error).__name__) from error

    async def reports(self, hosts: list[str]) -> list[dict[str, Any] | None]:
        """The reports of hosts, None for one that does not answer."""
        return await asyncio.gather(*[self._report(host) for host in hosts])

    async def _report(self, host: str) -> dict[str, Any] | None:
        try:
            return await asyncio.wait_for(self.handle(host).report.remote(), LOOK_SECONDS_MAX)
        except (RayError, TimeoutError) as error:
            self._forget(host, error)
            return None

    async def names(self) -> list[str]:
        """The actors that there are in the namespace, those that wait for room too; none while Ray cannot be asked."""
        try:
            actors: list[Any] = await asyncio.to_thread(ray.util.list_named_actors, True)
        except RayError as error:
            _log.warning("hosts.unknown", reason=type(error).__name__)
            return []
        return [actor["name"] for actor in actors if actor["namespace"] == self._namespace]

    async def put_away(self, host: str, blocks: list[BlockKey] | None) -> int | None:
        """Have a host deactivate blocks (None: all); how many it still has, None when it does not answer."""
        names = None if blocks is None else [str(block) for block in blocks]
        try:
            call = self.handle(host).put_away.remote(names)
            return await asyncio.wait_for(call, LOOK_SECONDS_MAX)
        except (RayError, TimeoutError):
            return None

    async def restart(self, host: str) -> None:
        """End a host's process, whatever it does, and have Ray start it again. Raises RayError."""
        await asyncio.to_thread(ray.kill, self.handle(host), no_restart=False)

    def _forget(self, host: str, error: Exception) -> None:
        """One that was ended for good: whoever asks for its name again gets a new actor."""
        if isinstance(error, ActorDiedError):
            self._handles.pop(host, None)

    async def retire(self, host: str) -> None:
        """End a host that the placement no longer names; it may still wait for room."""
        handle = self.handle(host)
        try:
            await asyncio.wait_for(handle.save_snapshots.remote(), LOOK_SECONDS_MAX)
        except (RayError, TimeoutError) as error:
            _log.warning("host.snapshots_failed", host=host, reason=type(error).__name__)
        ray.kill(handle, no_restart=True)
        self._handles.pop(host, None)
