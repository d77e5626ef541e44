"""The payment service of the product: a process that is killed, stopped, replaced, and what the servers keep for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

from actors.activation import Clock
from actors.client import TicketClient
from actors.domain.order import Order
from actors.journal import Entry
from actors.placement import Placement
from cluster.orders.announcing import Announcer
from cluster.orders.refunding import Refunding
from cluster.orders.saga import Saga
from cluster.orders.seats import OrderSeats
from cluster.services.payment import UNTOLD_MS, PaymentService
from cluster.store.orders import Orders
from tests.simulation.consumers import Durable, SimulatedConsumer, delivery
from tests.simulation.documents import Documents, SimulatedDatabase
from tests.simulation.hosts import Ray, SimulatedTransport
from tests.simulation.machine import Machine
from tests.simulation.network import NOBODY
from tests.simulation.notices import Notices, StoredOnce, read_notice
from tests.simulation.provider import Provider
from tests.simulation.virtual_loop import Process

START_SECONDS = 1.5
"""Until another process of the service runs."""


class OrderEvents:
    """The stream ORDERS: what was published, in order."""

    def __init__(self, machine: Machine) -> None:
        self.stored: list[dict[str, Any]] = []
        self._once = StoredOnce(machine)

    def keep(self, message_id: str, payload: bytes) -> None:
        if self._once.is_new(message_id):
            self.stored.append(json.loads(payload))


class Wakes:
    """Pokes for one life of the service. Looks that would find nothing are left out, not made: they are most of them,
    and would be most of the simulation."""

    def __init__(self, machine: Machine, documents: Documents, clock: Clock) -> None:
        self._loop = machine.loop
        self._documents = documents
        self._clock = clock
        self._poked = False
        self._stirred = asyncio.Event()

    def poke(self) -> None:
        self._poked = True
        self.stir()

    def stir(self) -> None:
        """Something has changed that the next look depends on."""
        self._stirred.set()

    async def wait(self, seconds: float) -> None:
        earliest = self._loop.time() + seconds
        while not self._poked:
            pause = max(earliest - self._loop.time(), self._seconds_until_anything_is_due())
            if pause <= 0:
                break
            self._stirred.clear()
            try:
                async with asyncio.timeout(pause):
                    await self._stirred.wait()
            except TimeoutError:
                continue
        self._poked = False

    def _seconds_until_anything_is_due(self) -> float:
        due = [
            moment
            for document in self._documents.agreed.values()
            for moment in (
                document["due_at"],
                document["changed_at"] + UNTOLD_MS + 1 if document["unpublished"] else None,
            )
            if moment is not None
        ]
        return (min(due, default=10**14) - self._clock()) / 1000


class _Life:
    """One process of the service."""

    def __init__(self, process: Process, wakes: Wakes) -> None:
        self.process = process
        self.wakes = wakes


class Payments:
    """`lives` are the processes of the service that are not dead: one, as a rule; the last one is the one that Ray
    knows of."""

    def __init__(
        self,
        machine: Machine,
        ray: Ray,
        placement: Callable[[], Placement],
        documents: Documents,
        provider: Provider,
        notices: Notices,
    ) -> None:
        self.commits = Durable(machine)
        self.events = OrderEvents(machine)
        self._machine = machine
        self._ray = ray
        self._placement = placement
        self._documents = documents
        self._provider = provider
        self._notices = notices
        self._lives: list[_Life] = []
        documents.on_agreed = self._stir
        machine.on_clock_set.append(self._stir)
        self._begin()

    @property
    def process(self) -> Process:
        return self._lives[-1].process

    def on_stored(self, subject: str, entry: Entry) -> None:
        self.commits.add((subject, entry))

    def poke(self) -> None:
        for life in self._lives:
            life.wakes.poke()

    def _stir(self) -> None:
        for life in self._lives:
            life.wakes.stir()

    def kill(self, seconds: float) -> None:
        """Dead for so long, then started anew."""
        self._machine.loop.kill(self.process)
        self._machine.loop.call_later(seconds, self._revive, self.process, context=NOBODY)

    def replace(self) -> None:
        """Taken for dead, and another one started beside it."""
        self._machine.note(f"{self.process.name} is taken for dead")
        self._machine.loop.call_later(START_SECONDS, self._revive, self.process, context=NOBODY)

    def end_zombies(self) -> None:
        for life in self._lives[:-1]:
            self._machine.loop.kill(life.process)

    def _revive(self, last: Process) -> None:
        if self.process is last:
            self._lives = [life for life in self._lives if life.process.alive]
            self._begin()
            self._machine.note(f"{self.process.name} is started")

    def _begin(self) -> None:
        machine, process = self._machine, self._machine.life("payment")
        machine.journal(process)
        clock = machine.clock(process.name)
        wakes = Wakes(machine, self._documents, clock)
        self._lives.append(_Life(process, wakes))
        machine.loop.start(process, self._service(process, wakes, clock).run())

    def _service(self, process: Process, wakes: Wakes, clock: Clock) -> PaymentService:
        machine, link = self._machine, self._machine.links[process.name]
        transport = SimulatedTransport(machine, self._ray, process)
        ask = TicketClient(transport, self._placement, machine.loop.time).ask
        orders = Orders(cast(Any, SimulatedDatabase(machine, self._documents, process)))
        gateway = self._provider.gateway(process)

        async def publish(subject: str, message_id: str, payload: bytes) -> None:
            await link.ask(partial(self.events.keep, message_id, payload))

        announcer = Announcer(publish, orders)
        refunding = Refunding(gateway, OrderSeats(ask), _Register())
        saga = Saga(orders, gateway, ask, refunding, clock, announcer)
        return PaymentService(
            lambda handler: SimulatedConsumer(
                machine, self.commits, f"{process.name} commits", handler, delivery
            ),
            lambda handler: SimulatedConsumer(
                machine, self._notices.durable, f"{process.name} notices", handler, delivery
            ),
            read_notice,
            saga,
            announcer,
            wakes,
            clock,
        )


class _Register:
    """Whom a ticket admits is not judged here."""

    async def issue(self, *orders: Order) -> None:
        return

    async def void_seats(self, order: Order, seats: Sequence[str], reason: str) -> None:
        return
