"""Webhooks: who may speak for Stripe, and what is read of what it says."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from actors.domain.payment import Payment, PaymentStatus
from cluster.embedded.stripe_deliveries import signature
from cluster.payments.webhooks import (
    TOLERANCE_SECONDS,
    InvalidSignature,
    UnreadableNotice,
    read_notice,
    verify,
)

SECRET, OTHER = "whsec_present", "whsec_past"
INTENT: dict[str, Any] = {
    "id": "pi_1",
    "object": "payment_intent",
    "amount": 5_000,
    "amount_capturable": 5_000,
    "currency": "eur",
    "status": "requires_capture",
    "metadata": {"order_id": "order-1", "show_id": "show-1"},
}


def event(kind: str, about: object, **changes: object) -> bytes:
    values = {"id": "evt_1", "object": "event", "type": kind, "created": 1_800_000_000}
    return json.dumps(values | {"data": {"object": about}} | changes).encode()


BODY = event("payment_intent.amount_capturable_updated", INTENT)


def signed(body: bytes = BODY, secret: str = SECRET, age_seconds: int = 0) -> str:
    return signature(body, secret, int(time.time()) - age_seconds)


def test_what_stripe_signed_is_read() -> None:
    notice = verify(BODY, signed(), [SECRET])
    assert (notice.event_id, notice.created_ms) == ("evt_1", 1_800_000_000_000)
    assert notice.kind == "payment_intent.amount_capturable_updated"
    assert notice.payment == Payment("pi_1", PaymentStatus.AUTHORISED, 5_000, "EUR", "order-1")
    assert (notice.payment_id, notice.order_id) == ("pi_1", "order-1")
    assert read_notice(BODY) == notice


def test_while_secrets_are_replaced_each_of_them_counts() -> None:
    for secret in (SECRET, OTHER):
        assert verify(BODY, signed(secret=secret), [SECRET, OTHER]).event_id == "evt_1"
    both = signed(secret=OTHER) + signed(secret=SECRET)[len("t=1800000000") :]
    assert verify(BODY, both, [SECRET]).event_id == "evt_1"


def test_a_signature_may_be_a_few_minutes_old() -> None:
    assert verify(BODY, signed(age_seconds=TOLERANCE_SECONDS - 60), [SECRET])


FORGERIES: dict[str, tuple[bytes, str, list[str]]] = {
    "unsigned": (BODY, "", [SECRET]),
    "of another secret": (BODY, signed(secret="whsec_of_somebody"), [SECRET, OTHER]),
    "of a secret that is out of use": (BODY, signed(secret=OTHER), [SECRET]),
    "no secret at all": (BODY, signed(), []),
    "an empty secret": (BODY, signed(secret=""), [""]),
    "of another body": (BODY.replace(b"5000", b"9999"), signed(), [SECRET]),
    "one byte more": (BODY + b" ", signed(), [SECRET]),
    "an empty body": (b"", signed(), [SECRET]),
    "stale": (BODY, signed(age_seconds=TOLERANCE_SECONDS + 60), [SECRET]),
    "of another time": (BODY, signed().replace("t=1", "t=2"), [SECRET]),
    "without a time": (BODY, signed().partition(",")[2], [SECRET]),
    "without a signature": (BODY, signed().partition(",")[0], [SECRET]),
    "of another scheme": (BODY, signed().replace("v1=", "v0="), [SECRET]),
    "half a signature": (BODY, signed()[:-32], [SECRET]),
    "not a header": (BODY, "signed, by me", [SECRET]),
    "not ASCII": (BODY, signed().partition("v1=")[0] + "v1=ü", [SECRET]),
    "not UTF-8": (b"\xff" + BODY, signed(b"\xff" + BODY), [SECRET]),
}


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_forgery_is_refused_and_not_told_why(forgery: tuple[bytes, str, list[str]]) -> None:
    body, header, secrets = forgery
    with pytest.raises(InvalidSignature) as refused:
        verify(body, header, secrets)
    assert str(refused.value) == "no valid signature"
    assert refused.value.__cause__ is None


def test_our_signer_follows_the_documented_scheme() -> None:
    """The mark was made with another tool (openssl dgst -hmac)."""
    body, seconds = b'{"id":"evt_1"}', 1_800_000_000
    assert signature(body, "whsec_test", seconds) == (
        "t=1800000000,v1=45705be2a45ab5acdd1395cc695e9e7073125385ec24194921c401dff44176f8"
    )


@pytest.mark.parametrize(
    ("kind", "about", "payment_id", "order_id"),
    [
        (
            "charge.refunded",
            {"id": "ch_1", "payment_intent": "pi_1", "metadata": {"order_id": "order-1"}},
            "pi_1",
            "order-1",
        ),
        ("refund.failed", {"id": "re_1", "payment_intent": "pi_1", "metadata": {}}, "pi_1", ""),
        ("charge.dispute.created", {"id": "du_1", "payment_intent": "pi_1"}, "pi_1", ""),
        ("refund.created", {"id": "re_1", "payment_intent": None, "metadata": None}, "", ""),
    ],
)
def test_what_is_about_a_payment_says_about_which(
    kind: str, about: object, payment_id: str, order_id: str
) -> None:
    notice = read_notice(event(kind, about))
    assert (notice.payment_id, notice.order_id, notice.payment) == (payment_id, order_id, None)


def test_events_that_nobody_here_waits_for_are_notices_too() -> None:
    for kind in ("balance.available", "customer.created", "a.kind.of.tomorrow"):
        notice = read_notice(event(kind, {"payment_intent": 5, "metadata": "?"}))
        assert (notice.kind, notice.payment_id, notice.payment) == (kind, "", None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"{}",
        event("payment_intent.succeeded", None),
        event("payment_intent.succeeded", {"id": "pi_1"}),
        event("payment_intent.succeeded", INTENT | {"amount": "5000"}),
        event("charge.refunded", {"payment_intent": {"id": "pi_1"}}),
        event("payment_intent.succeeded", INTENT, created="2026-11-24T00:00:00Z"),
        event("payment_intent.succeeded", INTENT, data=None),
    ],
)
def test_a_signed_body_that_is_no_event_is_told_apart(body: bytes) -> None:
    with pytest.raises(UnreadableNotice) as unreadable:
        verify(body, signed(body), [SECRET])
    assert "pi_1" not in str(unreadable.value)
