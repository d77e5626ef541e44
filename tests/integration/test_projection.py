"""The read model against a real nats-server and a real mongod that is stopped, killed and started again."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from nats.aio.client import Client

from actors.codec import Commit
from actors.domain.commands import ExtendHold, HoldTerms, HoldTickets, OpenBlock, ReleaseHold
from actors.domain.cutting import area_layouts
from actors.domain.events import (
    BlockOpened,
    Event,
    HoldExpired,
    HoldExtended,
    HoldReleased,
    TicketsHeld,
    TicketsSold,
)
from actors.domain.identity import BlockKey
from actors.domain.layout import Category, Rules
from actors.outcomes import Accepted
from cluster.embedded.mongod import Mongod
from cluster.embedded.nats import NatsServer
from cluster.journal.feed import JournalFeed
from cluster.journal.jetstream import JetStreamJournal
from cluster.journal.streams import ensure_streams
from cluster.services.projection import ProjectionService
from cluster.services.projections import project
from cluster.store.mongo import Database, StoreUnavailable, Write
from cluster.store.ticket import TicketRecord, digest
from cluster.store.tickets import Checkpoint, Round, Tickets
from tests.integration.local_blocks import LocalBlocks
from tests.journal_worlds import connected

SHOW_ID, OTHER_ID = "saaaaaaaaaaaa", "sbbbbbbbbbbbb"


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


Commits = list[tuple[BlockKey, int, Commit]]


def history(show_id: str, seed: int) -> Commits:
    """Two blocks of six tickets with holds that come, move and go, and one sale each; sequences 1 to 62."""
    rng = random.Random(seed)
    pools = area_layouts("Pit", Category("c", 100), 12, tickets_max=6)
    keys = [BlockKey(show_id, number) for number in range(2)]
    events: list[tuple[BlockKey, Event]] = [
        (key, BlockOpened(layout, Rules("EUR"), "test"))
        for key, layout in zip(keys, pools, strict=True)
    ]
    free = {key: set(range(6)) for key in keys}
    live = {key: dict[str, tuple[int, ...]]() for key in keys}
    unsold = set(keys)
    while len(events) < 62:
        key, now = rng.choice(keys), len(events) + 1
        token = rng.choice(list(live[key])) if live[key] and rng.random() < 0.7 else ""
        if not token and len(free[key]) > 1:
            tickets = tuple(rng.sample(sorted(free[key]), 2))
            free[key].difference_update(tickets)
            live[key][f"t{now}"] = tickets
            events.append((key, TicketsHeld(f"t{now}", "f", tickets, 1, 0, 10**13 + now, 0)))
        elif token and rng.random() < 0.4:
            events.append((key, HoldExtended(token, 10**13 + 1_000 + now, "r")))
        elif token:
            tickets = live[key].pop(token)
            if key in unsold:
                unsold.discard(key)
                events.append((key, TicketsSold(token, f"o{now}", tickets)))
            else:
                free[key].update(tickets)
                events.append((key, rng.choice([HoldReleased, HoldExpired])(token, tickets)))
    return [
        (key, sequence, Commit(0, "w", (event,)))
        for sequence, (key, event) in enumerate(events, start=1)
    ]


def cut(commits: Commits, rng: random.Random) -> list[Round]:
    rounds, first = list[Round](), 0
    while first < len(commits):
        end = min(len(commits), first + rng.randint(1, 15))
        rounds.append(project(commits[first:end], commits[end - 1][1]))
        first = end
    return rounds


async def of(tickets: Tickets, show_id: str) -> list[TicketRecord]:
    return [record async for record in tickets.of_show(show_id)]


@pytest.mark.parametrize("seed", range(6))
async def test_rounds_cut_elsewhere_late_repeated_or_by_a_twin_come_to_the_same(
    tickets: Tickets, seed: int
) -> None:
    rng = random.Random(seed)
    commits = history(SHOW_ID, seed)
    twins = [cut(commits, rng), cut(commits, rng), cut(commits, rng)]
    done = list[Round]()
    while any(twins):
        rounds = rng.choice([rounds for rounds in twins if rounds])
        if rng.random() < 0.3:  # it dies, and the next one begins with a round of its own making
            end = next(at for at, commit in enumerate(commits) if commit[1] >= rounds[0].sequence)
            begin = rng.randint(0, end)
            reached = [0, *(found.sequence for found in done)]
            if begin <= max(reached):
                rounds.insert(0, project(commits[begin : end + 1], commits[end][1]))
        done.append(rounds.pop(0))
        assert await tickets.apply(done[-1], 0)
        assert await tickets.apply(rng.choice(done), 0)
    assert (await tickets.checkpoint()).sequence == len(commits)
    once = history(OTHER_ID, seed)
    await tickets.apply(project(once, len(once)), 0)
    whole = [replace(record, show_id=SHOW_ID) for record in await of(tickets, OTHER_ID)]
    assert await of(tickets, SHOW_ID) == whole
    assert {"held", "sold"} <= {record.status for record in whole}
    assert await tickets.count(SHOW_ID, 100) == 12
    assert await tickets.count(SHOW_ID, 7) == 7


async def test_an_old_round_changes_nothing_newer(tickets: Tickets) -> None:
    commits = history(SHOW_ID, 1)
    opened, whole = project(commits[:2], 2), project(commits, len(commits))
    await tickets.apply(whole, 0)
    newer = await of(tickets, SHOW_ID)
    await tickets.apply(whole, 0)
    await tickets.apply(opened, 0)
    await tickets.apply(project(commits[2:30], 30), 0)
    assert await of(tickets, SHOW_ID) == newer
    assert (await tickets.checkpoint()).sequence == len(commits)


async def test_a_hold_that_has_ended_leaves_no_deadline_behind(
    tickets: Tickets, database: Database
) -> None:
    block = BlockKey(SHOW_ID, 0)
    (_, _, opening), *_ = history(SHOW_ID, 1)
    taken = Commit(0, "w", (TicketsHeld("t", "f", (1, 2), 1, 0, 10**13, 0),))
    await tickets.apply(project([(block, 1, opening), (block, 2, taken)], 2), 0)
    assert (await of(tickets, SHOW_ID))[1].deadline == 10**13
    moved = Commit(0, "w", (HoldExtended("t", 10**13 + 1, "r"),))
    await tickets.apply(project([(block, 3, moved)], 3), 0)
    records = await of(tickets, SHOW_ID)
    assert [(record.deadline, record.sequence) for record in records[:3]] == [
        (None, 1),
        (10**13 + 1, 3),
        (10**13 + 1, 3),
    ]
    await tickets.apply(project([(block, 4, Commit(0, "w", (HoldReleased("t", (1, 2)),)))], 4), 0)
    document = await database.collection("tickets").find_one({"_id": f"{SHOW_ID}/0"})
    assert document is not None
    assert document["deadlines"] == {}


async def test_a_twin_that_missed_a_rebuild_changes_nothing_and_is_told(tickets: Tickets) -> None:
    commits = history(SHOW_ID, 2)
    await tickets.apply(project(commits[:20], 20), 0)
    await tickets.begin_rebuild()
    await tickets.clear()
    rebuild = (await tickets.checkpoint()).rebuild
    assert await tickets.apply(project(commits[:10], 10), rebuild)
    begun = await of(tickets, SHOW_ID)
    assert not await tickets.apply(project(commits[20:40], 40), 0)
    assert not await tickets.apply(project(commits[:40], 40), 0)
    assert await of(tickets, SHOW_ID) == begun
    assert await tickets.checkpoint() == Checkpoint(10, False, rebuild)
    await tickets.clear()
    assert await of(tickets, SHOW_ID) == begun


async def test_a_service_follows_anew_when_another_has_begun_a_rebuild(
    nc: Client, blocks: LocalBlocks, tickets: Tickets
) -> None:
    async with projection(nc, tickets):
        await hold(blocks, 0, 3, "t1")
        right = await caught_up(nc, tickets)
        await tickets.begin_rebuild()
        await hold(blocks, 1, 3, "t2")
        rebuilt = await caught_up(nc, tickets)
    assert held(rebuilt) == {"Pit-4", "Pit-24"}
    assert {**rebuilt, "Pit-24": right["Pit-24"]} == right


async def test_a_rebuild_makes_the_read_model_from_nothing(
    nc: Client, blocks: LocalBlocks, tickets: Tickets, database: Database
) -> None:
    async with projection(nc, tickets) as service:
        await hold(blocks, 0, 3, "t1")
        right = await caught_up(nc, tickets)
        collection = database.collection("tickets")
        tampered = {"t.3": ["available", None, None, 1], "t.4": ["sold", None, None, 1]}
        await collection.write_all([Write({"block": 0}, {"$set": tampered})])
        await collection.delete({"block": 1})
        assert held(await caught_up(nc, tickets)) == set()
        await collection.insert({"_id": "bogus", "show_id": SHOW_ID, "block": 99})
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
