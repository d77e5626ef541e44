"""Sales that should not be: tickets sold to an order that has been given up meanwhile.

Whoever sells has read the order first, but may have been paused in between for longer than the blocks remember that the
order is over. The journal tells of every sale, so what such a straggler did is seen, and undone.

A journal that is read again, after a restore or by a consumer that had to be made anew, tells of sales that have long
been taken back: so the block is asked whether the sale still stands, and nothing is written when it does not.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable

import structlog

from actors.domain.block import Ending
from actors.domain.commands import CancelSale, FindHold
from actors.domain.events import TicketsSold
from actors.domain.identity import BlockKey
from actors.domain.order import Order, State
from actors.holding import Ask
from actors.outcomes import Accepted, Outcome, Unavailable
from cluster.journal.consumer import TryLater
from cluster.orders.ports import OrderStore

WELCOME_ORDERS_MAX = 100_000
"""Paid orders that are remembered, so that their sales need not be looked up."""

OVER = (State.CANCELLED, State.EXPIRED)
"""Not REFUNDED: what was sold to such an order was its own, and a block never forgets it, so nobody sells to it again.
Its tickets go back by its refund, which knows whether they are to be sold again or withheld."""

_log = structlog.get_logger()


class Intrusions:
    """Turns them out."""

    def __init__(self, orders: OrderStore, ask: Ask) -> None:
        self._orders = orders
        self._ask = ask
        self._welcome: OrderedDict[str, None] = OrderedDict()

    def welcome(self, order: Order) -> None:
        """This order is paid, or is being sold to right now: what was sold to it is its own."""
        self._welcome[order.token] = None
        while len(self._welcome) > WELCOME_ORDERS_MAX:
            self._welcome.popitem(last=False)

    def doubt(self, order: Order) -> None:
        """Nothing is known of this order any more."""
        self._welcome.pop(order.token, None)

    async def turn_out(self, sales: Iterable[tuple[BlockKey, TicketsSold]]) -> None:
        """Give back what was sold to orders that are over. Raises StoreUnavailable, TryLater."""
        doubtful = [(block, sale) for block, sale in sales if sale.token not in self._welcome]
        if not doubtful:
            return
        tokens = {sale.token for _, sale in doubtful}
        orders = {order.token: order for order in await self._orders.of_holds(tokens)}
        await asyncio.gather(
            *[
                self._cancel(block, sale)
                for block, sale in doubtful
                if sale.token in orders and orders[sale.token].state in OVER
            ]
        )

    async def _cancel(self, block: BlockKey, sale: TicketsSold) -> None:
        found = _definite(await self._ask(block, FindHold(sale.token, ended=True)))
        hold = found.hold if isinstance(found, Accepted) else None
        if hold is None or (hold.ending, hold.order_id) != (Ending.SOLD, sale.order_id):
            return
        _log.warning("order.intrusion", show=block.show_id, block=block.block)
        _definite(await self._ask(block, CancelSale(sale.token, sale.order_id)))


def _definite(outcome: Outcome) -> Outcome:
    """Raises TryLater for an answer that says nothing."""
    if isinstance(outcome, Unavailable):
        raise TryLater(outcome.detail)
    return outcome
