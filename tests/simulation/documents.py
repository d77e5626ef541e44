"""A collection of MongoDB: what its servers have, and the connection of one process to them.

A write is decided by the primary when it arrives, and is seen and answered once the majority has it. A primary that is
lost before that may take it along: then it was never made, and nobody is told.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from cluster.store.mongo import (
    SELECTION_MS_MAX,
    Change,
    Document,
    Filter,
    Sort,
    StoreUnavailable,
    Write,
)
from tests.simulation.machine import Machine
from tests.simulation.network import NOBODY, Network, Told, exchange
from tests.simulation.virtual_loop import Process

ANSWER_SECONDS_MAX = 10.0
"""How long a process waits for one answer."""

T = TypeVar("T")
Answer = Callable[[Told[Any]], None]

_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "$gt": lambda value, than: value is not None and value > than,
    "$lt": lambda value, than: value is not None and value < than,
    "$lte": lambda value, than: value is not None and value <= than,
    "$in": lambda value, those: value in those,
}


@dataclass(frozen=True, slots=True)
class _Write:
    """One that the primary has done, and the majority will have by `at`."""

    at: float
    documents: list[Document]
    told: Told[Any]
    answer: Answer


class Documents:
    """The servers of one collection; `unique` are the fields that no two documents share. While they are `away` there
    is no primary. `on_agreed` happens when the majority has another write."""

    def __init__(self, machine: Machine) -> None:
        self.agreed: dict[str, Document] = {}
        self.unique = ["_id"]
        self.away = False
        self.on_agreed: Callable[[], None] = lambda: None
        self._primary: dict[str, Document] = {}
        self._log: deque[_Write] = deque()
        self._changed = list[Document]()
        self._loop = machine.loop
        self._dice = machine.dice("documents")
        self._agreement = machine.plan.weather.agreement

    def find(self, where: Filter, limit: int, sort: Sort) -> list[Document]:
        """Of what the majority has."""
        found = _matching(self.agreed, where)
        for name, direction in reversed(sort):
            found.sort(key=lambda document: document[name], reverse=direction < 0)
        return found[:limit]

    def insert(self, document: Document) -> bool:
        taken = any(
            known[name] == document[name]
            for known in self._primary.values()
            for name in self.unique
        )
        if not taken:
            self._keep(document)
        return not taken

    def update(self, where: Filter, change: Change) -> bool:
        found = _matching(self._primary, where)[:1]
        for document in found:
            self._keep(_changed(document, change))
        return bool(found)

    def _keep(self, document: Document) -> None:
        """Documents are never changed in place."""
        self._primary[document["_id"]] = document
        self._changed.append(document)

    def write(self, work: Callable[[], T], answer: Answer) -> None:
        """What arrives at the primary. The majority has writes in their order."""
        self._changed = []
        done = work()
        at = self._loop.time() + self._dice.uniform(*self._agreement)
        at = max(at, self._log[-1].at) if self._log else at
        self._log.append(_Write(at, self._changed, lambda: done, answer))
        self._loop.call_at(at, self._agree, context=NOBODY)

    def _agree(self) -> None:
        while self._log and self._log[0].at <= self._loop.time() and not self.away:
            write = self._log.popleft()
            for document in write.documents:
                self.agreed[document["_id"]] = document
            if write.documents:
                self.on_agreed()
            write.answer(write.told)

    def go_away(self, *, forgetful: bool) -> None:
        """The primary is lost, and with it (if `forgetful`) what the majority does not have yet."""
        self.away = True
        if forgetful:
            self._log.clear()
            self._primary = dict(self.agreed)

    def come_back(self) -> None:
        self.away = False
        self._agree()


class SimulatedDatabase:
    """What one process has in place of `cluster.store.mongo.Database`: there is one collection."""

    def __init__(self, machine: Machine, documents: Documents, process: Process) -> None:
        network = machine.network(f"documents {process.name}")
        self._collection = SimulatedCollection(documents, network)

    def collection(self, name: str) -> SimulatedCollection:
        return self._collection


class SimulatedCollection:
    """The methods of `cluster.store.mongo.Collection` that orders need."""

    def __init__(self, documents: Documents, network: Network) -> None:
        self._documents = documents
        self._network = network

    async def ensure_index(
        self, keys: Sort, *, unique: bool = False, where: Filter | None = None
    ) -> None:
        """Before anything happens, and at once."""
        if unique:
            ((name, _),) = keys
            self._documents.unique.append(name)

    async def insert(self, document: Document) -> bool:
        return await self._write(lambda: self._documents.insert(document))

    async def update(self, where: Filter, change: Change) -> bool:
        return await self._write(lambda: self._documents.update(where, change))

    async def write_all(self, writes: Sequence[Write]) -> None:
        await self._write(lambda: [self._documents.update(w.where, w.change) for w in writes])

    async def find_one(self, where: Filter) -> Document | None:
        found = await self.find(where, limit=1)
        return found[0] if found else None

    async def find(self, where: Filter, *, limit: int, sort: Sort = ()) -> list[Document]:
        def serve(answer: Answer) -> None:
            found = self._documents.find(where, limit, sort)
            answer(lambda: found)

        return await self._ask(serve)

    async def _write(self, work: Callable[[], T]) -> T:
        return await self._ask(lambda answer: self._documents.write(work, answer))

    async def _ask(self, serve: Callable[[Answer], None]) -> Any:
        """What comes of it. Without a primary nothing is sent, and one is waited for."""
        documents = self._documents
        silence = StoreUnavailable("MongoDB does not answer")

        def arrive(answer: Answer) -> None:
            if not documents.away:
                serve(answer)

        if documents.away:
            await asyncio.sleep(SELECTION_MS_MAX / 1000)
            if documents.away:
                raise silence
        return await exchange(self._network, arrive, ANSWER_SECONDS_MAX, silence)


def _matching(documents: Mapping[str, Document], where: Filter) -> list[Document]:
    name = where.get("_id")
    if isinstance(name, str):
        known = documents.get(name)
        return [known] if known is not None and _is_meant(known, where) else []
    return [document for document in documents.values() if _is_meant(document, where)]


def _is_meant(document: Document, where: Filter) -> bool:
    return all(_fits(document.get(name), wanted) for name, wanted in where.items())


def _fits(value: Any, wanted: Any) -> bool:
    if not isinstance(wanted, Mapping):
        return value == wanted
    return all(_TESTS[test](value, operand) for test, operand in wanted.items())


def _changed(document: Document, change: Change) -> Document:
    """With `$set`, `$inc` and `$push`, the changes that orders need."""
    assert isinstance(change, Mapping)
    after = {**document, **change.get("$set", {})}
    for name, more in change.get("$inc", {}).items():
        after[name] += more
    for name, more in change.get("$push", {}).items():
        after[name] = [*after[name], *more["$each"]]
    return after
