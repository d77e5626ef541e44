"""All that the three ledgers tell differently. Pure: what is only on its way is told apart by reading them again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator

from actors.domain.order import Order, Task
from cluster.ledgers.disagreement import Disagreement, Kind
from cluster.ledgers.entries import Ledgers
from cluster.ledgers.money import STUCK_MS, money_disagreements
from cluster.ledgers.refunds import refund_disagreements
from cluster.ledgers.seats import seat_disagreements


def disagreements(ledgers: Ledgers) -> list[Disagreement]:
    """Every one, named by seat or by order."""
    return [
        *seat_disagreements(ledgers),
        *money_disagreements(ledgers),
        *refund_disagreements(ledgers),
        *_stuck(ledgers),
        *_shared(ledgers, Kind.SHARED_HOLD, lambda order: order.hold_id),
        *_shared(ledgers, Kind.SHARED_PAYMENT, lambda order: order.payment_id),
    ]


def _stuck(ledgers: Ledgers) -> Iterator[Disagreement]:
    for order in ledgers.orders.values():
        if order.task is Task.NONE:
            continue
        if order.due_at is None:
            detail = f"has something to do ({order.task}), and nobody will look at it"
        elif order.due_at < ledgers.now - STUCK_MS:
            late = (ledgers.now - order.due_at) // 1000
            detail = f"should have been looked at ({order.task}) {late} s ago"
        else:
            continue
        yield Disagreement(Kind.STUCK, order.show_id, order.order_id, f"the order {detail}")


def _shared(ledgers: Ledgers, kind: Kind, shared: Callable[[Order], str]) -> Iterator[Disagreement]:
    """What only one order may have, and several have: each of them is named."""
    having = defaultdict[str, list[Order]](list)
    for order in ledgers.orders.values():
        if name := shared(order):
            having[name].append(order)
    what = "hold" if kind is Kind.SHARED_HOLD else "payment"
    for orders in having.values():
        if len(orders) > 1:
            detail = f"{len(orders)} orders have this order's {what}"
            for order in orders:
                yield Disagreement(kind, order.show_id, order.order_id, detail)
