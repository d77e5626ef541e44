"""Facts and orders: what was heard of an order is stored in it, whoever else is changing it at the moment."""

from __future__ import annotations

import structlog

from actors.activation import Clock
from actors.domain.order import Order
from cluster.orders.ports import Fact, OrderStore

RACES_MAX = 20
"""How often a fact is applied anew because somebody else has changed the order meanwhile."""

_log = structlog.get_logger()


async def learn(orders: OrderStore, clock: Clock, order: Order, fact: Fact) -> Order:
    """Store what a fact makes of the order; the order as it stands then. Raises StoreUnavailable."""
    for _ in range(RACES_MAX):
        after = fact(order, clock())
        if after is None:
            return order
        if await orders.replace(order, after):
            return after
        order = await orders.get(order.order_id) or order
    _log.error("order.contended", show=order.show_id, state=order.state, task=order.task)
    return order
