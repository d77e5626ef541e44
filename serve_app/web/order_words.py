"""How an order stands, in words for its buyer: a heading, and what it means. Texts of the catalogs."""

from __future__ import annotations

from typing import NamedTuple

from actors.domain.order import Cause, Order, State
from serve_app.web.refusals import N_


class Words(NamedTuple):
    heading: str
    text: str


_FREED = N_("Nothing was charged; what your bank has set aside is freed.")

_RETURNED = N_("The money had been taken by then, and goes back the way it came.")

OF_STATE: dict[State, Words] = {
    State.AWAITING_PAYMENT: Words(
        N_("Pay for your seats"), N_("The order is made, and waits for its payment.")
    ),
    State.AUTHORISED: Words(
        N_("Your payment is being completed"),
        N_("The card is accepted, and the tickets are being made. That takes seconds."),
    ),
    State.PAID: Words(N_("Paid: here are your tickets"), N_("They come by mail as well.")),
    State.CANCELLED: Words(N_("This order is cancelled"), _FREED),
    State.EXPIRED: Words(
        N_("The time was up"),
        N_("The order was not paid in time, and the seats are free again. Nothing was charged."),
    ),
    State.REFUNDED: Words(
        N_("This order is refunded"),
        N_("The money goes back the way it came. The tickets admit nobody any more."),
    ),
    State.PARTIALLY_REFUNDED: Words(
        N_("A part of this order is refunded"), N_("The other tickets are still good.")
    ),
}

OF_REASON: dict[tuple[State, Cause], Words] = {
    (State.AUTHORISED, Cause.FREE): Words(
        N_("Your tickets are being made"), N_("There is nothing to pay. That takes seconds.")
    ),
    (State.AUTHORISED, Cause.LATE_PAYMENT): Words(
        N_("Your payment came late"),
        N_(
            "If nobody else has taken the seats meanwhile they are yours; otherwise nothing is charged."
        ),
    ),
    (State.PAID, Cause.SEATS_SOLD): Words(
        N_("Here are your tickets"), N_("They come by mail as well.")
    ),
    (State.CANCELLED, Cause.PAYMENT_REFUSED): Words(
        N_("The payment could not be begun"),
        N_("The payment service does not take this payment. The seats are free again."),
    ),
    (State.CANCELLED, Cause.HOLD_RELEASED): Words(
        N_("You have given the seats back"), N_("Nothing was charged.")
    ),
    (State.CANCELLED, Cause.BUYER_CANCELLED): Words(N_("You have cancelled this order"), _FREED),
    (State.CANCELLED, Cause.PAYMENT_CANCELED): Words(
        N_("The payment was called off"),
        N_("The money could not be taken, and the seats are free again. Nothing was charged."),
    ),
    (State.CANCELLED, Cause.AMOUNT_MISMATCH): Words(
        N_("The payment did not match the order"),
        N_("The order is cancelled. What your bank has set aside is freed."),
    ),
    (State.CANCELLED, Cause.SEATS_GONE): Words(
        N_("Your payment came too late for these seats"),
        N_(
            "Somebody else has them now. Nothing was charged; what your bank has set aside is freed."
        ),
    ),
}
"""Where the reason says more than the state."""


def words_of(order: Order) -> Words:
    """How the order stands."""
    reason = Cause(order.reason) if order.reason else Cause.ORDERED
    words = OF_REASON.get((order.state, reason), OF_STATE[order.state])
    if order.refunds and order.state in (State.CANCELLED, State.EXPIRED):
        return Words(words.heading, _RETURNED)
    return words


OF_REFUNDS = {
    "pending": N_("on its way"),
    "succeeded": N_("given back"),
    "failed": N_("did not arrive yet; it is tried again"),
}

OF_PAYING = {
    # What the page says by itself.
    "working": N_("The payment is being made."),
    "accepted": N_("The card is accepted. This page shows the tickets as soon as they are there."),
    "processing": N_("Your bank takes its time. This page changes as soon as it has answered."),
    "unreachable": N_(
        "The card form could not be loaded. Check your connection, and load the page again."
    ),
    # What the provider calls it: docs.stripe.com, "Error codes" and "Decline codes". A lost or stolen card is declined
    # like any other, as the provider advises.
    "otherwise": N_(
        "Your bank has declined the card. Nothing was charged. Try another card, or ask your bank."
    ),
    "insufficient_funds": N_(
        "There is not enough money on this card. Nothing was charged. Try another card."
    ),
    "expired_card": N_("This card has expired. Try another card."),
    "incorrect_cvc": N_("The security code is wrong. Look at it again."),
    "incorrect_number": N_("The card number is wrong. Look at it again."),
    "processing_error": N_(
        "The card could not be read at the bank. Nothing was charged. Try again in a moment."
    ),
    "card_not_supported": N_("This card does not work for this purchase. Try another card."),
    "card_velocity_exceeded": N_("This card is over its limit. Try another card."),
    "payment_intent_authentication_failure": N_(
        "Your bank could not make sure that it is you. Nothing was charged. Try again, or another card."
    ),
    "validation_error": N_("Look at the fields that are marked."),
    "api_connection_error": N_(
        "The payment service did not answer. If the payment has arrived this page shows it; otherwise try again."
    ),
}
"""By the name under which static/checkout.js looks for it."""

SAME_AS = {
    "invalid_cvc": "incorrect_cvc",
    "invalid_number": "incorrect_number",
    "currency_not_supported": "card_not_supported",
    "withdrawal_count_limit_exceeded": "card_velocity_exceeded",
    "authentication_required": "payment_intent_authentication_failure",
    "api_error": "api_connection_error",
    "rate_limit_error": "api_connection_error",
    "try_again_later": "processing_error",
}


def of_problem(problem: str) -> str:
    """What is said when the provider gives this reason for a decline."""
    return OF_PAYING.get(SAME_AS.get(problem, problem), OF_PAYING["otherwise"])
