"""The feed against real servers that stop, start and die."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from actors.domain.identity import BlockKey
from actors.fleet import Fleet
from cluster.embedded.nats import NatsServer
from cluster.journal.fact import FactConflict
from cluster.journal.feed import Following, JournalFeed
from cluster.journal.fleet import FleetFact, read_fleet, watch_fleet, write_fleet
from cluster.journal.jetstream import JetStreamJournal
from cluster.journal.streams import ensure_streams
from tests.journal_worlds import connected, new_block, until

CAUGHT_UP_SECONDS = 30.0


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    running = NatsServer.start(tmp_path / "nats")
    yield running
    running.stop()


class Heard:
    """What a follower was told."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, int, bytes]] = []
        self.states: list[str] = []

    def on_entry(self, subject: str, sequence: int, payload: bytes) -> None:
        self.entries.append((subject, sequence, payload))

    def on_stale(self, reason: str) -> None:
        self.states.append(f"stale: {reason}")

    def on_current(self) -> None:
        self.states.append("current")

    @property
    def sequences(self) -> list[int]:
        return [sequence for _, sequence, _ in self.entries]


async def fill(nc: Client, block: BlockKey, count: int, prefix: str = "c") -> list[int]:
    journal = JetStreamJournal(nc)
    last, sequences = await journal.last_sequence(block), list[int]()
    for number in range(count):
        last = await journal.append(block, last, f"{block} {prefix}{number}", b"%d" % number)
        sequences.append(last)
    return sequences


async def follow(nc: Client, heard: Heard, block: BlockKey, after: int = 0) -> Following:
    return await JournalFeed(nc, heartbeat_seconds=0.3).follow(
        f"journal.{block.show_id}.>", after, heard.on_entry, heard.on_stale, heard.on_current
    )


async def test_a_follower_gets_the_past_and_the_present_in_order(server: NatsServer) -> None:
    async with connected(server.url) as nc:
        await ensure_streams(nc, 1)
        block, other, heard = new_block(), new_block(), Heard()
        past = await fill(nc, block, 20)
        await fill(nc, other, 5)
        following = await follow(nc, heard, block, past[4])
        assert await following.wait_current(CAUGHT_UP_SECONDS)
        assert heard.sequences == past[5:]
        assert following.current
        assert await following.lag() == 0
        present = await fill(nc, block, 20, "d")
        await until(lambda: following.sequence == present[-1])
        assert heard.sequences == past[5:] + present
        assert heard.entries[-1] == (f"journal.{block}", present[-1], b"19")
        assert heard.states == ["current"]
        await following.stop()
        await fill(nc, block, 1, "e")
        assert following.sequence == present[-1]


async def test_the_last_sequence_of_a_filter_tells_when_a_follower_has_caught_up(
    server: NatsServer,
) -> None:
    async with connected(server.url) as nc:
        await ensure_streams(nc, 1)
        feed, block = JournalFeed(nc), new_block()
        assert await feed.last_sequence(f"journal.{block.show_id}.>") == 0
        sequences = await fill(nc, block, 3)
        more = await fill(nc, BlockKey(block.show_id, 1), 3)
        assert await feed.last_sequence(f"journal.{block.show_id}.>") == more[-1]
        assert await feed.last_sequence(f"journal.{block}") == sequences[-1]


async def test_a_server_restart_is_told_and_leaves_no_gap(server: NatsServer) -> None:
    async with connected(server.url) as nc, connected(server.url) as writer:
        await ensure_streams(nc, 1)
        block, heard = new_block(), Heard()
        following = await follow(nc, heard, block)
        sequences = await fill(writer, block, 50)
        await until(lambda: following.sequence == sequences[-1])
        server.kill()
        await until(lambda: not following.current)
        assert heard.states[-1].startswith("stale: ")
        again = NatsServer.start(server.directory, server.port)
        try:
            await until(lambda: writer.is_connected)
            sequences += await fill(writer, block, 50, "d")
            assert await following.wait_current(CAUGHT_UP_SECONDS)
            await until(lambda: following.sequence == sequences[-1])
            assert heard.sequences == sequences
            assert heard.states[-1] == "current"
        finally:
            await following.stop()
            again.stop()


async def test_a_consumer_that_the_server_forgets_is_made_anew(server: NatsServer) -> None:
    async with connected(server.url) as nc:
        await ensure_streams(nc, 1)
        block, heard = new_block(), Heard()
        following = await follow(nc, heard, block)
        sequences = await fill(nc, block, 5)
        await until(lambda: following.sequence == sequences[-1])
        names = await nc.jetstream().consumers_info("JOURNAL")
        for consumer in names:
            await nc.jetstream().delete_consumer("JOURNAL", consumer.name)
        await until(lambda: len(heard.states) >= 2)
        sequences += await fill(nc, block, 5, "d")
        await until(lambda: following.sequence == sequences[-1])
        assert heard.sequences == sequences
        assert heard.states[1].startswith("stale: ")
        await following.stop()


class LossyClient:
    """Drops some deliveries of subscriptions, as a slow consumer's full buffer does."""

    def __init__(self, nc: Client, every: int) -> None:
        self._nc = nc
        self._every = every
        self._seen = 0
        self.dropped = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._nc, name)

    async def subscribe(self, subject: str, cb: Any) -> Any:
        async def lossy(message: Msg) -> None:
            if message.reply.startswith("$JS.ACK."):
                self._seen += 1
                if self._seen % self._every == 0:
                    self.dropped += 1
                    return
            await cb(message)

        return await self._nc.subscribe(subject, cb=lossy)


async def test_lost_deliveries_are_fetched_again(server: NatsServer) -> None:
    async with connected(server.url) as nc:
        await ensure_streams(nc, 1)
        block, heard = new_block(), Heard()
        sequences = await fill(nc, block, 30)
        lossy = LossyClient(nc, every=13)
        following = await follow(cast(Client, lossy), heard, block)
        await until(lambda: following.sequence == sequences[-1])
        assert lossy.dropped > 0
        assert heard.sequences == sequences
        await following.stop()
        reader = JetStreamJournal(cast(Client, LossyClient(nc, every=13)))
        assert [entry.sequence async for entry in reader.read(block, 0)] == sequences


async def test_an_entry_that_cannot_be_applied_is_delivered_again(server: NatsServer) -> None:
    async with connected(server.url) as nc:
        await ensure_streams(nc, 1)
        block, heard, failures = new_block(), Heard(), [2]
        sequences = await fill(nc, block, 3)

        def on_entry(subject: str, sequence: int, payload: bytes) -> None:
            if sequence == sequences[1] and failures[0]:
                failures[0] -= 1
                raise ValueError("not yet")
            heard.on_entry(subject, sequence, payload)

        following = await JournalFeed(nc).follow(f"journal.{block}", 0, on_entry)
        assert await following.wait_current(CAUGHT_UP_SECONDS)
        assert heard.sequences == sequences
        await following.stop()


async def test_a_large_past_flows_through(server: NatsServer) -> None:
    async with connected(server.url) as nc:
        await ensure_streams(nc, 1)
        block, heard, total = new_block(), Heard(), 6_000
        for start in range(0, total, 500):
            await asyncio.gather(
                *(
                    nc.request(f"journal.{block}", b"x" * 2_000, timeout=20)
                    for _ in range(start, start + 500)
                )
            )
        following = await follow(nc, heard, block)
        assert await following.wait_current(CAUGHT_UP_SECONDS)
        assert len(heard.entries) == total
        assert heard.sequences == sorted(set(heard.sequences))
        assert len([e async for e in JetStreamJournal(nc).read(block, 0)]) == total
        await following.stop()


async def test_the_fleet_is_set_by_one_and_seen_by_all(server: NatsServer) -> None:
    async with connected(server.url) as nc, connected(server.url) as other:
        await ensure_streams(nc, 1)
        assert await read_fleet(nc) is None
        first = await write_fleet(nc, Fleet(2), 0)
        seen = list[FleetFact]()
        watching = await watch_fleet(other, seen.append)
        await until(lambda: seen == [first])
        drained = Fleet(3, frozenset({1}), {BlockKey("sabcdefghijkl", 7): 2})
        with pytest.raises(FactConflict):
            await write_fleet(other, Fleet(9), 0)
        second = await write_fleet(other, drained, first.revision)
        await until(lambda: seen == [first, second])
        server.stop()
        again = NatsServer.start(server.directory, server.port)
        try:
            await until(lambda: nc.is_connected and other.is_connected)
            assert await read_fleet(nc) == second
            third = await write_fleet(nc, Fleet(4), second.revision)
            await until(lambda: seen[-1] == third)
        finally:
            await watching.stop()
            again.stop()
