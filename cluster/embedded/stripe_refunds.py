"""Refunds as Stripe makes them, added to localstripe at run time (docs.stripe.com, "Refund and cancel payments").

`resources` is the module localstripe.resources. One function per adaptation.
"""

from __future__ import annotations

from typing import Any

from cluster.embedded.stripe_bank import Bank
from cluster.embedded.stripe_words import intent_in, refusal, tell

REFUND_FAILS = "4000000000005126"
"""The test card whose refunds seem to go through, and fail later (docs.stripe.com, "Testing")."""


def adapt_refunds(resources: Any, bank: Bank) -> None:
    _keep_refunds_with_their_charge(resources)
    _refund_what_is_left(resources, bank)
    _list_newest_first(resources)


def resume_refunds(resources: Any, bank: Bank) -> None:
    """Those that are to fail still have to."""
    for refund in resources.store.of(resources.Refund.object):
        if refund.status == "succeeded":
            _fail_later(resources, bank, refund)


def _keep_refunds_with_their_charge(resources: Any) -> None:
    """localstripe looks through all objects for them, several times for every payment that it tells."""
    charges = resources.Charge

    def refunds_of(charge: Any) -> Any:
        found = resources.List(f"/v1/charges/{charge.id}/refunds")
        found._list = _refunds(charge)[::-1]
        return found

    def amount_refunded(charge: Any) -> int:
        return sum(refund.amount for refund in _refunds(charge) if refund.status != "failed")

    charges.refunds = property(refunds_of)
    charges.amount_refunded = property(amount_refunded)


def _refunds(charge: Any) -> list[Any]:
    return vars(charge).get("_refunds", [])


def _refund_what_is_left(resources: Any, bank: Bank) -> None:
    """Of captured payments only, no more than is left, with its events; and to one test card it fails later."""
    refunds = resources.Refund
    create = refunds._api_create.__func__

    def refund_and_tell(cls: Any, payment_intent: str, amount: Any = None, **data: Any) -> Any:
        intent = intent_in(resources, payment_intent, ("succeeded",))
        charge = intent.latest_charge
        left = charge.amount - charge.amount_refunded
        if left == 0 or resources.try_convert_to_int(amount or left) > left:
            raise refusal(resources, "charge_already_refunded" if left == 0 else "amount_invalid")
        refund = create(cls, payment_intent=payment_intent, amount=amount or left, **data)
        charge._refunds = [*_refunds(charge), refund]
        tell(resources, "refund.created", refund)
        tell(resources, "charge.refunded", charge)
        _fail_later(resources, bank, refund)
        return refund

    refunds._api_create = classmethod(refund_and_tell)


def _fail_later(resources: Any, bank: Bank, refund: Any) -> None:
    """If it goes to the card whose refunds fail."""

    def fail() -> None:
        refund.status = "failed"
        refund.failure_reason = "lost_or_stolen_card"
        tell(resources, "refund.failed", refund)

    charge = resources.Charge._api_retrieve(refund.charge)
    card = resources.PaymentMethod._api_retrieve(charge.payment_method)
    if getattr(card, "_card_number", None) == REFUND_FAILS:
        bank.later(refund.id, fail)


def _list_newest_first(resources: Any) -> None:
    """All since a time, or those of a payment, which may have no charge yet: then localstripe fails."""

    def list_all(
        cls: Any,
        url: str,
        payment_intent: str | None = None,
        created: dict[str, str] | None = None,
        **data: Any,
    ) -> Any:
        since = int((created or {}).get("gte", 0))
        found = resources.List(url, **data)
        if payment_intent is None:
            refunds = [*resources.store.of(cls.object)]
        else:
            charge = resources.PaymentIntent._api_retrieve(payment_intent).latest_charge
            refunds = _refunds(charge) if charge is not None else []
        found._list = [refund for refund in reversed(refunds) if refund.created >= since]
        return found

    resources.Refund._api_list_all = classmethod(list_all)
