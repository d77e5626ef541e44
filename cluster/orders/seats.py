"""The tickets of an order, in all of its blocks: kept, sold, given back. The primary comes last where it matters."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from actors.domain.commands import CancelSale, Command, ConfirmHold, ReturnTickets, SecureHold
from actors.domain.identity import BlockKey
from actors.domain.order import Order, Refund
from actors.domain.rejections import Rejection
from actors.holding import Ask
from actors.outcomes import Unavailable


class PartUnavailable(Exception):
    """A block gave no definite answer: what was asked of it may or may not be done, and is asked again."""


@dataclass(frozen=True, slots=True)
class OrderSeats:
    """Every method raises PartUnavailable; all that they ask is safe to repeat."""

    ask: Ask

    async def confirm(self, order: Order) -> Rejection | None:
        """Sell every part of the hold; the first refusal, after which some parts may be sold and others not."""

        def command(block: int) -> Command:
            return ConfirmHold(order.token, order.order_id, order.tickets(block))

        return await self._all(order, order.blocks, command)

    async def secure(self, order: Order, until: int) -> Rejection | None:
        """Keep every part for the order until then (ms since the epoch), made again where it ran out.

        The primary comes last: a hold stands when all of its parts do.
        """

        def command(block: int) -> Command:
            return SecureHold(order.terms(block), order.tickets(block), order.order_id, until)

        parts = order.blocks[:-1]
        refusal = await self._all(order, parts, command) if parts else None
        return refusal or await self._all(order, order.blocks[-1:], command)

    async def cancel(self, order: Order) -> None:
        """Give everything back, and let no sale to this order begin any more."""
        await self._all(order, order.blocks, lambda _: CancelSale(order.token, order.order_id))

    async def give_back(self, order: Order, refund: Refund) -> None:
        """Put the tickets of a refund on sale again, or off sale. What is theirs no longer is left alone."""
        wanted = set(refund.seats)
        returning = dict[int, Command]()
        for line in order.lines:
            pairs = zip(line.tickets, line.seats, strict=True)
            tickets = tuple(ticket for ticket, seat in pairs if seat in wanted)
            if tickets:
                returning[line.block] = ReturnTickets(
                    order.token, order.order_id, tickets, refund.withhold, refund.reason
                )
        await self._all(order, tuple(returning), lambda block: returning[block])

    async def _all(
        self, order: Order, blocks: Sequence[int], command: Callable[[int], Command]
    ) -> Rejection | None:
        outcomes = await asyncio.gather(
            *[self.ask(BlockKey(order.show_id, block), command(block)) for block in blocks]
        )
        for outcome in outcomes:
            if isinstance(outcome, Unavailable):
                raise PartUnavailable(outcome.detail)
        return next((one for one in outcomes if isinstance(one, Rejection)), None)
