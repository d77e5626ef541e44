"""What a run with money has beyond holds: the orders' database, the provider, its webhooks, the payment service."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from actors.activation import Clock
from actors.holding import Ask
from actors.journal import Entry
from actors.placement import Placement
from cluster.orders.checkout import Checkout
from cluster.reads.views import Views
from cluster.store.orders import Orders
from tests.simulation.documents import Documents, SimulatedDatabase
from tests.simulation.hosts import Ray
from tests.simulation.machine import Machine
from tests.simulation.notices import Notices, Webhooks
from tests.simulation.payments import Payments
from tests.simulation.provider import Provider
from tests.simulation.virtual_loop import Process

if TYPE_CHECKING:
    from tests.simulation.replicas import Replicas


class Trade:
    """`webhooks` know the replicas that run."""

    def __init__(
        self, machine: Machine, ray: Ray, placement: Callable[[], Placement], replicas: Replicas
    ) -> None:
        self.documents = Documents(machine)
        self.notices = Notices(machine)
        self.webhooks = Webhooks(machine, replicas)
        self.provider = Provider(machine, self.webhooks.tell)
        self.payments = Payments(
            machine, ray, placement, self.documents, self.provider, self.notices
        )
        self._machine = machine

    async def open(self) -> None:
        process = self._machine.life("prepare")
        database = SimulatedDatabase(self._machine, self.documents, process)
        await Orders(cast(Any, database)).ensure_indexes()

    def on_stored(self, subject: str, entry: Entry) -> None:
        self.payments.on_stored(subject, entry)

    def heal(self) -> Process:
        """What was still to come is called off, and one payment service is left: its process."""
        self.provider.expiring.clear()
        self.provider.refunds_failing.clear()
        self.payments.end_zombies()
        return self.payments.process

    @property
    def at_rest(self) -> bool:
        """Nothing is left to be done about any order, and everybody has been told."""
        return not any(
            order["due_at"] is not None or order["unpublished"]
            for order in self.documents.agreed.values()
        )

    def put_off_until(self) -> int:
        """When the last order that has something to do is to be looked at (ms); 0: there is none."""
        due = (order["due_at"] for order in self.documents.agreed.values())
        return max((at for at in due if at is not None), default=0)

    def runtime(self, process: Process, ask: Ask, clock: Clock, views: Views) -> dict[str, Any]:
        """What a replica's process works with."""
        orders = Orders(cast(Any, SimulatedDatabase(self._machine, self.documents, process)))
        gateway = self.provider.gateway(process)
        link = self._machine.links[process.name]
        network = self._machine.network(f"pokes {process.name}")

        async def poke() -> None:
            network.call(self.payments.poke)

        async def store_notice(event_id: str, payload: bytes) -> None:
            await link.ask(partial(self.notices.keep, event_id, payload))

        return {
            "orders": orders,
            "checkout": Checkout(orders, gateway, ask, clock, views.catch_up),
            "poke_payment": poke,
            "store_notice": store_notice,
            "show_names": _ShowNames(),
            "ticket_keys": SimpleNamespace(sign=lambda claim: claim.ticket_id),
        }


class _ShowNames:
    async def of(self, show_id: str) -> str:
        return "a show"
