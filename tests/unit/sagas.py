"""A saga to test with: orders in memory, a provider in memory, and tickets that answer what they are told to."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, cast

from actors.domain.commands import Command
from actors.domain.identity import BlockKey
from actors.domain.order import Order
from actors.outcomes import Accepted, Outcome
from cluster.orders.refunding import Refunding
from cluster.orders.saga import Saga
from cluster.orders.seats import OrderSeats
from cluster.payments.gateway import OpenPayment, PaymentRequest
from cluster.payments.memory import MemoryGateway
from cluster.payments.memory_provider import Card, MemoryProvider
from cluster.store.creation import Created
from tests.unit.orders import NOW


class OrdersInMemory:
    """What the saga needs of `cluster.orders.ports.OrderStore`."""

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}

    async def create(self, order: Order) -> Created[Order]:
        self.orders[order.order_id] = order
        return Created(order, replayed=False)

    async def get(self, order_id: str) -> Order | None:
        return self.orders.get(order_id)

    async def of_ids(self, order_ids: set[str]) -> list[Order]:
        return [order for order in self.orders.values() if order.order_id in order_ids]

    async def of_payment(self, payment_id: str) -> Order | None:
        return next((one for one in self.orders.values() if one.payment_id == payment_id), None)

    async def of_holds(self, tokens: set[str]) -> list[Order]:
        return [order for order in self.orders.values() if order.token in tokens]

    async def due(self, now: int) -> list[Order]:
        due = ((order.due_at, order) for order in self.orders.values())
        return [order for due_at, order in due if due_at is not None and due_at <= now]

    async def replace(self, before: Order, after: Order) -> bool:
        if self.orders[before.order_id].version != before.version:
            return False
        self.orders[after.order_id] = after
        return True

    async def put_off(self, order: Order, due_at: int, *, new_key: bool = False) -> bool:
        known = self.orders[order.order_id]
        if (known.version, known.attempts) != (order.version, order.attempts):
            return False
        key_number = known.key_number + new_key
        self.orders[order.order_id] = replace(
            known, due_at=due_at, attempts=known.attempts + 1, key_number=key_number
        )
        return True


@dataclass
class Steps:
    """What was done about tickets, at the door and in the journal, in order; `answers` are those of the tickets by the
    kind of command, Accepted where none is given."""

    answers: dict[type[Command], Outcome] = field(default_factory=dict[type[Command], Outcome])
    taken: list[str] = field(default_factory=list[str])

    async def ask(self, _key: BlockKey, command: Command) -> Outcome:
        name = type(command).__name__
        if name not in self.taken:
            self.taken.append(name)
        return self.answers.get(type(command), Accepted())

    async def issue(self, *orders: Order) -> None:
        self.taken.append("issue")

    async def void_seats(self, order: Order, seats: tuple[str, ...], reason: str) -> None:
        self.taken.append(f"void {len(seats)}: {reason}")


class Desk:
    """A saga, and the parts that it works with."""

    def __init__(self) -> None:
        self.now = NOW
        self.steps, self.orders, self.told = Steps(), OrdersInMemory(), list[Order]()
        self.provider = MemoryProvider(lambda: self.now)
        self.gateway = MemoryGateway(self.provider)
        refunding = Refunding(self.gateway, OrderSeats(self.steps.ask), self.steps)
        self.saga = Saga(
            cast(Any, self.orders),
            self.gateway,
            self.steps.ask,
            refunding,
            lambda: self.now,
            self._announce,
        )

    def _announce(self, order: Order) -> None:
        self.told.append(order)

    def keep(self, order: Order) -> Order:
        self.orders.orders[order.order_id] = order
        return order

    def paying(self, order: Order, card: Card = Card.GOOD) -> Order:
        """The order as it would be with a payment that its buyer has just made."""
        opened = self.opened(order)
        self.provider.authorise(opened.client_secret, card)
        return self.keep(replace(order, payment_id=opened.payment.payment_id))

    def opened(self, order: Order) -> OpenPayment:
        request = PaymentRequest(order.order_id, order.show_id, order.amount, "EUR", "seats")
        return self.provider.open(request, "open")
