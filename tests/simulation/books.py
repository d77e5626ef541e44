"""The books of a run with money: what the journal, the provider and the clients each say of it, side by side.

Orders as they are stored are read as plain documents, and only where they are what is judged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from actors.domain.payment import MoneyBack, Payment, PaymentStatus, RefundStatus
from cluster.store.mongo import Document
from tests.history import Dealing, Operation
from tests.simulation.account import Account, Sold, Stay
from tests.simulation.plan import Plan
from tests.simulation.provider import Moment, Provider
from tests.simulation.trade import Trade

TAKEN = (PaymentStatus.AUTHORISED, PaymentStatus.CAPTURED)


@dataclass(frozen=True, slots=True)
class Paying:
    """A payment as the provider has it in the end, with what became of it on the way, and its refunds: those that have
    not failed, or of whose failure nobody could know."""

    payment: Payment
    moments: list[Moment]
    refunds: list[MoneyBack]

    @property
    def kept(self) -> int:
        """What is left of what was taken."""
        if self.payment.status is not PaymentStatus.CAPTURED:
            return 0
        return self.payment.amount - sum(refund.amount for refund in self.refunds)

    def at(self, time: float) -> Moment | None:
        """How it stood at this true time; None while nobody had tried to pay."""
        earlier = [moment for moment in self.moments if moment.at <= time]
        return earlier[-1] if earlier else None

    def canceled(self) -> Iterator[float]:
        """When it was canceled because somebody had asked for it."""
        for moment in self.moments:
            if moment.status is PaymentStatus.CANCELED and not moment.by_itself:
                yield moment.at


@dataclass(slots=True)
class Books:
    """`orders` are the documents by id, `events` what was published, `payments` and `sales` are by order; payments that
    no order was ever told of are nobody's; what is `refused` cannot be captured. `calm`: nothing went wrong;
    `unhurried`: no hold runs out while it is being ordered; times that processes put into orders may be wrong by
    `skew_ms`. `lost` are webhooks that were acknowledged, and not stored."""

    account: Account
    history: list[Operation]
    dealings: list[Dealing]
    orders: dict[str, Document]
    events: list[dict[str, Any]]
    refused: set[str]
    calm: bool
    unhurried: bool
    skew_ms: float
    lost: set[str]
    payments: defaultdict[str, list[Paying]] = field(default_factory=lambda: defaultdict(list))
    sales: defaultdict[str, list[Sold]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(
        cls,
        account: Account,
        history: list[Operation],
        dealings: list[Dealing],
        trade: Trade,
        plan: Plan,
        skew_ms: float,
    ) -> Books:
        orders = {name: _plain(order) for name, order in trade.documents.agreed.items()}
        events, refused = trade.payments.events.stored, set(trade.provider.memory.refused_captures)
        books = cls(
            account,
            history,
            dealings,
            orders,
            events,
            refused,
            plan.peaceful,
            plan.unhurried,
            skew_ms,
            trade.webhooks.acknowledged - trade.notices.stored,
        )
        books._enter_payments(trade.provider)
        for sale in account.sales.values():
            books.sales[sale.order_id].append(sale)
        return books

    def _enter_payments(self, provider: Provider) -> None:
        for payment in provider.memory.payments(0):
            if payment.payment_id not in provider.strays:
                moments = [m for m in provider.moments if m.payment_id == payment.payment_id]
                believed = self._believed(payment.order_id) & provider.unheard
                refunds = [
                    refund
                    for refund in provider.memory.refunds(payment.payment_id)
                    if refund.status is not RefundStatus.FAILED or refund.provider_id in believed
                ]
                self.payments[payment.order_id].append(Paying(payment, moments, refunds))

    def _believed(self, order_id: str) -> set[str]:
        """The refunds that the order has seen succeed. One that fails after that is known from its webhook alone."""
        refunds = self.orders.get(order_id, {}).get("refunds", ())
        return {refund["provider_id"] for refund in refunds if refund["status"] == "succeeded"}

    def price(self, token: str, at: float) -> int:
        """What the hold costs at that moment, all of its seats."""
        primary = self._primary(token, at)
        return 0 if primary is None else primary.held.event["amount"]

    def seats(self, token: str, at: float) -> list[tuple[int, int]]:
        """The block and the ticket of each seat that a hold has, or had last, at that moment."""
        primary = self._primary(token, at)
        if primary is None:
            return []
        parts = [(part["block"], part["tickets"]) for part in primary.held.event["parts"]]
        named = [(primary.held.block, primary.held.tickets), *parts]
        return [(block, ticket) for block, tickets in named for ticket in tickets]

    def _primary(self, token: str, at: float) -> Stay | None:
        """The record that names all parts: the latest, for an attempt that came to nothing may have wanted others."""
        records = [
            stay
            for (_, name), stays in self.account.stays.items()
            if name == token
            for stay in stays
            if stay.is_primary and stay.held.stored_at <= at
        ]
        return max(records, key=lambda stay: stay.held.sequence, default=None)

    def asked(self, kind: str, order_id: str) -> list[Dealing]:
        """What was asked about an order."""
        about = [one for one in self.dealings if one.request.order_id == order_id]
        return [one for one in about if one.request.kind == kind]

    def told(self, order_id: str) -> list[Dealing]:
        """The answers that describe an order, by their time."""
        answers = [
            one for one in self.dealings if one.effective and one.body.get("order_id") == order_id
        ]
        return sorted(answers, key=lambda one: one.returned or 0.0)


def _plain(document: Document) -> Document:
    return msgspec.json.decode(msgspec.json.encode(document))
