"""Three servers, of which one dies: nothing acknowledged is lost, nothing is stored twice, everybody goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from nats.aio.client import Client

from actors.journal import JournalConflict, JournalUnavailable
from cluster.embedded.nats import NatsServer, start_cluster
from cluster.journal.api import call
from cluster.journal.consumer import Delivery, DurableConsumer
from cluster.journal.feed import JournalFeed
from cluster.journal.jetstream import JetStreamJournal
from cluster.journal.streams import JOURNAL, ensure_streams
from tests.journal_worlds import connected, new_block, until


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[list[NatsServer]]:
    running = start_cluster(tmp_path / "cluster")
    yield running
    for server in running:
        server.stop()


async def leader_of(nc: Client, servers: list[NatsServer]) -> NatsServer:
    name = (await call(nc, f"STREAM.INFO.{JOURNAL}"))["cluster"]["leader"]
    return next(server for server in servers if server.name == name)


async def test_the_death_of_the_leader_in_the_middle_of_appends(servers: list[NatsServer]) -> None:
    urls = ",".join(server.url for server in servers)
    async with connected(urls, "writer") as writer, connected(urls, "reader") as reader:
        await ensure_streams(writer, 3)
        block, followed, handled = new_block(), list[int](), list[int]()

        async def handle(deliveries: list[Delivery]) -> None:
            handled.extend(delivery.sequence for delivery in deliveries)

        def on_entry(_subject: str, sequence: int, _payload: bytes) -> None:
            followed.append(sequence)

        following = await JournalFeed(reader).follow(f"journal.{block}", 0, on_entry)
        consumer = DurableConsumer(reader, JOURNAL, "projection", "journal.>", handle)
        consumer.start()
        journal = JetStreamJournal(writer)
        acknowledged, last, number = dict[str, int](), 0, 0
        victim = await leader_of(writer, servers)

        async def append_until(count: int) -> None:
            nonlocal last, number
            while len(acknowledged) < count:
                commit_id, number = f"{block} {number}", number + 1
                try:
                    last = acknowledged[commit_id] = await journal.append(
                        block, last, commit_id, b"x"
                    )
                except (JournalUnavailable, JournalConflict):  # as an activation: read, go on
                    last = await journal.last_sequence(block)

        await append_until(200)
        appending = asyncio.create_task(append_until(600))
        await asyncio.sleep(0.1)
        victim.kill()
        await asyncio.wait_for(appending, 60)
        stored = {entry.commit_id: entry.sequence async for entry in journal.read(block, 0)}
        assert acknowledged.items() <= stored.items()
        sequences = sorted(stored.values())
        await until(lambda: following.sequence == sequences[-1], 60)
        assert followed == sequences
        await until(lambda: set(handled) == set(sequences), 60)
        await following.stop()
        await consumer.stop()
