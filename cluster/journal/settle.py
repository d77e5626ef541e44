"""How an append becomes certain: publish, and when in doubt read back what follows `expected`.

The same loop runs over JetStream and over the journal in memory, so that a simulation exercises the real one.

The key: the fence admits exactly one commit behind `expected`, so the block's first commit behind it decides.
- It carries our id: we are stored, whatever was or was not answered, and whoever has written after us.
- It carries another id: another writer won, and ours can never be stored with this `expected`.
- There is none: nothing has been stored *yet*, and the same append (same id, same `expected`) is sent again. If the
  earlier copy lands after all, it and the new one are fenced against each other, and again there is one.

A server's `duplicate: true` is believed as little as a refusal: one server and a cluster differ in which of the two a
retried append gets, and a table of ids can outlive what it speaks of.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from actors.journal import UNSETTLED, Entry, JournalConflict, JournalUnavailable

ATTEMPTS_MAX = 20
SETTLE_SECONDS_MAX = 5.0
"""About the time that a cluster needs to elect a new leader; after it the buyer hears 503."""

BACKOFF_SECONDS = 0.02
BACKOFF_SECONDS_MAX = 0.5


class Doubtful(Exception):
    """The answer to a publish, or the lack of one, leaves open whether it is stored. `answer` is it in a word."""

    def __init__(self, detail: str, answer: str = "silence") -> None:
        super().__init__(detail)
        self.answer = answer


class CommitLog(Protocol):
    """What settling needs of a journal."""

    async def publish(self, subject: str, expected: int, commit_id: str, payload: bytes) -> int:
        """Send an append once; its sequence when the server says plainly that it is stored.

        Raises Doubtful, or JournalUnavailable when the server has no room: trying again would make it worse.
        """
        ...

    async def following(self, subject: str, sequence: int) -> Entry | None:
        """The first commit of a subject behind `sequence`, from the leader. Raises JournalUnavailable."""
        ...


async def append_settled(
    log: CommitLog,
    subject: str,
    expected: int,
    commit_id: str,
    payload: bytes,
    seconds_max: float = SETTLE_SECONDS_MAX,
    on_doubt: Callable[[Doubtful], None] | None = None,
) -> int:
    """The sequence of the stored commit. Raises JournalConflict, or JournalUnavailable after the bounds.

    `on_doubt` is told of every answer that has to be settled.

    JournalUnavailable leaves a commit that may still land (a copy in a socket or in a leader's queue). That is safe:
    it lands only if the block has not moved on from `expected`, and then it is a true commit that every reader will
    replay; its writer has thrown its state away, and meets it in its own replay.
    """
    clock = asyncio.get_running_loop().time
    deadline = clock() + seconds_max
    reason = ""
    for attempt in range(ATTEMPTS_MAX):
        try:
            return await log.publish(subject, expected, commit_id, payload)
        except Doubtful as doubt:
            reason = str(doubt)
            if on_doubt is not None:
                on_doubt(doubt)
        try:
            found = await log.following(subject, expected)
        except JournalUnavailable as error:
            reason = str(error)
        else:
            if found is not None and found.commit_id == commit_id:
                return found.sequence
            if found is not None:
                raise JournalConflict(f"{subject}: sequence {found.sequence} follows {expected}")
        pause = min(BACKOFF_SECONDS * 2**attempt, BACKOFF_SECONDS_MAX)
        if clock() + pause > deadline:
            break
        await asyncio.sleep(pause)
    raise JournalUnavailable(f"{subject}: no definite answer ({reason})", UNSETTLED)
