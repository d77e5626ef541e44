"""The watch: looks at what must never be, while the product runs, and says how often it is.

It trusts nobody: it folds the whole journal with the auditor of `frontrow verify`, from the beginning, and goes on
from there; and it compares the orders that anything has happened to with what the journal has sold. What it finds in
an order counts when it is still so after SETTLE_MS: an order that is just being paid is no finding. It decides nothing,
and dead it harms nobody.

What it leaves to `frontrow verify`: the parts of holds over several blocks, seats loaded twice, the read model, the
money at the provider.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator
from typing import Any, Protocol

import structlog

from actors.activation import Clock
from actors.codec import Commit
from actors.domain.audit import STATES, BlockAudit
from actors.domain.events import SaleCancelled, TicketsReturned, TicketsSold
from actors.domain.identity import BlockKey
from actors.domain.order import Order
from actors.journal import JournalUnavailable
from actors.metrics import (
    JOURNAL_VIOLATIONS,
    OVERSOLD,
    PAID_WITHOUT_SEATS,
    SOLD_WITHOUT_PAYMENT,
    TICKETS,
    WATCHED_AT,
)
from actors.telemetry import Meter
from cluster.ledgers.disagreement import Disagreement, Kind
from cluster.ledgers.entries import Ledgers, SoldTicket, sold_tickets
from cluster.ledgers.journal_fold import Feed, Following, JournalFold
from cluster.ledgers.seats import seat_disagreements
from cluster.services.service import wait
from cluster.store.mongo import StoreUnavailable

ROUND_SECONDS = 5.0
SETTLE_MS = 10_000
ORDERS_AT_ONCE_MAX = 500
"""Orders compared before anything else gets its turn."""

ORDER_EVENTS = "orders.>"

COUNTED = {
    Kind.PAID_WITHOUT_SEATS: PAID_WITHOUT_SEATS,
    Kind.SOLD_WITHOUT_ORDER: SOLD_WITHOUT_PAYMENT,
    Kind.SOLD_WITHOUT_PAYMENT: SOLD_WITHOUT_PAYMENT,
}
"""The kinds that are counted, all of those that come from seats but for the price."""

_log = structlog.get_logger()


class OrderBook(Protocol):
    """The orders (see `cluster.store.orders`). Raises StoreUnavailable."""

    async def of_ids(self, order_ids: Iterable[str]) -> list[Order]: ...


class WatchService:
    """`journal` and `order_events` are feeds of these two streams."""

    def __init__(
        self,
        journal: Feed,
        order_events: Feed,
        orders: OrderBook,
        meter: Meter,
        clock: Clock,
        round_seconds: float = ROUND_SECONDS,
    ) -> None:
        self._fold = JournalFold(journal)
        self._fold.heard = self._heard
        self._order_events = order_events
        self._orders = orders
        self._meter = meter
        self._clock = clock
        self._round_seconds = round_seconds
        self._stopping = asyncio.Event()
        self._following: Following | None = None
        self._touched: dict[str, set[BlockKey]] = {}
        self._found: dict[tuple[str, ...], tuple[Disagreement, int]] = {}
        self._waiting_for = ""

    async def run(self) -> None:
        self._following = await self._order_events.follow(ORDER_EVENTS, 0, self._on_order_event)
        try:
            while not self._stopping.is_set():
                try:
                    await self.look()
                    self._waiting_for = ""
                except (JournalUnavailable, StoreUnavailable) as error:
                    self._waiting_for = str(error)
                await wait(self._stopping, self._round_seconds)
        finally:
            await self._following.stop()

    async def stop(self) -> None:
        self._stopping.set()

    async def health(self) -> dict[str, Any]:
        last = await self._fold.feed.last_sequence("journal.>")
        return {
            "lag": max(0, last - self._fold.sequence),
            "watched": self._fold.sequence,
            "waiting_for": self._waiting_for,
            "violations": self._violations()[0],
            "disagreements": len(self._standing()),
        }

    async def look(self) -> None:
        """One round. What it did not get round to because something was away stays to be looked at."""
        await self._fold.read_on()
        for one, _ in self._found.values():
            self._touch(one.order_id, self._blocks_of(one))
        wanted = list(self._touched)
        for first in range(0, len(wanted), ORDERS_AT_ONCE_MAX):
            # Taken out first: what happens to an order while it is looked at is for the next round.
            some = {one: self._touched.pop(one) for one in wanted[first:][:ORDERS_AT_ONCE_MAX]}
            try:
                await self._compare(some)
            except (JournalUnavailable, StoreUnavailable):
                for order_id, blocks in some.items():
                    self._touch(order_id, blocks)
                raise
        self._tell()

    async def _compare(self, touched: dict[str, set[BlockKey]]) -> None:
        """The orders first: what one of them says was sold is in the journal, which is read later."""
        now = self._clock()
        orders = {order.order_id: order for order in await self._orders.of_ids(touched)}
        await self._fold.read_on()
        blocks = set[BlockKey]().union(*touched.values())
        for order in orders.values():
            blocks.update(BlockKey(order.show_id, block) for block in order.blocks)
        sold = [ticket for ticket in self._sold(blocks) if ticket.order_id in touched]
        found = {
            one.key: one
            for one in seat_disagreements(Ledgers(sold, orders, None, now))
            if one.kind in COUNTED
        }
        before = {key: seen for key, seen in self._found.items() if seen[0].order_id in touched}
        for key in before.keys() - found.keys():
            del self._found[key]
        for key, one in found.items():
            self._found.setdefault(key, (one, now))

    def _sold(self, blocks: Collection[BlockKey]) -> Iterator[SoldTicket]:
        for block in blocks:
            audit = self._fold.audits.get(block.show_id, {}).get(block.block)
            if audit is not None:
                yield from sold_tickets(block.show_id, {block.block: audit})

    def _blocks_of(self, one: Disagreement) -> Iterable[BlockKey]:
        """Where the tickets of a finding are: it may be about an order that is not there to be asked."""
        for block, audit in self._fold.audits.get(one.show_id, {}).items():
            if audit.layout is not None and one.seat in audit.layout.labels():
                yield BlockKey(one.show_id, block)

    def _standing(self) -> list[Disagreement]:
        since = self._clock() - SETTLE_MS
        return [one for one, seen_at in self._found.values() if seen_at <= since]

    def _violations(self) -> tuple[int, int]:
        """All of the journal's, and those that gave a seat to two."""
        found = [violation for audit in self._audits() for violation in audit.violations]
        return len(found) + len(self._fold.unreadable), sum(one.doubled for one in found)

    def _audits(self) -> Iterator[BlockAudit]:
        for blocks in self._fold.audits.values():
            yield from blocks.values()

    def _tell(self) -> None:
        counts = dict.fromkeys(COUNTED.values(), 0)
        for one in self._standing():
            counts[COUNTED[one.kind]] += 1
        for metric, number in counts.items():
            self._meter.put(metric, number)
        violations, doubled = self._violations()
        if violations or any(counts.values()):
            names = {metric.name: number for metric, number in counts.items()}
            _log.error("watch.found", violations=violations, oversold=doubled, **names)
        self._meter.put(JOURNAL_VIOLATIONS, violations)
        self._meter.put(OVERSOLD, doubled)
        tickets = [0] * len(STATES)
        for audit in self._audits():
            audit.shared.clear()  # it only grows, and parts are not compared here
            for status in range(len(STATES)):
                tickets[status] += audit.status.count(status)
        for state, number in zip(STATES, tickets, strict=True):
            self._meter.put(TICKETS, number, state)
        self._meter.put(WATCHED_AT, self._clock() / 1000)

    def _heard(self, block: BlockKey, commit: Commit) -> None:
        for event in commit.events:
            if isinstance(event, TicketsSold | TicketsReturned | SaleCancelled):
                self._touch(event.order_id, (block,))

    def _on_order_event(self, subject: str, _sequence: int, _payload: bytes) -> None:
        self._touch(subject.split(".")[2])

    def _touch(self, order_id: str, blocks: Iterable[BlockKey] = ()) -> None:
        self._touched.setdefault(order_id, set()).update(blocks)
