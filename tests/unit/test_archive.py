"""The folder that backups are kept in: what is whole, what is damaged, what is written twice."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from msgspec import msgpack

from cluster.journal.copying import Message
from cluster.journal.streams import DEFINITIONS, JOURNAL
from cluster.operate.backup.archive import LIST, Archive
from cluster.operate.backup.checking import check
from cluster.operate.backup.manifest import (
    DERIVED_COLLECTIONS,
    DERIVED_STREAMS,
    KEPT_COLLECTIONS,
    KEPT_STREAMS,
    PASSING_COLLECTIONS,
    CollectionPart,
    Listed,
    Manifest,
    StreamPart,
)
from cluster.operate.backup.restoring import RESTORE_ORDER
from cluster.operate.command import CommandError
from cluster.operate.moments import moment_of, rfc3339
from cluster.store.mongo import from_bson, to_bson

ROOT = Path(__file__).resolve().parents[2]


def messages(first: int, count: int) -> list[Message]:
    return [
        Message(n, n * 10, "journal.s.1", {"Nats-Msg-Id": f"m{n}"}, b"x")
        for n in range(first, first + count)
    ]


async def manifest_of(
    archive: Archive, *groups: list[Message], last: int | None = None
) -> Manifest:
    chunks = [
        await archive.put(
            msgpack.encode(group),
            len(group),
            first=group[0].sequence,
            last=group[-1].sequence,
            until=group[-1].at,
        )
        for group in groups
    ]
    end = groups[-1][-1].sequence if last is None else last
    stream = StreamPart(JOURNAL, "then", 1, end, tuple(chunks))
    shows = CollectionPart("shows", (await archive.put(to_bson([{"_id": "s"}]), 1),))
    return Manifest("b1", 1, 2, (stream,), (shows,))


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    monkeypatch.setattr("cluster.operate.backup.archive.SETTLE_SECONDS", 0.0)
    return Archive(str(tmp_path / "kept"))


async def test_a_chunk_is_written_once_and_comes_back_as_it_was(archive: Archive) -> None:
    first = await archive.put(b"content" * 1_000, 7)
    written = archive.written
    assert await archive.put(b"content" * 1_000, 7) == first
    assert archive.written == written == first.size < 7_000
    assert await archive.get(first) == b"content" * 1_000
    assert await archive.has([first])


async def test_without_its_manifest_a_backup_is_none(archive: Archive) -> None:
    await manifest_of(archive, messages(1, 3))
    with pytest.raises(CommandError, match="no whole backup") as caught:
        await archive.manifest()
    assert caught.value.code == "no_backup"


async def test_the_latest_backup_is_the_one_that_is_meant(archive: Archive) -> None:
    one = await manifest_of(archive, messages(1, 3))
    await archive.finish(one)
    other = Manifest("b2", 3, 4, one.streams, ())
    await archive.finish(other)
    assert await archive.manifest() == other
    assert await archive.manifest("b1") == one
    with pytest.raises(CommandError, match="no backup b3"):
        await archive.manifest("b3")


async def test_of_two_backups_that_end_at_once_both_are_listed(
    archive: Archive, tmp_path: Path
) -> None:
    """The second one has looked at the list before the first one is in it, and writes it afterwards."""
    written = asyncio.Event()

    class First(Archive):
        async def _settle(self) -> None:
            await written.wait()

    class Second(Archive):
        stale: list[Listed] | None = None

        async def backups(self) -> list[Listed]:
            stale, self.stale = self.stale, None
            return await super().backups() if stale is None else stale

        async def _settle(self) -> None:
            written.set()
            await asyncio.sleep(0.01)

    place = str(tmp_path / "kept")
    first, second = First(place), Second(place)
    one = await manifest_of(archive, messages(1, 3))
    other = Manifest("b2", 3, 4, one.streams, ())
    second.stale = await archive.backups()
    ending = asyncio.create_task(first.finish(one))
    async with asyncio.timeout(30):
        while not await archive.backups():
            await asyncio.sleep(0.01)
        await second.finish(other)
        await ending
    assert {listed.backup for listed in await archive.backups()} == {"b1", "b2"}
    assert await archive.manifest("b1") == one


async def test_a_whole_backup_is_found_whole(archive: Archive) -> None:
    manifest = await manifest_of(archive, messages(1, 3), messages(4, 2))
    await archive.finish(manifest)
    await check(archive, await archive.manifest())
    assert manifest.plain()["streams"] == {JOURNAL: 5}


@pytest.mark.parametrize("harm", ["missing", "altered", "cut off"])
async def test_a_damaged_chunk_is_noticed(archive: Archive, tmp_path: Path, harm: str) -> None:
    manifest = await manifest_of(archive, messages(1, 30))
    await archive.finish(manifest)
    digest = manifest.streams[0].chunks[0].sha256
    path = tmp_path / "kept" / "chunks" / digest[:2] / digest
    content = path.read_bytes()
    if harm == "missing":
        path.unlink()
        assert not await archive.has(manifest.chunks)
    else:
        middle = len(content) // 2
        changed = bytes([content[middle] ^ 1])
        path.write_bytes(content[:middle] + (changed + content[middle + 1 :]) * (harm == "altered"))
    with pytest.raises(CommandError) as caught:
        await check(archive, manifest)
    assert caught.value.code == "backup_damaged"


@pytest.mark.parametrize("name", [LIST, "manifests/b1.json"])
async def test_a_damaged_manifest_or_list_is_noticed(
    archive: Archive, tmp_path: Path, name: str
) -> None:
    await archive.finish(await manifest_of(archive, messages(1, 3)))
    path = tmp_path / "kept" / name
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(CommandError) as caught:
        await archive.manifest()
    assert caught.value.code == "backup_damaged"


async def test_a_journal_with_a_gap_or_an_early_end_is_damaged(archive: Archive) -> None:
    gap = await manifest_of(archive, messages(1, 3), messages(5, 2))
    early = await manifest_of(archive, messages(1, 3), last=9)
    late = await manifest_of(archive, messages(2, 3))
    twice = await manifest_of(archive, messages(1, 3), messages(3, 2))
    for manifest in (gap, early, late, twice):
        with pytest.raises(CommandError, match="JOURNAL") as caught:
            await check(archive, manifest)
        assert caught.value.code == "backup_damaged"


@pytest.mark.parametrize(
    "place", ["gs://", "file://host/x", "s3://bucket/x", "GS://bucket", "memory://x", ""]
)
def test_a_place_that_is_none_is_refused(place: str) -> None:
    with pytest.raises(CommandError) as caught:
        Archive(place)
    assert caught.value.code == "invalid_place"


def test_every_stream_and_every_collection_is_kept_or_made_anew() -> None:
    assert {*KEPT_STREAMS, *DERIVED_STREAMS} == DEFINITIONS.keys()
    sources = [path.read_text() for path in (ROOT / "cluster" / "store").glob("*.py")]
    named = {name for text in sources for name in re.findall(r'\.collection\("(\w+)"\)', text)}
    known = {*KEPT_COLLECTIONS, *DERIVED_COLLECTIONS, *PASSING_COLLECTIONS}
    assert named - {"restores"} == known
    assert set(RESTORE_ORDER) == set(KEPT_COLLECTIONS)


def test_documents_keep_every_type() -> None:
    documents = [
        {"_id": "a", "n": 2**40, "b": b"\x00\xff", "l": [1, 2.5, None, True], "d": {"x": "y"}}
    ]
    assert from_bson(to_bson(documents)) == documents
    with pytest.raises(ValueError, match="BSON"):
        from_bson(b"\x01\x02")


def test_a_time_is_read_as_it_is_written() -> None:
    assert moment_of("2026-11-24T20:15:00Z") == moment_of("2026-11-24T21:15:00+01:00")
    assert rfc3339(moment_of("2026-11-24T20:15:00.250")) == "2026-11-24T20:15:00.250Z"
    with pytest.raises(CommandError) as caught:
        moment_of("yesterday")
    assert caught.value.code == "invalid_time"
