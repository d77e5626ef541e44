"""What a backup consists of. Plain data; it is written last, so a backup that has one is whole."""

from __future__ import annotations

from typing import Any

import msgspec

from cluster.journal.copying import Position
from cluster.journal.streams import (
    CLUSTER,
    DEADLETTERS,
    JOURNAL,
    NOTICES,
    ORDERS,
    SNAPSHOTS,
    WAKEUPS,
)

VERSION = 1

KEPT_STREAMS = (CLUSTER, NOTICES, ORDERS, JOURNAL)
"""In the order in which their ends are fixed: what an order's event says was sold is in the journal, whose end comes
after it."""

DERIVED_STREAMS = (SNAPSHOTS, WAKEUPS, DEADLETTERS)
"""Made anew from the kept ones: by the hosts, by the expiration service, by whoever fails again at the same message."""

FROM_THE_BEGINNING = ((JOURNAL, "expiration"),)
"""Durable consumers that begin anew: what they made of a stream, the wake-ups, is not kept. The others go on where they
were: what they made is in the documents."""

KEPT_COLLECTIONS = (
    "job_bodies",
    "jobs",
    "plans",
    "shows",
    "orders",
    "admissions",
    "answers",
    "mailings",
    "accounts",
)
"""In the order in which they are read. Bodies before jobs: a job that is not over has its body. Then whatever is made
from something after it: a job's plans, the orders of shows, and mailings after orders, so that no mail is sent twice.
Accounts belong to nothing else."""

DERIVED_COLLECTIONS = ("tickets", "checkpoints")
"""The read model, projected anew from the journal."""

PASSING_COLLECTIONS = ("sessions", "attempts")
"""Over within days by themselves: who was signed in signs in again."""


class Chunk(msgspec.Struct, frozen=True):
    """A piece of a stream or a collection, named by the SHA-256 of what is stored. `count` are messages or documents,
    `size` the bytes that are stored; of a stream `first` and `last` are sequences, `until` is when the last message
    was stored (ms since the epoch)."""

    sha256: str
    size: int
    count: int
    first: int = 0
    last: int = 0
    until: int = 0


class StreamPart(msgspec.Struct, frozen=True):
    """A stream up to the sequence `last`; `created` names the very stream that it was taken from, `positions` are its
    durable consumers by name."""

    stream: str
    created: str
    first: int
    last: int
    chunks: tuple[Chunk, ...] = ()
    positions: dict[str, Position] = {}

    @property
    def messages(self) -> int:
        return sum(chunk.count for chunk in self.chunks)


class CollectionPart(msgspec.Struct, frozen=True):
    collection: str
    chunks: tuple[Chunk, ...] = ()

    @property
    def documents(self) -> int:
        return sum(chunk.count for chunk in self.chunks)


class Manifest(msgspec.Struct, frozen=True):
    """One backup. Times are ms since the epoch; its moment is the end of JOURNAL."""

    backup: str
    began_at: int
    ended_at: int
    streams: tuple[StreamPart, ...]
    collections: tuple[CollectionPart, ...]
    version: int = VERSION

    def stream(self, name: str) -> StreamPart | None:
        return next((part for part in self.streams if part.stream == name), None)

    def collection(self, name: str) -> CollectionPart | None:
        return next((part for part in self.collections if part.collection == name), None)

    @property
    def chunks(self) -> tuple[Chunk, ...]:
        parts = (*self.streams, *self.collections)
        return tuple(chunk for part in parts for chunk in part.chunks)

    def plain(self) -> dict[str, Any]:
        """What people and programs are told about it."""
        journal = self.stream(JOURNAL)
        return {
            "backup": self.backup,
            "sequence": journal.last if journal else 0,
            "streams": {part.stream: part.messages for part in self.streams},
            "documents": {part.collection: part.documents for part in self.collections},
            "chunks": len({chunk.sha256 for chunk in self.chunks}),
            "bytes": sum({chunk.sha256: chunk.size for chunk in self.chunks}.values()),
        }


class Listed(msgspec.Struct, frozen=True):
    """A backup in the list of its folder: `sha256` is that of its manifest."""

    backup: str
    sha256: str
    ended_at: int
