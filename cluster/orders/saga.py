"""The saga of an order: whatever was heard of it, and its task, carried as far as they go now.

It begins anywhere and may be begun twice: each step is safe to repeat, and what it came to is stored (compare-and-set)
before the next one. What cannot be done now is put off, with its time kept in the order itself. (H. Garcia-Molina and
K. Salem, "Sagas", 1987; the steps are those of `actors.domain.ordering`.)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import structlog

from actors import holding
from actors.activation import Clock
from actors.domain import ordering, repaying
from actors.domain.block import Ending
from actors.domain.identity import HoldId
from actors.domain.order import Order, State, Task
from actors.domain.payment import Payment, PaymentStatus
from actors.domain.rejections import Code, Rejection
from actors.holding import Ask
from actors.outcomes import Accepted, Unavailable
from cluster.orders.learning import learn
from cluster.orders.ports import Announce, Fact, OrderStore
from cluster.orders.refunding import Refunding
from cluster.orders.seats import OrderSeats, PartUnavailable
from cluster.payments.gateway import (
    MISCONFIGURED,
    PaymentGateway,
    PaymentRefused,
    PaymentsUnavailable,
)

STEPS_MAX = 64
"""Steps of one order at a time: far more than any order needs, so reaching it is a defect, and is logged."""

SECURE_MS = 600_000
"""How much longer the seats are kept when the bank is still deciding; asked for again at each look."""

_log = structlog.get_logger()

Step = Callable[[Order], Awaitable[Fact | None]]


@dataclass(frozen=True, slots=True)
class Saga:
    """Every method raises StoreUnavailable; all else that is away is waited for by the order itself."""

    orders: OrderStore
    gateway: PaymentGateway
    ask: Ask
    refunding: Refunding
    clock: Clock
    announce: Announce

    @property
    def seats(self) -> OrderSeats:
        return OrderSeats(self.ask)

    async def learn(self, order: Order, fact: Fact) -> Order:
        """Store what a fact makes of the order; the order as it stands then.

        Its tickets are issued before anybody can see that it is paid: then the door knows whatever its page shows.
        """
        expected = fact(order, self.clock())
        if expected is not None and (order.state, expected.state) == (State.AUTHORISED, State.PAID):
            await self.refunding.register.issue(expected)
        after = await learn(self.orders, self.clock, order, fact)
        if after.version > order.version:
            self.announce(after)
        return after

    async def see(self, order: Order, payment: Payment) -> Order:
        """Learn of its payment. While the bank decides, the seats are kept."""
        after = await self.learn(
            order, lambda order, now: ordering.payment_seen(order, payment, now)
        )
        if payment.status is PaymentStatus.PROCESSING and waits(after):
            await self._keep_seats(after)
        return after

    async def review(self, order: Order) -> Order:
        """Something was heard of its refunds. Raises PaymentsUnavailable, PaymentRefused."""
        for fact in await self.refunding.review(order):
            order = await self.learn(order, fact)
        return order

    async def work(self, order: Order) -> Order:
        """Do what there is to do about an order now; the order as it stands then."""
        for _ in range(STEPS_MAX):
            at_rest = order.task in (Task.NONE, Task.WATCH)
            if at_rest or repaying.pauses(order, self.clock()):
                return order
            after = await self._advance(order, self._step)
            if after is None:
                return order
            order = after
        _log.error("order.endless", show=order.show_id, state=order.state, task=order.task)
        return order

    async def look(self, order: Order) -> Order:
        """An order is due: look at its payment and at its hold, then go on with it."""
        if order.task is Task.WATCH:
            order = await self._advance(order, self._watch) or order
        return await self.work(order)

    async def _advance(self, order: Order, step: Step) -> Order | None:
        """One step further; None when it cannot be taken now: then the order is put off."""
        now, new_key, unavailable = self.clock(), False, False
        try:
            fact = await step(order)
            after = order if fact is None else await self.learn(order, fact)
            if after.version != order.version:
                return after
            reason = "nothing new"
        except PaymentsUnavailable as error:
            reason, new_key, unavailable = str(error), error.answered, True
        except PaymentRefused as error:
            reason = error.code
            new_key = error.code != MISCONFIGURED  # a refusal is kept under its key as well
            _log.error("order.refused", show=order.show_id, task=order.task, code=error.code)
        except PartUnavailable as error:
            reason, unavailable = str(error), True
        if order.task is not Task.WATCH:
            _log.info("order.put_off", show=order.show_id, task=order.task, reason=reason)
        due_at = ordering.retry_at(order, now, unavailable=unavailable)
        await self.orders.put_off(order, due_at, new_key=new_key)
        return None

    async def _step(self, order: Order) -> Fact | None:
        match order.task:
            case Task.SELL:
                return await self._sell(order)
            case Task.CAPTURE:
                return await self._capture(order)
            case Task.UNDO:
                if order.ticketed:
                    await self.refunding.register.void_seats(order, order.seats, order.reason)
                await self.seats.cancel(order)
                return ordering.undone
            case Task.VOID:
                return await self._void(order)
            case Task.REFUND:
                return await self.refunding.step(order)
            case Task.WATCH | Task.NONE:
                return None

    async def _sell(self, order: Order) -> Fact:
        """Sell what the hold has; if it ran out, hold the same seats again first, unless somebody else has them."""
        refusal = await self.seats.confirm(order)
        if refusal is not None:
            refusal = await self.seats.secure(order, self.clock() + SECURE_MS)
            if refusal is None:
                refusal = await self.seats.confirm(order)
        if refusal is None:
            return ordering.sold
        return partial(_gone, refusal)

    async def _capture(self, order: Order) -> Fact | None:
        """Take the money. Before it is tried again, what has become of it is read."""
        if order.attempts:
            payment = await self.gateway.find(order.payment_id)
            if payment.status is not PaymentStatus.AUTHORISED:
                return partial(_captured, payment)
        try:
            payment = await self.gateway.capture(order.payment_id, _key(order, "capture"))
        except PaymentRefused as error:
            if error.code == MISCONFIGURED:
                raise
            return partial(_capture_refused, error.code)
        return partial(_captured, payment)

    async def _void(self, order: Order) -> Fact | None:
        payment = await self.gateway.cancel(order.payment_id, _key(order, "cancel"))
        return partial(_voided, payment)

    async def _watch(self, order: Order) -> Fact | None:
        """The payment first: one that is authorised is worth more than what the clock says of the hold."""
        if order.payment_id:
            payment = await self.gateway.find(order.payment_id)
            if ordering.payment_seen(order, payment, self.clock()) is not None:
                return lambda order, now: ordering.payment_seen(order, payment, now)
            if payment.status is PaymentStatus.PROCESSING:
                if waits(order):
                    await self._keep_seats(order)
                return None  # a payment that is being decided cannot be closed
        if order.state is State.EXPIRED:
            return ordering.too_late
        if self.clock() < order.deadline:
            return None
        return await self.ask_hold(order)

    async def ask_hold(self, order: Order) -> Fact | None:
        """Whether a hold is over is for its ticket to say, by its own clock. Raises PartUnavailable."""
        outcome = await holding.find(self.ask, HoldId(order.show_id, order.primary, order.token))
        match outcome:
            case Accepted(hold) if hold is not None and hold.ending is Ending.LIVE:
                return partial(_extended, hold.deadline)
            case Rejection(code):
                expired = code is Code.HOLD_EXPIRED
                return lambda order, now: ordering.hold_over(order, expired=expired, now=now)
            case Unavailable(detail):
                raise PartUnavailable(detail)
            case _:
                return None

    async def _keep_seats(self, order: Order) -> None:
        """Best effort: a hold that has run out meanwhile is not made again before the money is there."""
        if self.clock() >= order.deadline:
            return
        try:
            await self.seats.secure(order, self.clock() + SECURE_MS)
        except PartUnavailable as error:
            _log.info("order.not_secured", show=order.show_id, reason=str(error))


def waits(order: Order) -> bool:
    return (order.state, order.task) == (State.AWAITING_PAYMENT, Task.WATCH)


def _key(order: Order, step: str) -> str:
    """One idempotency key per order and step, and a new one only after an answer that it failed."""
    return f"{order.order_id}-{step}-{order.key_number}"


def _gone(refusal: Rejection, order: Order, now: int) -> Order | None:
    return ordering.seats_gone(order, now, refusal.code)


def _captured(payment: Payment, order: Order, now: int) -> Order | None:
    return ordering.captured(order, payment, now)


def _capture_refused(code: str, order: Order, now: int) -> Order | None:
    return ordering.capture_refused(order, code, now)


def _voided(payment: Payment, order: Order, now: int) -> Order | None:
    return ordering.voided(order, payment, now)


def _extended(deadline: int, order: Order, now: int) -> Order | None:
    return ordering.hold_extended(order, deadline, now)
