"""Changes of the fleet that meet: what one operator does is not undone by the end of what another one did."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest

from actors.domain.identity import BlockKey
from actors.fleet import Fleet
from cluster import directory as directory_module
from cluster.directory import Directory
from cluster.journal.fact import FactConflict
from cluster.journal.fleet import FleetFact


@dataclass
class Cluster:
    """The fact of the fleet, the directories that follow it, and the hosts that run."""

    fact: FleetFact
    running: set[str] = field(default_factory=set[str])
    directories: list[Directory] = field(default_factory=list[Directory])
    silent: set[str] = field(default_factory=set[str])
    """Hosts that wait for room: they are there and do not answer."""
    left: int | None = 0
    """How many blocks a host still has when it has put away what it can; None: it does not answer."""

    async def read(self, _nc: Any) -> FleetFact:
        return self.fact

    async def write(self, _nc: Any, fleet: Fleet, revision: int) -> FleetFact:
        if revision != self.fact.revision:
            raise FactConflict
        self.fact = FleetFact(fleet, revision + 1)
        for directory in self.directories:
            directory._on_change(self.fact)
        return self.fact

    def directory(self) -> Directory:
        made = Directory(None, self.fact.fleet.hosts, dedicated=False)  # type: ignore[arg-type]
        made._on_change(self.fact)
        self.directories.append(made)
        return made

    async def execute(self, host: str, payload: bytes) -> bytes:
        raise AssertionError("nobody asks for this here")

    async def reports(self, hosts: list[str]) -> list[dict[str, Any] | None]:
        self.running.update(hosts)
        return [None if host in self.silent else {} for host in hosts]

    async def names(self) -> list[str]:
        return sorted(self.running)

    async def put_away(self, host: str, blocks: list[BlockKey] | None) -> int | None:
        return self.left

    async def restart(self, host: str) -> None:
        raise AssertionError("nobody asks for this here")

    async def retire(self, host: str) -> None:
        self.running.discard(host)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    made = Cluster(FleetFact(Fleet(3), 1), set(Fleet(3).names()))
    monkeypatch.setattr(directory_module, "read_fleet", made.read)
    monkeypatch.setattr(directory_module, "write_fleet", made.write)
    monkeypatch.setattr(directory_module, "RETIRE_SECONDS", 0.05)
    return made


async def test_hosts_that_go_are_ended(cluster: Cluster) -> None:
    assert await cluster.directory().scale(cluster, 1) is None
    assert cluster.running == {"host-0"}


async def test_a_host_that_is_wanted_again_meanwhile_is_not_ended(cluster: Cluster) -> None:
    down, up = cluster.directory(), cluster.directory()
    going = asyncio.create_task(down.scale(cluster, 1))
    while cluster.fact.fleet.hosts == 3:
        await asyncio.sleep(0)
    assert await up.scale(cluster, 2) is None
    assert await going is None
    assert cluster.running == {"host-0", "host-1"}


async def waiting(cluster: Cluster, growth: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """A growth that has started its hosts, which find no room."""
    begun = asyncio.create_task(growth)
    while not cluster.silent & cluster.running:
        await asyncio.sleep(0)
    return begun


@pytest.mark.parametrize("later", [5, 3], ids=["another number", "the number that is in force"])
async def test_a_growth_that_waits_ends_when_somebody_decides_otherwise(
    cluster: Cluster, later: int
) -> None:
    """A slip, taken back: it does not come true when nodes are there, and leaves no hosts behind."""
    cluster.silent = set(Fleet(30).names()) - set(Fleet(5).names())
    slip = await waiting(cluster, cluster.directory().scale(cluster, 30))
    assert await cluster.directory().scale(cluster, later) is None
    with pytest.raises(FactConflict):
        await slip
    assert cluster.fact.fleet == Fleet(later)
    assert cluster.running == set(Fleet(later).names())


@pytest.mark.parametrize("how", [Directory.scale, Directory.grow])
async def test_a_growth_that_waits_does_not_take_away_what_came_meanwhile(
    cluster: Cluster, how: Callable[[Directory, Cluster, int], Coroutine[Any, Any, Any]]
) -> None:
    cluster.silent = {"host-7"}
    slow = await waiting(cluster, how(cluster.directory(), cluster, 8))
    cluster.silent.clear()
    assert await cluster.directory().scale(cluster, 12) is None
    with pytest.raises(FactConflict):
        await slow
    assert cluster.fact.fleet == Fleet(12)


async def test_of_a_change_that_is_seen_late_nothing_is_undone_either(cluster: Cluster) -> None:
    """The fleet is read again before it is written: this process may not have heard of it yet."""
    cluster.silent = {"host-7"}
    slow = await waiting(cluster, cluster.directory().scale(cluster, 8))
    cluster.fact = FleetFact(Fleet(12), cluster.fact.revision + 1)
    cluster.silent.clear()
    with pytest.raises(FactConflict):
        await slow
    assert cluster.fact.fleet == Fleet(12)


async def test_two_who_want_the_same_both_get_it(cluster: Cluster) -> None:
    cluster.silent = {"host-3"}
    first = await waiting(cluster, cluster.directory().scale(cluster, 4))
    second = asyncio.create_task(cluster.directory().scale(cluster, 4))
    await asyncio.sleep(0)
    cluster.silent.clear()
    assert await asyncio.gather(first, second) == [None, None]
    assert cluster.fact == FleetFact(Fleet(4), 2)


async def test_growing_never_takes_a_host_away(cluster: Cluster) -> None:
    behind = cluster.directory()
    cluster.fact = FleetFact(Fleet(6, frozenset({0})), 2)
    behind._revision = 2
    assert await behind.grow(cluster, 4) is None
    assert cluster.fact.fleet == Fleet(6, frozenset({0}))
    assert await behind.grow(cluster, 6) is None
    assert cluster.fact.fleet == Fleet(7, frozenset({0}))


@pytest.mark.parametrize(
    ("left", "bound", "told"),
    [(None, "SILENT_SECONDS_MAX", "does not answer"), (3, "DRAIN_SECONDS_MAX", "still at work")],
)
async def test_a_host_that_is_not_emptied_is_told_why_and_has_nothing_placed_on_it(
    cluster: Cluster,
    monkeypatch: pytest.MonkeyPatch,
    left: int | None,
    bound: str,
    told: str,
) -> None:
    monkeypatch.setattr(directory_module, bound, 0.05)
    cluster.left = left
    with pytest.raises(TimeoutError, match=f"host-1 .*{told}"):
        await cluster.directory().drain(cluster, "host-1")
    assert cluster.fact.fleet.drained == {1}
