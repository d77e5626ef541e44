"""Snapshots of a block: they make an activation short, and change nothing that the journal says."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from actors.domain.commands import ExpireDue, FindHold, ReleaseHold
from actors.domain.rejections import Code, Rejection
from actors.journal import Snapshot
from actors.outcomes import Accepted
from cluster.journal.memory import Faults
from tests.unit.test_activation import KEY, World, hold, token


async def test_a_new_activation_reads_its_snapshot_and_only_the_tail() -> None:
    world = World()
    one, _ = await world.opened()
    for n in range(20):
        await one.submit(hold(n, n))
    await one.submit(ReleaseHold(token(3)))
    await one.save_snapshot()
    await one.submit(hold(30, 30))
    journal = world.journal()
    two = world.activation(journal, "two")
    await two.submit(ExpireDue())
    assert two.block == one.block
    assert (two.sequence, journal.read_entries) == (one.sequence, 1)


async def test_a_snapshot_is_taken_after_so_many_commits() -> None:
    world = World(snapshot_commits=10)
    one, _ = await world.opened()
    for n in range(25):
        await one.submit(hold(n, n))
    for _ in range(10):
        await asyncio.sleep(0)
    stored = world.stream.snapshot(KEY)
    assert stored is not None
    assert one.sequence - 10 < stored.sequence <= one.sequence


@pytest.mark.parametrize("payload", [b"", b"not a snapshot", b"x\x9c\x03\x00\x00\x00\x00\x01"])
async def test_an_unreadable_snapshot_is_only_a_longer_replay(payload: bytes) -> None:
    world = World()
    one, _ = await world.opened()
    await one.submit(hold(1, 1))
    last = await world.journal().first(KEY, one.sequence - 1)
    assert last is not None
    world.stream.keep_snapshot(KEY, Snapshot(one.sequence, last.commit_id, payload))
    two = world.activation(world.journal(), "two")
    assert isinstance(await two.submit(FindHold(token(1))), Accepted)
    assert two.block == one.block


async def test_a_snapshot_of_a_future_that_the_journal_lost_is_not_believed() -> None:
    world, lost = World(), World()
    ahead, _ = await lost.opened()
    for n in range(5):
        await ahead.submit(hold(n, n))
    await ahead.save_snapshot()
    await world.opened()
    future = lost.stream.snapshot(KEY)
    assert future is not None
    world.stream.keep_snapshot(KEY, future)
    two = world.activation(world.journal(), "two")
    assert isinstance(await two.submit(hold(9, 0)), Accepted)


async def test_a_snapshot_that_cannot_be_kept_disturbs_nobody() -> None:
    faults = Faults()
    one, _ = await World().opened(faults)
    faults.unavailable = True
    await one.save_snapshot()
    faults.unavailable = False
    assert isinstance(await one.submit(hold(1, 1)), Accepted)


async def test_a_snapshot_of_a_future_that_the_journal_has_outgrown_is_not_believed() -> None:
    """A journal was restored from a backup while a host of before still ran, and left a snapshot of what was lost."""
    world, lost = World(), World(ids=itertools.count(1_000))
    ahead, _ = await lost.opened()
    for n in range(5):
        await ahead.submit(hold(n, n))
    await ahead.save_snapshot()
    one, _ = await world.opened()
    for n in range(7):
        assert isinstance(await one.submit(hold(20 + n, 20 + n)), Accepted)
    future = lost.stream.snapshot(KEY)
    assert future is not None
    assert future.sequence < one.sequence
    world.stream.keep_snapshot(KEY, future)
    two = world.activation(world.journal(), "two")
    refused = await two.submit(hold(9, 20))
    assert isinstance(refused, Rejection)
    assert refused.code is Code.SEATS_UNAVAILABLE
    assert two.block == one.block
