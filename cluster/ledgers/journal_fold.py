"""The journal folded by the auditor, block by block, up to some moment: it can be read on later."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from actors.codec import Commit, UnknownVersion, decode_commit
from actors.domain.audit import BlockAudit
from actors.domain.identity import BlockKey
from actors.journal import JournalUnavailable
from cluster.journal.streams import block_of

STALLED_SECONDS_MAX = 20.0
"""A journal that yields nothing for so long is given up."""

POLL_SECONDS = 0.02

_SHOW_SUBJECTS = "journal.{}.*"
_ALL_SUBJECTS = "journal.>"


class Following(Protocol):
    """A follower of the journal (see `cluster.journal.feed`)."""

    sequence: int
    stale_reason: str

    async def stop(self) -> None: ...


class Feed(Protocol):
    async def follow(
        self, subject_filter: str, after_sequence: int, on_entry: Callable[[str, int, bytes], None]
    ) -> Following: ...

    async def last_sequence(self, subject_filter: str) -> int: ...


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A commit that could not be read."""

    show_id: str
    sequence: int
    detail: str


@dataclass
class Fold:
    """What the auditor makes of commits, wherever they come from. `audits` is by show and block; `began_at` is the time
    of the first commit (ms since the epoch); `heard` is told of every commit that was read."""

    audits: dict[str, dict[int, BlockAudit]] = field(
        default_factory=dict[str, dict[int, BlockAudit]]
    )
    commits: int = 0
    began_at: int = 0
    unreadable: list[Unreadable] = field(default_factory=list[Unreadable])
    heard: Callable[[BlockKey, Commit], None] | None = None

    def take(self, subject: str, sequence: int, payload: bytes) -> None:
        """The next commit."""
        self.commits += 1
        try:
            block = block_of(subject)
            commit = decode_commit(payload)
        except (UnknownVersion, msgspec.MsgspecError, KeyError, ValueError) as error:
            detail = f"the commit on {subject} cannot be read: {type(error).__name__}"
            self.unreadable.append(Unreadable(_show_of(subject), sequence, detail))
            return
        self.began_at = self.began_at or commit.at
        blocks = self.audits.setdefault(block.show_id, {})
        audit = blocks.get(block.block)
        if audit is None:
            audit = blocks[block.block] = BlockAudit(block.block)
        audit.commit(sequence, commit.at, commit.events)
        if self.heard is not None:
            self.heard(block, commit)


class JournalFold(Fold):
    """One show of the journal, or all; `sequence` is how far it has been read."""

    def __init__(self, feed: Feed, show_id: str | None = None) -> None:
        super().__init__()
        self.feed = feed
        self.show_id = show_id
        self.sequence = 0

    async def read_on(self) -> None:
        """Up to what is the journal's end now. Raises JournalUnavailable."""
        subjects = _ALL_SUBJECTS if self.show_id is None else _SHOW_SUBJECTS.format(self.show_id)
        last = await self.feed.last_sequence(subjects)
        if last <= self.sequence:
            return

        def on_entry(subject: str, sequence: int, payload: bytes) -> None:
            if sequence <= last:
                self.take(subject, sequence, payload)

        following = await self.feed.follow(subjects, self.sequence, on_entry)
        try:
            await _while_moving(following, last)
        finally:
            await following.stop()
        self.sequence = last


async def _while_moving(following: Following, end: int) -> None:
    """Wait until a follower has reached the end. Raises JournalUnavailable when it stands still for too long."""
    clock = asyncio.get_running_loop().time
    before, moved_at = following.sequence, clock()
    while following.sequence < end:
        await asyncio.sleep(POLL_SECONDS)
        if following.sequence != before:
            before, moved_at = following.sequence, clock()
        elif clock() - moved_at > STALLED_SECONDS_MAX:
            detail = f"the journal stands still at {before}"
            raise JournalUnavailable(following.stale_reason or detail)


def _show_of(subject: str) -> str:
    return subject.split(".")[1] if subject.count(".") else ""
