"""Documents of a backup, made to fit the end of the journal that they are restored with. No I/O.

A show is there when the journal has its first block. What belongs to a show that is not there is left out; orders are
turned towards the journal (`actors.domain.restoring`), and a job that had opened its blocks opens them again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from actors.domain.audit import SOLD, BlockAudit
from actors.domain.order import Order
from actors.domain.restoring import fitted, sold_again, unsettled
from cluster.store.job import JobState
from cluster.store.mongo import Document
from cluster.store.orders import order_of, restored
from cluster.ticketing.document import order_reference

EVENTS_MARGIN_MS = 60_000
"""Orders that changed so much before the end of their events, or later, tell all of their events once more."""

Audits = dict[str, dict[int, BlockAudit]]


@dataclass
class Fitting:
    """`audits` is the journal, folded; `told_until` when the last restored event of an order was stored (ms since the
    epoch)."""

    audits: Audits
    told_until: int
    now: int
    bodies: set[str] = field(default_factory=set[str])
    left_out: Counter[str] = field(default_factory=Counter[str])
    sold_again: int = 0
    given_again: int = 0
    jobs_again: int = 0
    unsettled: list[str] = field(default_factory=list[str])
    running: set[str] = field(default_factory=set[str])
    orders: set[str] = field(default_factory=set[str])

    def fit(self, collection: str, document: Document) -> Document | None:
        """The document to be stored; None: it is left out."""
        fitted = self._fits[collection](document)
        if fitted is None:
            self.left_out[collection] += 1
        return fitted

    @cached_property
    def _fits(self) -> dict[str, Callable[[Document], Document | None]]:
        return {
            "job_bodies": self._body,
            "jobs": self._job,
            "plans": self._of_show,
            "shows": lambda document: document if self._there(document["_id"]) else None,
            "orders": self._order,
            "admissions": self._of_show,
            "answers": self._of_show,
            "mailings": lambda document: document if document["_id"] in self.orders else None,
            "accounts": lambda document: document,
        }

    def _there(self, show_id: str) -> bool:
        return 0 in self.audits.get(show_id, {})

    def _of_show(self, document: Document) -> Document | None:
        return document if self._there(document["show_id"]) else None

    def _job(self, document: Document) -> Document | None:
        """One that was made while its bodies had been read already has none: its file has to be sent again."""
        if not self._there(document["show_id"]):
            return None
        over = JobState(document["state"]).over
        planned = document["first_block"] is not None
        body = f"{document['_id']}/{document['fingerprint']}"
        if not over and not planned and body not in self.bodies:
            return None
        if not over:
            self.running.add(body)
        if document["state"] != JobState.DONE or self._open(document):
            return document
        self.jobs_again += 1
        return {**document, "state": JobState.QUEUED, "lease_owner": "", "lease_until": 0}

    def _open(self, job: Document) -> bool:
        first = job["first_block"] or 0
        return self.audits[job["show_id"]].keys() >= set(range(first, first + job["block_count"]))

    def _body(self, document: Document) -> Document | None:
        return document if document["body"] in self.running else None

    def _order(self, document: Document) -> Document | None:
        if not self._there(document["show_id"]):
            return None
        order = order_of(document)
        self.orders.add(order.order_id)
        sold = self._sold(order)
        if unsettled(order, sold):
            self.unsettled.append(order_reference(order.order_id))
        after = fitted(order, sold, self.now)
        if after is not order:
            self.sold_again += sold_again(order, sold)
            self.given_again += not sold_again(order, sold)
            return restored(document, after)
        untold = document["changed_at"] >= self.told_until - EVENTS_MARGIN_MS
        return {**document, "unpublished": True} if untold else document

    def _sold(self, order: Order) -> frozenset[str]:
        """Its seats that the journal has as sold to it."""
        blocks = self.audits[order.show_id]
        return frozenset(
            seat
            for line in order.lines
            if (audit := blocks.get(line.block)) is not None
            for ticket, seat in zip(line.tickets, line.seats, strict=True)
            if ticket < len(audit.status)
            and (audit.status[ticket], audit.owner[ticket]) == (SOLD, order.token)
        )

    def plain(self) -> dict[str, Any]:
        return {
            "left_out": dict(self.left_out),
            "orders_sold_again": self.sold_again,
            "orders_given_back_again": self.given_again,
            "orders_unsettled": self.unsettled,
            "jobs_opened_again": self.jobs_again,
        }
