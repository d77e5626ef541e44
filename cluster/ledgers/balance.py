"""Money and tickets in sums: what was taken and kept is what the sold tickets cost. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from actors.domain.order import Order, Task
from actors.domain.payment import Payment, PaymentStatus, RefundStatus
from cluster.ledgers.entries import PAID, Ledgers

AT_REST = (Task.NONE, Task.WATCH)


@dataclass(slots=True)
class Balance:
    """One currency, minor units. `authorised` is set aside and not taken; `tickets` are sold, and cost `price`.

    `under_way` is by how much tickets cost more than was kept for them, of orders that are being worked on.
    """

    authorised: int = 0
    captured: int = 0
    refunded: int = 0
    tickets: int = 0
    price: int = 0
    under_way: int = 0

    @property
    def kept(self) -> int:
        return self.captured - self.refunded

    @property
    def balanced(self) -> bool:
        """Money = tickets."""
        return self.kept + self.under_way == self.price


def orders_by_state(orders: Iterable[Order]) -> dict[str, int]:
    """Counts, the largest first."""
    return dict(Counter(str(order.state) for order in orders).most_common())


def balances(ledgers: Ledgers, disputed: set[str], moving: set[str]) -> dict[str, Balance]:
    """By currency. `disputed` are orders with a disagreement that stands, `moving` those that may still come right: one
    that was made while the ledgers were read, for example."""
    found = dict[str, Balance]()
    at_work = {one.order_id for one in ledgers.orders.values() if one.task not in AT_REST}
    under_way = (at_work | moving) - disputed
    for order_id, currency, change in _changes(ledgers):
        balance = found.setdefault(currency, Balance())
        balance.authorised += change.authorised
        balance.captured += change.captured
        balance.refunded += change.refunded
        balance.tickets += change.tickets
        balance.price += change.price
        if order_id in under_way:
            balance.under_way += change.price - change.kept
    return found


def _changes(ledgers: Ledgers) -> Iterable[tuple[str, str, Balance]]:
    """(order, currency, what it adds) of every sold ticket and of every payment."""
    for ticket in ledgers.sold:
        yield ticket.order_id, ticket.currency, Balance(tickets=1, price=ticket.price)
    if ledgers.account is None:
        for order in ledgers.orders.values():
            yield order.order_id, order.currency, _as_ordered(order)
        return
    owners = {order.payment_id: order.order_id for order in ledgers.orders.values()}
    for payment in ledgers.account.payments.values():
        order_id = owners.get(payment.payment_id, payment.order_id)
        back = ledgers.account.given_back(payment.payment_id)
        yield order_id, payment.currency, _as_provided(payment, back)


def _as_provided(payment: Payment, back: int) -> Balance:
    match payment.status:
        case PaymentStatus.AUTHORISED:
            return Balance(authorised=payment.amount)
        case PaymentStatus.CAPTURED:
            return Balance(captured=payment.amount, refunded=back)
        case _:
            return Balance()


def _as_ordered(order: Order) -> Balance:
    """Where nobody can be asked but the order itself."""
    if order.state not in PAID:
        return Balance()
    back = sum(one.amount for one in order.refunds if one.status is RefundStatus.SUCCEEDED)
    return Balance(captured=order.amount, refunded=back)
