"""The journal port: what the runtime needs of the truth about tickets. Publishing is committing.

One subject per block. `sequence` is the position in the whole journal; every append names the sequence that the
block's last commit had (0: none yet), and is refused when another writer was faster: that is the fence.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from actors.domain.identity import BlockKey


class JournalConflict(Exception):
    """Another writer committed to this block first; nothing of this append was stored."""


UNANSWERED = "the journal does not answer at the moment"
UNSETTLED = "nobody knows yet whether this was done: ask again with the same Idempotency-Key"


class JournalUnavailable(Exception):
    """The journal did not give a definite answer in time: the append may or may not be stored.

    Its text is for operators; `told` is what a buyer may read: it names no subject, no server and no error of theirs.
    """

    def __init__(self, detail: str, told: str = UNANSWERED) -> None:
        super().__init__(detail)
        self.told = told


@dataclass(frozen=True, slots=True)
class Entry:
    """One commit as stored."""

    sequence: int
    commit_id: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A block's state, folded up to and including the commit `commit_id` at `sequence`."""

    sequence: int
    commit_id: str
    payload: bytes


class Journal(Protocol):
    async def append(self, block: BlockKey, expected: int, commit_id: str, payload: bytes) -> int:
        """Store a commit if the block's last sequence is `expected`; its sequence.

        Returns only what is certain: settles lost acknowledgements itself by reading back. Raises
        JournalConflict or JournalUnavailable.
        """
        ...

    def unsettled_seconds(self) -> float | None:
        """How long ago an append of this process was left without a definite answer, if nothing since says that the
        journal stores again; else None."""
        ...

    async def last_sequence(self, block: BlockKey) -> int:
        """The sequence of the block's last commit, 0 if it has none; asked of the leader."""
        ...

    async def first(self, block: BlockKey, after: int = 0) -> Entry | None:
        """The block's first commit behind the sequence `after`: of all, its opening."""
        ...

    def read(self, block: BlockKey, after: int) -> AsyncIterator[Entry]:
        """The block's commits behind `after`, in order, up to the end as it was when the reading began or later."""
        ...

    async def save_snapshot(self, block: BlockKey, snapshot: Snapshot) -> None:
        """Keep a snapshot; best effort, an older one may be lost, never a newer one returned wrongly."""
        ...

    async def load_snapshot(self, block: BlockKey) -> Snapshot | None:
        """The latest snapshot."""
        ...
