"""The views of a replica: opened on the first question about a show, fed by the journal, watched by streams."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
import structlog

from actors.codec import UnknownVersion, decode_commit
from actors.domain.identity import SHOW_ID_PATTERN, BlockKey
from actors.journal import Journal, JournalUnavailable
from cluster.reads.show_view import Change, ShowView

CATCH_UP_SECONDS_MAX = 2.0
"""How long a view may take to reach what the journal has; then 503."""

CATCH_UP_POLL_SECONDS = 0.002

VIEWS_MAX = 200
"""Shows that a replica keeps current. For a new one the least watched is closed; of these, the one asked for least
recently."""

OPEN_SECONDS_MAX = 20.0
"""How long a question waits for the view of a large show to be built; then 503."""

WATCHER_CHANGES_MAX = 1_000
"""Changes queued for one slow watcher; then it is told to resync."""

WATCHERS_MAX = 5_000
"""Streams of one replica; one more is answered 503."""

_log = structlog.get_logger()


class Follower(Protocol):
    """One subscription of a feed."""

    async def stop(self) -> None: ...


class Feed(Protocol):
    """Where commits come from (see cluster.journal.feed)."""

    async def follow(
        self, subject_filter: str, after_sequence: int, on_entry: Callable[[str, int, bytes], None]
    ) -> Follower: ...

    async def last_sequence(self, subject_filter: str) -> int: ...


class TooManyWatchers(Exception):
    """The replica has as many streams as it can serve."""


class Watcher:
    """One stream's queue. `overflowed` means that changes were dropped and the client must resync."""

    def __init__(self) -> None:
        self.overflowed = False
        self._queue: asyncio.Queue[Change | None] = asyncio.Queue(WATCHER_CHANGES_MAX)

    def offer(self, change: Change | None) -> None:
        try:
            self._queue.put_nowait(change)
        except asyncio.QueueFull:
            self.overflowed = True

    def close(self) -> None:
        """The view is closed: whoever waits here is woken, and told to resync."""
        self.overflowed = True
        self.offer(None)

    async def next(self, seconds: float) -> Change | None:
        """The next change, or None when none came in time (or the view was closed)."""
        try:
            return await asyncio.wait_for(self._queue.get(), seconds)
        except TimeoutError:
            return None


@dataclass(slots=True)
class _Open:
    view: ShowView
    watchers: set[Watcher]
    ready: asyncio.Task[None]
    follower: Follower | None = None
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    asked_at: float = 0.0
    refused_at: float = 0.0
    refusal: JournalUnavailable | None = None
    """What came of asking the journal when it was last asked in vain, and when that was."""

    @property
    def failed(self) -> bool:
        """It could not be built: the next question builds it anew."""
        return self.ready.done() and (self.ready.cancelled() or self.ready.exception() is not None)


READING = "the show is still being read"
BEHIND = "the view is behind the journal"
CROWDED = "too many shows are read at once"


class Views:
    """All views of a replica."""

    def __init__(self, journal: Journal, feed: Feed) -> None:
        self._journal = journal
        self._feed = feed
        self._open: OrderedDict[str, _Open] = OrderedDict()
        self._closing = set[asyncio.Task[None]]()
        self.watchers = 0

    async def view(self, show_id: str) -> ShowView | None:
        """The current view of a show, None if there is no such show. Raises JournalUnavailable."""
        opened = self._open.get(show_id)
        if opened is not None and opened.failed:
            del self._open[show_id]
            opened = None
        if opened is None:
            if SHOW_ID_PATTERN.match(show_id) is None:
                return None
            if await self._journal.first(BlockKey(show_id, 0)) is None:
                return None
            opened = self._open.get(show_id) or self._start(show_id)
        self._open.move_to_end(show_id)
        if not opened.ready.done() or opened.failed:
            try:
                await asyncio.wait_for(asyncio.shield(opened.ready), OPEN_SECONDS_MAX)
            except TimeoutError as error:
                raise JournalUnavailable(READING, READING) from error
        return opened.view

    async def catch_up(self, show_id: str) -> None:
        """Returns when the view has everything that the journal had at the moment of the call.

        Callers that come while the journal is being asked share the next question; those who still wait when it was
        asked in vain share the refusal, or each would wait for the refusals of all before. Raises JournalUnavailable.
        """
        clock = asyncio.get_running_loop().time
        opened, called_at = self._open.get(show_id), clock()
        if opened is None:
            raise JournalUnavailable("the view was closed")
        async with opened.asking:
            if opened.asked_at > called_at:
                return
            if opened.refusal is not None and opened.refused_at > called_at:
                raise JournalUnavailable(str(opened.refusal), opened.refusal.told)
            asked_at = clock()
            try:
                await self._reach(opened.view)
            except JournalUnavailable as error:
                opened.refused_at, opened.refusal = clock(), error
                raise
            opened.asked_at = asked_at

    async def _reach(self, view: ShowView) -> None:
        """Returns when the view has what the journal has now. Raises JournalUnavailable."""
        clock = asyncio.get_running_loop().time
        asked_at = clock()
        target = await self._feed.last_sequence(_subjects(view.show_id))
        while view.version < target:
            if clock() - asked_at > CATCH_UP_SECONDS_MAX:
                raise JournalUnavailable(BEHIND, BEHIND)
            await asyncio.sleep(CATCH_UP_POLL_SECONDS)

    def __len__(self) -> int:
        """Views that are open."""
        return len(self._open)

    @property
    def full(self) -> bool:
        """There is no room for another watcher."""
        return self.watchers >= WATCHERS_MAX

    @asynccontextmanager
    async def watch(self, show_id: str) -> AsyncIterator[Watcher]:
        """A watcher of a view that is open. Raises TooManyWatchers."""
        opened, watcher = self._open.get(show_id), Watcher()
        if opened is None or self.full:
            raise TooManyWatchers
        opened.watchers.add(watcher)
        self.watchers += 1
        try:
            yield watcher
        finally:
            opened.watchers.discard(watcher)
            self.watchers -= 1

    def _start(self, show_id: str) -> _Open:
        self._make_room()
        view = ShowView(show_id)
        opened = _Open(view, set(), asyncio.create_task(self._build(show_id)))
        self._open[show_id] = opened
        return opened

    async def _build(self, show_id: str) -> None:
        opened = self._open[show_id]
        subjects = _subjects(show_id)
        target = await self._feed.last_sequence(subjects)
        reached = asyncio.Event()

        def on_entry(subject: str, sequence: int, payload: bytes) -> None:
            block = int(subject.rpartition(".")[2])
            try:
                commit = decode_commit(payload)
            except (UnknownVersion, msgspec.MsgspecError, KeyError) as error:
                _log.error(
                    "views.unreadable", subject=subject, sequence=sequence, reason=repr(error)
                )
                change = opened.view.lose(block, sequence)
            else:
                change = opened.view.apply(block, sequence, commit)
            if change is not None:
                for watcher in opened.watchers:
                    watcher.offer(change)
            if sequence >= target:
                reached.set()

        opened.follower = await self._feed.follow(subjects, 0, on_entry)
        await reached.wait()
        opened.view.forget_history()

    def _make_room(self) -> None:
        """For one view more. Those who watch the one that is closed are told to resync, and come back. One that is
        still being read stays: there are requests that wait for it. Raises JournalUnavailable when all are."""
        if len(self._open) < VIEWS_MAX:
            return
        read = [key for key, opened in self._open.items() if opened.ready.done()]
        if not read:
            raise JournalUnavailable(CROWDED, READING)
        least = min(read, key=lambda key: len(self._open[key].watchers))
        closing = asyncio.create_task(_close(self._open.pop(least)))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        while self._open:
            await _close(self._open.popitem()[1])
        await asyncio.gather(*self._closing)


async def _close(opened: _Open) -> None:
    opened.ready.cancel()
    for watcher in opened.watchers:
        watcher.close()
    if opened.follower is not None:
        await opened.follower.stop()


def _subjects(show_id: str) -> str:
    return f"journal.{show_id}.>"
