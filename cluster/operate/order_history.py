"""What the orders of a seat's holds went through, as moments of its history. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from actors.domain.order import Order
from cluster.operate.history import History, Moment, shortened
from cluster.ticketing.document import order_reference


def with_orders(history: History, orders: Iterable[Order]) -> History:
    """The history with every transition of these orders in it, by time; at one time the journal comes first."""
    moments = [*history.moments, *(moment for order in orders for moment in _moments(order))]
    return history.with_moments(sorted(moments, key=lambda moment: moment.at))


def _moments(order: Order) -> Iterable[Moment]:
    """An order is named by its reference: its id is its buyer's authority."""
    reference = order_reference(order.order_id)
    for change in order.history:
        because = f"{change.cause.value}: {change.detail}" if change.detail else change.cause.value
        yield Moment(
            sequence=0,
            at=change.at,
            by=change.actor.value,
            what=f"order {change.state.value}",
            hold=shortened(order.token),
            detail=because,
            order=reference,
        )
