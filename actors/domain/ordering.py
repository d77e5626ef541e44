"""How an order may change. Pure: an order and a fact give the next order, or None when the fact changes nothing.

Authorise, confirm, capture (docs.stripe.com, "Place a hold on a payment method"): the card is authorised, the tickets
are sold in the journal, then the money is taken. What cannot be completed is undone: first the tickets, then the money.
(Money that goes back for tickets that were had: `actors.domain.repaying`.)
Every change is stored (compare-and-set on `version`) before what it asks for is begun, so two who work on the same
order cannot decide differently.
"""

from __future__ import annotations

from dataclasses import replace

from actors.domain.order import Actor, Cause, Order, Refund, State, Task, Transition
from actors.domain.payment import Payment, PaymentStatus
from actors.domain.rejections import Code, Rejection

LATE_PAYMENT_MS = 60_000
"""How long after its deadline an order can still be paid, if nobody else has its seats. Then its payment is closed."""

LOOK_FIRST_MS = 10_000
"""The first look at a payment of which nothing was heard; the pauses between looks double with the order's age."""

LAST_LOOK_MS = 10_000
"""So long before the deadline a payment is looked at in any case, for while the hold stands its seats can be sold."""

DEADLINE_MARGIN_MS = 1_000
"""The clock of the ticket decides when a hold is over; it is asked this much after the deadline."""

TAKE_OVER_MS = 5_000
"""A task that is not done by then was left behind: whoever began it has died."""

RETRY_FIRST_MS = 500
RETRY_MS_MAX = 30_000
REFUND_RETRY_MS_MAX = 3_600_000
"""Pauses between the attempts of a task double up to this; there is no last attempt, for it is about money."""

DOUBLINGS_MAX = 20
"""More of them would be over every limit, and a large number to compute."""

VOID = "void"
"""The name of the refund of a payment that could not be canceled any more."""

REOPENABLE = (State.AWAITING_PAYMENT, State.EXPIRED)


def changed(
    order: Order, now: int, cause: Cause, actor: Actor, state: State, task: Task, detail: str = ""
) -> Order:
    """The next version of an order, with this change in its history."""
    version = order.version + 1
    changed = replace(
        order,
        state=state,
        task=task,
        version=version,
        attempts=0,
        key_number=1,
        history=(*order.history, Transition(version, state, now, cause, actor, detail)),
    )
    return replace(changed, due_at=_due(changed, now))


def _due(order: Order, now: int) -> int | None:
    match order.task:
        case Task.NONE:
            return None
        case Task.WATCH if order.state is State.EXPIRED:
            return now + LATE_PAYMENT_MS
        case Task.WATCH:
            return next_look(order, now)
        case _:
            return now + TAKE_OVER_MS


def next_look(order: Order, now: int) -> int:
    """When to look again at an order that waits for its payment."""
    look = now + max(LOOK_FIRST_MS, now - order.created_at)
    last, over = order.deadline - LAST_LOOK_MS, order.deadline + DEADLINE_MARGIN_MS
    if now < last:
        return min(look, last)
    if now < over:
        return min(look, over)
    return now + min(max(DEADLINE_MARGIN_MS, now - over), RETRY_MS_MAX)


def handed_over(order: Order, now: int) -> Order:
    """The order with its task left to the payment service, which is to begin at once."""
    return order if order.task in (Task.NONE, Task.WATCH) else replace(order, due_at=now)


def retry_at(order: Order, now: int, *, unavailable: bool) -> int:
    """When to try a task again that could not be done now, be it a look at a payment. A refund that the provider has
    answered, and will not or cannot make yet, is asked for ever less often; one that could not be asked for
    (`unavailable`) is not to blame."""
    if order.task is Task.WATCH:
        return next_look(order, now)
    answered = order.task is Task.REFUND and not unavailable
    most = REFUND_RETRY_MS_MAX if answered else RETRY_MS_MAX
    return now + min(RETRY_FIRST_MS * 2 ** min(order.attempts, DOUBLINGS_MAX), most)


def ordered(order: Order, now: int) -> Order:
    """A new order, in its first version. One that costs nothing waits for no payment."""
    if order.amount == 0:
        return changed(order, now, Cause.FREE, Actor.BUYER, State.AUTHORISED, Task.SELL)
    return changed(order, now, Cause.ORDERED, Actor.BUYER, State.AWAITING_PAYMENT, Task.WATCH)


def payment_opened(order: Order, payment_id: str, now: int) -> Order | None:
    """Its buyer can pay it now; an order has one payment."""
    if order.payment_id or (order.state, order.task) != (State.AWAITING_PAYMENT, Task.WATCH):
        return None
    opened = replace(order, payment_id=payment_id)
    return changed(
        opened, now, Cause.PAYMENT_OPENED, Actor.PAYMENTS, State.AWAITING_PAYMENT, Task.WATCH
    )


def payment_refused(order: Order, problem: str, now: int) -> Order | None:
    """The provider does not take such a payment at all: the amount is too small, say."""
    if order.payment_id or (order.state, order.task) != (State.AWAITING_PAYMENT, Task.WATCH):
        return None
    return _given_up(order, Cause.PAYMENT_REFUSED, Actor.PAYMENTS, now, problem)


def hold_extended(order: Order, deadline: int, now: int) -> Order | None:
    """Its hold lasts longer."""
    if order.task is not Task.WATCH or order.state not in REOPENABLE or deadline <= order.deadline:
        return None
    later = replace(order, deadline=deadline)
    return changed(later, now, Cause.HOLD_EXTENDED, Actor.TICKETS, order.state, Task.WATCH)


def hold_over(order: Order, *, expired: bool, now: int) -> Order | None:
    """Its hold has expired, or was given back by its buyer."""
    if (order.state, order.task) != (State.AWAITING_PAYMENT, Task.WATCH):
        return None
    if expired:
        return changed(order, now, Cause.HOLD_EXPIRED, Actor.TICKETS, State.EXPIRED, Task.WATCH)
    return changed(
        order, now, Cause.HOLD_RELEASED, Actor.BUYER, State.CANCELLED, _task_when_over(order)
    )


def cancelled(order: Order, now: int) -> Order | Rejection | None:
    """Its buyer does not want it any more; None if that is so already."""
    if order.state is State.CANCELLED:
        return None
    if order.state is State.EXPIRED:
        return Rejection(Code.ORDER_EXPIRED)
    if order.state is not State.AWAITING_PAYMENT:
        return Rejection(Code.ORDER_PAID, detail="ask the organizer for a refund")
    return changed(order, now, Cause.BUYER_CANCELLED, Actor.BUYER, State.CANCELLED, Task.UNDO)


def payment_seen(order: Order, payment: Payment, now: int) -> Order | None:
    """What is known of its payment, perhaps late, twice, or out of order: only what is final, or leads on, counts."""
    if payment.payment_id != order.payment_id:
        return None
    if payment.status in (PaymentStatus.AUTHORISED, PaymentStatus.CAPTURED):
        return _authorised(order, payment, now)
    if payment.status is not PaymentStatus.CANCELED:
        return None
    if order.state is State.EXPIRED and order.task is Task.WATCH:
        return changed(order, now, Cause.PAYMENT_CANCELED, Actor.PAYMENTS, order.state, Task.UNDO)
    if order.task in (Task.WATCH, Task.SELL, Task.CAPTURE):
        return _given_up(order, Cause.PAYMENT_CANCELED, Actor.PAYMENTS, now, payment.problem)
    return None


def _authorised(order: Order, payment: Payment, now: int) -> Order | None:
    if order.task is Task.CAPTURE and payment.status is PaymentStatus.CAPTURED:
        return captured(order, payment, now)
    if order.task is not Task.WATCH or order.state not in REOPENABLE:
        return None
    if not _right_amount(order, payment):
        return _wrong_amount(order, payment, now)
    late = order.state is State.EXPIRED
    cause = Cause.LATE_PAYMENT if late else Cause.PAYMENT_AUTHORISED
    return changed(order, now, cause, Actor.PAYMENTS, State.AUTHORISED, Task.SELL)


def _right_amount(order: Order, payment: Payment) -> bool:
    return (payment.amount, payment.currency) == (order.amount, order.currency)


def _wrong_amount(order: Order, payment: Payment, now: int) -> Order:
    detail = f"{payment.amount} {payment.currency} instead of {order.amount} {order.currency}"
    return _given_up(order, Cause.AMOUNT_MISMATCH, Actor.PAYMENTS, now, detail)


def _given_up(order: Order, cause: Cause, actor: Actor, now: int, detail: str) -> Order:
    return changed(order, now, cause, actor, State.CANCELLED, Task.UNDO, detail)


def too_late(order: Order, now: int) -> Order | None:
    """Nobody can pay an expired order for ever. From here on its payment is closed, whatever it turns out to be."""
    if (order.state, order.task) != (State.EXPIRED, Task.WATCH):
        return None
    return changed(order, now, Cause.TOO_LATE, Actor.CLOCK, State.EXPIRED, _task_when_over(order))


def _task_when_over(order: Order) -> Task:
    """Its hold is over, but parts of it may have been secured for its payment: nobody else would give them back."""
    return Task.UNDO if order.payment_id else Task.NONE


def sold(order: Order, now: int) -> Order | None:
    """All of its tickets are sold to it, in the journal."""
    if order.task is not Task.SELL:
        return None
    state, task = (State.PAID, Task.NONE) if order.amount == 0 else (order.state, Task.CAPTURE)
    return changed(order, now, Cause.SEATS_SOLD, Actor.TICKETS, state, task)


def seats_gone(order: Order, now: int, detail: str = "") -> Order | None:
    """Not all of its tickets can be had any more."""
    if order.task is not Task.SELL:
        return None
    return _given_up(order, Cause.SEATS_GONE, Actor.TICKETS, now, detail)


def captured(order: Order, payment: Payment, now: int) -> Order | None:
    """What came of taking the money."""
    if order.task is not Task.CAPTURE or payment.payment_id != order.payment_id:
        return None
    if payment.status in (PaymentStatus.OPEN, PaymentStatus.CANCELED):  # nothing is set aside
        return _given_up(order, Cause.PAYMENT_CANCELED, Actor.PAYMENTS, now, payment.problem)
    if payment.status is not PaymentStatus.CAPTURED:
        return None
    if not _right_amount(order, payment):
        return _wrong_amount(order, payment, now)
    return changed(order, now, Cause.CAPTURED, Actor.PAYMENTS, State.PAID, Task.NONE)


def capture_refused(order: Order, problem: str, now: int) -> Order | None:
    """The money cannot be taken, and never will be: the authorisation has run out, say."""
    if order.task is not Task.CAPTURE:
        return None
    return _given_up(order, Cause.PAYMENT_CANCELED, Actor.PAYMENTS, now, problem)


def undone(order: Order, now: int) -> Order | None:
    """Its tickets have been given back; what about its money?"""
    if order.task is not Task.UNDO:
        return None
    task = Task.VOID if order.payment_id else Task.NONE
    return changed(order, now, Cause.SEATS_GIVEN_BACK, Actor.TICKETS, order.state, task)


def voided(order: Order, payment: Payment, now: int) -> Order | None:
    """What came of canceling its payment. If the money was taken before that, it goes back."""
    if order.task is not Task.VOID or payment.payment_id != order.payment_id:
        return None
    if payment.status is PaymentStatus.CANCELED:
        return changed(order, now, Cause.MONEY_FREED, Actor.PAYMENTS, order.state, Task.NONE)
    if payment.status is not PaymentStatus.CAPTURED:
        return None
    back = Refund(VOID, order.seats, payment.amount, False, Cause.MONEY_TO_RETURN, now)
    owing = replace(order, refunds=(*order.refunds, replace(back, returned=True)))
    return changed(owing, now, Cause.MONEY_TO_RETURN, Actor.PAYMENTS, order.state, Task.REFUND)
