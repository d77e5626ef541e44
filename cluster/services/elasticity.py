"""The elasticity service: looks at the hosts every few seconds and has as many as the policy wants.

Of the services of two clusters over one journal, the one that holds the lease decides: the number of hosts is theirs
together. Whatever fails is tried again at the next look.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from actors.activation import Clock
from actors.fleet import FleetRefusal
from actors.journal import JournalUnavailable
from cluster.elasticity.meter import Meter
from cluster.elasticity.policy import SHRINK_SECONDS, Limits, Sample, wanted_hosts
from cluster.journal.fact import FactConflict
from cluster.journal.floor import Floor
from cluster.services.service import wait

LOOK_SECONDS = 5.0
SAMPLES_MAX = int(SHRINK_SECONDS / LOOK_SECONDS) + 12
"""What the policy looks back at, and a minute more."""

_log = structlog.get_logger()

Reports = Sequence[Mapping[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Hosts:
    """What the service sees and changes: names of the hosts in force, their reports, and their number."""

    names: Callable[[], list[str]]
    reports: Callable[[list[str]], Awaitable[Reports]]
    scale: Callable[[int], Awaitable[FleetRefusal | None]]


class ElasticityService:
    """`leads` takes or renews the lease; `floor` reads the floor; `time` is a steady clock in seconds."""

    def __init__(
        self,
        hosts: Hosts,
        limits: Limits,
        leads: Callable[[], Awaitable[bool]],
        floor: Callable[[], Awaitable[Floor]],
        clock: Clock,
        time: Callable[[], float],
    ) -> None:
        self._hosts = hosts
        self._limits = limits
        self._leads = leads
        self._floor = floor
        self._clock = clock
        self._time = time
        self._meter = Meter()
        self._samples = deque[Sample](maxlen=SAMPLES_MAX)
        self._stopping = asyncio.Event()
        self._leading = False
        self._wanted = 0

    async def run(self) -> None:
        while not await wait(self._stopping, LOOK_SECONDS):
            try:
                await self.look()
            except (JournalUnavailable, FactConflict, TimeoutError) as error:
                _log.warning("elasticity.waits", reason=f"{type(error).__name__}: {error}")

    async def look(self) -> None:
        """One look, and what follows from it. Raises JournalUnavailable, FactConflict, TimeoutError."""
        names = self._hosts.names()
        reports = await self._hosts.reports(names)
        self._samples.append(self._meter.sample(self._time(), names, reports))
        self._leading = await self._leads()
        if not self._leading:
            return
        least = self._limits.clamp((await self._floor()).at(self._clock()))
        self._wanted = wanted_hosts(self._samples, Limits(least, self._limits.most))
        if self._wanted != len(names):
            _log.info("elasticity.scales", hosts=len(names), wanted=self._wanted)
            refusal = await self._hosts.scale(self._wanted)
            if refusal is not None:
                _log.warning("elasticity.refused", wanted=self._wanted, reason=refusal.detail)

    async def stop(self) -> None:
        self._stopping.set()

    async def health(self) -> dict[str, Any]:
        return {
            "lag": 0,
            "leads": self._leading,
            "hosts": len(self._hosts.names()),
            "wanted": self._wanted,
            "least": self._limits.least,
            "most": self._limits.most,
        }
