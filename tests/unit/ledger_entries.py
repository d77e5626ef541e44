"""Entries of the three ledgers, for tests of what they tell differently."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from actors.domain.order import Actor, Cause, Line, Order, Refund, State, Task, Transition
from actors.domain.payment import MoneyBack, Payment, PaymentStatus, RefundStatus
from cluster.ledgers.disagreement import Disagreement, Kind
from cluster.ledgers.entries import Account, Ledgers, SoldTicket
from cluster.ledgers.reconciliation import disagreements

NOW = 1_800_000_000_000
SHOW = "saaaaaaaaaaaa"
ONE, TWO = "order-one", "order-two"


def order(order_id: str = ONE, *seats: str, state: State = State.PAID, **changes: Any) -> Order:
    """An order of these seats, 50.00 each, at rest."""
    seats = seats or ("A-1", "A-2")
    prices = (5_000,) * len(seats)
    categories = ("Stalls",) * len(seats)
    made = Order(
        order_id=order_id,
        fingerprint="f",
        show_id=SHOW,
        token=f"token of {order_id}",
        primary=1,
        epoch=0,
        hold_fingerprint="f",
        email="buyer@example.com",
        name="",
        amount=sum(prices),
        currency="EUR",
        lines=(Line(1, tuple(range(len(seats))), seats, categories, prices),),
        state=state,
        task=Task.NONE,
        version=5,
        created_at=NOW - 5_000,
        deadline=NOW + 600_000,
        due_at=None,
        payment_id=f"pi of {order_id}",
        history=(Transition(5, state, NOW - 1_000, Cause.CAPTURED, Actor.PAYMENTS),),
    )
    return replace(made, **changes)


def sold(of: Order, *seats: str) -> list[SoldTicket]:
    return [
        SoldTicket(SHOW, seat, 5_000, "EUR", of.token, of.order_id, 7) for seat in seats or of.seats
    ]


def payment(of: Order, status: PaymentStatus = PaymentStatus.CAPTURED, **changes: Any) -> Payment:
    made = Payment(of.payment_id, status, of.amount, of.currency, of.order_id)
    return replace(made, **changes)


def refund(of: Order, status: RefundStatus = RefundStatus.SUCCEEDED, **changes: Any) -> Refund:
    """Of the first seat."""
    made = Refund(
        "r1", of.seats[:1], 5_000, False, "", NOW, status=status, provider_id="re_1", returned=True
    )
    return replace(made, **changes)


def back(status: RefundStatus = RefundStatus.SUCCEEDED, **changes: Any) -> MoneyBack:
    return replace(MoneyBack("re_1", "r1-1", 5_000, status), **changes)


def ledgers(
    orders: list[Order],
    tickets: list[SoldTicket],
    payments: list[Payment] | None,
    refunds: dict[str, list[MoneyBack]] | None = None,
    *,
    whole: bool = True,
) -> Ledgers:
    account = None
    if payments is not None:
        account = Account({one.payment_id: one for one in payments}, refunds or {})
    return Ledgers(tickets, {one.order_id: one for one in orders}, account, NOW, whole)


def kinds(of: Ledgers) -> list[Kind]:
    return [found.kind for found in disagreements(of)]


def only(of: Ledgers) -> Disagreement:
    (found,) = disagreements(of)
    return found
