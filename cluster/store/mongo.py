"""MongoDB through motor: the one module that imports it.

motor is past its end of life; PyMongo's own AsyncMongoClient has to be a swap in this file alone. So nothing
here is motor's own: every call is one that both clients have, and what is awaitable in one only is asked first.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import bson
from bson.int64 import Int64
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection
from pymongo import ReturnDocument, UpdateMany, UpdateOne
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    DuplicateKeyError,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WriteConcernError,
)
from pymongo.uri_parser import parse_uri

REPLICA_SET = "frontrow"
PRIMARY_SECONDS_MAX = 60.0
PRIMARY_POLL_SECONDS = 0.05
NOT_YET_INITIALIZED = 94

SELECTION_MS_MAX = 2_000
"""How long a call looks for a primary: a caller waits for the answer, so a dead server is told soon."""

SOCKET_MS_MAX = 15_000
"""How long one answer may take on the wire."""

WRITE_MS_MAX = 10_000
"""How long a write waits for the majority to have it in its journal."""

BULK_WRITES_MAX = 5_000
"""Writes sent in one bulk call: a round of any size stays a bounded piece of memory."""

DUPLICATE_KEY = 11_000

CANNOT_WRITE = frozenset({8, 14_031})
"""UnknownError, which is what a mongod says whose disk is full, and then it ends; OutOfDiskSpace."""

Document = dict[str, Any]
Filter = Mapping[str, Any]
Change = Mapping[str, Any] | Sequence[Mapping[str, Any]]
Sort = Sequence[tuple[str, int]]


class StoreUnavailable(Exception):
    """MongoDB cannot be reached or does not answer in time; a write may or may not have been done.

    Holds no address and no credentials. Its text is for operators; `told` is what a buyer may read.
    """

    told = "shows and orders cannot be read or written at the moment"


class StoreError(Exception):
    """MongoDB refused a call: a defect of this program or of the deployment, not the weather."""


@dataclass(frozen=True, slots=True)
class Write:
    """One update of a bulk call, of one document or of `many`. With `upsert`, losing to a document that is there
    already counts as done."""

    where: Filter
    change: Change
    upsert: bool = False
    many: bool = False


@contextmanager
def _translated() -> Iterator[None]:
    """The driver's errors as ours, without the driver's texts: they quote addresses and documents."""
    try:
        yield
    except DuplicateKeyError:
        raise
    except (ConnectionFailure, ExecutionTimeout, WriteConcernError) as error:
        raise StoreUnavailable(f"MongoDB does not answer ({type(error).__name__})") from None
    except BulkWriteError as error:
        raise _bulk_error(error) from None
    except OperationFailure as error:
        if error.code in CANNOT_WRITE:
            raise StoreUnavailable(_cannot_write(error.code)) from None
        raise StoreError(f"MongoDB refused a call (code {error.code})") from None
    except PyMongoError as error:
        raise StoreError(f"MongoDB call failed ({type(error).__name__})") from None


def _bulk_error(error: BulkWriteError) -> Exception:
    details = error.details or {}
    if details.get("writeConcernErrors"):
        return StoreUnavailable("MongoDB does not answer (write concern)")
    codes = sorted({problem.get("code", 0) for problem in details.get("writeErrors", ())})
    for code in CANNOT_WRITE.intersection(codes):
        return StoreUnavailable(_cannot_write(code))
    return StoreError(f"MongoDB refused writes of a bulk call (codes {codes})")


def _cannot_write(code: int | None) -> str:
    return f"MongoDB cannot write (code {code}): is its disk full?"


class Collection:
    """One collection. Every method raises StoreUnavailable, or StoreError for a defect."""

    def __init__(self, driver: AsyncIOMotorCollection[Document]) -> None:
        self._driver = driver

    async def insert(self, document: Document) -> bool:
        """Store a new document; False when its id (or another unique key) is taken."""
        with _translated():
            try:
                await self._driver.insert_one(document)
            except DuplicateKeyError:
                return False
        return True

    async def insert_all(self, documents: Sequence[Document]) -> list[int]:
        """Store new documents; the positions of those whose id was taken."""
        taken = list[int]()
        for first in range(0, len(documents), BULK_WRITES_MAX):
            part = documents[first : first + BULK_WRITES_MAX]
            try:
                with _translated():
                    await self._insert_part(part)
            except _Taken as error:
                taken.extend(first + position for position in error.positions)
        return taken

    async def _insert_part(self, documents: Sequence[Document]) -> None:
        try:
            await self._driver.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            raise _taken_or(error) from None

    async def find_one(self, where: Filter, fields: Filter | None = None) -> Document | None:
        with _translated():
            found = await self._driver.find_one(where, fields)
        return None if found is None else _plain(found)

    async def find(
        self,
        where: Filter,
        *,
        limit: int,
        sort: Sort | None = None,
        fields: Filter | None = None,
    ) -> list[Document]:
        """At most `limit` documents."""
        with _translated():
            cursor = self._driver.find(where, fields, limit=limit, sort=sort)
            found = await cursor.to_list(limit)
        return [_plain(document) for document in found]

    async def update(self, where: Filter, change: Change, *, upsert: bool = False) -> bool:
        """Change one document; whether one was there (or made)."""
        with _translated():
            result = await self._driver.update_one(where, change, upsert=upsert)
        return result.matched_count > 0 or result.upserted_id is not None

    async def find_and_update(
        self,
        where: Filter,
        change: Change,
        *,
        sort: Sort | None = None,
        fields: Filter | None = None,
        upsert: bool = False,
    ) -> Document | None:
        """Change one document atomically; the document afterwards, None when there is none (and none is made)."""
        with _translated():
            changed = await self._driver.find_one_and_update(
                where,
                change,
                fields,
                sort=sort,
                upsert=upsert,
                return_document=ReturnDocument.AFTER,
            )
        return None if changed is None else _plain(changed)

    async def write_all(self, writes: Sequence[Write]) -> None:
        """Do many updates in no particular order."""
        for first in range(0, len(writes), BULK_WRITES_MAX):
            part = writes[first : first + BULK_WRITES_MAX]
            updates = [_update(write) for write in part]
            try:
                with _translated():
                    await self._write_part(updates)
            except _Taken:
                continue  # an upsert whose condition the existing document did not meet: it is newer

    async def _write_part(self, updates: list[UpdateOne | UpdateMany]) -> None:
        try:
            await self._driver.bulk_write(updates, ordered=False)
        except BulkWriteError as error:
            raise _taken_or(error) from None

    async def delete(self, where: Filter) -> int:
        """Delete what matches; how many there were."""
        with _translated():
            return (await self._driver.delete_many(where)).deleted_count

    async def count(self, where: Filter, limit: int) -> int:
        """How many match, counted up to `limit`."""
        with _translated():
            return await self._driver.count_documents(where, limit=limit)

    async def grouped(self, pipeline: Sequence[Document], limit: int) -> list[Document]:
        """What an aggregation comes to, at most `limit` documents."""
        with _translated():
            found = await self._driver.aggregate(list(pipeline)).to_list(limit)
        return [_plain(document) for document in found]

    async def ensure_index(
        self,
        keys: Sort,
        *,
        unique: bool = False,
        where: Filter | None = None,
        kept_seconds: int | None = None,
    ) -> None:
        """Make an index unless it is there; with `where`, only of the documents that match; with `kept_seconds`,
        documents are removed so long after the time in their key."""
        options: dict[str, Any] = {} if where is None else {"partialFilterExpression": where}
        if kept_seconds is not None:
            options["expireAfterSeconds"] = kept_seconds
        with _translated():
            await self._driver.create_index(keys, unique=unique, **options)


def _update(write: Write) -> UpdateOne | UpdateMany:
    kind = UpdateMany if write.many else UpdateOne
    return kind(write.where, write.change, upsert=write.upsert)


class _Taken(Exception):
    """Only duplicate keys stood in the way of a bulk call."""

    def __init__(self, positions: list[int]) -> None:
        super().__init__()
        self.positions = positions


def _taken_or(error: BulkWriteError) -> Exception:
    details = error.details or {}
    problems = details.get("writeErrors", [])
    if details.get("writeConcernErrors") or any(p.get("code") != DUPLICATE_KEY for p in problems):
        return error
    return _Taken([problem["index"] for problem in problems])


def _plain(document: Document) -> Document:
    """BSON's 64-bit integers as plain ones: their own type is a subclass of int that msgspec does not encode, and so a
    show with a time in it could not be sent to its hosts. (pymongo's own way, a type registry, breaks its handling of
    write concern errors.)"""
    return {key: int(value) if type(value) is Int64 else value for key, value in document.items()}


def to_bson(documents: Iterable[Document]) -> bytes:
    """Documents one after the other, as `mongodump` writes a collection: BSON loses no type."""
    return b"".join(map(bson.encode, documents))


def from_bson(content: bytes) -> list[Document]:
    """Raises ValueError for what is no BSON."""
    try:
        return [_plain(document) for document in bson.decode_all(content)]
    except bson.InvalidBSON:
        raise ValueError("no BSON") from None


class Database:
    """A database of a deployment. Every write is acknowledged by the majority's journal."""

    def __init__(self, url: str, name: str) -> None:
        """Connects lazily, on the first call. Raises StoreError when the URL cannot be used."""
        try:
            self._client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(
                url,
                appname="frontrow",
                serverSelectionTimeoutMS=SELECTION_MS_MAX,
                connectTimeoutMS=SELECTION_MS_MAX,
                socketTimeoutMS=SOCKET_MS_MAX,
                w="majority",
                journal=True,
                wTimeoutMS=WRITE_MS_MAX,
                readConcernLevel="majority",
            )
        except (
            ConfigurationError,
            ValueError,
        ):  # InvalidURI is a ConfigurationError, both quote the URL
            raise StoreError("the MongoDB URL cannot be used") from None
        self._database = self._client[name]

    def collection(self, name: str) -> Collection:
        return Collection(self._database[name])

    async def ping(self) -> None:
        """Raises StoreUnavailable when there is no primary."""
        with _translated():
            await self._database.command("ping")

    async def version(self) -> str:
        """The server's version. Raises StoreUnavailable."""
        with _translated():
            return str((await self._database.command("buildInfo"))["version"])

    async def now_ms(self) -> int:
        """The primary's clock, ms since the epoch. Raises StoreUnavailable."""
        with _translated():
            local = (await self._database.command("hello"))["localTime"]
        return int(local.replace(tzinfo=UTC).timestamp() * 1000)

    async def close(self) -> None:
        closing: Any = self._client.close()
        if inspect.isawaitable(closing):  # PyMongo's is, motor's is not
            await closing


async def initiate_replica_set(url: str) -> None:
    """Makes the single mongod behind `url` (a direct connection) the primary of a set of one.

    Transactions and majority writes need a replica set. The set remembers host and port of its
    member, so a mongod that comes back on another port is told its new one. Raises TimeoutError
    when it does not become primary.
    """
    host, port = parse_uri(url)["nodelist"][0]
    member = f"{host}:{port}"
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(url)
    try:
        async with asyncio.timeout(PRIMARY_SECONDS_MAX):
            await _configure(client, member)
            while not (await client.admin.command("hello"))["isWritablePrimary"]:  # noqa: ASYNC110
                await asyncio.sleep(PRIMARY_POLL_SECONDS)
    finally:
        client.close()


async def _configure(client: AsyncIOMotorClient[dict[str, Any]], member: str) -> None:
    try:
        config = (await client.admin.command("replSetGetConfig"))["config"]
    except OperationFailure as failure:
        if failure.code != NOT_YET_INITIALIZED:
            raise
        fresh = {"_id": REPLICA_SET, "members": [{"_id": 0, "host": member}]}
        await client.admin.command("replSetInitiate", fresh)
        return
    if config["members"][0]["host"] == member:
        return
    config["members"][0]["host"] = member
    config["version"] += 1
    # Forced: a member that does not find its own address in the set is nobody's primary.
    await client.admin.command("replSetReconfig", config, force=True)
