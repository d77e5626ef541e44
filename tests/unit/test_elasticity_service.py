"""The meter and the service around the policy: what it looks at, when it scales, and who of two does."""

from __future__ import annotations

from typing import Any

import pytest

from actors.fleet import Fleet
from actors.journal import JournalUnavailable
from cluster.elasticity.meter import Meter
from cluster.elasticity.policy import HostUse, Limits, Tuning
from cluster.elasticity.strays import STRAY_SECONDS
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
    """Hosts that are all equally busy (drained ones idle), and a service that looks at them on a clock of its own.

    `room` is how many hosts find a node; a growth beyond it is given up, and what was started for it stays."""

    def __init__(self, hosts: int, limits: Limits, tuning: Tuning | None = None) -> None:
        self.fleet, self.at, self.room = Fleet(hosts), 0.0, 100
        self.leads, self.floor = True, NO_FLOOR
        self.scaled = list[int]()
        self.there = set(self.fleet.names())
        self.failure: Exception | None = None
        self._cpu = 0.0
        self.service = ElasticityService(
            Hosts(lambda: self.fleet, self._reports, self._scale, self._strays, self._end),
            limits,
            self._leads,
            self._floor,
            lambda: round(self.at * 1000),
            lambda: self.at,
            tuning or Tuning(),
        )

    @property
    def hosts(self) -> int:
        return self.fleet.hosts

    def drain(self, *ordinals: int) -> None:
        self.fleet = Fleet(self.fleet.hosts, frozenset(ordinals))

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
        self.there |= set(Fleet(hosts).names())
        if hosts > self.room:
            raise TimeoutError
        self.fleet = self.fleet.trimmed(hosts)
        self.there &= set(self.fleet.names())
        self.scaled.append(hosts)

    async def _strays(self) -> list[str]:
        return self.fleet.strays(self.there)

    async def _end(self, names: list[str]) -> None:
        self.there -= set(names)

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


async def test_a_drained_host_is_no_capacity() -> None:
    """Two of four carry the load, and each is too busy: two more are needed, whatever the drained ones could do."""
    world = World(4, Limits(1, 8))
    world.drain(1, 3)
    await world.looks(30, 1.0)
    assert world.scaled[0] == 6
    assert len(world.fleet.serving()) == 4
    assert world.fleet.drained == {1, 3}


async def test_a_host_that_is_drained_below_the_least_is_made_up_for() -> None:
    world = World(2, Limits(2, 4))
    await world.looks(5, 0.6)
    world.drain(0)
    await world.looks(5, 0.6)
    assert (world.hosts, len(world.fleet.serving())) == (3, 2)


async def test_drained_hosts_take_room_of_the_most() -> None:
    world = World(3, Limits(1, 4))
    world.drain(0, 1)
    await world.looks(120, 1.0)
    assert world.hosts == 4


async def test_what_an_operator_has_drained_stays_until_fewer_are_needed() -> None:
    world = World(4, Limits(1, 8))
    world.drain(3)
    await world.looks(600, 0.6)
    assert world.scaled == []
    await world.looks(330, 0.2)
    assert world.scaled[0] == 2
    assert world.fleet.drained == set()


async def test_more_hosts_than_the_most_go_and_drained_ones_among_them() -> None:
    world = World(5, Limits(1, 3))
    world.drain(3, 4)
    await world.looks(5, 0.6)
    assert world.hosts == 3
    assert world.fleet.drained == set()


async def grow_in_vain(world: World) -> None:
    """For as long as the load wants more hosts than there is room for."""
    for _ in range(200):
        try:
            await world.looks(5, 1.0)
        except TimeoutError:
            continue


async def test_a_host_that_comes_late_is_used_by_the_next_round() -> None:
    world = World(2, Limits(2, 3))
    world.room = 2
    await grow_in_vain(world)
    assert (world.hosts, world.there) == (2, {"host-0", "host-1", "host-2"})
    world.room = 3
    await world.looks(5, 1.0)
    assert world.hosts == 3
    assert world.there == set(world.fleet.names())


async def test_a_host_that_comes_when_nobody_wants_it_any_more_is_ended() -> None:
    world = World(2, Limits(2, 3))
    world.room = 2
    await grow_in_vain(world)
    await world.looks(STRAY_SECONDS - 10, 0.6)
    assert "host-2" in world.there, "it may still be asked for"
    await world.looks(30, 0.6)
    assert world.there == {"host-0", "host-1"}
    assert world.hosts == 2


async def test_who_does_not_lead_ends_what_is_left_over_in_its_own_cluster() -> None:
    """The other cluster took hosts away; here they are still running."""
    world = World(4, Limits(1, 6))
    world.leads = False
    world.fleet = Fleet(2)
    await world.looks(STRAY_SECONDS + 10, 0.0)
    assert world.there == {"host-0", "host-1"}
    assert world.scaled == []


async def test_it_decides_as_the_installation_wants_it() -> None:
    world = World(1, Limits(1, 2), Tuning(cpu_target=0.02, grow_seconds=5, shrink_seconds=10))
    await world.looks(20, 0.05)
    assert world.hosts == 2
    await world.looks(20, 0.005)
    assert world.hosts == 1


def test_floors_join() -> None:
    assert NO_FLOOR.joined(Floor(4, 100), now=0) == Floor(4, 100)
    assert Floor(6, 50).joined(Floor(4, 100), now=0) == Floor(6, 100)
    assert Floor(6, 50).joined(Floor(4, 100), now=60) == Floor(4, 100)
    assert Floor(6, 50).at(49) == 6
    assert Floor(6, 50).at(50) == 1
