"""What the provider tells by itself on its way to the payment service: webhooks, and the stream that keeps them."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

import msgspec

from actors.journal import Entry
from cluster.payments.notice import Notice
from tests.simulation.consumers import Durable
from tests.simulation.machine import Machine
from tests.simulation.network import NOBODY

if TYPE_CHECKING:
    from tests.simulation.replicas import Replicas

ATTEMPT_SECONDS_MAX = 10.0
AGAIN_SECONDS = (1.0, 20.0)
"""Between the attempts of one webhook: hours at a real provider, and no more than this changes here."""

REORDERED = 0.1
DUPLICATED = 0.1
STORED_ONCE_SECONDS = 120.0
"""The window in which the stream knows a message id again (`cluster.journal.streams`)."""

NOTICE_SUBJECT = "notices.stripe"

read_notice = msgspec.json.Decoder(Notice).decode


class StoredOnce:
    """Message ids as a stream remembers them for a while."""

    def __init__(self, machine: Machine) -> None:
        self._loop = machine.loop
        self._seen: dict[str, float] = {}

    def is_new(self, message_id: str) -> bool:
        now = self._loop.time()
        known = self._seen.get(message_id)
        if known is not None and now - known < STORED_ONCE_SECONDS:
            return False
        self._seen[message_id] = now
        return True


class Notices:
    """The stream NOTICES and its one consumer."""

    def __init__(self, machine: Machine) -> None:
        self.durable = Durable(machine)
        self.stored: set[str] = set()
        self._once = StoredOnce(machine)
        self._sequence = 0

    def keep(self, event_id: str, payload: bytes) -> None:
        self.stored.add(event_id)
        if self._once.is_new(event_id):
            self._sequence += 1
            self.durable.add((NOTICE_SUBJECT, Entry(self._sequence, event_id, payload)))


class Webhooks:
    """Each event is sent to a replica until one says that it is stored. Some come twice, and some long after those
    behind them. `acknowledged` are those of which it was said."""

    def __init__(self, machine: Machine, replicas: Replicas) -> None:
        self._machine = machine
        self.acknowledged: set[str] = set()
        self._replicas = replicas
        self._network = machine.network("webhooks")
        self._dice: Random = machine.dice("webhooks")

    def tell(self, notice: Notice) -> None:
        calm = self._machine.climate.calm or self._machine.plan.peaceful
        chance = 1.0 if calm else self._dice.random()
        delay = self._dice.uniform(*AGAIN_SECONDS) if chance < REORDERED else 0.0
        self._send(notice, delay)
        if REORDERED <= chance < REORDERED + DUPLICATED:
            self._send(notice, self._dice.uniform(*AGAIN_SECONDS))

    def _send(self, notice: Notice, delay: float) -> None:
        self._machine.loop.create_task(self._deliver(notice, delay), context=NOBODY.copy())

    async def _deliver(self, notice: Notice, delay: float) -> None:
        payload = msgspec.json.encode(notice)
        await asyncio.sleep(delay)
        while not await self._attempt(notice.event_id, payload):
            await asyncio.sleep(self._dice.uniform(*AGAIN_SECONDS))

    async def _attempt(self, event_id: str, payload: bytes) -> bool:
        running = self._replicas.running()
        if not running:
            return False
        loop, network = self._machine.loop, self._network
        replica = self._dice.choice(running)
        answered: asyncio.Future[bool] = loop.create_future()

        def finish(stored: bool) -> None:
            if not answered.done():
                answered.set_result(stored)

        async def serve() -> None:
            network.call(finish, await replica.take_notice(event_id, payload))

        def arrive() -> None:
            if replica.process.alive:
                loop.start(replica.process, serve())

        network.call(arrive)
        timer = loop.call_later(ATTEMPT_SECONDS_MAX, finish, False, context=NOBODY)
        stored = await answered
        timer.cancel()
        if stored:
            self.acknowledged.add(event_id)
        return stored
