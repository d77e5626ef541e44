"""The expiration service of the product in a process of its own, over simulated durable consumers and wake-ups."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

from actors.client import TicketClient
from actors.domain.identity import BlockKey
from actors.journal import Entry
from actors.placement import Placement
from cluster.journal.consumer import ACK_WAIT_SECONDS, Delivery, TryLater
from cluster.journal.wakeups import Wakeup
from cluster.services.expiration import ExpirationService
from tests.simulation.hosts import Ray, SimulatedTransport
from tests.simulation.machine import Machine
from tests.simulation.network import NOBODY

RETRY_SECONDS = 1.0
BATCH_MAX = 8
Item = tuple[str, Any]
Slot = tuple[BlockKey, int]


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


class Expiration:
    """What the servers keep for the service, and the service's present life."""

    def __init__(self, machine: Machine, ray: Ray, placement: Callable[[], Placement]) -> None:
        self.commits = Durable(machine)
        self.wakeups = Durable(machine)
        self._machine = machine
        self._ray = ray
        self._placement = placement
        self._server_clock = machine.clock("the journal's servers")
        self._schedules: dict[Slot, Any] = {}
        machine.on_clock_set = self._time_again
        self.process = machine.life("expiration")
        self._begin()

    def on_stored(self, subject: str, entry: Entry) -> None:
        self.commits.add((subject, entry))

    def kill(self, seconds: float) -> None:
        """Dead for so long, then started anew."""
        self._machine.note(f"{self.process.name} is killed")
        self._machine.loop.kill(self.process)
        self._machine.loop.call_later(seconds, self._revive, context=NOBODY)

    def _revive(self) -> None:
        if not self.process.alive:
            self.process = self._machine.life("expiration")
            self._machine.note(f"{self.process.name} is started")
            self._begin()

    def _begin(self) -> None:
        machine, process = self._machine, self.process
        link = machine.journal(process)._connection
        transport = SimulatedTransport(machine, self._ray, process)
        client = TicketClient(transport, self._placement, machine.loop.time)

        async def schedule(block: BlockKey, at_ms: int, now_ms: int) -> None:
            await link.ask(lambda: self._keep((block, -(-at_ms // 1000))))

        service = ExpirationService(
            lambda handler: SimulatedConsumer(
                machine, self.commits, f"{process.name} commits", handler, _delivery
            ),
            lambda handler: SimulatedConsumer(
                machine, self.wakeups, f"{process.name} wakeups", handler, _wakeup
            ),
            schedule,
            client.ask,
            machine.clock(process.name),
        )
        machine.loop.start(process, service.run())

    def _keep(self, slot: Slot) -> None:
        """A schedule is stored; a second one for the same block and second replaces it."""
        if slot not in self._schedules:
            self._time(slot)

    def _time(self, slot: Slot) -> None:
        """By the clock of the servers."""
        wait = max(0.0, (slot[1] * 1000 - self._server_clock()) / 1000)
        loop = self._machine.loop
        self._schedules[slot] = loop.call_later(wait, self._fire, slot, context=NOBODY)

    def _time_again(self) -> None:
        """A clock was set: if it is the servers', what is due by it now fires now."""
        for slot, timer in list(self._schedules.items()):
            timer.cancel()
            self._time(slot)

    def _fire(self, slot: Slot) -> None:
        del self._schedules[slot]
        self.wakeups.add(("due", (*slot, self._server_clock())), subject=slot[0])


def _delivery(item: Item) -> Delivery:
    subject, entry = item
    return Delivery(cast(Any, None), "", subject, entry.sequence, entry.payload, 1, 0)


def _wakeup(item: Item) -> Wakeup:
    _, (block, second, fired_ms) = item
    return Wakeup(block, second * 1000, fired_ms, cast(Any, None))
