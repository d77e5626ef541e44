"""The projection service: keeps the read model of tickets in step with the journal, in rounds.

It follows the journal in order from its own checkpoint, which is stored with the read model: so nothing has to be
acknowledged, nothing comes out of order, and a rebuild is a checkpoint of zero. While MongoDB is down it keeps a
bounded buffer and then stops listening; when it is back, it goes on behind the last round.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import msgspec
import structlog

from actors.codec import Commit, UnknownVersion, decode_commit
from actors.domain.identity import BlockKey
from cluster.journal.streams import block_of
from cluster.services.projections import project
from cluster.services.service import wait
from cluster.store.mongo import StoreUnavailable
from cluster.store.tickets import Round, Tickets

SUBJECTS = "journal.>"

ROUND_SECONDS = 1.0
"""The pause between rounds when there is little to do: the hot path needs the CPU more."""

ROUND_COMMITS_MAX = 2_000
BUFFER_COMMITS_MAX = 10_000
BUFFER_BYTES_MAX = 33_554_432
"""Commits waiting for their round; beyond it the follower is ended, and made again when they are done."""

RETRY_SECONDS = 0.5
RETRY_SECONDS_MAX = 5.0

_log = structlog.get_logger()

OnEntry = Callable[[str, int, bytes], None]
Entry = tuple[str, int, bytes]


class Following(Protocol):
    """A follower of the journal (see `cluster.journal.feed`)."""

    stale_reason: str

    async def lag(self) -> int: ...

    async def stop(self) -> None: ...


class Feed(Protocol):
    async def follow(
        self, subject_filter: str, after_sequence: int, on_entry: OnEntry
    ) -> Following: ...

    async def last_sequence(self, subject_filter: str) -> int: ...


class _Buffer:
    """Commits that wait for their round, in order. Once it has overflowed it takes nothing more."""

    def __init__(self) -> None:
        self.overflowed = False
        self.filled = asyncio.Event()
        self._entries: deque[Entry] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, subject: str, sequence: int, payload: bytes) -> None:
        full = len(self._entries) >= BUFFER_COMMITS_MAX or self._bytes >= BUFFER_BYTES_MAX
        if full or self.overflowed:
            self.overflowed = True
            return
        self._entries.append((subject, sequence, payload))
        self._bytes += len(payload)
        self.filled.set()

    def take(self) -> list[Entry]:
        taken = [self._entries.popleft() for _ in range(min(len(self), ROUND_COMMITS_MAX))]
        self._bytes -= sum(len(payload) for _, _, payload in taken)
        if not self._entries:
            self.filled.clear()
        return taken


class ProjectionService:
    """One at a time is enough; a forgotten twin does no harm: writes are guarded by sequence and rebuild."""

    def __init__(self, feed: Feed, tickets: Tickets, round_seconds: float = ROUND_SECONDS) -> None:
        self._feed = feed
        self._tickets = tickets
        self._round_seconds = round_seconds
        self._stopping = asyncio.Event()
        self._rebuilding = False
        self._rebuild = 0
        self._applying = asyncio.Lock()
        self._following: Following | None = None
        self._waiting_for = ""
        self._unreadable = 0

    async def run(self) -> None:
        pause = RETRY_SECONDS
        while not self._stopping.is_set():
            try:
                await self._follow()
                pause = RETRY_SECONDS
            except StoreUnavailable as error:
                self._waiting_for = str(error)
                await wait(self._stopping, pause)
                pause = min(pause * 2, RETRY_SECONDS_MAX)

    async def stop(self) -> None:
        self._stopping.set()

    async def rebuild(self) -> int:
        """Begin the read model again from nothing; the sequence that it will have when it is complete.

        Returns when the beginning is durable: whoever waits compares `checkpoint` in `health` with the answer.
        Raises StoreUnavailable, JournalUnavailable.
        """
        target = await self._feed.last_sequence(SUBJECTS)
        async with self._applying:
            await self._tickets.begin_rebuild()
            self._rebuilding = True
        return target

    async def lag(self) -> int:
        """Commits that the read model is behind. Raises StoreUnavailable, JournalUnavailable."""
        last = await self._feed.last_sequence(SUBJECTS)
        return max(0, last - (await self._tickets.checkpoint()).sequence)

    async def health(self) -> dict[str, Any]:
        last = await self._feed.last_sequence(SUBJECTS)
        checkpoint = await self._tickets.checkpoint()
        return {
            "lag": max(0, last - checkpoint.sequence),
            "checkpoint": checkpoint.sequence,
            "waiting_for": self._waiting_for
            or (self._following.stale_reason if self._following is not None else "not following"),
            "unreadable": self._unreadable,
        }

    async def _follow(self) -> None:
        """Follow the journal from the checkpoint, until stopped, sent back, or too far behind to buffer."""
        self._rebuilding = False
        checkpoint = await self._tickets.checkpoint()
        self._rebuild = checkpoint.rebuild
        if checkpoint.clearing:
            await self._tickets.clear()
        buffer = _Buffer()
        self._following = await self._feed.follow(SUBJECTS, checkpoint.sequence, buffer.add)
        try:
            while not (self._stopping.is_set() or self._rebuilding):
                if not await wait(buffer.filled, self._round_seconds):
                    continue
                await self._apply(buffer.take())
                if not buffer and buffer.overflowed:
                    return
                # Far behind, every other moment is used; else one round a second.
                await wait(self._stopping, self._round_seconds / (4 if buffer else 1))
        finally:
            await self._following.stop()
            self._following = None

    async def _apply(self, entries: list[Entry]) -> None:
        """Apply a round, however long MongoDB takes to be there."""
        done = self._round(entries)
        pause = RETRY_SECONDS
        while not (self._stopping.is_set() or self._rebuilding):
            try:
                async with self._applying:
                    if not self._rebuilding and not await self._tickets.apply(done, self._rebuild):
                        self._rebuilding = True  # a twin's
                self._waiting_for = ""
                return
            except StoreUnavailable as error:
                self._waiting_for = str(error)
            await wait(self._stopping, pause)
            pause = min(pause * 2, RETRY_SECONDS_MAX)

    def _round(self, entries: list[Entry]) -> Round:
        return project(self._readable(entries), entries[-1][1])

    def _readable(self, entries: list[Entry]) -> Iterator[tuple[BlockKey, int, Commit]]:
        for subject, sequence, payload in entries:
            try:
                commit = decode_commit(payload)
            except (UnknownVersion, msgspec.MsgspecError, KeyError) as error:
                # Waiting would not help, and all other shows would wait too; `verify` names what is wrong then.
                self._unreadable += 1
                _log.error("projection.unreadable", sequence=sequence, reason=repr(error))
                continue
            yield block_of(subject), sequence, commit
