"""Taking a backup while a sale goes on.

The ends of the streams are fixed first, the documents are read afterwards. So every order that there was at the end of
the journal is in the backup, and may know more than the journal does; never the other way round, which nobody could put
right. What it knows beyond the end is settled after a restore (see `actors.domain.restoring`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
from msgspec.structs import replace

from cluster.journal.connection import Client
from cluster.journal.copying import Message, StreamState, last_taken, positions, stream_state, taken
from cluster.journal.streams import JOURNAL
from cluster.operate.backup.archive import Archive
from cluster.operate.backup.manifest import (
    KEPT_COLLECTIONS,
    KEPT_STREAMS,
    Chunk,
    CollectionPart,
    Manifest,
    StreamPart,
)
from cluster.operate.command import CommandError
from cluster.operate.moments import now_ms
from cluster.store.mongo import Collection, Database, to_bson

CHUNK_BYTES = 4 * 1_048_576
"""A chunk is closed when it has so many bytes, before compression."""

CHUNK_MESSAGES_MAX = 20_000
PAGE_DOCUMENTS = {"job_bodies": 1, "plans": 50}
"""Documents read at a time, where they are large."""

PAGE_DOCUMENTS_MAX = 500
BYTES_PER_SECOND_MAX = 16 * 1_048_576
"""What is read in a second: a sale that goes on needs the same servers."""

Tell = Callable[[str, int, int], None]
"""What is being read, how much of it so far, and of how much (0: nobody knows)."""


def untold(_what: str, _done: int, _total: int) -> None:
    """Nobody watches."""


@dataclass(slots=True)
class Pace:
    """Keeps what is read under BYTES_PER_SECOND_MAX."""

    began: float = 0.0
    bytes: int = 0

    async def keep(self, count: int) -> None:
        clock = asyncio.get_running_loop().time
        self.began = self.began or clock()
        self.bytes += count
        ahead = self.bytes / BYTES_PER_SECOND_MAX - (clock() - self.began)
        if ahead > 0:
            await asyncio.sleep(ahead)


@dataclass(frozen=True, slots=True)
class Taking:
    """One backup being made."""

    nc: Client
    database: Database
    archive: Archive
    tell: Tell = untold
    clock: Callable[[], int] = now_ms

    async def run(self) -> Manifest:
        """Raises JournalUnavailable, StoreUnavailable, CommandError."""
        began, pace = self.clock(), Pace()
        listed = await self.archive.backups()
        before = await self.archive.manifest() if listed else None
        ends = [(stream, await self._end(stream)) for stream in KEPT_STREAMS]
        done = {stream: await positions(self.nc, stream) for stream, end in ends if end}
        streams = [
            await self._stream(stream, end, before.stream(stream) if before else None, pace)
            for stream, end in ends
            if end is not None
        ]
        streams = [replace(part, positions=done[part.stream]) for part in streams]
        collections = [await self._collection(name, pace) for name in KEPT_COLLECTIONS]
        manifest = Manifest(_name(began), began, self.clock(), tuple(streams), tuple(collections))
        await self.archive.finish(manifest)
        return manifest

    async def _end(self, stream: str) -> StreamState | None:
        """The stream as it is now: what comes later is not in this backup."""
        state = await stream_state(self.nc, stream)
        if stream != JOURNAL:
            return state
        if state is None:
            raise CommandError("there is no journal to back up", "no_journal")
        if state.messages and (state.first != 1 or state.messages != state.last):
            raise CommandError(
                f"the journal has {state.messages} messages up to {state.last}: some are missing",
                "journal_incomplete",
            )
        return state

    async def _stream(
        self, stream: str, end: StreamState, before: StreamPart | None, pace: Pace
    ) -> StreamPart:
        chunks = await self._still_there(before, end)
        after = chunks[-1].last if chunks else end.first - 1
        # The last message may have been deleted, by its age or by hand.
        newest = await last_taken(self.nc, stream) if end.messages else None
        last = min(end.last, newest.sequence) if newest else after
        async for messages, content in self._messages(stream, after, last, pace):
            chunks.append(
                await self.archive.put(
                    content,
                    len(messages),
                    first=messages[0].sequence,
                    last=messages[-1].sequence,
                    until=messages[-1].at,
                )
            )
        first = chunks[0].first if chunks else end.last + 1
        return StreamPart(stream, end.created, first, max(last, end.last), tuple(chunks))

    async def _still_there(self, before: StreamPart | None, end: StreamState) -> list[Chunk]:
        """What an earlier backup has of this very stream need not be read again."""
        if before is None or before.created != end.created or before.last > end.last:
            return []
        chunks = [chunk for chunk in before.chunks if chunk.last >= end.first]
        return chunks if await self.archive.has(chunks) else []

    async def _messages(
        self, stream: str, after: int, last: int, pace: Pace
    ) -> AsyncIterator[tuple[list[Message], bytes]]:
        """Pieces of a stream behind `after`, each with how it is kept."""
        if last <= after:
            return
        group, size = list[Message](), 0
        async for message in taken(self.nc, stream, after, last):
            group.append(message)
            size += len(message.payload) + len(message.subject)
            if size >= CHUNK_BYTES or len(group) >= CHUNK_MESSAGES_MAX:
                yield group, msgspec.msgpack.encode(group)
                self.tell(stream, message.sequence, last)
                await pace.keep(size)
                group, size = [], 0
        if group:
            yield group, msgspec.msgpack.encode(group)
        self.tell(stream, last, last)

    async def _collection(self, name: str, pace: Pace) -> CollectionPart:
        """Every document that there was when the reading began, by its id."""
        collection, chunks = self.database.collection(name), list[Chunk]()
        content, count, total = list[bytes](), 0, 0
        async for page in _pages(collection, PAGE_DOCUMENTS.get(name, PAGE_DOCUMENTS_MAX)):
            content.append(to_bson(page))
            count, total = count + len(page), total + len(page)
            await pace.keep(len(content[-1]))
            if sum(map(len, content)) >= CHUNK_BYTES:
                chunks.append(await self.archive.put(b"".join(content), count))
                content, count = [], 0
            self.tell(name, total, 0)
        if content:
            chunks.append(await self.archive.put(b"".join(content), count))
        return CollectionPart(name, tuple(chunks))


async def _pages(collection: Collection, limit: int) -> AsyncIterator[list[dict[str, object]]]:
    last = ""
    while page := await collection.find({"_id": {"$gt": last}}, limit=limit, sort=[("_id", 1)]):
        yield page
        last = page[-1]["_id"]


def _name(at: int) -> str:
    """By its time, in small letters: it names an object."""
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y%m%dt%H%M%S}.{at % 1000:03d}z"
