"""What a payment provider tells by itself, whoever it is."""

from __future__ import annotations

from dataclasses import dataclass

from actors.domain.payment import Payment

KINDS = (
    "payment_intent.amount_capturable_updated",
    "payment_intent.processing",
    "payment_intent.canceled",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.closed",
)
"""What there is to be told: what we have done ourselves, the orders know. Others do no harm, but cost as much as a
request of a buyer's; Stripe, too, advises to have no others sent (docs.stripe.com, "Receive Stripe events")."""

OF_A_DISPUTE = "charge.dispute."
"""A buyer's bank asks for the money back, and its word is final; nobody is asked here."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One event of the provider's. `kind` is the name that Stripe gives to its type.

    `payment` is there for events of a payment itself; of a refund, a charge or a dispute `payment_id` says whose it
    is, and `order_id` when it is known. Everything else leaves the three empty.
    """

    event_id: str
    kind: str
    created_ms: int
    payment_id: str = ""
    order_id: str = ""
    payment: Payment | None = None

    @property
    def disputes(self) -> bool:
        return self.kind.startswith(OF_A_DISPUTE)
