"""The operators' view of the money: orders by state, what was taken and is owed, and whether the provider answers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from actors.domain.order import State
from cluster.bootstrap import Runtime
from cluster.store.order_tally import OrderTally
from serve_app.auth import require_admin
from serve_app.openapi import problems
from serve_app.runtime import runtime_of

TALLY_SECONDS = 5.0
"""How long a count of all orders is good for: it goes through an index of all, and operators look every two seconds."""

OVERDUE_MS = 10_000
"""An order that is due for longer than this waits for longer than it should."""

router = APIRouter(prefix="/v1/operator", tags=["operators"], dependencies=[Depends(require_admin)])


class CurrencyFigures(BaseModel):
    """By what the orders say, minor units: `authorised` is set aside and not taken yet, `captured` was taken,
    `refunded` of it went back, and `refunds_owed` of it is to go back and has not yet."""

    currency: str
    authorised: int
    captured: int
    refunded: int
    refunds_owed: int


class PaymentFigures(BaseModel):
    """`orders` are counted by state, up to five seconds ago; `overdue` are those that nobody has gone on with in time,
    counted up to 200. `breaker_open`: this replica leaves the provider alone; null where none is set up."""

    orders: dict[str, int]
    overdue: int
    refunds_owed: int
    refunds_failing: int
    money: list[CurrencyFigures]
    breaker_open: bool | None


class OrderCount:
    """All orders as they were counted last: once for everybody who looks."""

    def __init__(self) -> None:
        self._counted: list[OrderTally] = []
        self._good_until = 0.0
        self._counting = asyncio.Lock()

    async def of(self, runtime: Runtime) -> list[OrderTally]:
        """Raises StoreUnavailable."""
        clock = asyncio.get_running_loop().time
        async with self._counting:
            if clock() >= self._good_until:
                self._counted = await runtime.orders.tally()
                self._good_until = clock() + TALLY_SECONDS
            return self._counted


@router.get("/payments", operation_id="overviewPayments", responses=problems(401, 403, 503))
async def payments(request: Request) -> PaymentFigures:
    """Orders by state, money taken and owed, and whether the payment provider is being left alone."""
    runtime = runtime_of(request)
    counted = await request.app.state.order_count.of(runtime)
    overdue = await runtime.orders.waiting(runtime.clock() - OVERDUE_MS)
    return figures(counted, overdue, runtime.breaker_open)


def figures(
    counted: Sequence[OrderTally], overdue: int, breaker_open: bool | None
) -> PaymentFigures:
    """Pure. Every state is there, also one without orders."""
    orders = Counter({state.value: 0 for state in State})
    money = dict[str, CurrencyFigures]()
    for one in counted:
        orders[one.state.value] += one.orders
        of = money.setdefault(
            one.currency,
            CurrencyFigures(
                currency=one.currency, authorised=0, captured=0, refunded=0, refunds_owed=0
            ),
        )
        of.authorised += one.amount if one.state is State.AUTHORISED else 0
        of.captured += one.captured
        of.refunded += one.refunded
        of.refunds_owed += one.owed
    return PaymentFigures(
        orders=dict(orders),
        overdue=overdue,
        refunds_owed=sum(one.owing for one in counted),
        refunds_failing=sum(one.failing for one in counted),
        money=[money[currency] for currency in sorted(money)],
        breaker_open=breaker_open,
    )
