"""Money and tickets on their way back: the ticket admits nobody any more, then the money goes, then the seat is free.

In this order nobody is ever without both: a buyer keeps the seats until the money is on its way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from actors.domain import ordering, repaying
from actors.domain.order import Order, Refund
from actors.domain.payment import MoneyBack, RefundStatus
from cluster.orders.ports import Fact, TicketRegister
from cluster.orders.seats import OrderSeats
from cluster.payments.gateway import MISCONFIGURED, PaymentGateway, PaymentRefused

NOTHING_LEFT = "charge_already_refunded"
"""The provider's word for a payment whose whole amount has been given back."""


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
        """Look first: it may have been sent by somebody who could not store that any more, and long ago.

        What the same look tells of the order's other refunds comes before another attempt: as long as this one fails,
        nobody else would look at them.
        """
        given = await self.gateway.given_back(order.payment_id)
        found = _of(refund, given)
        if found is not None:
            return partial(_money_back, refund.attempt, found)
        others = [one for one in order.refunds if one is not refund]
        for fact in _told(others, given):
            if fact(order, order.created_at) is not None:
                return fact
        key = f"{order.order_id}-refund-{refund.refund_id}-{refund.attempt}-{order.key_number}"
        try:
            back = await self.gateway.give_back(order.payment_id, _name(refund), refund.amount, key)
        except PaymentRefused as error:
            if error.code == MISCONFIGURED:
                raise
            elsewhere = _elsewhere(order, refund, given) if error.code == NOTHING_LEFT else None
            if elsewhere is not None:
                return partial(_money_back, refund.attempt, elsewhere)
            return partial(_refused, refund, error.code)
        return partial(_money_back, refund.attempt, _renamed(back, refund))

    async def review(self, order: Order) -> list[Fact]:
        """What the provider says now of each refund: one may fail days after it had seemed to succeed.

        Raises PaymentsUnavailable, PaymentRefused.
        """
        return _told(order.refunds, await self.gateway.given_back(order.payment_id))

    async def _look(self, order: Order, refund: Refund) -> Fact | None:
        found = _of(refund, await self.gateway.given_back(order.payment_id))
        return None if found is None else partial(_money_back, refund.attempt, found)


def _told(refunds: Sequence[Refund], given: Sequence[MoneyBack]) -> list[Fact]:
    named = [(refund, _of(refund, given)) for refund in refunds]
    return [
        partial(_money_back, refund.attempt, back) for refund, back in named if back is not None
    ]


def _of(refund: Refund, given: Sequence[MoneyBack]) -> MoneyBack | None:
    """What the provider has of this attempt at a refund."""
    back = next((one for one in given if one.refund_id == _name(refund)), None)
    return None if back is None else _renamed(back, refund)


def _elsewhere(order: Order, refund: Refund, given: Sequence[MoneyBack]) -> MoneyBack | None:
    """The money of this refund, if somebody gave it back at the provider itself: then there is nothing left to send,
    and never will be. What stands for another refund of the order already does not stand for this one."""
    ours = {one.refund_id for one in order.refunds}
    others = {
        one.provider_id: one.amount
        for one in given
        if one.status is RefundStatus.SUCCEEDED and one.refund_id.rpartition("-")[0] not in ours
    }
    taken = sum(one.amount for one in order.refunds if one.sent and one.provider_id in others)
    if sum(others.values()) - taken < refund.amount:
        return None
    largest = max(others, key=lambda provider_id: others[provider_id])
    return MoneyBack(largest, refund.refund_id, refund.amount, RefundStatus.SUCCEEDED)


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
