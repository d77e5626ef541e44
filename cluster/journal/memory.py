"""The journal in memory, with the semantics of JetStream and its faults on demand, for tests and simulations.

A `MemoryStream` is the servers; every `MemoryJournal` over it is a writer of its own, as a host process is, behind a
connection that may fail it. Answers are read and appends are settled by the code that runs over NATS, so that what a
simulation breaks and what production runs is one algorithm.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol, TypeVar

from actors.domain.identity import BlockKey
from actors.journal import Entry, JournalUnavailable, Snapshot
from cluster.journal.acks import stored_sequence
from cluster.journal.api import patiently
from cluster.journal.memory_stream import Answer, MemoryStream
from cluster.journal.settle import SETTLE_SECONDS_MAX, Doubtful, append_settled
from cluster.journal.streams import journal_subject
from cluster.journal.unsettled import Unsettled

T = TypeVar("T")


class Connection(Protocol):
    """How a writer's requests get to the servers, and their answers back."""

    async def publish(self, serve: Callable[[Answer], None]) -> bytes:
        """The answer of the servers to what `serve` does there. Raises Doubtful when none came."""
        ...

    async def ask(self, serve: Callable[[], T]) -> T:
        """What `serve` reads from the servers' leader. Raises JournalUnavailable when no answer came."""
        ...


class Fault(Enum):
    """What happens to one publish."""

    LOSE_ACK = "stored, but the acknowledgement never arrives"
    LOSE_PUBLISH = "never stored, and no answer arrives"
    LAND_LATE = "no answer arrives, and it reaches the stream only `Faults.late_seconds` later"


@dataclass(slots=True)
class Faults:
    """A connection with scripted faults, which may be changed at any time."""

    publishes: deque[Fault | None] = field(default_factory=deque)
    """Used up, one fault (or None) per publish."""
    unavailable: bool = False
    late_seconds: float = 0.05

    async def publish(self, serve: Callable[[Answer], None]) -> bytes:
        await asyncio.sleep(0)
        if self.unavailable:
            raise Doubtful("no connection")
        fault = self.publishes.popleft() if self.publishes else None
        if fault is Fault.LOSE_PUBLISH:
            raise Doubtful("no answer")
        loop = asyncio.get_running_loop()
        if fault is Fault.LAND_LATE:
            loop.call_later(self.late_seconds, serve, _forget)
            raise Doubtful("no answer")
        answered: asyncio.Future[bytes] = loop.create_future()
        serve(answered.set_result)
        answer = await answered
        await asyncio.sleep(0)
        if fault is Fault.LOSE_ACK:
            raise Doubtful("no answer")
        return answer

    async def ask(self, serve: Callable[[], T]) -> T:
        await asyncio.sleep(0)
        if self.unavailable:
            raise JournalUnavailable("no connection")
        return serve()


def _forget(_answer: bytes) -> None:
    """Nobody waits for this answer any more."""


class MemoryJournal:
    """`actors.journal.Journal` over a MemoryStream."""

    def __init__(
        self,
        stream: MemoryStream,
        connection: Connection | None = None,
        settle_seconds: float = SETTLE_SECONDS_MAX,
    ) -> None:
        self.stream = stream
        self._connection = connection or Faults()
        self._settle_seconds = settle_seconds
        self._unsettled = Unsettled(lambda: asyncio.get_running_loop().time(), lambda: 0)

    async def append(self, block: BlockKey, expected: int, commit_id: str, payload: bytes) -> int:
        subject, seconds_max = journal_subject(block), self._settle_seconds
        try:
            sequence = await append_settled(
                self, subject, expected, commit_id, payload, seconds_max
            )
        except JournalUnavailable:
            self._unsettled.leave()
            raise
        self._unsettled.settle()
        return sequence

    def unsettled_seconds(self) -> float | None:
        return self._unsettled.seconds()

    async def publish(self, subject: str, expected: int, commit_id: str, payload: bytes) -> int:
        publish = self.stream.publish
        return stored_sequence(
            await self._connection.publish(
                lambda answer: publish(subject, expected, commit_id, payload, answer)
            )
        )

    async def following(self, subject: str, sequence: int) -> Entry | None:
        return await self._connection.ask(lambda: self.stream.behind(subject, sequence))

    async def last_sequence(self, block: BlockKey) -> int:
        return await self._ask(lambda: self.stream.last_of(journal_subject(block)))

    async def first(self, block: BlockKey, after: int = 0) -> Entry | None:
        return await self._ask(lambda: self.stream.behind(journal_subject(block), after))

    async def read(self, block: BlockKey, after: int) -> AsyncIterator[Entry]:
        subject = journal_subject(block)
        last = await self.last_sequence(block)
        while after < last:
            entry = await self._ask(lambda after=after: self.stream.behind(subject, after))
            if entry is None:
                raise JournalUnavailable(f"{subject}: nothing behind {after}, but {last} exists")
            after = entry.sequence
            yield entry

    async def save_snapshot(self, block: BlockKey, snapshot: Snapshot) -> None:
        await self._connection.ask(lambda: self.stream.keep_snapshot(block, snapshot))

    async def load_snapshot(self, block: BlockKey) -> Snapshot | None:
        return await self._ask(lambda: self.stream.snapshot(block))

    async def _ask(self, serve: Callable[[], T]) -> T:
        """A read is repeated through a short outage, as over NATS."""
        return await patiently(lambda: self._connection.ask(serve), self._settle_seconds)
