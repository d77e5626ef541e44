"""The catalogue of shows, and the reservation of block numbers within a show."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import asdict, dataclass, replace
from typing import Annotated

import msgspec

from cluster.store.creation import Created, IdTaken
from cluster.store.mongo import Collection, Database, Document, StoreError
from cluster.store.show import BLOCKS_MAX, Area, Show

WORDS_MAX = 5
"""Words of a search that count."""

PAGE_SHOWS_MAX = 100
"""Shows of one page of the list."""

_Moment = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""What MongoDB takes for a number."""

_PUBLIC = {"reservations": 0, "loading": 0}
"""What belongs to the loading of seats is left out of a show."""


class InvalidCursor(ValueError):
    """The text is no cursor that this program has given out."""


@dataclass(frozen=True, slots=True)
class Page:
    """Shows, newest first; `next_cursor` is None at the end."""

    items: tuple[Show, ...]
    next_cursor: str | None


class Shows:
    """Every method raises StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._shows: Collection = database.collection("shows")

    async def ensure_indexes(self) -> None:
        await self._shows.ensure_index([("created_at", -1), ("_id", -1)])

    async def create(self, show: Show) -> Created[Show] | IdTaken:
        """Store a show under its id; the same request (by fingerprint) again gets what is stored."""
        show = replace(show, block_count=len(show.first_layouts()))
        if await self._shows.insert(_document(show)):
            return Created(show)
        existing = await self.get(show.show_id)
        if existing is None or existing.fingerprint != show.fingerprint:
            return IdTaken(show.show_id)
        return Created(existing, replayed=True)

    async def get(self, show_id: str) -> Show | None:
        document = await self._shows.find_one({"_id": show_id}, _PUBLIC)
        return None if document is None else _show(document)

    async def page(self, cursor: str | None, limit: int, words: str = "") -> Page:
        """One page of those that are listed, newest first. With `words`, those shows that have each of them, or its
        beginning or middle, in name or venue, in capitals or not. Raises InvalidCursor."""
        limit = max(1, min(limit, PAGE_SHOWS_MAX))
        where: Document = {"unlisted": {"$ne": True}}
        if words.split():
            where["$and"] = [_has(word) for word in words.split()[:WORDS_MAX]]
        if cursor is not None:
            created_at, show_id = _decode_cursor(cursor)
            where |= {
                "$or": [
                    {"created_at": {"$lt": created_at}},
                    {"created_at": created_at, "_id": {"$lt": show_id}},
                ]
            }
        documents = await self._shows.find(
            where, limit=limit + 1, sort=[("created_at", -1), ("_id", -1)], fields=_PUBLIC
        )
        shows = tuple(_show(document) for document in documents[:limit])
        more = len(documents) > limit
        return Page(shows, _encode_cursor(shows[-1]) if more else None)

    async def reserve_blocks(self, show_id: str, owner: str, count: int) -> int | None:
        """The first of `count` block numbers that now belong to `owner`; the same ones when it asks again.

        None when the show has no room for so many, or when the owner has reserved another number of blocks before.
        """
        free = {
            "_id": show_id,
            "reservations.owner": {"$ne": owner},
            "block_count": {"$lte": BLOCKS_MAX - count},
        }
        mine = {"owner": {"$literal": owner}, "first": "$block_count", "count": {"$literal": count}}
        grow = [
            {
                "$set": {
                    "reservations": {"$concatArrays": ["$reservations", [mine]]},
                    "block_count": {"$add": ["$block_count", count]},
                }
            }
        ]
        await self._shows.update(free, grow)
        document = await self._shows.find_one({"_id": show_id}, {"reservations": 1})
        for reservation in document["reservations"] if document else ():
            if reservation["owner"] == owner and reservation["count"] == count:
                return reservation["first"]
        return None

    async def begin_loading(self, show_id: str, job_id: str) -> str | None:
        """Make `job_id` the one job that loads seats of this show; the job that does so now (None: no such show).

        Two jobs at a time could each load the same seat without seeing the other's.
        """
        await self._shows.update(
            {"_id": show_id, "loading": {"$in": [None, job_id]}}, {"$set": {"loading": job_id}}
        )
        document = await self._shows.find_one({"_id": show_id}, {"loading": 1})
        return None if document is None else document["loading"]

    async def end_loading(self, show_id: str, job_id: str) -> None:
        """The job is over; the next one may begin."""
        await self._shows.update({"_id": show_id, "loading": job_id}, {"$set": {"loading": None}})


def _has(word: str) -> Document:
    """The condition that name or venue has a word. It is taken letter by letter, not as a pattern."""
    pattern = {"$regex": re.escape(word), "$options": "i"}
    return {"$or": [{"name": pattern}, {"venue": pattern}]}


def _document(show: Show) -> Document:
    """A show's fields, its prices as pairs: a category may have a dot or a dollar in its name."""
    document = asdict(show)
    document["_id"] = document.pop("show_id")
    document["prices"] = [list(price) for price in show.prices.items()]
    return {**document, "reservations": [], "loading": None}


def _show(document: Document) -> Show:
    fields = {**document, "show_id": document["_id"], "prices": dict(document["prices"])}
    del fields["_id"]
    fields["areas"] = tuple(Area(**area) for area in document["areas"])
    try:
        return Show(**fields)
    except TypeError:
        raise StoreError(f"show {document['_id']} has unknown or missing fields") from None


def _encode_cursor(show: Show) -> str:
    text = msgspec.json.encode([show.created_at, show.show_id])
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def _decode_cursor(cursor: str) -> tuple[int, str]:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True)
        return msgspec.json.decode(text, type=tuple[_Moment, str])
    except (UnicodeError, binascii.Error, msgspec.MsgspecError):
        raise InvalidCursor("not a cursor of this list") from None
