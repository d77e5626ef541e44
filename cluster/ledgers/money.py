"""Orders against the payment provider: money is taken for what is paid, and for nothing else. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from actors.domain.money import Money
from actors.domain.order import Order, State, Task
from actors.domain.payment import Payment, PaymentStatus
from cluster.ledgers.disagreement import Disagreement, Kind
from cluster.ledgers.entries import OVER, PAID, Account, Ledgers

STUCK_MS = 60_000
"""An order whose task is overdue for longer is stuck: the payment service looks every half a second."""

FORGOTTEN_MS = 600_000
"""Money that is set aside waits for its seats or its capture no longer than this, and for a look neither."""


def money_disagreements(ledgers: Ledgers) -> Iterator[Disagreement]:
    """Order by order and payment by payment, whatever the orders and the provider tell differently."""
    account = ledgers.account
    if account is None:
        return
    for order in ledgers.orders.values():
        yield from _of_order(order, account, ledgers.now)
    for payment in account.payments.values():
        yield from _of_payment(payment, ledgers, account)


def _of_order(order: Order, account: Account, now: int) -> Iterator[Disagreement]:
    found = partial(_found, order)
    payment = account.payments.get(order.payment_id) if order.payment_id else None
    if order.state in PAID:
        if order.amount > 0:
            yield from _of_paid(order, payment, account)
    elif payment is None:
        return
    elif payment.status is PaymentStatus.CAPTURED and order.state is not State.AUTHORISED:
        if kept := account.kept(payment):
            took = (
                f"{Money(kept, payment.currency)} of it kept, although the order is {order.state}"
            )
            yield found(Kind.MONEY_WITHOUT_SEATS, f"its payment is captured, and {took}")
    elif payment.status is PaymentStatus.AUTHORISED:
        aside = f"{Money(payment.amount, payment.currency)} set aside"
        if order.state in OVER and order.task is not Task.WATCH:
            yield found(
                Kind.AUTHORISED_AND_OVER, f"{aside}, although the order is over ({order.state})"
            )
        elif _forgotten(order, now):
            since = (now - order.history[-1].at) // 1000 if order.history else 0
            yield found(
                Kind.AUTHORISED_AND_FORGOTTEN,
                f"{aside}, and nobody has moved the order ({order.state}) for {since} s",
            )


def _of_paid(order: Order, payment: Payment | None, account: Account) -> Iterator[Disagreement]:
    found = partial(_found, order)
    if payment is None:
        yield found(Kind.PAID_WITHOUT_MONEY, "the provider does not have the payment of this order")
    elif payment.status is not PaymentStatus.CAPTURED:
        detail = f"the order is {order.state}, its payment {payment.status}"
        yield found(Kind.PAID_WITHOUT_MONEY, detail)
    elif (payment.amount, payment.currency) != (order.amount, order.currency) and account.kept(
        payment
    ):
        taken, asked = Money(payment.amount, payment.currency), Money(order.amount, order.currency)
        yield found(Kind.WRONG_AMOUNT, f"{taken} captured instead of {asked}")


def _forgotten(order: Order, now: int) -> bool:
    """Whether nobody has gone on with an authorised order, or nobody will look at a waiting one, for too long."""
    if order.task is Task.WATCH:
        due_at = order.due_at
        return due_at is None or due_at < now - STUCK_MS or due_at > now + FORGOTTEN_MS
    return not order.history or order.history[-1].at < now - FORGOTTEN_MS


def _of_payment(payment: Payment, ledgers: Ledgers, account: Account) -> Iterator[Disagreement]:
    """A payment that no order calls its own."""
    order = ledgers.orders.get(payment.order_id)
    held = Money(payment.amount, payment.currency)
    if order is None:
        harmless = payment.status is PaymentStatus.CANCELED or (
            payment.status is PaymentStatus.CAPTURED and not account.kept(payment)
        )
        if ledgers.whole and payment.order_id and not harmless:
            detail = (
                f"payment {payment.payment_id} ({payment.status}, {held}) is of an order that the "
                "orders do not have"
            )
            yield Disagreement(
                Kind.UNKNOWN_PAYMENT, "", payment.order_id, detail, payment_id=payment.payment_id
            )
        return
    if payment.payment_id == order.payment_id:
        return
    authorised = payment.status in (PaymentStatus.AUTHORISED, PaymentStatus.PROCESSING)
    if authorised or account.kept(payment):
        detail = f"payment {payment.payment_id} ({payment.status}, {held}) is not the order's own"
        yield _found(order, Kind.SECOND_PAYMENT, detail, payment.payment_id)


def _found(order: Order, kind: Kind, detail: str, payment_id: str = "") -> Disagreement:
    payment_id = payment_id or order.payment_id
    return Disagreement(kind, order.show_id, order.order_id, detail, payment_id=payment_id)
