"""What localstripe lacks for cards that are authorised first and captured later, added to it at run time.

One function per adaptation, applied before localstripe's server is imported: its routes take the functions that they
find. `resources` is the module localstripe.resources. What the real Stripe does is in docs.stripe.com: "Place a hold on
a payment method", "Testing", and its changelog.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import takewhile
from typing import Any

from cluster.embedded.stripe_bank import Bank
from cluster.embedded.stripe_refunds import REFUND_FAILS, adapt_refunds, resume_refunds
from cluster.embedded.stripe_words import intent_in, refusal, tell

KNOWN_TO_STRIPE = (
    "allowed_payment_method_types",
    "automatic_payment_methods",
    "description",
    "receipt_email",
    "statement_descriptor_suffix",
)
TEST_CARDS = {
    "pm_card_refundFail": REFUND_FAILS,
    "pm_card_authenticationRequired": "4000002500003155",
}
"""Beside pm_card_visa and pm_card_visa_chargeDeclined, which localstripe knows."""

DECLINES = {
    "4000000000009995": ("card_declined", "insufficient_funds"),
    "4000000000009987": ("card_declined", "lost_card"),
    "4000000000009979": ("card_declined", "stolen_card"),
    "4000000000000069": ("expired_card", ""),
    "4000000000000127": ("incorrect_cvc", ""),
    "4000000000000119": ("processing_error", ""),
}
"""Code and decline code of Stripe's test cards; every other declined card has no particular reason."""

CARD_DIGITS = range(13, 20)
CVC_DIGITS = (3, 4)
"""localstripe knows cards of 16 and 3 digits; an American Express has 15 and 4 (docs.stripe.com, "Testing")."""

PAYABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
CANCELABLE = (*PAYABLE, "requires_capture")


def adapt(resources: Any, bank: Bank) -> None:
    _take_parameters(resources)
    _tell_amounts(resources)
    _tell_the_charge_by_its_id(resources)
    _know_test_cards(resources)
    _take_cards_of_every_length(resources)
    _decline_as_a_card_error(resources)
    _confirm_with_any_card(resources)
    _announce_authorisations(resources)
    _let_banks_take_their_time(resources, bank)
    _capture_once(resources)
    _announce_cancelations(resources)
    adapt_refunds(resources, bank)
    _list_newest_first(resources)


def is_client_secret(resources: Any, payment_id: str, secret: object) -> bool:
    intent = resources.store.get(f"payment_intent:{payment_id}")
    return intent is not None and intent.client_secret == secret


def _take_parameters(resources: Any) -> None:
    """localstripe refuses parameters of a PaymentIntent that it does not know, also Stripe's."""
    intents = resources.PaymentIntent
    create = intents._api_create.__func__

    def create_with_all(cls: Any, **data: Any) -> Any:
        known = {name: data.pop(name) for name in KNOWN_TO_STRIPE if name in data}
        if "payment_method_types" in data:
            code = "payment_method_types_no_longer_supported"
            raise refusal(resources, code)
        intent = create(cls, **data)
        intent.description = known.get("description")
        return intent

    intents._api_create = classmethod(create_with_all)


def _tell_amounts(resources: Any) -> None:
    """localstripe does not tell what can be captured, and what was; its list of charges is no field of Stripe's now."""
    intents = resources.PaymentIntent

    def amount_in(status: str) -> Any:
        return property(lambda intent: intent.amount if intent.status == status else 0)

    intents.amount_capturable = amount_in("requires_capture")
    intents.amount_received = amount_in("succeeded")
    del intents.charges


def _tell_the_charge_by_its_id(resources: Any) -> None:
    """As Stripe does, unless it is asked to expand it; whole, it makes a payment twice as dear to tell and to read."""
    intents = resources.PaymentIntent
    export = intents._export
    computed = [name for name, value in vars(intents).items() if isinstance(value, property)]

    def export_shallow(intent: Any, expand: Any = None) -> Any:
        charge = intent.latest_charge
        values = vars(intent) | {name: getattr(intent, name) for name in computed}
        shallow = object.__new__(intents)
        vars(shallow).update(values, latest_charge=charge and charge.id)
        return export(shallow, expand)

    intents._export = export_shallow


def _know_test_cards(resources: Any) -> None:
    """More of Stripe's tokens; and the card that is to be declined is declined when it is charged, too."""
    methods = resources.PaymentMethod
    find = methods._try_get_canonical_test_article.__func__
    declined = methods._charging_is_declined

    def find_more(cls: Any, name: str) -> Any:
        if (number := TEST_CARDS.get(name)) is None:
            return find(cls, name)
        card = {"number": number, "exp_month": "12", "exp_year": "2099", "cvc": "123"}
        return cls(type="card", card=card)

    methods._try_get_canonical_test_article = classmethod(find_more)
    methods._charging_is_declined = lambda card: declined(card) or card._attaching_is_declined()


def _take_cards_of_every_length(resources: Any) -> None:
    """localstripe's own check sees a card of its length, and the card is kept as it is."""
    methods = resources.PaymentMethod
    initialize = methods.__init__

    def with_its_number(method: Any, card: Any = None, **others: Any) -> None:
        if not _has_card_lengths(card):
            initialize(method, card=card, **others)
            return
        number, cvc = card["number"], card["cvc"]
        known = {"number": number[:16].ljust(16, "0"), "cvc": cvc[:3]}
        initialize(method, card={**card, **known}, **others)
        method._card_number = number
        method.card |= {"last4": number[-4:], "fingerprint": resources.fingerprint(number)}

    methods.__init__ = with_its_number


def _has_card_lengths(card: Any) -> bool:
    match card:
        case {"number": str(number), "cvc": str(cvc)}:
            return len(number) in CARD_DIGITS and len(cvc) in CVC_DIGITS
    return False


def _decline_as_a_card_error(resources: Any) -> None:
    """A declined card is a card error with a reason, in the answer and in the intent."""
    charges, intents = resources.Charge, resources.PaymentIntent
    raise_failure = charges._raise_failure
    last_error = intents.last_payment_error.fget

    def raise_card_error(charge: Any) -> None:
        try:
            raise_failure(charge)
        except resources.UserError as error:
            error.body["error"].update(type="card_error", **_reason(resources, charge))
            raise

    def with_reason(intent: Any) -> Any:
        error = last_error(intent)
        if error is not None and error["code"] == "card_declined":
            error.update(_reason(resources, intent.latest_charge))
        return error

    charges._raise_failure = raise_card_error
    intents.last_payment_error = property(with_reason)


def _reason(resources: Any, charge: Any) -> dict[str, str]:
    method = resources.PaymentMethod._api_retrieve(charge.payment_method)
    number = getattr(method, "_card_number", "")
    code, decline_code = DECLINES.get(number, ("card_declined", "generic_decline"))
    return {"code": code, **({"decline_code": decline_code} if decline_code else {})}


def _confirm_with_any_card(resources: Any) -> None:
    """As Stripe.js confirms: with a token or the data of a card, and again with another one after a declined one."""

    def confirm(
        id: str,
        payment_method: str | None = None,
        payment_method_data: dict[str, Any] | None = None,
        **_others: Any,
    ) -> Any:
        intent = intent_in(resources, id, PAYABLE)
        if payment_method_data is not None:
            payment_method = resources.PaymentMethod(**payment_method_data).id
        if payment_method is not None:
            intent.payment_method = resources.PaymentMethod._api_retrieve(payment_method).id
            intent.latest_charge = intent.next_action = None
        elif intent.status != "requires_confirmation":
            raise refusal(resources, "payment_intent_unexpected_state")
        intent._confirm(on_failure_now=intent._report_failure)
        return intent

    _replace_route(resources, "/v1/payment_intents/{id}/confirm", confirm)


def _announce_authorisations(resources: Any) -> None:
    """The event that a manual capture waits for; and a charge knows what its payment knows."""
    intents = resources.PaymentIntent
    create_charge = intents._create_charge

    def create_and_tell(intent: Any, on_failure_now: Callable[[], None]) -> None:
        create_charge(intent, on_failure_now)
        intent.latest_charge.metadata = dict(intent.metadata)
        if intent.status == "requires_capture":
            tell(resources, "payment_intent.amount_capturable_updated", intent)

    intents._create_charge = create_and_tell


def _let_banks_take_their_time(resources: Any, bank: Bank) -> None:
    """A payment from a bank account is in processing until the bank answers, also with a manual capture."""
    charges = resources.Charge
    initialize = charges._initialize_charge

    def initialize_or_wait(charge: Any, *arguments: Any, **named: Any) -> None:
        if charge.captured or not charge._is_async_payment_method():
            initialize(charge, *arguments, **named)
        else:
            tell(resources, "payment_intent.processing", _intent_of(resources, charge))
            bank.later(charge.payment_intent, lambda: _settle(resources, charge))

    charges._initialize_charge = initialize_or_wait


def _settle(resources: Any, charge: Any) -> None:
    intent = _intent_of(resources, charge)
    if charge._authorized:
        charge.status = "succeeded"
        tell(resources, "payment_intent.amount_capturable_updated", intent)
    else:
        charge._set_auth_failure()
        tell(resources, "payment_intent.payment_failed", intent)


def _capture_once(resources: Any) -> None:
    """localstripe captures what is canceled, and fails without a code on what is captured already."""
    capture = resources.PaymentIntent._api_capture

    def capture_authorised(id: str, **data: Any) -> Any:
        intent_in(resources, id, ("requires_capture",))
        return capture(id, **data)

    _replace_route(resources, "/v1/payment_intents/{id}/capture", capture_authorised)


def _announce_cancelations(resources: Any) -> None:
    cancel = resources.PaymentIntent._api_cancel

    def cancel_and_tell(id: str, cancellation_reason: str | None = None) -> Any:
        intent_in(resources, id, CANCELABLE)
        intent = cancel(id)
        intent.cancellation_reason = cancellation_reason
        tell(resources, "payment_intent.canceled", intent)
        return intent

    _replace_route(resources, "/v1/payment_intents/{id}/cancel", cancel_and_tell)


def _list_newest_first(resources: Any) -> None:
    """As Stripe lists, and from a time on."""

    def list_all(cls: Any, url: str, created: dict[str, str] | None = None, **data: Any) -> Any:
        since = int((created or {}).get("gte", 0))
        found = resources.List(url, **data)
        newest_first = reversed([*resources.store.of(cls.object)])
        found._list = [*takewhile(lambda intent: intent.created >= since, newest_first)]
        return found

    resources.PaymentIntent._api_list_all = classmethod(list_all)


def resume(resources: Any, bank: Bank) -> None:
    """The banks still have to answer what an earlier process was waiting for."""
    for charge in resources.store.of(resources.Charge.object):
        if charge.status == "pending" and not charge.captured:
            bank.later(charge.payment_intent, lambda charge=charge: _settle(resources, charge))
    resume_refunds(resources, bank)


def _intent_of(resources: Any, charge: Any) -> Any:
    return resources.PaymentIntent._api_retrieve(charge.payment_intent)


def _replace_route(resources: Any, url: str, function: Callable[..., Any]) -> None:
    routes = resources.extra_apis
    routes[:] = [
        (method, path, function if path == url else known) for method, path, known in routes
    ]
