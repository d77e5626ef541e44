"""Wake-ups by the server's own schedules: they fire, they survive restarts, and none is forgotten."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from cluster.embedded.nats import NatsServer
from cluster.journal.consumer import DurableConsumer
from cluster.journal.streams import WAKEUP_DAYS_MAX, ensure_streams
from cluster.journal.wakeups import Wakeup, schedule_wakeup, wakeup_consumer
from tests.journal_worlds import connected, new_block, until


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    running = NatsServer.start(tmp_path / "nats")
    async with connected(running.url) as nc:
        await ensure_streams(nc, 1)
    yield running
    running.stop()


class Sleeper:
    """A handler that remembers who was woken, and when."""

    def __init__(self) -> None:
        self.woken: list[tuple[Wakeup, int]] = []

    async def handle(self, wakeups: list[Wakeup]) -> None:
        self.woken += [(wakeup, now_ms()) for wakeup in wakeups]

    def count(self, block: int) -> int:
        return sum(wakeup.block.block == block for wakeup, _ in self.woken)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def test_a_wakeup_comes_at_its_time_and_an_overdue_one_at_once(server: NatsServer) -> None:
    async with connected(server.url) as nc:
        show, sleeper, start = new_block().show_id, Sleeper(), now_ms()
        consumer = wakeup_consumer(partial(DurableConsumer, nc), sleeper.handle)
        consumer.start()
        soon, overdue = new_block(1), new_block(2)
        await schedule_wakeup(nc, soon, start + 1_500, start)
        await schedule_wakeup(nc, overdue, start - 60_000, start)
        await until(lambda: sleeper.count(1) == 1 and sleeper.count(2) == 1)
        await consumer.stop()
        by_block = {wakeup.block: (wakeup, at) for wakeup, at in sleeper.woken}
        wakeup, at = by_block[soon]
        assert wakeup.at_ms == start + 1_500
        assert at >= wakeup.at_ms
        assert by_block[overdue][0].at_ms == start - 60_000
        assert show.startswith("s")


async def test_the_same_second_of_a_block_is_one_wakeup(server: NatsServer) -> None:
    async with connected(server.url) as nc:
        block, other, sleeper = new_block(1), new_block(2), Sleeper()
        start = now_ms() // 1000 * 1000 + 2_000
        for late in (100, 200, 300):
            await schedule_wakeup(nc, block, start + late, start)
        await schedule_wakeup(nc, other, start + 2_100, start)
        consumer = wakeup_consumer(partial(DurableConsumer, nc), sleeper.handle)
        consumer.start()
        await until(lambda: sleeper.count(2) == 1)
        await consumer.stop()
        assert sleeper.count(1) == 1


async def test_wakeups_outlive_the_server_and_those_missed_come_late(server: NatsServer) -> None:
    async with connected(server.url) as nc:
        missed, later, start = new_block(1), new_block(2), now_ms()
        await schedule_wakeup(nc, missed, start + 1_000, start)
        await schedule_wakeup(nc, later, start + 4_000, start)
        server.kill()
        while now_ms() < start + 2_500:
            time.sleep(0.1)  # noqa: ASYNC251  # nothing runs meanwhile, as in an outage
        again = NatsServer.start(server.directory, server.port)
        try:
            await until(lambda: nc.is_connected)
            sleeper = Sleeper()
            consumer = wakeup_consumer(partial(DurableConsumer, nc), sleeper.handle)
            consumer.start()
            await until(lambda: sleeper.count(1) == 1 and sleeper.count(2) == 1)
            await consumer.stop()
            assert all(at >= wakeup.at_ms for wakeup, at in sleeper.woken)
        finally:
            again.stop()


async def test_many_wakeups_at_one_second_all_come(server: NatsServer) -> None:
    async with connected(server.url) as nc:
        show, sleeper, start = new_block(), Sleeper(), now_ms()
        for number in range(500):
            block = type(show)(show.show_id, number)
            await schedule_wakeup(nc, block, start + 1_000, start)
        consumer = wakeup_consumer(partial(DurableConsumer, nc), sleeper.handle)
        consumer.start()
        await until(lambda: len({w.block for w, _ in sleeper.woken}) == 500)
        await consumer.stop()


async def test_a_time_that_the_stream_would_forget_is_refused(server: NatsServer) -> None:
    async with connected(server.url) as nc:
        too_far = now_ms() + (WAKEUP_DAYS_MAX * 86_400 + 60) * 1000
        with pytest.raises(ValueError, match="days ahead"):
            await schedule_wakeup(nc, new_block(), too_far, now_ms())
