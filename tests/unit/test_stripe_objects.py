"""What Stripe's objects and errors mean for a payment."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from actors.domain.payment import PaymentStatus, RefundStatus
from cluster.payments.gateway import PaymentRefused, PaymentsUnavailable
from cluster.payments.stripe_errors import RETRY_AFTER_SECONDS_MAX, translated
from cluster.payments.stripe_objects import (
    Intent,
    PaymentError,
    Refund,
    money_back_of,
    open_payment_of,
    payment_of,
)
from cluster.payments.stripe_units import from_stripe, to_stripe

SECRET = "sk_live_secret"


def intent(status: str, **fields: Any) -> Intent:
    return Intent("pi_1", status, 5_000, "eur", **fields)


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        ("requires_payment_method", PaymentStatus.OPEN),
        ("requires_confirmation", PaymentStatus.OPEN),
        ("requires_action", PaymentStatus.OPEN),
        ("processing", PaymentStatus.PROCESSING),
        ("requires_capture", PaymentStatus.AUTHORISED),
        ("succeeded", PaymentStatus.CAPTURED),
        ("canceled", PaymentStatus.CANCELED),
        ("a_status_of_tomorrow", PaymentStatus.PROCESSING),
    ],
)
def test_every_status_has_one_meaning(status: str, meaning: PaymentStatus) -> None:
    assert payment_of(intent(status)).status is meaning


def test_the_amount_is_what_is_set_aside_or_what_was_taken() -> None:
    amounts: dict[str, Any] = {"amount_capturable": 4_000, "amount_received": 3_000}
    assert payment_of(intent("requires_payment_method", **amounts)).amount == 5_000
    assert payment_of(intent("requires_capture", **amounts)).amount == 4_000
    assert payment_of(intent("succeeded", **amounts)).amount == 3_000
    assert payment_of(intent("requires_capture")).amount == 5_000
    assert payment_of(intent("succeeded")).amount == 5_000


def test_what_is_missing_is_empty() -> None:
    bare = open_payment_of(intent("canceled"))
    assert (bare.client_secret, bare.payment.order_id, bare.payment.problem) == ("", "", "")


def test_the_bank_says_more_than_stripe_about_a_decline() -> None:
    def problem(error: PaymentError) -> str:
        return payment_of(intent("requires_payment_method", last_payment_error=error)).problem

    assert problem(PaymentError("card_declined", "insufficient_funds")) == "insufficient_funds"
    assert problem(PaymentError("expired_card")) == "expired_card"
    assert problem(PaymentError()) == ""


@pytest.mark.parametrize(
    ("status", "reason", "meaning", "problem"),
    [
        ("pending", None, RefundStatus.PENDING, ""),
        ("requires_action", None, RefundStatus.PENDING, ""),
        ("succeeded", None, RefundStatus.SUCCEEDED, ""),
        ("failed", "declined", RefundStatus.FAILED, "declined"),
        ("failed", None, RefundStatus.FAILED, "failed"),
        ("canceled", None, RefundStatus.FAILED, "canceled"),
        ("a_status_of_tomorrow", None, RefundStatus.PENDING, ""),
    ],
)
def test_a_refund_is_on_its_way_done_or_failed(
    status: str, reason: str | None, meaning: RefundStatus, problem: str
) -> None:
    back = money_back_of(Refund("re_1", status, 100, "eur", failure_reason=reason))
    assert (back.status, back.problem) == (meaning, problem)


@pytest.mark.parametrize(
    ("amount", "currency", "units"),
    [(1_999, "EUR", 1_999), (500, "JPY", 500), (5, "ISK", 500), (5, "UGX", 500), (700, "MGA", 7)],
)
def test_amounts_are_told_in_stripes_units(amount: int, currency: str, units: int) -> None:
    assert to_stripe(amount, currency) == units
    assert from_stripe(units, currency) == amount


def test_what_stripe_cannot_say_is_refused() -> None:
    with pytest.raises(PaymentRefused) as refused:
        to_stripe(750, "MGA")
    assert refused.value.code == "amount_not_payable"


def error(status: int, kind: str, code: str | None = None, **headers: str) -> dict[str, Any]:
    body = {"error": {"type": kind, "code": code, "message": f"Invalid API Key: {SECRET}"}}
    known = {"request-id": "req_1", "Authorization": SECRET} | headers
    return {"http_body": str(body), "http_status": status, "json_body": body, "headers": known}


CARD = stripe.CardError(f"{SECRET} declined", None, "card_declined", **error(402, "card_error"))
INVALID = stripe.InvalidRequestError(SECRET, "amount", "amount_too_small", **error(400, "x"))
CODELESS = stripe.InvalidRequestError(SECRET, "amount", **error(400, "invalid_request_error"))
MISSING = stripe.InvalidRequestError(SECRET, "id", **error(404, "invalid_request_error"))
BAD_KEY = stripe.AuthenticationError(SECRET, **error(401, "invalid_request_error"))
FORBIDDEN = stripe.PermissionError(SECRET, **error(403, "invalid_request_error"))
MISMATCH = stripe.IdempotencyError(SECRET, **error(400, "idempotency_error"))
ODD = stripe.APIError(SECRET, **error(418, "invalid_request_error"))


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (CARD, "card_declined"),
        (INVALID, "amount_too_small"),
        (CODELESS, "invalid_request"),
        (MISSING, "resource_missing"),
        (BAD_KEY, "misconfigured"),
        (FORBIDDEN, "misconfigured"),
        (MISMATCH, "idempotency_error"),
        (ODD, "invalid_request"),
    ],
)
def test_what_can_never_go_through_is_refused_with_a_code(
    failure: stripe.StripeError, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    meaning = translated(failure)
    assert isinstance(meaning, PaymentRefused)
    assert meaning.code == code
    assert SECRET not in str(meaning) + capsys.readouterr().out


ERROR_500 = stripe.APIError(SECRET, **error(500, "api_error"))
ERROR_503 = stripe.APIError(SECRET, **error(503, "api_error"))
ERROR_504 = stripe.APIError(SECRET, **error(504, "api_error"))
HTML_502 = stripe.APIError(f"Invalid response: {SECRET}", "<html>", 502, "<html>")
HTML_200 = stripe.APIError(f"Invalid response: {SECRET}", "<html>", 200, "<html>")
IN_FLIGHT = stripe.APIError(SECRET, **error(409, "idempotency_error"))
LIMITED = stripe.RateLimitError(SECRET, **error(429, "rate_limit"))
LOST = stripe.APIConnectionError(SECRET)


@pytest.mark.parametrize(
    ("failure", "answered"),
    [
        (ERROR_500, True),
        (ERROR_503, True),
        (ERROR_504, False),
        (HTML_502, False),
        (HTML_200, False),
        (IN_FLIGHT, False),
        (LIMITED, False),
        (LOST, False),
    ],
)
def test_only_the_apis_own_error_is_an_answer(failure: stripe.StripeError, answered: bool) -> None:
    meaning = translated(failure)
    assert isinstance(meaning, PaymentsUnavailable)
    assert meaning.answered is answered
    assert SECRET not in str(meaning)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), ("0", 1), ("soon", 1), ("100000", RETRY_AFTER_SECONDS_MAX)],
)
def test_when_to_come_back_is_what_stripe_says_within_reason(header: str, seconds: int) -> None:
    headers = {"Retry-After": header}
    meaning = translated(stripe.RateLimitError("busy", **error(429, "rate_limit", **headers)))
    assert isinstance(meaning, PaymentsUnavailable)
    assert meaning.retry_after_seconds == seconds
