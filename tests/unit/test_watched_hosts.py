"""The two gauges that an operator is called by when a host is away."""

from __future__ import annotations

from typing import Any

from actors.fleet import Fleet
from actors.metrics import HOSTS_ANSWERING, HOSTS_WANTED
from actors.placement import Placement
from cluster.service_processes import watch_hosts
from cluster.telemetry.sampler import Sampler
from tests.meters import RecordingMeter


class Transport:
    """Hosts of which some do not answer."""

    def __init__(self, *silent: str) -> None:
        self._silent = silent

    async def reports(self, hosts: list[str]) -> list[dict[str, Any] | None]:
        return [None if host in self._silent else {} for host in hosts]


async def told(fleet: Fleet, *silent: str) -> tuple[float | None, float | None]:
    """How many hosts are wanted, and how many answer."""
    meter = RecordingMeter()
    sampler = Sampler(meter)
    watch_hosts(sampler, lambda: Placement(fleet), Transport(*silent))  # type: ignore[arg-type]
    await sampler.sample()
    return meter.gauge(HOSTS_WANTED), meter.gauge(HOSTS_ANSWERING)


async def test_a_silent_host_is_missed() -> None:
    assert await told(Fleet(3), "host-1") == (3, 2)


async def test_a_silent_host_that_is_drained_is_not() -> None:
    assert await told(Fleet(3, frozenset({1})), "host-1") == (2, 2)


async def test_a_drained_host_does_not_stand_in_for_a_silent_one() -> None:
    assert await told(Fleet(3, frozenset({1})), "host-0") == (2, 1)
