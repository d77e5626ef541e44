"""Durable consumers: what the servers keep for a service, and how a life of the service is handed it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

from cluster.journal.consumer import ACK_WAIT_SECONDS, Delivery, TryLater
from tests.simulation.machine import Machine
from tests.simulation.network import NOBODY

RETRY_SECONDS = 1.0
BATCH_MAX = 8
Item = tuple[str, Any]


class Durable:
    """A consumer as the servers keep it: what is not acknowledged in time is handed over again. A newer message of a
    subject that keeps only one replaces the older (`subject`)."""

    def __init__(self, machine: Machine) -> None:
        self.news = asyncio.Event()
        self._pending: dict[object, Item] = {}
        self._resting: dict[object, Item] = {}
        self._loop = machine.loop
        self._number = 0

    def __len__(self) -> int:
        return len(self._pending) + len(self._resting)

    def add(self, item: Item, subject: object = None) -> None:
        self._number += 1
        key = self._number if subject is None else subject
        self._resting.pop(key, None)
        self._pending[key] = item
        self.news.set()

    def take(self) -> dict[object, Item]:
        """The next messages; they come again unless they are acknowledged."""
        batch = {key: self._pending.pop(key) for key in list(self._pending)[:BATCH_MAX]}
        self._resting.update(batch)
        self._loop.call_later(ACK_WAIT_SECONDS, self.give_back, batch, context=NOBODY)
        if not self._pending:
            self.news.clear()
        return batch

    def acknowledge(self, batch: dict[object, Item]) -> None:
        for key, item in batch.items():
            if self._resting.get(key) is item:
                del self._resting[key]

    def give_back(self, batch: dict[object, Item]) -> None:
        back = {key: item for key, item in batch.items() if self._resting.get(key) is item}
        if back:
            self.acknowledge(back)
            self._pending = {**back, **self._pending}
            self.news.set()


class SimulatedConsumer:
    """Hands over what is pending, in order, and acknowledges it when the handler has returned."""

    consuming = True

    def __init__(
        self,
        machine: Machine,
        durable: Durable,
        sender: str,
        handler: Callable[[list[Any]], Awaitable[None]],
        made: Callable[[Item], Any],
    ) -> None:
        self._durable = durable
        self._network = machine.network(f"{sender} acks")
        self._handler = handler
        self._made = made
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        raise AssertionError("the service of a simulation is killed, never stopped")

    async def lag(self) -> int:
        return len(self._durable)

    async def _run(self) -> None:
        while True:
            await self._durable.news.wait()
            await asyncio.sleep(self._network.delay())
            batch = self._durable.take()
            if not batch:
                continue
            try:
                await self._handler([self._made(item) for item in batch.values()])
            except TryLater:
                self._network.send(self._durable.give_back, batch)
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self._network.send(self._durable.acknowledge, batch)


def delivery(item: Item) -> Delivery:
    """A stored message in a handler's hands."""
    subject, entry = item
    return Delivery(cast(Any, None), "", subject, entry.sequence, entry.payload, 1, 0)
