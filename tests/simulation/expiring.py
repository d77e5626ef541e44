"""The expiration service of the product in a process of its own, over simulated durable consumers and wake-ups."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from actors.client import TicketClient
from actors.domain.identity import BlockKey
from actors.journal import Entry
from actors.placement import Placement
from cluster.journal.wakeups import Wakeup
from cluster.services.expiration import ExpirationService
from tests.simulation.consumers import Durable, Item, SimulatedConsumer, delivery
from tests.simulation.hosts import Ray, SimulatedTransport
from tests.simulation.machine import Machine
from tests.simulation.network import NOBODY

Slot = tuple[BlockKey, int]


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
        machine.on_clock_set.append(self._time_again)
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
                machine, self.commits, f"{process.name} commits", handler, delivery
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


def _wakeup(item: Item) -> Wakeup:
    _, (block, second, fired_ms) = item
    return Wakeup(block, second * 1000, fired_ms, cast(Any, None))
