"""Expiry against a real nats-server: prompt while the service lives, late but complete when it was dead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from nats.aio.client import Client

from actors.codec import decode_commit, encode_commit
from actors.domain.commands import ExtendHold, HoldTerms, HoldTickets, OpenBlock
from actors.domain.cutting import area_layouts
from actors.domain.events import HoldExpired, TicketsHeld
from actors.domain.identity import BlockKey
from actors.domain.layout import Category, Rules
from actors.outcomes import Accepted, Outcome
from cluster.embedded.nats import NatsServer
from cluster.journal.consumer import DurableConsumer
from cluster.journal.jetstream import JetStreamJournal
from cluster.journal.streams import JOURNAL, ensure_streams
from cluster.journal.wakeups import schedule_wakeup, wakeup_consumer
from cluster.services.expiration import ExpirationService
from tests.integration.local_blocks import LocalBlocks, now_ms
from tests.journal_worlds import connected, until

SHOW_ID = "saaaaaaaaaaaa"


@pytest.fixture
async def nc(tmp_path: Path) -> AsyncIterator[Client]:
    server = NatsServer.start(tmp_path / "nats")
    async with connected(server.url) as nc:
        await ensure_streams(nc, 1)
        yield nc
    server.stop()


@pytest.fixture
def blocks(nc: Client) -> LocalBlocks:
    return LocalBlocks(JetStreamJournal(nc))


@asynccontextmanager
async def expiration(nc: Client, blocks: LocalBlocks) -> AsyncIterator[ExpirationService]:
    service = ExpirationService(
        lambda handler: DurableConsumer(nc, JOURNAL, "expiration", "journal.>", handler),
        partial(wakeup_consumer, partial(DurableConsumer, nc)),
        partial(schedule_wakeup, nc),
        blocks.ask,
        now_ms,
    )
    running = asyncio.create_task(service.run())
    try:
        yield service
    finally:
        await service.stop()
        await running


async def open_block(blocks: LocalBlocks, block: int, hold_seconds: int) -> None:
    rules = Rules("EUR", hold_seconds)
    layout = area_layouts("Pit", Category("c", 100), 100)[0]
    assert await blocks.ask(key(block), OpenBlock(layout, rules, "test")) == Accepted()


def key(block: int) -> BlockKey:
    return BlockKey(SHOW_ID, block)


async def hold(blocks: LocalBlocks, block: int, ticket: int, token: str) -> Outcome:
    return await blocks.ask(key(block), HoldTickets(HoldTerms(token, "f", 1, block), (ticket,)))


async def expired(blocks: LocalBlocks, block: int) -> dict[str, int]:
    """The holds of a block that were announced as expired, and when (ms)."""
    return {
        event.token: commit.at
        async for entry in blocks.journal.read(key(block), 0)
        for commit in [decode_commit(entry.payload)]
        for event in commit.events
        if isinstance(event, HoldExpired)
    }


async def announced(blocks: LocalBlocks, block: int, tokens: set[str]) -> None:
    async with asyncio.timeout(30):
        while set(await expired(blocks, block)) != tokens:
            await asyncio.sleep(0.05)


async def test_a_hold_is_announced_as_expired_soon_after_its_deadline_and_not_before(
    nc: Client, blocks: LocalBlocks
) -> None:
    async with expiration(nc, blocks) as service:
        await open_block(blocks, 0, hold_seconds=1)
        held = await hold(blocks, 0, 7, "t1")
        assert isinstance(held, Accepted)
        assert held.hold is not None
        await announced(blocks, 0, {"t1"})
        assert (await expired(blocks, 0))["t1"] >= held.hold.deadline
        health = await service.health()
        assert (health["consuming"], health["lag"]) == (True, 0)


async def test_an_extended_hold_expires_at_its_new_deadline(
    nc: Client, blocks: LocalBlocks
) -> None:
    async with expiration(nc, blocks):
        await open_block(blocks, 0, hold_seconds=2)
        await hold(blocks, 0, 7, "t1")
        extended = await blocks.ask(key(0), ExtendHold("t1", "r1"))
        assert isinstance(extended, Accepted)
        assert extended.hold is not None
        await announced(blocks, 0, {"t1"})
        assert (await expired(blocks, 0))["t1"] >= extended.hold.deadline


async def test_with_the_service_dead_an_overdue_seat_is_sold_and_the_rest_is_announced_later(
    nc: Client, blocks: LocalBlocks
) -> None:
    async with expiration(nc, blocks):
        for block in range(3):
            await open_block(blocks, block, hold_seconds=1)
    for block in range(3):
        for ticket in range(20):
            assert isinstance(await hold(blocks, block, ticket, f"t{ticket}"), Accepted)
    await asyncio.sleep(1.1)
    assert isinstance(await hold(blocks, 0, 3, "later"), Accepted)
    assert set(await expired(blocks, 0)) == {"t3"}
    async with expiration(nc, blocks):
        everything = {f"t{ticket}" for ticket in range(20)}
        await announced(blocks, 0, {*everything, "later"})
        await announced(blocks, 1, everything)
        await announced(blocks, 2, everything)


async def test_hosts_that_are_away_longer_than_any_redelivery_limit_lose_no_expiry(
    nc: Client, blocks: LocalBlocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cluster.services.expiration.RETRY_MS", 100)
    async with expiration(nc, blocks) as service:
        await open_block(blocks, 0, hold_seconds=1)
        await hold(blocks, 0, 7, "t1")
        blocks.answers = 0
        await until(lambda: service._retried >= 3)
        blocks.answers = None
        await announced(blocks, 0, {"t1"})


async def test_ten_thousand_holds_that_ended_while_the_service_was_dead_need_few_wakeups(
    nc: Client, blocks: LocalBlocks
) -> None:
    await open_block(blocks, 0, hold_seconds=1)
    sequence = await blocks.journal.last_sequence(key(0))
    long_ago = now_ms() - 3_600_000
    for first in range(0, 10_000, 100):
        events = list[TicketsHeld]()
        for n in range(first, first + 100):
            held_at = long_ago + n * 100
            events.append(TicketsHeld(f"t{n}", "f", (), 0, held_at, held_at + 1_000, 0))
        payload = encode_commit(long_ago, "test", list(events))
        sequence = await blocks.journal.append(key(0), sequence, f"c{first}", payload)
    async with expiration(nc, blocks) as service:
        await announced(blocks, 0, {f"t{n}" for n in range(10_000)})
        assert len(service._scheduled) <= 5
