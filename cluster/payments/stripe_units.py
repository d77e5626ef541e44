"""Amounts in Stripe's units (docs.stripe.com, "Supported currencies"): ISO 4217's minor units, but for three."""

from __future__ import annotations

from fractions import Fraction

from cluster.payments.gateway import PaymentRefused

_STRIPE_PER_MINOR_UNIT = {
    "ISK": Fraction(100),  # no minor unit any more, but 1 krona is still 100 in the API
    "UGX": Fraction(100),  # the same with the shilling
    "MGA": Fraction(1, 100),  # the ariary has five iraimbilanja, which Stripe does not know
}
_AS_THEY_ARE = Fraction(1)


def to_stripe(amount: int, currency: str) -> int:
    """Minor units of an ISO 4217 currency in Stripe's; PaymentRefused when Stripe cannot say that amount."""
    units = amount * _STRIPE_PER_MINOR_UNIT.get(currency, _AS_THEY_ARE)
    if units.denominator != 1:
        raise PaymentRefused("amount_not_payable", f"{currency} is paid in whole units only")
    return int(units)


def from_stripe(amount: int, currency: str) -> int:
    """Stripe's units in minor units; a part of a minor unit, which no payment of ours has, is dropped."""
    return int(amount / _STRIPE_PER_MINOR_UNIT.get(currency, _AS_THEY_ARE))
