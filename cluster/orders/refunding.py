"""Money and tickets on their way back: the ticket admits nobody any more, then the money goes, then the seat is free.

In this order nobody is ever without both: a buyer keeps the seats until the money is on its way.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from actors.domain import ordering, repaying
from actors.domain.order import Order, Refund
from actors.domain.payment import MoneyBack
from cluster.orders.ports import Fact, TicketRegister
from cluster.orders.seats import OrderSeats
from cluster.payments.gateway import MISCONFIGURED, PaymentGateway, PaymentRefused


@dataclass(frozen=True, slots=True)
class Refunding:
    """Carries out the refunds of an order, one step at a time."""

    gateway: PaymentGateway
    seats: OrderSeats
    register: TicketRegister

    async def step(self, order: Order) -> Fact | None:
        """The next thing to be done about the order's refunds; None when there is nothing to do but wait.

        Raises PaymentsUnavailable, PaymentRefused, PartUnavailable, StoreUnavailable.
        """
        refund = repaying.next_refund(order)
        if refund is None:
            return None
        if not (refund.sent or refund.returned) and refund.refund_id != ordering.VOID:
            await self.register.void_seats(order, refund.seats, refund.reason)
        if not (refund.sent or refund.amount == 0):
            return await self._send(order, refund)
        if not refund.returned:
            await self.seats.give_back(order, refund)
            return partial(_returned, refund.refund_id)
        return await self._look(order, refund)

    async def _send(self, order: Order, refund: Refund) -> Fact | None:
        """Look first: it may have been sent by somebody who could not store that any more, and long ago."""
        found = await self._found(order, refund)
        if found is not None:
            return partial(_money_back, refund.attempt, found)
        key = f"{order.order_id}-refund-{refund.refund_id}-{refund.attempt}-{order.key_number}"
        try:
            back = await self.gateway.give_back(order.payment_id, _name(refund), refund.amount, key)
        except PaymentRefused as error:
            if error.code == MISCONFIGURED:
                raise
            return partial(_refused, refund, error.code)
        return partial(_money_back, refund.attempt, _renamed(back, refund))

    async def review(self, order: Order) -> list[Fact]:
        """What the provider says now of each refund: one may fail days after it had seemed to succeed.

        Raises PaymentsUnavailable, PaymentRefused.
        """
        given = {one.refund_id: one for one in await self.gateway.given_back(order.payment_id)}
        named = [(refund, given.get(_name(refund))) for refund in order.refunds]
        return [
            partial(_money_back, refund.attempt, _renamed(back, refund))
            for refund, back in named
            if back is not None
        ]

    async def _look(self, order: Order, refund: Refund) -> Fact | None:
        found = await self._found(order, refund)
        return None if found is None else partial(_money_back, refund.attempt, found)

    async def _found(self, order: Order, refund: Refund) -> MoneyBack | None:
        given = await self.gateway.given_back(order.payment_id)
        back = next((one for one in given if one.refund_id == _name(refund)), None)
        return None if back is None else _renamed(back, refund)


def _name(refund: Refund) -> str:
    """What a refund is called at the provider: each attempt after a failed one is another refund there."""
    return f"{refund.refund_id}-{refund.attempt}"


def _renamed(back: MoneyBack, refund: Refund) -> MoneyBack:
    return MoneyBack(back.provider_id, refund.refund_id, back.amount, back.status, back.problem)


def _money_back(attempt: int, back: MoneyBack, order: Order, now: int) -> Order | None:
    return repaying.money_back(order, back, now, attempt=attempt)


def _refused(refund: Refund, code: str, order: Order, now: int) -> Order | None:
    return repaying.refund_refused(order, refund.refund_id, code, now, attempt=refund.attempt)


def _returned(refund_id: str, order: Order, now: int) -> Order | None:
    return repaying.tickets_returned(order, refund_id, now)
