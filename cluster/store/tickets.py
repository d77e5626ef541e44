"""The read model of tickets: one document each, rebuildable from the journal, and how far it has read.

Every write is guarded by the journal's sequence: an older change never overwrites a newer one, so any round may be
applied again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass

from cluster.store.mongo import Collection, Database, Document, Write
from cluster.store.ticket import DeadlineMove, TicketChange, TicketRecord

READ_MAX = 5_000
"""Tickets read at a time."""

CHECKPOINT = "tickets"


@dataclass(frozen=True, slots=True)
class Round:
    """What happened to tickets up to and including `sequence`: at most one state per ticket."""

    opened: Sequence[TicketRecord]
    changed: Sequence[TicketChange]
    moved: Sequence[DeadlineMove]
    sequence: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The last sequence that is in the read model. `clearing`: a rebuild has begun, and old tickets are in the way."""

    sequence: int
    clearing: bool


class Tickets:
    """Every method raises StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._tickets: Collection = database.collection("tickets")
        self._checkpoints: Collection = database.collection("checkpoints")

    async def ensure_indexes(self) -> None:
        keys = [("show_id", 1), ("block", 1), ("ticket", 1)]
        await self._tickets.ensure_index(keys, unique=True)

    async def checkpoint(self) -> Checkpoint:
        document = await self._checkpoints.find_one({"_id": CHECKPOINT})
        if document is None:
            return Checkpoint(0, False)
        return Checkpoint(document["sequence"], document["clearing"])

    async def apply(self, done: Round) -> None:
        """Bring the read model up to the end of a round. May be repeated, wholly or after a part of it."""
        taken = await self._tickets.insert_all([_document(record) for record in done.opened])
        again = [done.opened[position] for position in taken]
        await self._tickets.write_all([_reopening(record) for record in again])
        await self._tickets.write_all([_changing(change) for change in done.changed])
        await self._tickets.write_all([_moving(move) for move in done.moved])
        await self._checkpoints.update(
            {"_id": CHECKPOINT},
            {"$max": {"sequence": done.sequence}, "$setOnInsert": {"clearing": False}},
            upsert=True,
        )

    async def begin_rebuild(self) -> None:
        """Go back to the beginning; `clear` has to follow, even if it takes another process."""
        await self._checkpoints.update(
            {"_id": CHECKPOINT}, {"$set": {"sequence": 0, "clearing": True}}, upsert=True
        )

    async def clear(self) -> None:
        """Drop all tickets of a read model that is to be rebuilt."""
        await self._tickets.delete({})
        await self._checkpoints.update({"_id": CHECKPOINT}, {"$set": {"clearing": False}})

    async def of_show(self, show_id: str) -> AsyncIterator[TicketRecord]:
        """All tickets of a show, by block and ticket."""
        after: tuple[int, int] | None = None
        while True:
            page = await self._tickets.find(
                {"show_id": show_id, **_behind(after)},
                limit=READ_MAX,
                sort=[("show_id", 1), ("block", 1), ("ticket", 1)],
            )
            for document in page:
                del document["_id"]
                yield TicketRecord(**document)
            if len(page) < READ_MAX:
                return
            after = (page[-1]["block"], page[-1]["ticket"])

    async def count(self, show_id: str, limit: int) -> int:
        """How many tickets of a show there are, counted up to `limit`."""
        return await self._tickets.count({"show_id": show_id}, limit)


def _behind(after: tuple[int, int] | None) -> Document:
    if after is None:
        return {}
    block, ticket = after
    return {"$or": [{"block": block, "ticket": {"$gt": ticket}}, {"block": {"$gt": block}}]}


def _id(change: TicketRecord | TicketChange) -> str:
    return f"{change.show_id}/{change.block}/{change.ticket}"


def _document(record: TicketRecord) -> Document:
    return {"_id": _id(record), **asdict(record)}


def _reopening(record: TicketRecord) -> Write:
    """The ticket was there already: the round is being repeated, or another worker was faster."""
    document = _document(record)
    older = {"_id": document.pop("_id"), "sequence": {"$lt": record.sequence}}
    return Write(older, {"$set": document})


def _changing(change: TicketChange) -> Write:
    return Write(
        {"_id": _id(change), "sequence": {"$lt": change.sequence}},
        {
            "$set": {
                "status": change.status,
                "hold": change.hold,
                "order": change.order,
                "deadline": change.deadline,
                "sequence": change.sequence,
            }
        },
    )


def _moving(move: DeadlineMove) -> Write:
    return Write(
        {
            "show_id": move.show_id,
            "block": move.block,
            "hold": move.hold,
            "sequence": {"$lt": move.sequence},
        },
        {"$set": {"deadline": move.deadline, "sequence": move.sequence}},
        many=True,
    )
