"""A disagreement between ledgers: what kind it is, and whom it concerns."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What can be wrong between ledgers; the values are stable names, for programs."""

    SOLD_WITHOUT_ORDER = "sold_without_order"
    SOLD_WITHOUT_PAYMENT = "sold_without_payment"
    PAID_WITHOUT_SEATS = "paid_without_seats"
    WRONG_PRICE = "wrong_price"
    PAID_WITHOUT_MONEY = "paid_without_money"
    WRONG_AMOUNT = "wrong_amount"
    MONEY_WITHOUT_SEATS = "money_without_seats"
    AUTHORISED_AND_OVER = "authorised_and_over"
    AUTHORISED_AND_FORGOTTEN = "authorised_and_forgotten"
    SECOND_PAYMENT = "second_payment"
    UNKNOWN_PAYMENT = "unknown_payment"
    REFUNDED_TWICE = "refunded_twice"
    REFUND_UNKNOWN = "refund_unknown"
    REFUND_OWED = "refund_owed"
    STUCK = "stuck"
    SHARED_HOLD = "shared_hold"
    SHARED_PAYMENT = "shared_payment"


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One thing that two ledgers tell differently. `seat` is empty when it concerns a whole order.

    An order id is its buyer's authority: it is for finding the order again, and is not shown. `detail` holds none.
    """

    kind: Kind
    show_id: str
    order_id: str
    detail: str
    seat: str = ""
    payment_id: str = ""
    sequence: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        """Two readings that give the same key have found the same thing."""
        return (self.kind, self.show_id, self.order_id, self.seat, self.payment_id)
