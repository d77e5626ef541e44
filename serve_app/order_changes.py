"""A change of an order that somebody asks for over HTTP: decided, stored, and left to the payment service."""

from __future__ import annotations

from collections.abc import Callable

from actors.domain import ordering
from actors.domain.order import Order
from actors.domain.rejections import Code, Rejection
from cluster.bootstrap import Runtime
from serve_app.problems import rejection_problem, unavailable

RACES_MAX = 10
"""How often it is decided anew because the order has changed meanwhile."""

ORDER_ID_CHARS_MAX = 64

Decide = Callable[[Order, int], Order | Rejection | None]
"""The next order at this time (ms since the epoch), why not, or None when it is so already."""


async def order_of(runtime: Runtime, order_id: str) -> Order:
    """The order, or 404."""
    order = await runtime.orders.get(order_id) if len(order_id) <= ORDER_ID_CHARS_MAX else None
    if order is None:
        raise rejection_problem(Code.ORDER_NOT_FOUND)
    return order


async def change_order(runtime: Runtime, order_id: str, decide: Decide) -> tuple[Order, bool]:
    """The order afterwards, and whether it was so before. A refusal is a problem."""
    for _ in range(RACES_MAX):
        order = await order_of(runtime, order_id)
        after = decide(order, runtime.clock())
        if after is None:
            return order, True
        if isinstance(after, Rejection):
            raise rejection_problem(after.code, after.detail)
        if await runtime.orders.replace(order, ordering.handed_over(after, runtime.clock())):
            await runtime.poke_payment()
            return after, False
    raise unavailable("the order is being worked on")
