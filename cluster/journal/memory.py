"""The journal in memory, with the semantics of JetStream and its faults on demand, for tests and simulations.

A `MemoryStream` is the server; every `MemoryJournal` over it is a writer of its own, as a host process is. Appends go
through the same settling loop as over NATS, so that what a simulation breaks and what production runs is one algorithm.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from enum import Enum

from actors.domain.identity import BlockKey
from actors.journal import Entry, JournalUnavailable, Snapshot
from cluster.journal.settle import SETTLE_SECONDS_MAX, Doubtful, append_settled
from cluster.journal.streams import journal_subject


class Fault(Enum):
    """What happens to one publish."""

    LOSE_ACK = "stored, but the acknowledgement never arrives"
    LOSE_PUBLISH = "never stored, and no answer arrives"
    LAND_LATE = "no answer arrives, and it reaches the stream only `Faults.late_seconds` later"


@dataclass(slots=True)
class Faults:
    """What a journal's connection does wrong. `publishes` is used up, one fault (or None) per publish."""

    publishes: deque[Fault | None] = field(default_factory=deque)
    unavailable: bool = False
    late_seconds: float = 0.05
    delay_seconds: Callable[[], float] | None = None
    """The duration of each round trip; None: no time, but still a turn of the event loop."""


@dataclass(frozen=True, slots=True)
class PublishAnswer:
    """A server's answer. Either a `sequence`, perhaps of an earlier copy (`duplicate`), or error 10071."""

    sequence: int = 0
    duplicate: bool = False
    wrong_last_sequence: bool = False


class MemoryStream:
    """What the servers hold. A retried append is answered as one server does, or (`replicated`) as a cluster does."""

    def __init__(self, *, replicated: bool = False) -> None:
        self.replicated = replicated
        self.last_sequence = 0
        self._entries: defaultdict[str, list[Entry]] = defaultdict(list)
        self._sequences: defaultdict[str, list[int]] = defaultdict(list)
        self._seen: dict[str, int] = {}
        self._snapshots: dict[BlockKey, Snapshot] = {}

    def publish(self, subject: str, expected: int, commit_id: str, payload: bytes) -> PublishAnswer:
        """Store, or refuse. One server checks the expectation first, a cluster the message id first."""
        seen = self._seen.get(commit_id)
        wrong = self.last_of(subject) != expected
        if seen is not None and (self.replicated or not wrong):
            return PublishAnswer(seen, duplicate=True)
        if wrong:
            return PublishAnswer(wrong_last_sequence=True)
        self.last_sequence += 1
        self._entries[subject].append(Entry(self.last_sequence, commit_id, payload))
        self._sequences[subject].append(self.last_sequence)
        self._seen[commit_id] = self.last_sequence
        return PublishAnswer(self.last_sequence)

    def last_of(self, subject: str) -> int:
        sequences = self._sequences.get(subject)
        return sequences[-1] if sequences else 0

    def behind(self, subject: str, sequence: int) -> Entry | None:
        """The first entry of a subject behind `sequence`."""
        index = bisect_right(self._sequences.get(subject, ()), sequence)
        entries = self._entries.get(subject, ())
        return entries[index] if index < len(entries) else None

    def keep_snapshot(self, block: BlockKey, snapshot: Snapshot) -> None:
        stored = self._snapshots.get(block)
        if stored is None or stored.sequence < snapshot.sequence:
            self._snapshots[block] = snapshot

    def snapshot(self, block: BlockKey) -> Snapshot | None:
        return self._snapshots.get(block)


class MemoryJournal:
    """`actors.journal.Journal` over a MemoryStream; `faults` may be changed at any time."""

    def __init__(
        self,
        stream: MemoryStream,
        faults: Faults | None = None,
        settle_seconds: float = SETTLE_SECONDS_MAX,
    ) -> None:
        self.stream = stream
        self.faults = faults or Faults()
        self._settle_seconds = settle_seconds
        self._late: set[asyncio.Task[None]] = set()

    async def append(self, block: BlockKey, expected: int, commit_id: str, payload: bytes) -> int:
        subject = journal_subject(block)
        return await append_settled(
            self, subject, expected, commit_id, payload, self._settle_seconds
        )

    async def publish(self, subject: str, expected: int, commit_id: str, payload: bytes) -> int:
        await self._travel()
        if self.faults.unavailable:
            raise Doubtful("no connection")
        fault = self.faults.publishes.popleft() if self.faults.publishes else None
        if fault is Fault.LOSE_PUBLISH:
            raise Doubtful("no answer")
        if fault is Fault.LAND_LATE:
            late = asyncio.create_task(self._land(subject, expected, commit_id, payload))
            self._late.add(late)
            late.add_done_callback(self._late.discard)
            raise Doubtful("no answer")
        answer = self.stream.publish(subject, expected, commit_id, payload)
        await self._travel()
        if fault is Fault.LOSE_ACK:
            raise Doubtful("no answer")
        if answer.wrong_last_sequence or answer.duplicate:
            raise Doubtful("wrong last sequence" if answer.wrong_last_sequence else "a duplicate")
        return answer.sequence

    async def following(self, subject: str, sequence: int) -> Entry | None:
        await self._ask()
        return self.stream.behind(subject, sequence)

    async def last_sequence(self, block: BlockKey) -> int:
        await self._ask()
        return self.stream.last_of(journal_subject(block))

    async def first(self, block: BlockKey) -> Entry | None:
        return await self.following(journal_subject(block), 0)

    async def read(self, block: BlockKey, after: int) -> AsyncIterator[Entry]:
        subject = journal_subject(block)
        last = await self.last_sequence(block)
        while after < last and (entry := self.stream.behind(subject, after)) is not None:
            after = entry.sequence
            yield entry

    async def save_snapshot(self, block: BlockKey, snapshot: Snapshot) -> None:
        await self._ask()
        self.stream.keep_snapshot(block, snapshot)

    async def load_snapshot(self, block: BlockKey) -> Snapshot | None:
        await self._ask()
        return self.stream.snapshot(block)

    async def _ask(self) -> None:
        await self._travel()
        if self.faults.unavailable:
            raise JournalUnavailable("no connection")

    async def _travel(self) -> None:
        delay = self.faults.delay_seconds
        await asyncio.sleep(0 if delay is None else delay())

    async def _land(self, subject: str, expected: int, commit_id: str, payload: bytes) -> None:
        await asyncio.sleep(self.faults.late_seconds)
        self.stream.publish(subject, expected, commit_id, payload)
