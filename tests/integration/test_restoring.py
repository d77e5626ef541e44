"""A restore that is interrupted, refused, or cut short, over real stores."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from nats.aio.client import Client

from actors.domain.commands import OpenBlock
from actors.domain.cutting import area_layouts, register_layout
from actors.domain.identity import BlockKey
from actors.domain.layout import Category, Rules
from actors.outcomes import Accepted
from cluster.embedded.nats import NatsServer
from cluster.journal.copying import stream_state, taken
from cluster.journal.jetstream import JetStreamJournal
from cluster.journal.streams import JOURNAL, ensure_streams
from cluster.operate.backup.archive import Archive
from cluster.operate.backup.manifest import Chunk, Manifest
from cluster.operate.backup.restoring import Restoring
from cluster.operate.backup.taking import Taking
from cluster.operate.command import CommandError
from cluster.settings import Settings
from cluster.starting import make_ready
from cluster.store.mongo import Database, StoreError
from cluster.store.restores import Restoration, Restores
from tests.integration.local_blocks import LocalBlocks
from tests.journal_worlds import connected

RULES = Rules("EUR", 600, registers=1)
SHOWS = [f"s{letter * 12}" for letter in "abcdefgh"]


@dataclass
class Place:
    """Stores of their own, and a way to the backups."""

    nats: NatsServer
    nc: Client
    database: Database
    name: str
    mongodb_url: str


@pytest.fixture
def kept(tmp_path: Path) -> str:
    return str(tmp_path / "kept")


@asynccontextmanager
async def place(directory: Path, mongodb_url: str) -> AsyncIterator[Place]:
    server = NatsServer.start(directory / f"nats{secrets.token_hex(4)}")
    name = f"test_{secrets.token_hex(6)}"
    database = Database(mongodb_url, name)
    async with connected(server.url) as nc:
        yield Place(server, nc, database, name, mongodb_url)
    await database.close()
    server.stop()


async def filled(where: Place) -> None:
    """Eight shows, each with a register and a pool, and a document that says so."""
    await ensure_streams(where.nc, 1)
    blocks = LocalBlocks(JetStreamJournal(where.nc))
    pool = area_layouts("Pit", Category("c", 100), 20)[0]
    for show_id in SHOWS:
        for number, layout in enumerate([register_layout(), pool]):
            opening = OpenBlock(layout, RULES, "test")
            assert await blocks.ask(BlockKey(show_id, number), opening) == Accepted()
        await where.database.collection("shows").insert({"_id": show_id, "n": 2**40})


class Breaking(Archive):
    """Breaks off after so many chunks."""

    left = 10**9

    async def get(self, chunk: Chunk) -> bytes:
        self.left -= 1
        if self.left < 0:
            raise CommandError("the line broke", "archive_unavailable")
        return await super().get(chunk)


async def backup_of(where: Place, kept: str) -> Manifest:
    await filled(where)
    archive = Archive(kept)
    manifest = await Taking(where.nc, where.database, archive).run()
    archive.close()
    return manifest


async def shows_of(where: Place) -> list[str]:
    found = await where.database.collection("shows").find({}, limit=100, sort=[("_id", 1)])
    assert all(document["n"] == 2**40 for document in found)
    return [document["_id"] for document in found]


async def test_an_interrupted_restore_goes_on_and_until_then_nothing_starts_over_it(
    tmp_path: Path, mongodb_url: str, kept: str
) -> None:
    async with place(tmp_path, mongodb_url) as old:
        manifest = await backup_of(old, kept)
        journal = [message async for message in taken(old.nc, JOURNAL, 0, 16)]
    async with place(tmp_path, mongodb_url) as new:
        archive = Breaking(kept)
        restoring = Restoring(new.nc, new.database, archive, manifest, 1)
        archive.left = 1  # the journal, and then no document
        with pytest.raises(CommandError, match="the line broke"):
            await restoring.run()
        assert await Restores(new.database).unfinished() == Restoration(manifest.backup, 16)
        settings = Settings(
            nats_url=new.nats.url, mongodb_url=new.mongodb_url, mongodb_database=new.name
        )
        with pytest.raises(StoreError, match="not finished"):
            await make_ready(settings)
        other = Manifest("another", 0, 0, manifest.streams, manifest.collections)
        with pytest.raises(CommandError) as caught:
            await Restoring(new.nc, new.database, archive, other, 1).run()
        assert caught.value.code == "not_empty"
        archive.left = 100
        report = await restoring.run()
        assert (report.sequence, report.streams[JOURNAL]) == (16, 16)
        assert [message async for message in taken(new.nc, JOURNAL, 0, 16)] == journal
        assert await shows_of(new) == SHOWS
        await make_ready(settings)
        with pytest.raises(CommandError) as caught:
            await restoring.run()
        assert caught.value.code == "not_empty"
        archive.close()


async def test_of_two_restores_at_once_that_differ_one_begins(
    tmp_path: Path, mongodb_url: str
) -> None:
    async with place(tmp_path, mongodb_url) as new:
        restores = Restores(new.database)
        assert await restores.begin(Restoration("one", 7))
        assert await restores.begin(Restoration("one", 7))
        assert not await restores.begin(Restoration("another", 7))
        assert await restores.unfinished() == Restoration("one", 7)
        await restores.finish()
        assert await restores.begin(Restoration("another", 7))


async def test_what_was_stored_later_is_left_out_with_the_shows_that_it_opened(
    tmp_path: Path, mongodb_url: str, kept: str
) -> None:
    async with place(tmp_path, mongodb_url) as old:
        manifest = await backup_of(old, kept)
        journal = [message async for message in taken(old.nc, JOURNAL, 0, 16)]
    until = journal[7].at
    cut = sum(message.at <= until for message in journal)
    async with place(tmp_path, mongodb_url) as new:
        archive = Archive(kept)
        dry = await Restoring(
            new.nc, new.database, archive, manifest, 1, until=until, dry_run=True
        ).run()
        assert await stream_state(new.nc, JOURNAL) is None
        assert await shows_of(new) == []
        report = await Restoring(new.nc, new.database, archive, manifest, 1, until=until).run()
        assert report.sequence == dry.sequence == cut
        state = await stream_state(new.nc, JOURNAL)
        assert state is not None
        assert state.last == cut
        there = (cut + 1) // 2
        assert await shows_of(new) == SHOWS[:there]
        assert report.plain()["left_out"] == {"shows": 8 - there}
        # A backup of what was restored knows the times of before.
        again = [message async for message in taken(new.nc, JOURNAL, 0, cut)]
        assert again == journal[:cut]
        archive.close()


@pytest.mark.parametrize("full", ["shows", "tickets"])
async def test_a_store_that_has_something_is_left_alone(
    tmp_path: Path, mongodb_url: str, kept: str, full: str
) -> None:
    async with place(tmp_path, mongodb_url) as old:
        manifest = await backup_of(old, kept)
    async with place(tmp_path, mongodb_url) as new:
        await new.database.collection(full).insert({"_id": "x", "n": 2**40})
        archive = Archive(kept)
        with pytest.raises(CommandError, match=full) as caught:
            await Restoring(new.nc, new.database, archive, manifest, 1).run()
        assert caught.value.code == "not_empty"
        assert await stream_state(new.nc, JOURNAL) is None
        archive.close()


async def test_another_backup_of_the_same_place_reads_only_what_is_new(
    tmp_path: Path, mongodb_url: str, kept: str
) -> None:
    async with place(tmp_path, mongodb_url) as old:
        first = await backup_of(old, kept)
        blocks = LocalBlocks(JetStreamJournal(old.nc))
        layout = area_layouts("Pit", Category("c", 100), 20)[0]
        key = BlockKey(SHOWS[0], 2)
        assert await blocks.ask(key, OpenBlock(layout, RULES, "test")) == Accepted()
        archive = Archive(kept)
        second = await Taking(old.nc, old.database, archive).run()
        before, after = first.stream(JOURNAL), second.stream(JOURNAL)
        assert before is not None
        assert after is not None
        assert after.chunks[: len(before.chunks)] == before.chunks
        assert [(chunk.first, chunk.last) for chunk in after.chunks] == [(1, 16), (17, 17)]
        assert first.collection("shows") == second.collection("shows")
        archive.close()
