"""The meter and the service around the policy: what it looks at, when it scales, and who of two does."""

from __future__ import annotations

from typing import Any

import pytest

from actors.journal import JournalUnavailable
from cluster.elasticity.meter import Meter
from cluster.elasticity.policy import HostUse, Limits
from cluster.journal.floor import NO_FLOOR, Floor
from cluster.services.elasticity import LOOK_SECONDS, ElasticityService, Hosts


def report(pid: int, cpu_seconds: float, depth: int = 0) -> dict[str, Any]:
    return {"pid": pid, "cpu_seconds": cpu_seconds, "depth": depth}


def test_a_host_has_a_use_from_its_second_report_on() -> None:
    meter = Meter()
    assert meter.sample(0, ["a"], [report(1, 10)]).uses == ()
    sample = meter.sample(4, ["a"], [report(1, 12, depth=7)])
    assert (sample.at, sample.hosts, sample.uses) == (4, 1, (HostUse(0.5, 7),))


def test_a_host_that_was_restarted_or_silent_begins_anew() -> None:
    meter = Meter()
    meter.sample(0, ["a", "b"], [report(1, 10), report(2, 10)])
    assert meter.sample(1, ["a", "b"], [report(9, 0.5), None]).uses == ()
    assert meter.sample(2, ["a", "b"], [report(9, 1.0), report(2, 11)]).uses == (HostUse(0.5, 0),)


class World:
    """Hosts that are all equally busy, and a service that looks at them on a clock of its own."""

    def __init__(self, hosts: int, limits: Limits) -> None:
        self.hosts, self.busy, self.at = hosts, 0.0, 0.0
        self.leads, self.floor = True, NO_FLOOR
        self.scaled = list[int]()
        self.failure: Exception | None = None
        self._cpu = 0.0
        self.service = ElasticityService(
            Hosts(lambda: [f"host-{n}" for n in range(self.hosts)], self._reports, self._scale),
            limits,
            self._leads,
            self._floor,
            lambda: round(self.at * 1000),
            lambda: self.at,
        )

    async def looks(self, seconds: float, busy: float) -> None:
        for _ in range(round(seconds / LOOK_SECONDS)):
            self.at += LOOK_SECONDS
            self._cpu += busy * LOOK_SECONDS
            await self.service.look()

    async def _reports(self, names: list[str]) -> list[dict[str, Any]]:
        return [report(7, self._cpu) for _ in names]

    async def _scale(self, hosts: int) -> None:
        if self.failure is not None:
            raise self.failure
        self.hosts = hosts
        self.scaled.append(hosts)

    async def _leads(self) -> bool:
        return self.leads

    async def _floor(self) -> Floor:
        return self.floor


async def test_a_rush_brings_hosts_and_its_end_takes_them_away_one_step_after_the_other() -> None:
    world = World(2, Limits(2, 6))
    await world.looks(60, 1.0)
    assert world.scaled[0] == 4
    assert world.hosts == 6
    await world.looks(290, 0.0)
    assert world.hosts == 6
    await world.looks(600, 0.0)
    assert world.hosts == 2
    assert world.scaled == sorted(world.scaled[:2]) + sorted(world.scaled[2:], reverse=True)


async def test_who_does_not_lead_looks_and_does_nothing() -> None:
    world = World(2, Limits(1, 6))
    world.leads = False
    await world.looks(600, 1.0)
    assert world.scaled == []
    assert (await world.service.health())["leads"] is False


async def test_the_floor_of_a_known_on_sale_holds_until_it_is_over() -> None:
    world = World(2, Limits(1, 6))
    world.floor = Floor(5, until=900_000)
    await world.looks(5, 0.0)
    assert world.hosts == 5
    await world.looks(800, 0.0)
    assert world.hosts == 5
    await world.looks(1_800, 0.0)
    assert world.hosts == 1


async def test_a_floor_above_the_most_is_the_most() -> None:
    world = World(2, Limits(1, 3))
    world.floor = Floor(50, until=900_000)
    await world.looks(5, 0.0)
    assert world.hosts == 3


async def test_what_fails_is_tried_again_at_the_next_look() -> None:
    world = World(1, Limits(2, 4))
    world.failure = JournalUnavailable("away")
    with pytest.raises(JournalUnavailable):
        await world.looks(5, 0.0)
    world.failure = None
    await world.looks(5, 0.0)
    assert world.hosts == 2


def test_floors_join() -> None:
    assert NO_FLOOR.joined(Floor(4, 100), now=0) == Floor(4, 100)
    assert Floor(6, 50).joined(Floor(4, 100), now=0) == Floor(6, 100)
    assert Floor(6, 50).joined(Floor(4, 100), now=60) == Floor(4, 100)
    assert Floor(6, 50).at(49) == 6
    assert Floor(6, 50).at(50) == 1
