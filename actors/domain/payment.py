"""What is known of a payment: a snapshot of it, as the provider tells it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class PaymentStatus(StrEnum):
    """OPEN: nothing is authorised yet (no card, a declined one, or the bank is asking its customer); PROCESSING: the
    bank decides; AUTHORISED: the amount is set aside, not taken; CAPTURED: taken; CANCELED: can never be taken."""

    OPEN = "open"
    PROCESSING = "processing"
    AUTHORISED = "authorised"
    CAPTURED = "captured"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class Payment:
    """`amount` (minor units) is what is set aside when AUTHORISED, what was taken when CAPTURED, else what is
    asked for.

    `order_id` is the order that it was made for, empty when it says none. `problem` is why it was last declined.
    """

    payment_id: str
    status: PaymentStatus
    amount: int
    currency: str
    order_id: str
    problem: str = ""


class RefundStatus(StrEnum):
    """PENDING: on its way; SUCCEEDED: given back; FAILED: it did not go through, the money is still with us."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class MoneyBack:
    """One refund of a payment, minor units. `refund_id` is the name that it was asked for under."""

    provider_id: str
    refund_id: str
    amount: int
    status: RefundStatus
    problem: str = ""
