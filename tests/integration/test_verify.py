"""Verify over a real journal and a real read model: clean when all is well, and precise when something was planted."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from nats.aio.client import Client

from actors import holding
from actors.codec import encode_commit
from actors.domain.commands import FreezeBlock, OpenBlock, ThawBlock, WithholdTickets
from actors.domain.cutting import area_layouts, register_layout
from actors.domain.events import BlockOpened, Event, TicketsHeld, TicketsSold
from actors.domain.identity import BlockKey
from actors.domain.layout import Category, Rules
from actors.outcomes import Accepted
from cluster.embedded.nats import NatsServer
from cluster.journal.feed import JournalFeed
from cluster.journal.jetstream import JetStreamJournal
from cluster.journal.streams import ensure_streams
from cluster.operate.verify import FrozenBlock, VerifyReport, verify
from cluster.services.projection import ProjectionService
from cluster.store.mongo import Database, Write
from cluster.store.orders import Orders
from cluster.store.tickets import Tickets
from tests.integration.local_blocks import LocalBlocks, now_ms
from tests.journal_worlds import connected

SHOW_ID, OTHER_ID = "saaaaaaaaaaaa", "sbbbbbbbbbbbb"
RULES = Rules("EUR", 600, registers=1)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cluster.operate.verify.COMPARE_SECONDS_MAX", 0.5)
    monkeypatch.setattr("cluster.ledgers.books.SETTLE_SECONDS_MAX", 0.5)
    monkeypatch.setattr("cluster.ledgers.books.SETTLE_POLL_SECONDS", 0.1)
    monkeypatch.setattr("cluster.operate.verify.STALLED_SECONDS_MAX", 5.0)


@pytest.fixture
async def nc(tmp_path: Path) -> AsyncIterator[Client]:
    server = NatsServer.start(tmp_path / "nats")
    async with connected(server.url) as nc:
        await ensure_streams(nc, 1)
        yield nc
    server.stop()


@pytest.fixture
async def blocks(nc: Client) -> LocalBlocks:
    """Two shows: a register and two pools of ten each, with holds over both pools."""
    blocks = LocalBlocks(JetStreamJournal(nc))
    pools = area_layouts("Pit", Category("c", 100), 20, tickets_max=10)
    for show_id in (SHOW_ID, OTHER_ID):
        for number, layout in enumerate([register_layout(), *pools]):
            opening = OpenBlock(layout, RULES, "test")
            assert await blocks.ask(BlockKey(show_id, number), opening) == Accepted()
        for ticket in range(3):
            request = holding.HoldRequest(show_id, f"t{ticket}", "f", ticket > 0, registers=1)
            picks = [holding.Pick(1, (ticket,)), holding.Pick(2, (ticket, 9 - ticket))]
            assert isinstance(await holding.place(blocks.ask, request, picks), holding.Placed)
    return blocks


@pytest.fixture
async def database(mongodb_url: str) -> AsyncIterator[Database]:
    database = Database(mongodb_url, f"test_{secrets.token_hex(6)}")
    await Tickets(database).ensure_indexes()
    yield database
    await database.close()


@pytest.fixture
async def projection(
    nc: Client, blocks: LocalBlocks, database: Database
) -> AsyncIterator[ProjectionService]:
    service = ProjectionService(JournalFeed(nc), Tickets(database), round_seconds=0.05)
    running = asyncio.create_task(service.run())
    yield service
    await service.stop()
    await running


async def verified(nc: Client, database: Database, show_id: str | None = SHOW_ID) -> VerifyReport:
    """Against the orders too, of which there are none: nobody has paid for anything here."""
    return await verify(JournalFeed(nc), Tickets(database), Orders(database), None, show_id)


async def plant(blocks: LocalBlocks, block: int, events: list[Event]) -> int:
    """Append what no block would have decided; its sequence."""
    key = BlockKey(SHOW_ID, block)
    last = await blocks.journal.last_sequence(key)
    payload = encode_commit(now_ms(), "intruder", events)
    return await blocks.journal.append(key, last, secrets.token_hex(8), payload)


async def test_an_honest_sale_is_verified_in_full(
    nc: Client, database: Database, projection: ProjectionService
) -> None:
    report = await verified(nc, database, None)
    assert report.plain()["violations"] == []
    assert report.ok
    assert (report.shows, report.blocks) == (2, 6)
    assert report.tickets == {"available": 22, "held": 18, "sold": 0, "withheld": 0}
    one = await verified(nc, database)
    assert (one.ok, one.shows, one.tickets["held"]) == (True, 1, 9)


async def test_a_frozen_block_is_named_and_is_nothing_wrong(
    nc: Client, database: Database, blocks: LocalBlocks, projection: ProjectionService
) -> None:
    assert (await verified(nc, database)).frozen == []
    for show_id, block in ((SHOW_ID, 2), (OTHER_ID, 1), (SHOW_ID, 1)):
        key = BlockKey(show_id, block)
        assert isinstance(await blocks.ask(key, FreezeBlock("[water]", "ada")), Accepted)
    assert isinstance(await blocks.ask(BlockKey(SHOW_ID, 1), ThawBlock("dry", "")), Accepted)
    report = await verified(nc, database)
    assert report.ok
    assert report.frozen == [FrozenBlock(SHOW_ID, 2, "[water]", "ada")]
    assert report.plain()["frozen"] == [
        {"show": SHOW_ID, "block": 2, "reason": "[water]", "by": "ada"}
    ]
    every = await verified(nc, database, None)
    assert [(one.show, one.block) for one in every.frozen] == [(SHOW_ID, 2), (OTHER_ID, 1)]


async def test_a_sale_that_goes_on_meanwhile_makes_no_difference(
    nc: Client, database: Database, blocks: LocalBlocks, projection: ProjectionService
) -> None:
    async def withhold() -> None:
        for ticket in (3, 4, 5):
            await blocks.ask(BlockKey(SHOW_ID, 1), WithholdTickets((ticket,), "r"))
            await asyncio.sleep(0.05)

    reports = await asyncio.gather(
        *[verified(nc, database) for _ in range(3)], withhold(), return_exceptions=False
    )
    assert all(report is None or report.ok for report in reports)


async def test_a_tampered_read_model_is_named_by_seat(
    nc: Client, database: Database, projection: ProjectionService
) -> None:
    assert (await verified(nc, database)).ok
    collection = database.collection("tickets")
    mine = {"show_id": SHOW_ID}
    forged = {"t.6": ["sold", None, None, 1], "t.0.1": "somebody else"}
    await collection.write_all(
        [
            Write({**mine, "block": 1}, {"$set": forged}),
            Write({**mine, "block": 2}, {"$pop": {"seats": 1}, "$unset": {"t.1": ""}}),
        ]
    )
    report = await verified(nc, database)
    details = {finding.seat: finding.detail for finding in report.violations}
    assert details.keys() == {"Pit-7", "Pit-1", "Pit-20", "Pit-12"}
    assert "somebody else instead of" in details["Pit-1"]
    assert "is in the journal and not in the read model" in details["Pit-20"]
    assert "status available instead of held" in details["Pit-12"]
    assert not report.ok
    await collection.delete({**mine, "block": 2})
    seats = {finding.seat for finding in (await verified(nc, database)).violations}
    assert seats == {"Pit-7", "Pit-1", *(f"Pit-{number}" for number in range(11, 21))}
    assert (await verified(nc, database, OTHER_ID)).ok
    await projection.rebuild()
    assert (await verified(nc, database)).ok


async def test_an_illegal_commit_is_named_by_seat_and_sequence(
    nc: Client, database: Database, blocks: LocalBlocks, projection: ProjectionService
) -> None:
    now = now_ms()
    stolen = TicketsHeld("thief", "f", (0,), 100, now, now + 1_000, 1)
    sequence = await plant(blocks, 1, [stolen, TicketsSold("thief", "o", (0,))])
    report = await verified(nc, database)
    assert [(found.kind, found.seat, found.sequence) for found in report.violations] == [
        ("journal", "Pit-1", sequence),
        ("sold_without_order", "Pit-1", sequence),
    ]
    assert "although it is held" in report.violations[0].detail
    assert report.plain()["violations"][0]["seat"] == "Pit-1"


async def test_a_seat_that_exists_in_two_blocks_and_a_commit_that_cannot_be_read_are_named(
    nc: Client, database: Database, blocks: LocalBlocks, projection: ProjectionService
) -> None:
    twin = area_layouts("Pit", Category("c", 100), 1)[0]
    await plant(blocks, 3, [BlockOpened(twin, RULES, "test")])
    sequence = await blocks.journal.append(BlockKey(SHOW_ID, 9), 0, "x", b"no commit")
    report = await verified(nc, database)
    assert {(found.seat, found.detail.partition(" ")[0]) for found in report.violations} == {
        ("Pit-1", "exists"),
        ("", "the"),
    }
    assert sequence in {found.sequence for found in report.violations}


async def test_a_read_model_that_stands_still_is_a_finding(
    nc: Client, database: Database, blocks: LocalBlocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cluster.operate.verify.STALLED_SECONDS_MAX", 0.5)
    report = await verified(nc, database)
    assert [found.detail.partition(" at ")[0] for found in report.violations] == [
        "the read model stands still"
    ]


async def test_an_unknown_show_is_an_empty_report(
    nc: Client, database: Database, projection: ProjectionService
) -> None:
    report = await verified(nc, database, "sccccccccccc2")
    assert (report.ok, report.shows, report.commits) == (True, 0, 0)
