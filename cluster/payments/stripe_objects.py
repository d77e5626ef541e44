"""What is read of Stripe's objects, from the API's answers and from webhooks alike, and what it means here.

Fields and states are those of docs.stripe.com, "The PaymentIntent object", "The Refund object", "The Event object".
"""

from __future__ import annotations

from typing import Any

import msgspec
import stripe

from actors.domain.payment import MoneyBack, Payment, PaymentStatus, RefundStatus
from cluster.payments.gateway import OpenPayment
from cluster.payments.stripe_units import from_stripe

ORDER_ID, SHOW_ID, REFUND_ID = "order_id", "show_id", "refund_id"
"""Our names in the metadata of Stripe's objects."""

_STATUS = {
    "requires_payment_method": PaymentStatus.OPEN,
    "requires_confirmation": PaymentStatus.OPEN,
    "requires_action": PaymentStatus.OPEN,
    "processing": PaymentStatus.PROCESSING,
    "requires_capture": PaymentStatus.AUTHORISED,
    "succeeded": PaymentStatus.CAPTURED,
    "canceled": PaymentStatus.CANCELED,
}
_REFUND_STATUS = {
    "pending": RefundStatus.PENDING,
    "requires_action": RefundStatus.PENDING,
    "succeeded": RefundStatus.SUCCEEDED,
    "failed": RefundStatus.FAILED,
    "canceled": RefundStatus.FAILED,
}


class PaymentError(msgspec.Struct):
    """Why the last attempt to pay failed; a declined card says more in `decline_code`."""

    code: str | None = None
    decline_code: str | None = None


class Intent(msgspec.Struct):
    id: str
    status: str
    amount: int
    currency: str
    client_secret: str | None = None
    amount_capturable: int | None = None
    amount_received: int | None = None
    metadata: dict[str, str] | None = None
    last_payment_error: PaymentError | None = None


class Refund(msgspec.Struct):
    id: str
    status: str
    amount: int
    currency: str
    payment_intent: str | None = None
    metadata: dict[str, str] | None = None
    failure_reason: str | None = None


class Reference(msgspec.Struct):
    """A charge, a refund or a dispute: which payment it belongs to."""

    payment_intent: str | None = None
    metadata: dict[str, str] | None = None


def intent_of(answer: stripe.PaymentIntent) -> Intent:
    """Raises msgspec.ValidationError."""
    return msgspec.convert(_plain(answer), Intent)


def refund_of(answer: stripe.Refund) -> Refund:
    """Raises msgspec.ValidationError."""
    return msgspec.convert(_plain(answer), Refund)


def _plain(answer: stripe.StripeObject) -> dict[str, Any]:
    return answer.to_dict()


def payment_of(intent: Intent) -> Payment:
    """A status that Stripe adds some day is taken for PROCESSING: neither money nor its absence may be assumed."""
    status = _STATUS.get(intent.status, PaymentStatus.PROCESSING)
    currency = intent.currency.upper()
    amount = intent.amount
    if status is PaymentStatus.AUTHORISED and intent.amount_capturable is not None:
        amount = intent.amount_capturable
    if status is PaymentStatus.CAPTURED and intent.amount_received is not None:
        amount = intent.amount_received
    return Payment(
        payment_id=intent.id,
        status=status,
        amount=from_stripe(amount, currency),
        currency=currency,
        order_id=(intent.metadata or {}).get(ORDER_ID, ""),
        problem=_problem(intent.last_payment_error),
    )


def open_payment_of(intent: Intent) -> OpenPayment:
    return OpenPayment(payment_of(intent), intent.client_secret or "")


def money_back_of(refund: Refund) -> MoneyBack:
    status = _REFUND_STATUS.get(refund.status, RefundStatus.PENDING)
    problem = refund.failure_reason or refund.status if status is RefundStatus.FAILED else ""
    return MoneyBack(
        provider_id=refund.id,
        refund_id=(refund.metadata or {}).get(REFUND_ID, ""),
        amount=from_stripe(refund.amount, refund.currency.upper()),
        status=status,
        problem=problem,
    )


def _problem(error: PaymentError | None) -> str:
    return (error.decline_code or error.code or "") if error is not None else ""
