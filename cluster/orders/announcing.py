"""Order events: every transition of an order is published, in a stream of its own, after it is stored.

There is no second truth: the order's document knows its transitions, and whether they have all been published. What
was not got round to is published a little later, so a consumer may see a transition twice, and late, but never misses
one. It is known by the order and its version.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable

import msgspec
import structlog

from actors.domain.order import Order, Transition
from actors.journal import JournalUnavailable
from actors.telemetry import TRACE
from cluster.orders.ports import OrderStore
from cluster.store.mongo import StoreUnavailable

QUEUE_ORDERS_MAX = 5_000
"""Orders whose transitions wait to be published; beyond it they are left to `catch_up`."""

BATCH_ORDERS_MAX = 100
TOLD_ORDERS_MAX = 50_000
"""Orders of which is remembered what was told, so that nothing need be told twice."""

MARK_SECONDS = 0.2
"""Marking orders as published is not urgent: it is done for many at once."""

_log = structlog.get_logger()

Publish = Callable[[str, str, bytes], Awaitable[None]]
"""Stores a message under a subject and an id. Raises JournalUnavailable."""


class OrderEvent(msgspec.Struct, frozen=True):
    """One transition of an order. `at` is ms since the epoch, `amount` minor units."""

    order_id: str
    show_id: str
    version: int
    state: str
    at: int
    cause: str
    actor: str
    amount: int
    currency: str
    seats: tuple[str, ...]


decode_order_event = msgspec.json.Decoder(OrderEvent).decode


def order_subject(show_id: str = "*", order_id: str = "*", state: str = "*") -> str:
    """The subject of an order's transition to a state, or a filter: who lives off paid orders hears of no others."""
    return f"orders.{show_id}.{order_id}.{state}"


class Announcer:
    """Tells of transitions in the background, in the payment service alone. A call never waits and never fails."""

    def __init__(self, publish: Publish, orders: OrderStore) -> None:
        self._publish = publish
        self._orders = orders
        self._waiting: deque[tuple[Order, str]] = deque()
        self._told: OrderedDict[str, int] = OrderedDict()
        self._task: asyncio.Task[None] | None = None

    def __call__(self, order: Order) -> None:
        """This is the order's latest version; what changed it is traced as this task is."""
        if len(self._waiting) >= QUEUE_ORDERS_MAX:
            return
        self._waiting.append((order, TRACE.get()))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._drain())

    async def catch_up(self, before: int) -> None:
        """Tell what was stored before then (ms since the epoch) and has not been told by anybody."""
        for order in await self._orders.unpublished(before):
            self(order)

    async def close(self) -> None:
        """Let what is waiting be told, if that is possible."""
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    async def _drain(self) -> None:
        while self._waiting:
            batch = dict[str, tuple[Order, str]]()
            while self._waiting and len(batch) < BATCH_ORDERS_MAX:
                order, trace = self._waiting.popleft()
                batch[order.order_id] = order, trace
            try:
                await asyncio.gather(*[self._tell(*one) for one in batch.values()])
                await self._orders.published([(o.order_id, o.version) for o, _ in batch.values()])
            except (JournalUnavailable, StoreUnavailable) as error:
                _log.info("orders.not_announced", orders=len(batch), reason=str(error))
            await asyncio.sleep(MARK_SECONDS)

    async def _tell(self, order: Order, trace: str) -> None:
        """Every transition that this process has not told: what others did before may not have been told at all."""
        TRACE.set(trace)  # of a task of its own: the others of the batch have theirs
        told = self._told.get(order.order_id, 0)
        for transition in order.history:
            if transition.version > told:
                subject = order_subject(order.show_id, order.order_id, transition.state)
                payload = msgspec.json.encode(_event(order, transition))
                await self._publish(subject, f"{order.order_id}-{transition.version}", payload)
        self._told[order.order_id] = max(told, order.version)
        self._told.move_to_end(order.order_id)
        while len(self._told) > TOLD_ORDERS_MAX:
            self._told.popitem(last=False)


def _event(order: Order, transition: Transition) -> OrderEvent:
    return OrderEvent(
        order.order_id,
        order.show_id,
        transition.version,
        transition.state.value,
        transition.at,
        transition.cause.value,
        transition.actor.value,
        order.amount,
        order.currency,
        order.seats,
    )
