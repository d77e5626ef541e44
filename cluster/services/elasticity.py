"""The elasticity service: looks at the hosts every few seconds and has as many as the policy wants.

Of the services of two clusters over one journal, the one that holds the lease decides: the number of hosts is theirs
together. Whatever fails is tried again at the next look. Each ends the hosts in its own cluster that nobody wants.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from actors.activation import Clock
from actors.fleet import Fleet, FleetRefusal
from actors.journal import JournalUnavailable
from cluster.elasticity.meter import Meter
from cluster.elasticity.policy import DEFAULT, Limits, Sample, Tuning, wanted_hosts
from cluster.elasticity.strays import Strays
from cluster.journal.fact import FactConflict
from cluster.journal.floor import Floor
from cluster.services.service import wait

LOOK_SECONDS = 5.0
SAMPLES_MORE = 12
"""Remembered beyond what the policy looks back at: a minute."""

_log = structlog.get_logger()

Reports = Sequence[Mapping[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Hosts:
    """What the service sees and changes: the fleet in force, reports of hosts, their number, and hosts that are there
    without being of the fleet."""

    fleet: Callable[[], Fleet]
    reports: Callable[[list[str]], Awaitable[Reports]]
    scale: Callable[[int], Awaitable[FleetRefusal | None]]
    strays: Callable[[], Awaitable[list[str]]]
    end_strays: Callable[[list[str]], Awaitable[None]]


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
        tuning: Tuning = DEFAULT,
    ) -> None:
        self._hosts = hosts
        self._limits = limits
        self._leads = leads
        self._floor = floor
        self._clock = clock
        self._time = time
        self._tuning = tuning
        self._meter = Meter()
        self._strays = Strays()
        back = max(tuning.grow_seconds, tuning.shrink_seconds)
        self._samples = deque[Sample](maxlen=int(back / LOOK_SECONDS) + SAMPLES_MORE)
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
        fleet = self._hosts.fleet()
        names = fleet.serving_names()
        reports = await self._hosts.reports(names)
        self._samples.append(self._meter.sample(self._time(), names, reports))
        self._leading = await self._leads()
        self._wanted = await self._wants(fleet) if self._leading else fleet.hosts
        await self._end_strays(growing=self._wanted > fleet.hosts)
        if self._wanted != fleet.hosts:
            _log.info("elasticity.scales", hosts=fleet.hosts, wanted=self._wanted)
            refusal = await self._hosts.scale(self._wanted)
            if refusal is not None:
                _log.warning("elasticity.refused", wanted=self._wanted, reason=refusal.detail)

    async def _wants(self, fleet: Fleet) -> int:
        """How many hosts there should be, the drained ones among them."""
        least = self._limits.clamp((await self._floor()).at(self._clock()))
        within = fleet.trimmed(min(fleet.hosts, self._limits.most))
        drained = within.hosts - len(within.serving())
        limits = Limits(least, self._limits.most).beside(drained)
        return within.size_for(wanted_hosts(self._samples, limits, self._tuning))

    async def _end_strays(self, *, growing: bool) -> None:
        """While the fleet is to grow, a host that is not of it yet is one that it waits for."""
        strays = [] if growing else await self._hosts.strays()
        if overdue := self._strays.overdue(self._time(), strays):
            _log.info("elasticity.ends_strays", hosts=overdue)
            await self._hosts.end_strays(overdue)

    async def stop(self) -> None:
        self._stopping.set()

    async def health(self) -> dict[str, Any]:
        return {
            "lag": 0,
            "leads": self._leading,
            "hosts": self._hosts.fleet().hosts,
            "wanted": self._wanted,
            "least": self._limits.least,
            "most": self._limits.most,
        }
