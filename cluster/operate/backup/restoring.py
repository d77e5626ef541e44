"""Restoring a backup into empty stores, whole or up to a time.

The streams come first, and the journal is folded on the way; then the documents, fitted to its end. A restore that was
interrupted is begun again: what is there already is compared by its last message and by ids, and the rest follows.
Until it is finished the product refuses to start over it (see `cluster.store.restores`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from cluster.journal.connection import Client
from cluster.journal.copying import (
    ForeignMessage,
    Message,
    Position,
    compare,
    drop_empty_stream,
    make_stream,
    put_back,
    put_position,
    stream_state,
)
from cluster.journal.streams import JOURNAL, ORDERS, ensure_streams
from cluster.ledgers.journal_fold import Fold
from cluster.operate.backup.archive import Archive
from cluster.operate.backup.documents import Fitting
from cluster.operate.backup.manifest import (
    DERIVED_COLLECTIONS,
    DERIVED_STREAMS,
    FROM_THE_BEGINNING,
    KEPT_COLLECTIONS,
    KEPT_STREAMS,
    Chunk,
    Manifest,
    StreamPart,
)
from cluster.operate.backup.taking import Tell, untold
from cluster.operate.command import CommandError
from cluster.operate.moments import now_ms
from cluster.store.mongo import Database, Document, from_bson
from cluster.store.restores import Restoration, Restores

RESTORE_ORDER = (
    "shows",
    "plans",
    "jobs",
    "job_bodies",
    "orders",
    "admissions",
    "answers",
    "mailings",
    "accounts",
)
"""Jobs before their bodies, of which only those that are still needed come back; orders before their mailings."""


@dataclass
class Restored:
    """What was restored, or with `dry_run` would be."""

    backup: str
    until: int | None
    dry_run: bool
    sequence: int = 0
    streams: dict[str, int] = field(default_factory=dict[str, int])
    documents: dict[str, int] = field(default_factory=dict[str, int])
    fitting: Fitting | None = None

    def plain(self) -> dict[str, Any]:
        fitted = self.fitting.plain() if self.fitting is not None else {}
        told = ("backup", "until", "dry_run", "sequence", "streams", "documents")
        return {**{name: getattr(self, name) for name in told}, **fitted}


@dataclass
class Restoring:
    """One restore. `until` (ms since the epoch): messages that were stored later are left out."""

    nc: Client
    database: Database
    archive: Archive
    manifest: Manifest
    replicas: int
    until: int | None = None
    dry_run: bool = False
    tell: Tell = untold
    clock: Callable[[], int] = now_ms

    async def run(self) -> Restored:
        """Raises JournalUnavailable, StoreUnavailable, CommandError (`not_empty`, `backup_damaged`)."""
        report = Restored(self.manifest.backup, self.until, self.dry_run)
        goal = Restoration(self.manifest.backup, await self._end())
        restores = Restores(self.database)
        going_on = await restores.unfinished() == goal
        if not going_on:
            await self._refuse_full(await restores.unfinished())
        if not self.dry_run and not await restores.begin(goal):
            raise _not_empty("another restore has just begun")
        fold, told_until = Fold(), 0
        for stream in KEPT_STREAMS:
            part = self.manifest.stream(stream)
            if part is None:
                continue
            async for message in self._stream(part, going_on, report):
                if stream == JOURNAL:
                    fold.take(message.subject, message.sequence, message.payload)
                    report.sequence = message.sequence
                elif stream == ORDERS:
                    told_until = message.at
        report.fitting = Fitting(fold.audits, told_until, self.clock())
        await self._documents(report, report.fitting)
        if not self.dry_run:
            await ensure_streams(self.nc, self.replicas)
            await self._positions(report)
            await restores.finish()
        return report

    async def _refuse_full(self, unfinished: Restoration | None) -> None:
        if unfinished is not None:
            raise _not_empty(
                f"another restore, of {unfinished.backup}, is not finished: finish it, or empty the stores"
            )
        for stream in (*KEPT_STREAMS, *DERIVED_STREAMS):
            state = await stream_state(self.nc, stream)
            if state is not None and state.last:
                raise _not_empty(f"the stream {stream} is not empty")
        for name in (*KEPT_COLLECTIONS, *DERIVED_COLLECTIONS):
            if await self.database.collection(name).count({}, 1):
                raise _not_empty(f"the collection {name} is not empty")

    async def _end(self) -> int:
        """The last sequence of the journal that is restored."""
        part = self.manifest.stream(JOURNAL)
        last = 0
        for chunk in part.chunks if part else ():
            if self.until is not None and chunk.until > self.until:
                messages = await self._wanted(chunk)
                return messages[-1].sequence if messages else last
            last = chunk.last
        return last

    async def _wanted(self, chunk: Chunk) -> list[Message]:
        """The messages of a chunk up to the first that is too late."""
        messages = messages_of(await self.archive.get(chunk))
        if self.until is None:
            return messages
        late = next((n for n, one in enumerate(messages) if one.at > self.until), len(messages))
        return messages[:late]

    async def _stream(
        self, part: StreamPart, going_on: bool, report: Restored
    ) -> AsyncIterator[Message]:
        """Every message that is wanted, once it is stored."""
        reached = part.first - 1 if self.dry_run else await self._begin(part, going_on)
        stored = part.first - 1
        for chunk in part.chunks:
            messages = await self._wanted(chunk)
            behind = stored
            stored += len(messages)
            if not self.dry_run:
                await self._store(part.stream, messages, behind, reached)
            self.tell(part.stream, stored, part.last)
            for message in messages:
                yield message
            if len(messages) < chunk.count:
                break
        report.streams[part.stream] = stored - part.first + 1

    async def _begin(self, part: StreamPart, going_on: bool) -> int:
        """The last sequence that is there already."""
        state = await stream_state(self.nc, part.stream)
        if state is not None and (state.messages or going_on):
            return state.last if state.messages else max(state.last, part.first - 1)
        if state is not None:
            await drop_empty_stream(self.nc, part.stream)
        await make_stream(self.nc, part.stream, self.replicas, part.first)
        return part.first - 1

    async def _positions(self, report: Restored) -> None:
        """The services go on where they were, or at the new end."""
        for part in self.manifest.streams:
            end = part.first - 1 + report.streams[part.stream]
            for name, position in part.positions.items():
                if (part.stream, name) not in FROM_THE_BEGINNING:
                    done = min(position.done, end)
                    await put_position(self.nc, part.stream, name, Position(done, position.config))

    async def _store(self, stream: str, messages: list[Message], behind: int, reached: int) -> None:
        """These messages, behind the sequence `behind`; those up to `reached` were restored before."""
        there = max(0, min(reached - behind, len(messages)))
        try:
            if there:
                await compare(self.nc, stream, messages[:there], behind)
            await put_back(self.nc, stream, messages[there:], behind + there)
        except ForeignMessage as error:
            raise _not_empty(f"{error}: stop what runs over these stores, and empty them") from None

    async def _documents(self, report: Restored, fitting: Fitting) -> None:
        async for document in self._read("job_bodies"):
            fitting.bodies.add(document["body"])
        for name in RESTORE_ORDER:
            collection, count = self.database.collection(name), 0
            part = self.manifest.collection(name)
            for chunk in part.chunks if part else ():
                found = from_bson(await self.archive.get(chunk))
                fitted = [fitting.fit(name, document) for document in found]
                kept = [document for document in fitted if document is not None]
                if not self.dry_run:
                    await collection.insert_all(kept)  # those that are there already stay
                count += len(kept)
                self.tell(name, count, part.documents if part else 0)
            report.documents[name] = count

    async def _read(self, name: str) -> AsyncIterator[Document]:
        part = self.manifest.collection(name)
        for chunk in part.chunks if part else ():
            for document in from_bson(await self.archive.get(chunk)):
                yield document


def _not_empty(detail: str) -> CommandError:
    return CommandError(f"{detail}; a backup is restored into empty stores only", "not_empty")


def messages_of(content: bytes) -> list[Message]:
    """Raises CommandError for what cannot be read."""
    try:
        return msgspec.msgpack.decode(content, type=list[Message])
    except msgspec.MsgspecError:
        raise CommandError(
            "the backup is damaged: a chunk cannot be read", "backup_damaged"
        ) from None
