"""The services' shared loop against real servers that stop, start and die."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from nats.aio.client import Client

from cluster.embedded.nats import NatsServer
from cluster.journal import consumer as module
from cluster.journal.api import last_message
from cluster.journal.consumer import Delivery, DurableConsumer, TryLater, forget_consumer
from cluster.journal.streams import DEADLETTERS, JOURNAL, ensure_streams
from tests.journal_worlds import connected, until


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    running = NatsServer.start(tmp_path / "nats")
    async with connected(running.url) as nc:
        await ensure_streams(nc, 1)
    yield running
    running.stop()


async def publish(nc: Client, count: int, start: int = 0) -> None:
    for number in range(start, start + count):
        await nc.request("journal.sshow.0", b"%d" % number, timeout=5)


class Recorder:
    """A handler that remembers what it has handled, and in what batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    async def handle(self, deliveries: list[Delivery]) -> None:
        self.batches.append([int(delivery.payload) for delivery in deliveries])

    @property
    def handled(self) -> list[int]:
        return [number for batch in self.batches for number in batch]


def consumer_of(
    nc: Client, handler: module.Handler, batch_max: int = module.BATCH_MESSAGES_MAX
) -> DurableConsumer:
    return DurableConsumer(nc, JOURNAL, "projection", "journal.>", handler, batch_max)


async def all_settled(consumer: DurableConsumer) -> None:
    """The server takes acknowledgements in a moment after they were sent."""
    deadline = asyncio.get_running_loop().time() + 10
    while await consumer.lag() > 0:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.02)


async def test_messages_come_in_batches_in_order_and_once(server: NatsServer) -> None:
    async with connected(server.url) as nc:
        recorder = Recorder()
        await publish(nc, 100)
        consumer = consumer_of(nc, recorder.handle, batch_max=30)
        consumer.start()
        await until(lambda: len(recorder.handled) == 100)
        await publish(nc, 20, start=100)
        await until(lambda: len(recorder.handled) == 120)
        await consumer.stop()
        assert recorder.handled == list(range(120))
        assert max(len(batch) for batch in recorder.batches) <= 30
        assert len(recorder.batches) < 60
        await all_settled(consumer)


async def test_the_position_outlives_the_process_and_can_be_forgotten(server: NatsServer) -> None:
    async with connected(server.url) as nc:
        await publish(nc, 10)
        first = Recorder()
        consumer = consumer_of(nc, first.handle)
        consumer.start()
        await until(lambda: len(first.handled) == 10)
        await consumer.stop()
        await publish(nc, 5, start=10)
        second = Recorder()
        consumer = consumer_of(nc, second.handle)
        consumer.start()
        await until(lambda: len(second.handled) == 5)
        await consumer.stop()
        assert second.handled == list(range(10, 15))
        await forget_consumer(nc, JOURNAL, "projection")
        await forget_consumer(nc, JOURNAL, "projection")
        third = Recorder()
        consumer = consumer_of(nc, third.handle)
        consumer.start()
        await until(lambda: len(third.handled) == 15)
        await consumer.stop()


async def test_an_outage_behind_the_handler_only_delays(
    server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE_SECONDS_MAX", 0.1)
    async with connected(server.url) as nc:
        await publish(nc, 10)
        recorder, refusals = Recorder(), [module.ATTEMPTS_MAX * 3]

        async def handle(deliveries: list[Delivery]) -> None:
            if refusals[0]:
                refusals[0] -= 1
                raise TryLater("the database is down")
            await recorder.handle(deliveries)

        consumer = consumer_of(nc, handle)
        consumer.start()
        await until(lambda: len(recorder.handled) == 10)
        await consumer.stop()
        assert recorder.handled == list(range(10))
        assert await last_message(nc, DEADLETTERS, "deadletters.>") is None


async def test_a_message_that_always_fails_is_buried_and_the_others_go_on(
    server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE_SECONDS_MAX", 0.1)
    async with connected(server.url) as nc:
        await publish(nc, 10)
        recorder, attempts = Recorder(), 0

        async def handle(deliveries: list[Delivery]) -> None:
            nonlocal attempts
            if any(delivery.payload == b"4" for delivery in deliveries):
                attempts += len(deliveries) == 1
                raise ValueError("this one is broken")
            await recorder.handle(deliveries)

        consumer = consumer_of(nc, handle)
        consumer.start()
        await until(lambda: len(recorder.handled) == 9)
        await publish(nc, 1, start=10)
        await until(lambda: len(recorder.handled) == 10)
        await consumer.stop()
        assert recorder.handled == [0, 1, 2, 3, 5, 6, 7, 8, 9, 10]
        assert attempts == module.ATTEMPTS_MAX
        buried = await last_message(nc, DEADLETTERS, "deadletters.JOURNAL.projection")
        assert buried is not None
        assert buried.payload == b"4"
        assert buried.headers["Frontrow-Subject"] == "journal.sshow.0"
        assert buried.headers["Frontrow-Sequence"] == "5"
        assert buried.headers["Frontrow-Reason"] == "ValueError: this one is broken"
        await all_settled(consumer)


async def test_a_message_that_kills_its_process_is_buried_unseen(
    server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DELIVERIES_MAX", 6)
    async with connected(server.url) as nc:
        await publish(nc, 6)
        recorder = Recorder()

        async def handle(deliveries: list[Delivery]) -> None:
            if any(delivery.payload == b"2" for delivery in deliveries):
                raise asyncio.CancelledError  # the process ends without a word about its messages
            await recorder.handle(deliveries)

        buried, consumer = None, consumer_of(nc, handle)
        async with asyncio.timeout(60):
            while buried is None or len(recorder.handled) < 5:
                if consumer.ended:
                    consumer = consumer_of(nc, handle)
                    consumer.start()
                await asyncio.sleep(0.02)
                buried = await last_message(nc, DEADLETTERS, "deadletters.>")
        await consumer.stop()
        assert sorted(recorder.handled) == [0, 1, 3, 4, 5]
        assert buried is not None
        assert buried.payload == b"2"


async def test_a_handler_may_settle_its_messages_itself(server: NatsServer) -> None:
    async with connected(server.url) as nc:
        await publish(nc, 3)
        seen = list[tuple[int, int]]()

        async def handle(deliveries: list[Delivery]) -> None:
            for delivery in deliveries:
                seen.append((int(delivery.payload), delivery.delivered))
                if delivery.payload == b"0":
                    await delivery.term()
                elif delivery.payload == b"1" and delivery.delivered == 1:
                    await delivery.nak(0.1)

        consumer = consumer_of(nc, handle)
        consumer.start()
        await until(lambda: len(seen) == 4)
        await consumer.stop()
        assert seen == [(0, 1), (1, 1), (2, 1), (1, 2)]
        await all_settled(consumer)


async def test_a_server_restart_in_the_middle_loses_nothing(server: NatsServer) -> None:
    async with connected(server.url) as nc:
        recorder = Recorder()
        consumer = consumer_of(nc, recorder.handle, batch_max=10)
        consumer.start()
        await publish(nc, 40)
        server.kill()
        await asyncio.sleep(0.3)
        again = NatsServer.start(server.directory, server.port)
        try:
            await until(lambda: nc.is_connected)
            await publish(nc, 40, start=40)
            await until(lambda: set(recorder.handled) == set(range(80)))
        finally:
            await consumer.stop()
            again.stop()


async def test_stopping_waits_for_the_handler_and_gives_the_rest_back(server: NatsServer) -> None:
    async with connected(server.url) as nc:
        await publish(nc, 20)
        entered, release, recorder = asyncio.Event(), asyncio.Event(), Recorder()

        async def slow(deliveries: list[Delivery]) -> None:
            entered.set()
            await release.wait()
            await recorder.handle(deliveries)

        consumer = consumer_of(nc, slow, batch_max=5)
        consumer.start()
        await entered.wait()
        stopping = asyncio.create_task(consumer.stop())
        await asyncio.sleep(0.05)
        assert not stopping.done()
        release.set()
        await stopping
        handled = len(recorder.handled)
        assert 0 < handled < 20
        successor = Recorder()
        consumer = consumer_of(nc, successor.handle)
        consumer.start()
        await until(lambda: len(successor.handled) == 20 - handled)
        await consumer.stop()
        assert recorder.handled + successor.handled == list(range(20))
