"""The checkout: makes an order of a hold, and opens its payment.

The order is stored first, then its payment is opened, then the payment's id is stored. A crash in between leaves an
order without a payment, which its buyer can ask for again with the same Idempotency-Key, and which expires with its
hold; or a payment whose secret nobody was told, so that nobody can pay it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from actors import holding
from actors.activation import Clock
from actors.domain import ordering
from actors.domain.block import Ending, Hold
from actors.domain.identity import HoldId
from actors.domain.order import Line, Order, State, Task
from actors.domain.payment import Payment
from actors.domain.rejections import Code, Rejection
from actors.holding import Ask
from actors.journal import JournalUnavailable
from actors.outcomes import Accepted, Unavailable
from cluster.orders.learning import learn
from cluster.orders.ports import OrderStore
from cluster.payments.gateway import (
    MISCONFIGURED,
    OpenPayment,
    PaymentGateway,
    PaymentRefused,
    PaymentRequest,
    PaymentsUnavailable,
)
from cluster.reads.show_view import ShowView
from cluster.store.creation import IdTaken
from cluster.store.orders import HoldTaken

OPEN_ATTEMPTS_MAX = 3
"""How often a payment is opened anew after an answer that it failed; each time under another key."""

PAYABLE = (State.AWAITING_PAYMENT, State.EXPIRED)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a buyer asks for. `order_id` follows from the Idempotency-Key, if there is one (`keyed`)."""

    order_id: str
    fingerprint: str
    keyed: bool
    hold_id: HoldId
    email: str
    name: str


@dataclass(frozen=True, slots=True)
class Ordered:
    """The order stands. `client_secret` is empty when there is nothing (more) to pay; `payment` is its payment at the
    provider, who knows before us what the buyer has done."""

    order: Order
    client_secret: str
    replayed: bool = False
    payment: Payment | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The payment provider does not take this payment; the order is cancelled. `code` is the provider's."""

    code: str


Placed = Ordered | Refused | Rejection | Unavailable


@dataclass(frozen=True, slots=True)
class Checkout:
    """Raises StoreUnavailable. `catch_up` brings the view of a show up to the journal; it raises JournalUnavailable."""

    orders: OrderStore
    gateway: PaymentGateway
    ask: Ask
    clock: Clock
    catch_up: Callable[[str], Awaitable[None]]

    async def order(self, wanted: Wanted, view: ShowView, show_name: str) -> Placed:
        """Make the order, or find it again; its payment is open afterwards."""
        found = await holding.find(self.ask, wanted.hold_id)
        match found:
            case Unavailable():
                return found
            case Accepted(hold) if hold is not None and hold.ending is Ending.LIVE:
                return await self._create(wanted, hold, view, show_name)
            case _:
                return await self._again(wanted, found, show_name)

    async def payment_of(self, order: Order, show_name: str) -> Placed:
        """The payment of an order that was made before, for its buyer to go on with; opened if it never was."""
        return await self._with_payment(order, show_name, replayed=True)

    async def _create(self, wanted: Wanted, hold: Hold, view: ShowView, show_name: str) -> Placed:
        behind = await self._behind(hold, view)
        if behind is not None:
            return behind
        now = self.clock()
        order = ordering.handed_over(new_order(wanted, hold, view, now), now)
        try:
            created = await self.orders.create(order)
        except HoldTaken:
            return Rejection(Code.ORDER_EXISTS)
        if isinstance(created, IdTaken):
            return Rejection(Code.IDEMPOTENCY_KEY_REUSED)
        return await self._with_payment(created.record, show_name, replayed=created.replayed)

    async def _behind(self, hold: Hold, view: ShowView) -> Unavailable | None:
        """A hold that another replica made just after a load may be in blocks that are new to this one."""
        blocks = {hold.primary, *(part.block for part in hold.parts)}
        if blocks <= view.blocks.keys():
            return None
        try:
            await self.catch_up(view.show_id)
        except JournalUnavailable as error:
            return Unavailable(error.told)
        known = blocks <= view.blocks.keys()
        return None if known else Unavailable("not all seats of the show are known here yet")

    async def _again(self, wanted: Wanted, found: object, show_name: str) -> Placed:
        """The hold is over, which does not matter to an order that was made of it before."""
        refusal = found if isinstance(found, Rejection) else Rejection(Code.HOLD_SOLD)
        existing = await self.orders.get(wanted.order_id) if wanted.keyed else None
        if existing is None:
            return refusal
        if existing.fingerprint != wanted.fingerprint:
            return Rejection(Code.IDEMPOTENCY_KEY_REUSED)
        return await self._with_payment(existing, show_name, replayed=True)

    async def _with_payment(self, order: Order, show_name: str, *, replayed: bool) -> Placed:
        if order.state not in PAYABLE or order.task is not Task.WATCH:
            return Ordered(order, "", replayed)
        try:
            if order.payment_id:
                opened = await self.gateway.reopen(order.payment_id)
                return Ordered(order, opened.client_secret, replayed, opened.payment)
            if order.state is State.EXPIRED:
                return Ordered(order, "", replayed)
            opened = await self._open(order, show_name)
            return await self._opened(order, opened, replayed=replayed)
        except PaymentsUnavailable as error:
            return Unavailable(str(error), error.retry_after_seconds)
        except PaymentRefused as error:
            if error.code == MISCONFIGURED:
                return Unavailable("payments are not set up")
            await learn(self.orders, self.clock, order, partial(_refused, error.code))
            return Refused(error.code)

    async def _open(self, order: Order, show_name: str) -> OpenPayment:
        """A second payment of an order does no harm: only the one whose secret is told can be paid."""
        request = PaymentRequest(
            order.order_id, order.show_id, order.amount, order.currency, show_name
        )
        attempt = 1
        while True:
            try:
                return await self.gateway.open(request, f"{order.order_id}-open-{attempt}")
            except PaymentsUnavailable as error:
                if not error.answered or attempt >= OPEN_ATTEMPTS_MAX:
                    raise
                attempt += 1

    async def _opened(self, order: Order, opened: OpenPayment, *, replayed: bool) -> Placed:
        payment_id = opened.payment.payment_id
        after = await learn(self.orders, self.clock, order, partial(_payment_opened, payment_id))
        if after.payment_id == payment_id:
            return Ordered(after, opened.client_secret, replayed, opened.payment)
        await self.gateway.cancel(payment_id, f"{order.order_id}-close-{payment_id}")
        return await self._reopened(after, replayed=replayed)

    async def _reopened(self, order: Order, *, replayed: bool) -> Placed:
        """Somebody was faster: a twin of this request, or the end of the hold."""
        if order.payment_id and order.state in PAYABLE:
            opened = await self.gateway.reopen(order.payment_id)
            return Ordered(order, opened.client_secret, replayed, opened.payment)
        return Ordered(order, "", replayed)


def new_order(wanted: Wanted, hold: Hold, view: ShowView, now: int) -> Order:
    """The order of a hold, in its first version. `view` must know the blocks of the hold."""
    assert view.rules is not None  # a view is not handed out before its registers are open
    parts = [(hold.primary, hold.tickets), *((part.block, part.tickets) for part in hold.parts)]
    order = Order(
        order_id=wanted.order_id,
        fingerprint=wanted.fingerprint,
        show_id=view.show_id,
        token=hold.token,
        primary=hold.primary,
        epoch=hold.epoch,
        hold_fingerprint=hold.fingerprint,
        email=wanted.email,
        name=wanted.name,
        amount=hold.amount,
        currency=view.rules.currency,
        lines=tuple(_line(view, block, tickets) for block, tickets in sorted(parts) if tickets),
        state=State.AWAITING_PAYMENT,
        task=Task.WATCH,
        version=0,
        created_at=now,
        deadline=hold.deadline,
        due_at=None,
    )
    return ordering.ordered(order, now)


def _line(view: ShowView, block: int, tickets: tuple[int, ...]) -> Line:
    layout = view.blocks[block].layout
    return Line(
        block,
        tickets,
        tuple(layout.label(ticket) for ticket in tickets),
        tuple(layout.categories[layout.category_of[ticket]].name for ticket in tickets),
        tuple(layout.price(ticket) for ticket in tickets),
    )


def _payment_opened(payment_id: str, order: Order, now: int) -> Order | None:
    return ordering.payment_opened(order, payment_id, now)


def _refused(code: str, order: Order, now: int) -> Order | None:
    refused = ordering.payment_refused(order, code, now)
    return None if refused is None else ordering.handed_over(refused, now)
