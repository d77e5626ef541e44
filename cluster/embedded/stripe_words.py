"""How the adaptations of localstripe read a payment, refuse and tell, in Stripe's words."""

from __future__ import annotations

from typing import Any


def intent_in(resources: Any, payment_id: str, statuses: tuple[str, ...]) -> Any:
    intent = resources.PaymentIntent._api_retrieve(payment_id)
    if intent.status not in statuses:
        raise refusal(resources, "payment_intent_unexpected_state")
    return intent


def refusal(resources: Any, code: str) -> Exception:
    return resources.UserError(400, code, {"code": code})


def tell(resources: Any, kind: str, about: Any) -> None:
    resources.schedule_webhook(resources.Event(kind, about))
