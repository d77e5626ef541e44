"""Changes of the fleet that meet: what one operator does is not undone by the end of what another one did."""

from __future__ import annotations

import asyncio
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
        raise NotImplementedError

    async def reports(self, hosts: list[str]) -> list[dict[str, Any] | None]:
        self.running.update(hosts)
        return [{} for _ in hosts]

    async def names(self) -> list[str]:
        return sorted(self.running)

    async def put_away(self, host: str, blocks: list[BlockKey] | None) -> int | None:
        return self.left

    async def restart(self, host: str) -> None:
        raise NotImplementedError

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
