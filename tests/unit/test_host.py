"""A host: activations on demand, in one process, put away when idle."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field

import pytest

from actors.activation import Activation
from actors.domain.commands import Command, FindHold, OpenBlock
from actors.domain.identity import BlockKey
from actors.domain.rejections import Code, Rejection
from actors.host import IDLE_MS, Host
from actors.journal import Snapshot
from actors.outcomes import Accepted
from cluster.journal.memory import Faults, MemoryJournal, MemoryStream
from tests.unit.halls import NOW, RULES, seats
from tests.unit.test_activation import hold, token

SHOW = "sabcdefghijkl"
KEYS = [BlockKey(SHOW, n) for n in range(4)]


@dataclass
class World:
    now: int = NOW
    stream: MemoryStream = field(default_factory=MemoryStream)
    faults: Faults = field(default_factory=Faults)

    def host(self, name: str = "host-0") -> Host:
        ids = itertools.count()
        journal = MemoryJournal(self.stream, self.faults, settle_seconds=0.0)
        return Host(name, journal, lambda: self.now, lambda: f"{name}-{next(ids)}", name)


async def opened(world: World) -> Host:
    host = world.host()
    batch: list[tuple[BlockKey, Command]] = [
        (key, OpenBlock(seats("aaaa"), RULES, "test")) for key in KEYS
    ]
    assert all(isinstance(o, Accepted) for o in await host.execute(batch))
    return host


async def test_outcomes_come_in_the_order_of_the_batch_over_many_blocks() -> None:
    host = await opened(World())
    outcomes = await host.execute(
        [(KEYS[0], hold(1, 0)), (KEYS[1], hold(2, 9)), (KEYS[0], hold(3, 0)), (KEYS[2], hold(4, 3))]
    )
    assert isinstance(outcomes[0], Accepted)
    assert isinstance(outcomes[1], Rejection)
    assert outcomes[1].code is Code.INVALID_TICKETS
    assert isinstance(outcomes[2], Rejection)
    assert outcomes[2].code is Code.SEATS_UNAVAILABLE
    assert isinstance(outcomes[3], Accepted)


async def test_a_report_counts_activations_tickets_and_commands() -> None:
    host = await opened(World())
    report = host.report()
    assert (report.activations, report.tickets, report.commands, report.depth) == (4, 16, 4, 0)
    assert report.blocks == tuple(str(key) for key in KEYS)


async def test_what_is_idle_is_put_away_with_a_snapshot_and_comes_back() -> None:
    world = World()
    host = await opened(world)
    await host.execute([(KEYS[0], hold(1, 0))])
    assert await host.put_idle_away() == 0
    world.now += IDLE_MS
    await host.execute([(KEYS[1], hold(2, 0))])
    assert await host.put_idle_away() == 3
    assert host.report().blocks == (str(KEYS[1]),)
    assert world.stream.snapshot(KEYS[0]) is not None
    assert world.stream.snapshot(KEYS[1]) is None
    (found,) = await host.execute([(KEYS[0], FindHold(token(1)))])
    assert isinstance(found, Accepted)


async def test_a_command_that_comes_while_a_block_is_put_away_is_answered() -> None:
    world = World()
    host = await opened(world)
    world.now += IDLE_MS
    swept, outcomes = await asyncio.gather(
        host.put_idle_away(), host.execute([(key, hold(1, 0)) for key in KEYS])
    )
    assert swept <= 4
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)


async def test_a_sweep_survives_a_journal_that_is_down() -> None:
    world = World()
    host = await opened(world)
    world.now += IDLE_MS
    world.faults.unavailable = True
    assert await host.put_idle_away() == 4
    assert host.report().activations == 0


async def test_another_host_takes_over_where_the_first_one_was() -> None:
    world = World()
    first = await opened(world)
    await first.execute([(KEYS[0], hold(1, 0))])
    await first.save_snapshots()
    second = world.host("host-1")
    (taken,) = await second.execute([(KEYS[0], hold(2, 0))])
    assert isinstance(taken, Rejection)
    outcomes = await asyncio.gather(
        *[
            host.execute([(KEYS[0], hold(10 + n, 1 + n % 3))])
            for n, host in enumerate((first, second) * 6)
        ]
    )
    assert sum(isinstance(outcome, Accepted) for (outcome,) in outcomes) == 3
    stored = world.stream.snapshot(KEYS[0])
    assert isinstance(stored, Snapshot)


async def test_a_drained_host_puts_everything_away_and_still_serves_whoever_asks_it() -> None:
    world = World()
    host = await opened(world)
    await host.execute([(KEYS[0], hold(1, 0))])
    assert await host.put_away([KEYS[1], BlockKey(SHOW, 99)]) == 3
    assert await host.put_away() == 0
    assert all(world.stream.snapshot(key) is not None for key in KEYS)
    (found,) = await host.execute([(KEYS[0], FindHold(token(1)))])
    assert isinstance(found, Accepted)
    assert host.report().activations == 1


async def test_a_block_that_is_at_work_is_not_put_away() -> None:
    host = await opened(World())
    left, outcomes = await asyncio.gather(
        host.put_away(), host.execute([(key, hold(1, 0)) for key in KEYS])
    )
    assert left > 0
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)


async def test_putting_away_twice_at_once_takes_nobody_s_new_activation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What one operator has put away is at work again when the snapshot that another one waits for is kept."""
    host, kept, saved = await opened(World()), asyncio.Event(), list[Activation]()

    async def slowly(activation: Activation) -> None:
        saved.append(activation)
        if len(saved) == 1:
            await kept.wait()

    monkeypatch.setattr(Activation, "save_snapshot", slowly)
    first = asyncio.create_task(host.put_away([KEYS[0]]))
    await asyncio.sleep(0)
    assert await host.put_away([KEYS[0]]) == 3
    await host.execute([(KEYS[0], hold(1, 0))])
    kept.set()
    assert await first == 4


async def test_a_report_has_the_latency_of_commits_and_not_of_refusals() -> None:
    host = World().host()
    await host.execute([(KEYS[0], FindHold(token(1)))])
    assert (host.report().p50_ms, host.report().p99_ms) == (None, None)
    await host.execute([(KEYS[0], OpenBlock(seats("aaaa"), RULES, "test"))])
    report = host.report()
    assert report.p50_ms is not None
    assert report.p99_ms is not None
    assert 0 <= report.p50_ms <= report.p99_ms
