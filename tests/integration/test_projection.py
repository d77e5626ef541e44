"""The read model against a real nats-server and a real mongod that is stopped, killed and started again."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from nats.aio.client import Client

from actors.domain.commands import ExtendHold, HoldTerms, HoldTickets, OpenBlock, ReleaseHold
from actors.domain.cutting import area_layouts
from actors.domain.identity import BlockKey
from actors.domain.layout import Category, Rules
from actors.outcomes import Accepted
from cluster.embedded.mongod import Mongod
from cluster.embedded.nats import NatsServer
from cluster.journal.feed import JournalFeed
from cluster.journal.jetstream import JetStreamJournal
from cluster.journal.streams import ensure_streams
from cluster.services.projection import ProjectionService
from cluster.store.mongo import Database, StoreUnavailable, Write
from cluster.store.ticket import TicketRecord, digest
from cluster.store.tickets import Round, Tickets
from tests.integration.local_blocks import LocalBlocks
from tests.journal_worlds import connected

SHOW_ID = "saaaaaaaaaaaa"


@pytest.fixture
async def nc(tmp_path: Path) -> AsyncIterator[Client]:
    server = NatsServer.start(tmp_path / "nats")
    async with connected(server.url) as nc:
        await ensure_streams(nc, 1)
        yield nc
    server.stop()


@pytest.fixture
async def blocks(nc: Client) -> LocalBlocks:
    blocks = LocalBlocks(JetStreamJournal(nc))
    for number, layout in enumerate(area_layouts("Pit", Category("c", 100), 40, tickets_max=20)):
        opening = OpenBlock(layout, Rules("EUR", 600), "test")
        assert await blocks.ask(BlockKey(SHOW_ID, number), opening) == Accepted()
    return blocks


@pytest.fixture
async def database(mongodb_url: str) -> AsyncIterator[Database]:
    database = Database(mongodb_url, f"test_{secrets.token_hex(6)}")
    yield database
    await database.close()


@pytest.fixture
async def tickets(database: Database) -> Tickets:
    tickets = Tickets(database)
    await tickets.ensure_indexes()
    return tickets


@asynccontextmanager
async def projection(nc: Client, tickets: Tickets) -> AsyncIterator[ProjectionService]:
    service = ProjectionService(JournalFeed(nc), tickets, round_seconds=0.05)
    running = asyncio.create_task(service.run())
    try:
        yield service
    finally:
        await service.stop()
        await running


async def hold(blocks: LocalBlocks, block: int, ticket: int, token: str) -> None:
    terms = HoldTerms(token, "f", 1, block)
    assert isinstance(
        await blocks.ask(BlockKey(SHOW_ID, block), HoldTickets(terms, (ticket,))), Accepted
    )


async def caught_up(nc: Client, tickets: Tickets) -> dict[str, TicketRecord]:
    """The read model when it has come to the end of the journal, by seat."""
    last = await JournalFeed(nc).last_sequence("journal.>")
    async with asyncio.timeout(60):
        while True:
            try:
                checkpoint = await tickets.checkpoint()
                if checkpoint.sequence >= last and not checkpoint.clearing:
                    return {record.seat: record async for record in tickets.of_show(SHOW_ID)}
            except StoreUnavailable:
                pass
            await asyncio.sleep(0.05)


def held(records: dict[str, TicketRecord]) -> set[str]:
    return {seat for seat, record in records.items() if record.status == "held"}


async def test_the_read_model_follows_the_journal(
    nc: Client, blocks: LocalBlocks, tickets: Tickets
) -> None:
    async with projection(nc, tickets) as service:
        await hold(blocks, 0, 3, "t1")
        await hold(blocks, 1, 4, "t2")
        records = await caught_up(nc, tickets)
        assert len(records) == 40
        assert held(records) == {"Pit-4", "Pit-25"}
        assert records["Pit-4"].hold == digest("t1")

        await blocks.ask(BlockKey(SHOW_ID, 1), ReleaseHold("t2"))
        extended = await blocks.ask(BlockKey(SHOW_ID, 0), ExtendHold("t1", "r"))
        assert isinstance(extended, Accepted)
        assert extended.hold is not None
        records = await caught_up(nc, tickets)
        assert held(records) == {"Pit-4"}
        assert records["Pit-4"].deadline == extended.hold.deadline
        assert records["Pit-25"].hold is None
        assert (await service.health())["lag"] == 0


async def test_a_service_that_was_dead_goes_on_where_it_was(
    nc: Client, blocks: LocalBlocks, tickets: Tickets
) -> None:
    async with projection(nc, tickets):
        await caught_up(nc, tickets)
    for ticket in range(10):
        await hold(blocks, 0, ticket, f"t{ticket}")
    async with projection(nc, tickets):
        assert len(held(await caught_up(nc, tickets))) == 10


async def test_a_round_may_be_applied_twice_and_an_old_one_changes_nothing_newer(
    tickets: Tickets,
) -> None:
    record = TicketRecord(SHOW_ID, 0, 0, "A-1-1", "A", "c", "available", None, None, None, 1)
    newer = TicketRecord(SHOW_ID, 0, 0, "A-1-1", "A", "c", "held", "x", None, 9, 5)
    await tickets.apply(Round([newer], [], [], 5))
    await tickets.apply(Round([newer], [], [], 5))
    await tickets.apply(Round([record], [], [], 1))
    assert [found async for found in tickets.of_show(SHOW_ID)] == [newer]
    assert (await tickets.checkpoint()).sequence == 5


async def test_a_rebuild_makes_the_read_model_from_nothing(
    nc: Client, blocks: LocalBlocks, tickets: Tickets, database: Database
) -> None:
    async with projection(nc, tickets) as service:
        await hold(blocks, 0, 3, "t1")
        right = await caught_up(nc, tickets)
        collection = database.collection("tickets")
        await collection.delete({"seat": "Pit-4"})
        await collection.write_all([Write({"seat": "Pit-5"}, {"$set": {"status": "sold"}})])
        await collection.insert({"_id": "bogus", "show_id": SHOW_ID, "block": 99, "ticket": 0})
        target = await service.rebuild()
        assert target == await JournalFeed(nc).last_sequence("journal.>")
        await hold(blocks, 0, 7, "t2")
        rebuilt = await caught_up(nc, tickets)
    assert held(rebuilt) == {"Pit-4", "Pit-8"}
    assert {**rebuilt, "Pit-8": right["Pit-8"]} == right


async def test_a_rebuild_that_was_interrupted_is_finished_by_the_next_service(
    nc: Client, blocks: LocalBlocks, tickets: Tickets, database: Database
) -> None:
    async with projection(nc, tickets):
        right = await caught_up(nc, tickets)
    await database.collection("tickets").insert({"_id": "bogus", "show_id": SHOW_ID})
    await tickets.begin_rebuild()
    async with projection(nc, tickets):
        assert await caught_up(nc, tickets) == right


async def test_a_buffer_that_overflows_is_bounded_and_loses_nothing(
    nc: Client, blocks: LocalBlocks, tickets: Tickets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cluster.services.projection.BUFFER_COMMITS_MAX", 3)
    for ticket in range(20):
        await hold(blocks, 0, ticket, f"t{ticket}")
    async with projection(nc, tickets):
        assert len(held(await caught_up(nc, tickets))) == 20


@pytest.fixture
def own_mongod(tmp_path: Path) -> Iterator[Mongod]:
    mongod = Mongod.start(tmp_path / "mongod")
    yield mongod
    mongod.kill()


@pytest.mark.parametrize("end", [Mongod.stop, Mongod.kill])
async def test_holds_go_on_while_mongod_is_down_and_are_all_projected_when_it_is_back(
    nc: Client, blocks: LocalBlocks, own_mongod: Mongod, end: object
) -> None:
    assert callable(end)
    database = Database(own_mongod.url, "test")
    tickets = Tickets(database)
    await tickets.ensure_indexes()
    async with projection(nc, tickets) as service:
        await hold(blocks, 0, 0, "before")
        await caught_up(nc, tickets)
        end(own_mongod)
        for ticket in range(1, 15):
            await hold(blocks, 0, ticket, f"t{ticket}")
        async with asyncio.timeout(30):
            while "MongoDB" not in service._waiting_for:
                await asyncio.sleep(0.05)
        back = Mongod(own_mongod.directory, own_mongod.port)
        try:
            records = await caught_up(nc, tickets)
        finally:
            await service.stop()
            back.stop()
    await database.close()
    assert len(held(records)) == 15
