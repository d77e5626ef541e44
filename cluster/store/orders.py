"""Orders: the store of record of who buys what, and how far the payment has come.

A document has its version; every change names the version that it is based on, and only one of two wins. Changes are
small: what an order is made of never changes, and its history only grows.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import asdict, fields
from typing import Any

from actors.domain.order import Actor, Cause, Line, Order, Refund, State, Task, Transition
from actors.domain.payment import RefundStatus
from actors.metrics import ORDER_TRANSITIONS
from actors.telemetry import SILENT, Meter
from cluster.accounts.address import mailbox_of
from cluster.store.creation import Created, IdTaken
from cluster.store.mongo import Collection, Database, Document, Write
from cluster.store.order_tally import (
    BY_STATE,
    GROUPS_MAX,
    HAS_REFUNDS,
    REFUNDS_INDEX,
    TALLY_INDEX,
    WITH_REFUNDS,
    OrderTally,
    tallies,
)

DUE_ORDERS_MAX = 200
"""Orders that one look for due ones gives."""

UNPUBLISHED_ORDERS_MAX = 200
PAGE_ORDERS_MAX = 500
TOKENS_MAX = 5_000
"""Holds that are looked up in one query."""


class HoldTaken(Exception):
    """There is an order for this hold already."""


class Orders:
    """Every method raises StoreUnavailable. Times are ms since the epoch."""

    def __init__(self, database: Database, meter: Meter = SILENT.meter) -> None:
        self._orders: Collection = database.collection("orders")
        self._meter = meter

    async def ensure_indexes(self) -> None:
        await self._orders.ensure_index([("token", 1)], unique=True)
        await self._orders.ensure_index([("due_at", 1)], where={"due_at": {"$gt": 0}})
        await self._orders.ensure_index([("changed_at", 1)], where={"unpublished": True})
        await self._orders.ensure_index([("show_id", 1), ("_id", 1)])
        await self._orders.ensure_index([("payment_id", 1)])
        await self._orders.ensure_index(TALLY_INDEX)
        await self._orders.ensure_index(REFUNDS_INDEX, where=HAS_REFUNDS)
        await self._orders.ensure_index([("mailbox", 1), ("created_at", -1), ("_id", -1)])

    async def fill_mailboxes(self) -> None:
        """Write down whose the orders are that an earlier version has stored."""
        unnamed = {"mailbox": None}
        await self._orders.write_all([Write(unnamed, [{"$set": _MAILBOX}], many=True)])

    async def create(self, order: Order) -> Created[Order] | IdTaken:
        """Store a new order; the same request (by fingerprint) again gets the order as it stands.

        Raises HoldTaken when its hold has another order.
        """
        if await self._orders.insert(_document(order)):
            self._meter.count(ORDER_TRANSITIONS, 1, order.state)
            return Created(order)
        existing = await self.get(order.order_id)
        if existing is None:
            raise HoldTaken
        if existing.fingerprint != order.fingerprint:
            return IdTaken(order.order_id)
        return Created(existing, replayed=True)

    async def get(self, order_id: str) -> Order | None:
        document = await self._orders.find_one({"_id": order_id})
        return None if document is None else _order(document)

    async def of_ids(self, order_ids: Iterable[str]) -> list[Order]:
        """Those of these orders that there are."""
        wanted = list(order_ids)
        if not wanted:
            return []
        found = await self._orders.find({"_id": {"$in": wanted}}, limit=len(wanted))
        return [_order(document) for document in found]

    async def of_payment(self, payment_id: str) -> Order | None:
        document = await self._orders.find_one({"payment_id": payment_id})
        return None if document is None else _order(document)

    async def of_holds(self, tokens: Iterable[str]) -> list[Order]:
        """The orders of these holds; most holds have none."""
        wanted = list(tokens)
        found = await self._orders.find({"token": {"$in": wanted}}, limit=max(1, len(wanted)))
        return [_order(document) for document in found]

    async def of_mailbox(
        self, mailbox: str, limit: int, after: tuple[int, str] | None = None
    ) -> list[Order]:
        """At most `limit` orders of whoever reads mail there, the newest first; `after` is the `created_at` and the id
        of the order that they follow."""
        where: Document = {"mailbox": mailbox}
        if after is not None:
            at, order_id = after
            older = {"created_at": {"$lt": at}}
            where["$or"] = [older, {"created_at": at, "_id": {"$lt": order_id}}]
        found = await self._orders.find(where, limit=limit, sort=[("created_at", -1), ("_id", -1)])
        return [_order(document) for document in found]

    async def replace(self, before: Order, after: Order) -> bool:
        """Store the next version; False when `before` is no longer the latest, and nothing is stored."""
        recorded = [asdict(one) for one in after.history[len(before.history) :]]
        changes = {
            "$set": {**_differences(before, after), "unpublished": True,
                     "mailbox": mailbox_of(after.email), "changed_at": after.history[-1].at},
            "$push": {"history": {"$each": recorded}},
        }  # fmt: skip
        replaced = await self._orders.update(
            {"_id": before.order_id, "version": before.version}, changes
        )
        if replaced and after.state is not before.state:
            self._meter.count(ORDER_TRANSITIONS, 1, after.state)
        return replaced

    async def put_off(self, order: Order, due_at: int, *, new_key: bool = False) -> bool:
        """Try its task again then; False when the order has changed meanwhile, or somebody else has put it off.
        `new_key`: under another idempotency key. Of two who found the same key used up one has the next key made: with
        one each, both would send it; and with two attempts counted for one, the pauses between them would grow by four.
        """
        return await self._orders.update(
            {"_id": order.order_id, "version": order.version, "attempts": order.attempts},
            {"$set": {"due_at": due_at}, "$inc": {"attempts": 1, "key_number": int(new_key)}},
        )

    async def due(self, now: int) -> list[Order]:
        """Orders to be looked at by now, the longest due first."""
        found = await self._orders.find(
            {"due_at": {"$gt": 0, "$lte": now}}, limit=DUE_ORDERS_MAX, sort=[("due_at", 1)]
        )
        return [_order(document) for document in found]

    async def unpublished(self, before: int) -> list[Order]:
        """Orders with transitions since before then that have not been told to anybody."""
        found = await self._orders.find(
            {"unpublished": True, "changed_at": {"$lt": before}},
            limit=UNPUBLISHED_ORDERS_MAX,
            sort=[("changed_at", 1)],
        )
        return [_order(document) for document in found]

    async def published(self, orders: Sequence[tuple[str, int]]) -> None:
        """All transitions of these orders up to these versions have been told."""
        await self._orders.write_all(
            [
                Write({"_id": order_id, "version": version}, {"$set": {"unpublished": False}})
                for order_id, version in orders
            ]
        )

    async def of_show(self, show_id: str) -> AsyncIterator[Order]:
        """Every order of a show, by id."""
        last = ""
        while True:
            page = await self._orders.find(
                {"show_id": show_id, "_id": {"$gt": last}}, limit=PAGE_ORDERS_MAX, sort=[("_id", 1)]
            )
            for document in page:
                yield _order(document)
            if len(page) < PAGE_ORDERS_MAX:
                return
            last = page[-1]["_id"]

    async def waiting(self, before: int) -> int:
        """Orders that should have been looked at before then, counted up to DUE_ORDERS_MAX."""
        return await self._orders.count({"due_at": {"$gt": 0, "$lte": before}}, DUE_ORDERS_MAX)

    async def tally(self) -> list[OrderTally]:
        """All orders by state and currency, from an index; only those with refunds are read."""
        by_state = await self._orders.grouped(BY_STATE, GROUPS_MAX)
        return tallies(by_state, await self._orders.grouped(WITH_REFUNDS, GROUPS_MAX))

    async def owing(self) -> int:
        """Orders with a refund that has failed and is tried again, counted up to DUE_ORDERS_MAX."""
        failed = {"due_at": {"$gt": 0}, "refunds.status": RefundStatus.FAILED}
        return await self._orders.count(failed, DUE_ORDERS_MAX)


_MAILBOX = {"mailbox": {"$toLower": "$email"}}
"""What `mailbox_of` makes of an address: $toLower knows ASCII only."""

_FIXED = ("order_id", "history")
_NAMES = tuple(field.name for field in fields(Order))


def _differences(before: Order, after: Order) -> Document:
    return {
        name: _plain(getattr(after, name))
        for name in _NAMES
        if name not in _FIXED and getattr(before, name) != getattr(after, name)
    }


def order_of(document: Document) -> Order:
    """An order from a document of the collection that came another way, such as from a backup."""
    return _order(document)


def restored(document: Document, after: Order) -> Document:
    """The document of an order that is brought back from a backup as `after`; it is told to everybody once more."""
    history = [asdict(one) for one in after.history]
    changes = _differences(_order(document), after)
    return {**document, **changes, "history": history, "unpublished": True,
            "changed_at": history[-1]["at"]}  # fmt: skip


def _plain(value: Any) -> Any:
    return [asdict(one) for one in value] if isinstance(value, tuple) else value


def _document(order: Order) -> Document:
    document = asdict(order)
    document["_id"] = document.pop("order_id")
    return {
        **document,
        "mailbox": mailbox_of(order.email),
        "unpublished": True,
        "changed_at": order.created_at,
    }


def _order(document: Document) -> Order:
    """Nested integers of 64 bits come as a type of BSON's own: plain ones are made of them here."""
    values = {name: document[name] for name in _NAMES if name in document}
    return Order(
        **{
            **values,
            "order_id": document["_id"],
            "state": State(document["state"]),
            "task": Task(document["task"]),
            "lines": tuple(_line(line) for line in document["lines"]),
            "refunds": tuple(_refund(refund) for refund in document["refunds"]),
            "history": tuple(_transition(one) for one in document["history"]),
        }
    )


def _line(line: Document) -> Line:
    return Line(
        line["block"],
        tuple(line["tickets"]),
        tuple(line["seats"]),
        tuple(line["categories"]),
        tuple(line["prices"]),
    )


def _refund(refund: Document) -> Refund:
    return Refund(
        **{
            **refund,
            "seats": tuple(refund["seats"]),
            "requested_at": int(refund["requested_at"]),
            "status": RefundStatus(refund["status"]),
        }
    )


def _transition(one: Document) -> Transition:
    return Transition(
        one["version"],
        State(one["state"]),
        int(one["at"]),
        Cause(one["cause"]),
        Actor(one["actor"]),
        one["detail"],
    )
