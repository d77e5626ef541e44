"""How the refunds of an order may change, and the order with them. Pure, as `actors.domain.ordering` is.

A refund is asked for by the organizer, or owed for a payment that could not be canceled any more. It has an attempt at
the provider, and another one after each that failed; there is no last attempt, for it is about money.
"""

from __future__ import annotations

from dataclasses import replace

from actors.domain.order import Actor, Cause, Order, Refund, State, Task
from actors.domain.ordering import DOUBLINGS_MAX, REFUND_RETRY_MS_MAX, RETRY_FIRST_MS, changed
from actors.domain.payment import MoneyBack, RefundStatus
from actors.domain.rejections import Code, Rejection

OF_REFUNDS = (State.REFUNDED, State.PARTIALLY_REFUNDED)


def refundable(order: Order) -> tuple[str, ...]:
    """The seats for which no money has been, or is being, given back."""
    gone = {seat for refund in order.refunds for seat in refund.seats}
    return tuple(seat for seat in order.seats if seat not in gone)


def refund_requested(
    order: Order,
    refund_id: str,
    seats: tuple[str, ...],
    now: int,
    *,
    fingerprint: str = "",
    withhold: bool = False,
    reason: str = "",
) -> Order | Rejection | None:
    """The organizer gives the money for these seats back (none named: for all that are left).

    None when this very request was made before.
    """
    before = order.refund(refund_id)
    if before is not None:
        same = before.fingerprint == fingerprint
        return None if same else Rejection(Code.IDEMPOTENCY_KEY_REUSED)
    if order.state is not State.PAID and order.state not in OF_REFUNDS:
        return Rejection(Code.ORDER_NOT_PAID, detail=f"it is {order.state}")
    if len(set(seats)) < len(seats) or not set(seats) <= set(order.seats):
        return Rejection(Code.SEATS_NOT_IN_ORDER)
    left = refundable(order)
    wanted = seats or left
    if not wanted or not set(wanted) <= set(left):
        return Rejection(Code.ALREADY_REFUNDED)
    refund = Refund(refund_id, wanted, order.price(wanted), withhold, reason, now, fingerprint)
    if refund.amount == 0:
        refund = replace(refund, status=RefundStatus.SUCCEEDED)
    asked = replace(order, refunds=(*order.refunds, refund))
    cause, state = Cause.REFUND_REQUESTED, _state_of_refunds(asked)
    return changed(asked, now, cause, Actor.ORGANIZER, state, Task.REFUND, reason)


def next_refund(order: Order) -> Refund | None:
    """The refund to go on with: one whose next step is ours comes before one that the provider is still busy with,
    and what has never failed comes first, for it may be that what has failed always will.
    """
    return min((refund for refund in order.refunds if not refund.over), key=_turn, default=None)


def _turn(refund: Refund) -> tuple[bool, bool]:
    return refund.sent and refund.returned, refund.status is RefundStatus.FAILED


def money_back(
    order: Order, back: MoneyBack, now: int, *, attempt: int | None = None
) -> Order | None:
    """What the provider says of a refund; None when that is known, or is about an earlier attempt at it.

    A refund may seem to have gone through and come back weeks later: then it is tried again as well.
    """
    refund = _refund_tried(order, back.refund_id, attempt)
    if refund is None:
        return None
    same = refund.provider_id == back.provider_id
    if refund.provider_id and same != refund.sent:
        return None  # one that was given up, or a twin of the one that is under way
    told = replace(refund, provider_id=back.provider_id)
    if back.status is RefundStatus.FAILED:
        return _refund_failed(order, told, back.problem, now)
    told = replace(told, status=back.status, problem="")
    if told == refund or refund.status is RefundStatus.SUCCEEDED:
        return None
    cause = Cause.REFUNDED if back.status is RefundStatus.SUCCEEDED else Cause.REFUND_SENT
    return _with_refund(order, told, cause, Actor.PAYMENTS, now)


def refund_refused(
    order: Order, refund_id: str, problem: str, now: int, *, attempt: int | None = None
) -> Order | None:
    """The provider does not take a refund on, for now."""
    refund = _refund_tried(order, refund_id, attempt)
    if refund is None or refund.sent:
        return None
    return _refund_failed(order, refund, problem, now)


def _refund_tried(order: Order, refund_id: str, attempt: int | None) -> Refund | None:
    """A refund of money, if this attempt at it (None: whichever) is the one that is under way."""
    refund = order.refund(refund_id)
    if refund is None or refund.amount == 0 or attempt not in (None, refund.attempt):
        return None
    return refund


def _refund_failed(order: Order, refund: Refund, problem: str, now: int) -> Order:
    """The next attempt is another refund to the provider, and comes after a pause."""
    failed = replace(
        refund, status=RefundStatus.FAILED, problem=problem, attempt=refund.attempt + 1
    )
    after = _with_refund(order, failed, Cause.REFUND_FAILED, Actor.PAYMENTS, now, problem)
    pause = min(RETRY_FIRST_MS * 2 ** min(refund.attempt, DOUBLINGS_MAX), REFUND_RETRY_MS_MAX)
    return replace(after, due_at=now + pause)


def pauses(order: Order, now: int) -> bool:
    """Whether the next step is an attempt at a refund that has failed, and is not due yet."""
    refund = next_refund(order)
    failed = refund is not None and refund.status is RefundStatus.FAILED
    return failed and order.due_at is not None and now < order.due_at


def tickets_returned(order: Order, refund_id: str, now: int) -> Order | None:
    """The tickets of a refund are on sale again, or withheld."""
    refund = order.refund(refund_id)
    if refund is None or refund.returned:
        return None
    returned = replace(refund, returned=True)
    return _with_refund(order, returned, Cause.SEATS_GIVEN_BACK, Actor.TICKETS, now)


def _with_refund(
    order: Order, refund: Refund, cause: Cause, actor: Actor, now: int, detail: str = ""
) -> Order:
    refunds = tuple(refund if one.refund_id == refund.refund_id else one for one in order.refunds)
    after = replace(order, refunds=refunds)
    task = Task.NONE if all(one.over for one in refunds) else Task.REFUND
    return changed(after, now, cause, actor, _state_of_refunds(after), task, detail)


def _state_of_refunds(order: Order) -> State:
    """How much of the money has been given back; as long as none has, what the order was before."""
    given = {
        seat
        for refund in order.refunds
        if refund.status is RefundStatus.SUCCEEDED
        for seat in refund.seats
    }
    if given:
        return State.REFUNDED if given == set(order.seats) else State.PARTIALLY_REFUNDED
    states = (one.state for one in reversed(order.history))
    return next(state for state in states if state not in OF_REFUNDS)
