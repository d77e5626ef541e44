"""The form for a card: whose script shows it, and for which payment."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from actors.domain.order import Order, State
from actors.domain.payment import Payment, PaymentStatus
from cluster.bootstrap import Runtime
from cluster.orders.checkout import Ordered, Refused
from cluster.settings import Settings
from serve_app.order_changes import order_of
from serve_app.web.policy import STRIPE_SCRIPT

LOCAL_PATH = "/js.stripe.com/elements.js"
"""Where another Stripe than Stripe's (a local one) has its script."""

CARD_SECONDS_MAX = 4.0
"""How long a page waits for the provider; then it says that nothing can be paid at the moment."""

_AT_BANK = {
    PaymentStatus.PROCESSING: "processing",
    PaymentStatus.AUTHORISED: "accepted",
    PaymentStatus.CAPTURED: "accepted",
}


@dataclass(frozen=True, slots=True)
class CardForm:
    """What the browser needs. `origin` is where the script comes from; `secret` is the buyer's alone; `problem` is why
    the last card was declined, in the provider's words."""

    origin: str
    script: str
    key: str
    secret: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class AtBank:
    """The buyer has done what there is to do; `said` is the name of what is said of it (order_words.OF_PAYING)."""

    said: str


async def card_form_of(
    runtime: Runtime, order: Order, show_name: str
) -> tuple[Order, CardForm | AtBank | None]:
    """The order as it stands then, and the form; None when there is nothing to pay, or nobody to pay to right now."""
    key = runtime.settings.stripe_publishable_key
    if order.state is not State.AWAITING_PAYMENT or key is None:
        return order, None
    try:
        async with asyncio.timeout(CARD_SECONDS_MAX):
            match await runtime.checkout.payment_of(order, show_name):
                case Ordered(order, secret, payment=Payment() as payment) if secret:
                    if payment.status in _AT_BANK:
                        return order, AtBank(_AT_BANK[payment.status])
                    return order, _form(runtime.settings, key, secret, payment.problem)
                case Refused():
                    return await order_of(runtime, order.order_id), None
    except TimeoutError:
        pass
    return order, None


def _form(settings: Settings, key: str, secret: str, problem: str) -> CardForm:
    if settings.stripe_api_base is None:
        return CardForm(STRIPE_SCRIPT, f"{STRIPE_SCRIPT}/v3/", key, secret, problem)
    base = settings.stripe_api_base
    return CardForm(base, base + LOCAL_PATH, key, secret, problem)
