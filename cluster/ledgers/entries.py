"""What each ledger says: the journal whose a seat is, the orders what a buyer was promised, the payment provider where
the money is. Plain data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from actors.domain.audit import SOLD, BlockAudit
from actors.domain.order import Order, State
from actors.domain.payment import MoneyBack, Payment, PaymentStatus, RefundStatus

PAID = (State.PAID, State.PARTIALLY_REFUNDED, State.REFUNDED)
OVER = (State.CANCELLED, State.EXPIRED)


@dataclass(frozen=True, slots=True)
class SoldTicket:
    """A ticket that is sold, as the journal has it. `price` is minor units of `currency`; `order_id` is empty when
    nothing says to which order it was sold; `sequence` is the journal's."""

    show_id: str
    seat: str
    price: int
    currency: str
    token: str
    order_id: str
    sequence: int


@dataclass(slots=True)
class Account:
    """What the payment provider says: payments by their id, and the refunds of each."""

    payments: dict[str, Payment] = field(default_factory=dict[str, Payment])
    refunds: dict[str, list[MoneyBack]] = field(default_factory=dict[str, list[MoneyBack]])

    def given_back(self, payment_id: str) -> int:
        """Minor units that went back, or are on their way."""
        refunds = self.refunds.get(payment_id, ())
        return sum(one.amount for one in refunds if one.status is not RefundStatus.FAILED)

    def kept(self, payment: Payment) -> int:
        """Minor units that were taken and not given back."""
        if payment.status is not PaymentStatus.CAPTURED:
            return 0
        return payment.amount - self.given_back(payment.payment_id)

    def refund(self, payment_id: str, provider_id: str) -> MoneyBack | None:
        refunds = self.refunds.get(payment_id, ())
        return next((one for one in refunds if one.provider_id == provider_id), None)


@dataclass(frozen=True, slots=True)
class Ledgers:
    """All three at about the same time, `now` (ms since the epoch); `account` is None where no provider is set up.

    `whole`: they are about every show, so an order that is not among them is nowhere.
    """

    sold: list[SoldTicket]
    orders: dict[str, Order]
    account: Account | None
    now: int
    whole: bool = True


def sold_tickets(show_id: str, blocks: dict[int, BlockAudit]) -> Iterator[SoldTicket]:
    """The tickets of a show that are sold, by what the auditor has followed so far."""
    for audit in blocks.values():
        layout = audit.layout
        if layout is None or SOLD not in audit.status:
            continue
        for ticket, status in enumerate(audit.status):
            if status == SOLD:
                token = audit.owner[ticket]
                sale = audit.sales.get(token)
                yield SoldTicket(
                    show_id,
                    layout.label(ticket),
                    layout.price(ticket),
                    audit.rules.currency,
                    token,
                    sale.order if sale is not None else "",
                    audit.changed[ticket],
                )
