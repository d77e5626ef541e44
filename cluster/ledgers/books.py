"""Reading the three ledgers: once in full, and again only what does not agree."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass, field
from typing import Protocol

from actors.domain.order import Order
from cluster.ledgers.disagreement import Disagreement
from cluster.ledgers.entries import Account, Ledgers, SoldTicket, sold_tickets
from cluster.ledgers.journal_fold import JournalFold
from cluster.ledgers.reconciliation import disagreements
from cluster.payments.gateway import MISCONFIGURED, PaymentGateway, PaymentRefused

SETTLE_SECONDS_MAX = 10.0
"""How long a disagreement may be one that is just being put right: an order that is being paid, say."""

SETTLE_POLL_SECONDS = 1.0
CLOCKS_DIFFER_MS = 60_000
"""By how much the provider's clock may be behind ours: its list begins so much earlier."""

READS_AT_ONCE = 16
PROGRESS_EVERY = 100


class OrderBook(Protocol):
    """The orders (see `cluster.store.orders`)."""

    async def get(self, order_id: str) -> Order | None: ...

    def of_show(self, show_id: str) -> AsyncIterator[Order]: ...


Progress = Callable[[str, int], None]
"""What is being read, and how many of it so far."""


def silent(_what: str, _count: int) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What came of comparing: `standing` disagreements are there to stay, `moving` orders were still on their way."""

    ledgers: Ledgers
    standing: list[Disagreement]
    moving: set[str]


@dataclass(slots=True)
class Books:
    """`gateway` is None where no payment provider is set up, `clock` gives ms since the epoch. Every method raises
    JournalUnavailable, StoreUnavailable, PaymentsUnavailable or PaymentRefused."""

    fold: JournalFold
    book: OrderBook
    gateway: PaymentGateway | None
    clock: Callable[[], int]
    progress: Progress = silent
    orders: dict[str, Order] = field(default_factory=dict[str, Order])
    account: Account = field(default_factory=Account)

    async def reconciled(self) -> Reconciled:
        """Compare, and read again what does not agree, until it does or has not for SETTLE_SECONDS_MAX."""
        clock = asyncio.get_running_loop().time
        await self._read()
        found = self._found()
        standing, deadline = found, clock() + SETTLE_SECONDS_MAX
        while standing and clock() < deadline:
            await asyncio.sleep(SETTLE_POLL_SECONDS)
            await self._read_again({one.order_id for one in found.values()})
            found = self._found()
            standing = {key: found[key] for key in standing if key in found}
        moving = {one.order_id for key, one in found.items() if key not in standing}
        return Reconciled(self._ledgers(), list(standing.values()), moving)

    def _found(self) -> dict[tuple[str, ...], Disagreement]:
        return {one.key: one for one in disagreements(self._ledgers())}

    def _ledgers(self) -> Ledgers:
        return Ledgers(
            self._sold(),
            self.orders,
            self.account if self.gateway is not None else None,
            self.clock(),
            whole=self.fold.show_id is None,
        )

    def _sold(self) -> list[SoldTicket]:
        shows = self.fold.audits.items()
        return [ticket for show_id, blocks in shows for ticket in sold_tickets(show_id, blocks)]

    async def _read(self) -> None:
        """The orders first: what one of them says was sold is in the journal, which is read later. Where nothing was
        ever ordered or sold the provider is not asked."""
        for show_id in list(self.fold.audits):
            async for order in self.book.of_show(show_id):
                self.orders[order.order_id] = order
                self._tell("orders", len(self.orders))
        await self.fold.read_on()
        if self.gateway is None or not (self.orders or self._sold()):
            return
        since = max(0, self.fold.began_at - CLOCKS_DIFFER_MS)
        own, payments = {order.payment_id for order in self.orders.values()}, self.account.payments
        listed = 0
        async for payment in self.gateway.payments(since):
            listed += 1
            self._tell("payments", listed)
            if payment.payment_id in own or self._ours(payment.order_id):
                payments[payment.payment_id] = payment
        listed = 0
        async for payment_id, refund in self.gateway.refunds(since):
            listed += 1
            self._tell("refunds", listed)
            if payment_id in payments:
                self.account.refunds.setdefault(payment_id, []).append(refund)

    def _ours(self, order_id: str) -> bool:
        """Whether a payment for this order is one of the shows that are looked at."""
        return order_id in self.orders or (self.fold.show_id is None and order_id != "")

    async def _read_again(self, order_ids: Collection[str]) -> None:
        """These orders with their payments, and what has been added to the journal."""
        gate = asyncio.Semaphore(READS_AT_ONCE)

        async def read(order_id: str) -> None:
            async with gate:
                await self._read_order(order_id)

        await asyncio.gather(*[read(order_id) for order_id in order_ids if order_id])
        await self.fold.read_on()

    async def _read_order(self, order_id: str) -> None:
        order = await self.book.get(order_id)
        if order is not None and self.fold.show_id in (None, order.show_id):
            self.orders[order_id] = order
        else:
            self.orders.pop(order_id, None)
        if self.gateway is None:
            return
        known = {
            one.payment_id for one in self.account.payments.values() if one.order_id == order_id
        }
        own = {order.payment_id} if order is not None and order.payment_id else set[str]()
        for payment_id in known | own:
            await self._read_payment(self.gateway, payment_id)

    async def _read_payment(self, gateway: PaymentGateway, payment_id: str) -> None:
        try:
            self.account.payments[payment_id] = await gateway.find(payment_id)
        except PaymentRefused as error:
            if error.code == MISCONFIGURED:
                raise
            # There is no such payment.
            self.account.payments.pop(payment_id, None)
            self.account.refunds.pop(payment_id, None)
            return
        self.account.refunds[payment_id] = await gateway.given_back(payment_id)

    def _tell(self, what: str, count: int) -> None:
        if count % PROGRESS_EVERY == 0:
            self.progress(what, count)
