"""The read model of tickets: one columnar document per block, rebuildable from the journal, and how far it has read.

A document per ticket cost MongoDB more CPU for a hold than any other part but the journal: a storage transaction, an
oplog entry and index keys for each of its seats. A block is one of each per round, however many seats changed in it.

    _id "show/block", show_id, block, section, size, opened       `opened`: the sequence of the opening
    seats, categories, category_of                                columns by ticket, written once
    t.<ticket>       [status, hold, order, sequence]              tickets that have changed since the opening
    deadlines.<hold> [deadline, sequence]                         live holds: an extension is one field
    sequence, rebuild                                             the last commit that is in it; see below

At up to 110 bytes a changed ticket and 70 a live hold, 2,000 tickets stay under 0.5 MB (MongoDB's limit is 16 MB).

Why a round may be applied again, in part, late, or by a twin. A document at sequence s is the fold of all commits of
its block up to s: that is so when it is inserted with its opening, and every update keeps it so. An update is of a
round (a, b] and is made only when s is below the round's last commit in the block. Its follower has attempted all its
rounds up to a, and an attempt leaves s at its end or finds it there or beyond: so nothing up to a is missing.
Commits in (a, s] may be in the document already; what they changed, the round sets to its last state in (a, b], which
is the same or newer. An update that comes late finds s beyond it, and does nothing.

Deleting documents would break "nothing is missing" for a follower that knows nothing of it: hence the number of the
`rebuild`, which every write is guarded by and which only the followers that began with it have.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cluster.store.block_change import BlockChange, BlockOpening
from cluster.store.mongo import Collection, Database, Document, Write
from cluster.store.ticket import TicketRecord

READ_BLOCKS_MAX = 50
"""Blocks read at a time: at most 25 MB."""

CHECKPOINT = "tickets"

_AVAILABLE = "available"


@dataclass(frozen=True, slots=True)
class Round:
    """What happened to tickets up to and including `sequence`: at most one change per block."""

    blocks: Sequence[BlockChange]
    sequence: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The last sequence that is in the read model. `clearing`: a rebuild has begun, and old tickets are in the way.

    `rebuild` counts the rebuilds that have begun; `apply` takes it back.
    """

    sequence: int
    clearing: bool
    rebuild: int = 0


class Tickets:
    """Every method raises StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._tickets: Collection = database.collection("tickets")
        self._checkpoints: Collection = database.collection("checkpoints")

    async def ensure_indexes(self) -> None:
        await self._tickets.ensure_index([("show_id", 1), ("block", 1)])

    async def checkpoint(self) -> Checkpoint:
        document = await self._checkpoints.find_one({"_id": CHECKPOINT})
        if document is None:
            return Checkpoint(0, False)
        return Checkpoint(document["sequence"], document["clearing"], document["rebuild"])

    async def apply(self, done: Round, rebuild: int) -> bool:
        """Bring the read model up to the end of a round. May be repeated, wholly or after a part of it.

        `rebuild` is the checkpoint's that the follower began with. False when another rebuild has begun since: the
        follower has to begin anew from the checkpoint.
        """
        opened = [change for change in done.blocks if change.opening is not None]
        taken = await self._tickets.insert_all([_document(change, rebuild) for change in opened])
        writes = [_reopening(opened[position], rebuild) for position in taken]
        writes += [_changing(change, rebuild) for change in done.blocks if change.opening is None]
        await self._tickets.write_all(writes)
        return await self._reach(done.sequence, rebuild)

    async def _reach(self, sequence: int, rebuild: int) -> bool:
        current = {"_id": CHECKPOINT, "rebuild": rebuild}
        if await self._checkpoints.update(current, {"$max": {"sequence": sequence}}):
            return True
        return rebuild == 0 and await self._checkpoints.insert(
            {**current, "sequence": sequence, "clearing": False}
        )

    async def begin_rebuild(self) -> None:
        """Go back to the beginning; `clear` has to follow, even if it takes another process."""
        await self._checkpoints.update(
            {"_id": CHECKPOINT},
            {"$set": {"sequence": 0, "clearing": True}, "$inc": {"rebuild": 1}},
            upsert=True,
        )

    async def clear(self) -> None:
        """Drop all tickets from before the rebuild; a twin may have begun to make the new ones."""
        rebuild = (await self.checkpoint()).rebuild
        await self._tickets.delete({"rebuild": {"$not": {"$gte": rebuild}}})
        await self._checkpoints.update(
            {"_id": CHECKPOINT, "rebuild": rebuild}, {"$set": {"clearing": False}}
        )

    async def of_show(self, show_id: str) -> AsyncIterator[TicketRecord]:
        """All tickets of a show, by block and ticket; each block as it was at one moment."""
        after = -1
        while True:
            page = await self._tickets.find(
                {"show_id": show_id, "block": {"$gt": after}},
                limit=READ_BLOCKS_MAX,
                sort=[("show_id", 1), ("block", 1)],
            )
            for document in page:
                for record in _records(document):
                    yield record
            if len(page) < READ_BLOCKS_MAX:
                return
            after = page[-1]["block"]

    async def count(self, show_id: str, limit: int) -> int:
        """How many tickets of a show there are, counted up to `limit`."""
        blocks = await self._tickets.find({"show_id": show_id}, limit=limit, fields={"size": 1})
        return min(limit, sum(block["size"] for block in blocks))


def _id(change: BlockChange) -> str:
    return f"{change.show_id}/{change.block}"


def _document(change: BlockChange, rebuild: int) -> Document:
    opening = change.opening
    assert isinstance(opening, BlockOpening)
    return {
        "_id": _id(change),
        "show_id": change.show_id,
        "block": change.block,
        "section": opening.section,
        "size": len(opening.seats),
        "opened": opening.sequence,
        "seats": opening.seats,
        "categories": opening.categories,
        "category_of": opening.category_of,
        "t": {str(ticket): state for ticket, state in change.tickets.items()},
        "deadlines": {hold: at for hold, at in change.deadlines.items() if at is not None},
        "sequence": change.sequence,
        "rebuild": rebuild,
    }


def _reopening(change: BlockChange, rebuild: int) -> Write:
    """The block was there already: the round is being repeated, a twin was faster, or a rebuild has begun."""
    document = _document(change, rebuild)
    older = {"rebuild": rebuild, "sequence": {"$lt": change.sequence}}
    where = {"_id": document.pop("_id"), "$or": [{"rebuild": {"$lt": rebuild}}, older]}
    return Write(where, {"$set": document})


def _changing(change: BlockChange, rebuild: int) -> Write:
    changed: dict[str, Any] = {f"t.{ticket}": state for ticket, state in change.tickets.items()}
    ended = dict[str, str]()
    for hold, deadline in change.deadlines.items():
        if deadline is None:
            ended[f"deadlines.{hold}"] = ""
        else:
            changed[f"deadlines.{hold}"] = deadline
    changed["sequence"] = change.sequence
    where = {"_id": _id(change), "rebuild": rebuild, "sequence": {"$lt": change.sequence}}
    return Write(where, {"$set": changed, "$unset": ended} if ended else {"$set": changed})


def _records(document: Document) -> Iterator[TicketRecord]:
    changed, deadlines = document["t"], document["deadlines"]
    categories, category_of = document["categories"], document["category_of"]
    untouched = (_AVAILABLE, None, None, document["opened"])
    for ticket, seat in enumerate(document["seats"]):
        status, hold, order, sequence = changed.get(str(ticket), untouched)
        deadline, moved = deadlines.get(hold, (None, 0)) if status == "held" else (None, 0)
        yield TicketRecord(
            show_id=document["show_id"],
            block=document["block"],
            ticket=ticket,
            seat=seat,
            section=document["section"],
            category=categories[category_of[ticket]],
            status=status,
            hold=hold,
            order=order,
            deadline=None if deadline is None else int(deadline),
            sequence=int(max(sequence, moved)),
        )
