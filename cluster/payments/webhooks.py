"""Stripe's webhooks: whether a body is Stripe's, and what it says (docs.stripe.com, "Receive Stripe events").

A notice may come twice, late, in any order or not at all: it says where to look, and its payment is a snapshot of when
it was written.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import stripe

from cluster.payments.notice import Notice
from cluster.payments.stripe_objects import ORDER_ID, Intent, Reference, payment_of

TOLERANCE_SECONDS = 300
"""Stripe signs each attempt anew, so an older signature is a copy of somebody's (the SDK's own default)."""

OF_A_PAYMENT = "payment_intent."
ABOUT_ONE = ("charge.", "refund.")
"""Refunds and disputes too: Stripe calls these `charge.refunded`, `charge.dispute.created`, `refund.failed`."""


class InvalidSignature(Exception):
    """The body is not from Stripe, or not from now: no signature, none with a secret of ours, or an old one."""


class UnreadableNotice(Exception):
    """Not an event as Stripe writes them; the text does not repeat the body."""


class _Data(msgspec.Struct):
    object: msgspec.Raw


class _Event(msgspec.Struct):
    id: str
    type: str
    created: int
    data: _Data


_events = msgspec.json.Decoder(_Event)
_intents = msgspec.json.Decoder(Intent)
_references = msgspec.json.Decoder(Reference)


def verify(payload: bytes, signature: str | None, secrets: Sequence[str]) -> Notice:
    """The notice in the raw body of a request, whose `Stripe-Signature` header has to be from one of the secrets.

    Several secrets are for the time in which one replaces another. Raises InvalidSignature or UnreadableNotice.
    """
    if not any(_is_signed(payload, signature, secret) for secret in secrets):
        raise InvalidSignature("no valid signature")
    return read_notice(payload)


def read_notice(payload: bytes) -> Notice:
    """The notice in a body that was verified when it came in. Raises UnreadableNotice."""
    try:
        event = _events.decode(payload)
        return _notice(event)
    except msgspec.DecodeError as error:
        raise UnreadableNotice(str(error)) from None


def _notice(event: _Event) -> Notice:
    created_ms = event.created * 1000
    if event.type.startswith(OF_A_PAYMENT):
        payment = payment_of(_intents.decode(event.data.object))
        return Notice(
            event.id, event.type, created_ms, payment.payment_id, payment.order_id, payment
        )
    if event.type.startswith(ABOUT_ONE):
        about = _references.decode(event.data.object)
        order_id = (about.metadata or {}).get(ORDER_ID, "")
        return Notice(event.id, event.type, created_ms, about.payment_intent or "", order_id)
    return Notice(event.id, event.type, created_ms)


def _is_signed(payload: bytes, signature: str | None, secret: str) -> bool:
    try:
        stripe.WebhookSignature.verify_header(payload, signature, secret, TOLERANCE_SECONDS)
    except (stripe.SignatureVerificationError, ValueError, TypeError):
        # A body that is not UTF-8, or a signature that is not ASCII, is an error of the SDK's.
        return False
    return True
