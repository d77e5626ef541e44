"""The payment service: carries orders to their end. It lives off three things, each of which may be late or missing.

* the journal: holds that were extended, given back or ran out, and sales that should not be;
* the provider's notices, as the webhook stored them;
* the orders themselves: each knows when it is to be looked at next, so none is forgotten because nobody speaks of it.

What was heard is stored in the order before it is acknowledged; the work that follows goes on in the background, and
what a killed service left behind is taken up from the orders.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol

import structlog

from actors.activation import Clock
from actors.codec import EVENT_TYPES, decode_commit
from actors.domain import ordering
from actors.domain.events import (
    Event,
    HoldExpired,
    HoldExtended,
    HoldReleased,
    HoldSecured,
    TicketsSold,
)
from actors.domain.identity import BlockKey
from actors.domain.order import Order, State, Task
from actors.metrics import DISPUTE_NOTICES, WEBHOOK_LAG
from actors.telemetry import SILENT, TRACE, Meter
from cluster.journal.consumer import Delivery, TryLater
from cluster.journal.streams import block_of
from cluster.orders.announcing import Announcer
from cluster.orders.intrusions import Intrusions
from cluster.orders.ports import Fact, OrderStore
from cluster.orders.saga import Saga, waits
from cluster.orders.seats import PartUnavailable
from cluster.payments.gateway import MISCONFIGURED, PaymentRefused, PaymentsUnavailable
from cluster.payments.notice import Notice
from cluster.store.mongo import StoreUnavailable
from cluster.ticketing.document import order_reference

SWEEP_SECONDS = 0.5
"""How often orders that are due are looked for."""

ORDERS_AT_WORK_MAX = 64
"""Orders that are worked on at a time."""

QUEUE_ORDERS_MAX = 5_000
"""Orders that wait for their turn; beyond it the consumers wait, and the server keeps their messages."""

UNTOLD_MS = 2_000
"""Transitions that nobody has published after so long are published by the sweep."""

HEARD = tuple(
    b'"%s"' % name.encode()
    for name, kind in EVENT_TYPES.items()
    if kind in (HoldExtended, HoldSecured, HoldReleased, HoldExpired, TicketsSold)
)
"""What a commit that concerns orders has in it: during an on-sale most are new holds, and need not be decoded."""

OVERDUE_MS = 10_000
"""An order that is due for longer than this counts as waiting, in the service's health."""

_log = structlog.get_logger()


class Consumer(Protocol):
    """A durable consumer, as `cluster.journal.consumer` has it."""

    consuming: bool

    def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def lag(self) -> int: ...


class Wakes(Protocol):
    """Waits to be told that there is something to do (see `cluster.journal.pokes`)."""

    async def wait(self, seconds: float) -> None: ...


Handler = Callable[[list[Delivery]], Awaitable[None]]
ReadNotice = Callable[[bytes], Notice | None]
"""A stored notice; None for one that says nothing that we know."""


class PaymentService:
    """`consume_commits` and `consume_notices` make the two consumers from their handlers. `breaker_open`: whether the
    provider is being left alone, None where there is none."""

    def __init__(
        self,
        consume_commits: Callable[[Handler], Consumer],
        consume_notices: Callable[[Handler], Consumer],
        read_notice: ReadNotice,
        saga: Saga,
        announcer: Announcer,
        wakes: Wakes,
        clock: Clock,
        meter: Meter = SILENT.meter,
        breaker_open: Callable[[], bool | None] = lambda: None,
    ) -> None:
        self._commits = consume_commits(self.on_commits)
        self._notices = consume_notices(self.on_notices)
        self._read_notice = read_notice
        self._saga = saga
        self._orders: OrderStore = saga.orders
        self._announcer = announcer
        self._wakes = wakes
        self._clock = clock
        self._meter = meter
        self._breaker_open = breaker_open
        self._webhook_ms: int | None = None
        self._intrusions = Intrusions(saga.orders, saga.ask)
        self._queue: OrderedDict[str, tuple[Order, str]] = OrderedDict()
        self._at_work: dict[str, asyncio.Task[None]] = {}
        self._room = asyncio.Event()
        self._stopping = False
        self._done = 0
        self._waiting_for = ""

    async def run(self) -> None:
        self._commits.start()
        self._notices.start()
        try:
            while not self._stopping:
                await self._sweep()
                await self._wakes.wait(SWEEP_SECONDS)
        finally:
            await asyncio.gather(self._commits.stop(), self._notices.stop())
            await asyncio.gather(*self._at_work.values(), return_exceptions=True)
            await self._announcer.close()

    async def stop(self) -> None:
        self._stopping = True

    async def overdue(self) -> int:
        """Orders that wait for longer than they should. Raises StoreUnavailable."""
        return await self._orders.waiting(self._clock() - OVERDUE_MS)

    async def health(self) -> dict[str, Any]:
        commits, notices = await self._commits.lag(), await self._notices.lag()
        return {
            "lag": commits + notices,
            "commits_waiting": commits,
            "notices_waiting": notices,
            "webhook_ms": self._webhook_ms,
            "breaker_open": self._breaker_open(),
            "consuming": self._commits.consuming and self._notices.consuming,
            "orders_waiting": await self.overdue(),
            "orders_at_work": len(self._at_work) + len(self._queue),
            "orders_done": self._done,
            "waiting_for": self._waiting_for,
        }

    async def on_commits(self, deliveries: list[Delivery]) -> None:
        """Learn what became of holds that have an order; returns when that is stored."""
        news, sales = dict[str, tuple[BlockKey, Event]](), list[tuple[BlockKey, TicketsSold]]()
        for delivery in deliveries:
            if not any(kind in delivery.payload for kind in HEARD):
                continue
            block = block_of(delivery.subject)
            for event in decode_commit(delivery.payload).events:
                match event:
                    case HoldExtended() | HoldSecured() | HoldReleased() | HoldExpired():
                        news[f"{block.block}-{event.token}"] = (block, event)
                    case TicketsSold():
                        sales.append((block, event))
                    case _:
                        pass
        try:
            await self._hear(news.values())
            await self._intrusions.turn_out(sales)
        except (StoreUnavailable, PaymentsUnavailable) as error:
            raise TryLater(str(error)) from None

    async def _hear(self, news: Iterable[tuple[BlockKey, Event]]) -> None:
        heard = list(news)
        if not heard:
            return
        tokens = {event.token for _, event in heard}  # type: ignore[union-attr]
        orders = {order.token: order for order in await self._orders.of_holds(tokens)}
        told = [
            self._hear_of(order, event)
            for block, event in heard
            if (order := orders.get(event.token)) is not None  # type: ignore[union-attr]
            and (order.show_id, order.primary) == (block.show_id, block.block)
        ]
        await asyncio.gather(*told)

    async def _hear_of(self, order: Order, event: Event) -> None:
        fact = await self._fact(order, event)
        if fact is not None:
            await self._learn(order, fact)

    async def _fact(self, order: Order, event: Event) -> Fact | None:
        """What an event comes to for its order. That a hold has ended is a hint: an earlier one of the same token may
        have, which its buyer was never told of. So the ticket is asked; if it does not answer, the order asks it later.
        """
        match event:
            case HoldExtended(deadline=deadline) | HoldSecured(deadline=deadline):
                return lambda order, now: ordering.hold_extended(order, deadline, now)
            case HoldReleased() | HoldExpired() if waits(order):
                try:
                    return await self._saga.ask_hold(order)
                except PartUnavailable as error:
                    _log.info("order.hold_not_asked", show=order.show_id, reason=str(error))
            case _:
                pass
        return None

    async def on_notices(self, deliveries: list[Delivery]) -> None:
        """Learn what the provider says of payments; returns when that is stored."""
        read = [self._read_notice(delivery.payload) for delivery in deliveries]
        notices = [notice for notice in read if notice is not None]
        try:
            named = await self._orders.of_ids({one.order_id for one in notices if one.order_id})
        except StoreUnavailable as error:
            raise TryLater(str(error)) from None
        orders = {order.order_id: order for order in named}
        results = await asyncio.gather(
            *[self._notice(notice, orders.get(notice.order_id)) for notice in notices],
            return_exceptions=True,
        )
        for result in results:
            if isinstance(result, StoreUnavailable | PaymentsUnavailable):
                raise TryLater(str(result))
            if isinstance(result, PaymentRefused):
                if result.code == MISCONFIGURED:
                    raise TryLater(result.code)
                _log.error("payment.notice_refused", code=result.code)
            elif isinstance(result, BaseException):
                raise result

    async def _notice(self, notice: Notice, order: Order | None) -> None:
        """Notices of others who use the same account are nobody's."""
        if order is None and notice.payment_id and not notice.order_id:
            order = await self._orders.of_payment(notice.payment_id)
        if order is None:
            return
        if notice.disputes:
            self._meter.count(DISPUTE_NOTICES, 1)
            reference = order_reference(order.order_id)  # the id itself is the buyer's authority
            _log.warning("order.disputed", show=order.show_id, order=reference, kind=notice.kind)
        if notice.payment is not None:
            order = await self._saga.see(order, notice.payment)
        elif order.refunds:
            order = await self._saga.review(order)
        self._webhook_ms = max(0, self._clock() - notice.created_ms)
        self._meter.observe(WEBHOOK_LAG, self._webhook_ms / 1000)
        await self._enqueue(order)

    async def _learn(self, order: Order, fact: Fact) -> Order:
        after = await self._saga.learn(order, fact)
        if after.version != order.version:
            await self._enqueue(after)
        return after

    async def _sweep(self) -> None:
        now = self._clock()
        try:
            for order in await self._orders.due(now):
                await self._enqueue(order)
            await self._announcer.catch_up(now - UNTOLD_MS)
            self._waiting_for = ""
        except StoreUnavailable as error:
            self._waiting_for = str(error)

    async def _enqueue(self, order: Order) -> None:
        """Have an order worked on. One that is at work, or waits for its turn, is looked at afresh by whoever does."""
        while len(self._queue) >= QUEUE_ORDERS_MAX and order.order_id not in self._queue:
            self._room.clear()
            await self._room.wait()
        known = self._queue.get(order.order_id)
        if known is None or known[0].version < order.version:
            self._queue[order.order_id] = order, TRACE.get()
        self._start()

    def _start(self) -> None:
        for order_id in list(self._queue):
            if len(self._at_work) >= ORDERS_AT_WORK_MAX:
                return
            if order_id not in self._at_work:
                order, trace = self._queue.pop(order_id)
                self._at_work[order_id] = asyncio.create_task(self._work(order, trace))
        self._room.set()

    async def _put_off(self, order: Order) -> None:
        """A defect is no reason to try an order twice a second for ever: many of them would keep all others waiting."""
        due_at = ordering.retry_at(order, self._clock(), unavailable=True)
        try:
            await self._orders.put_off(order, due_at)
        except StoreUnavailable as error:
            self._waiting_for = str(error)

    async def _work(self, order: Order, trace: str) -> None:
        """One order, until it rests. What it needs and cannot have, it is put off for. `trace` is of what was heard."""
        TRACE.set(trace)
        paid, selling = False, order.task is Task.SELL
        if selling:
            self._intrusions.welcome(order)
        try:
            due = order.due_at is not None and order.due_at <= self._clock()
            after = await (self._saga.look(order) if due else self._saga.work(order))
            if after.task is Task.NONE and order.task is not Task.NONE:
                self._done += 1
            paid = after.state is State.PAID
        except StoreUnavailable as error:
            self._waiting_for = str(error)  # the sweep comes back to it
        except Exception:
            _log.exception("order.failed", show=order.show_id, state=order.state, task=order.task)
            await self._put_off(order)
        finally:
            if paid:
                self._intrusions.welcome(order)
            elif selling:
                self._intrusions.doubt(order)
            del self._at_work[order.order_id]
            self._start()
