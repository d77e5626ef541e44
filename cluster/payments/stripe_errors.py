"""What an error of the SDK means for a payment. Texts carry codes and request ids: never a key, a body or an address.

Which answers are final and which say nothing is docs.stripe.com, "Advanced error handling" and "Idempotent requests".
"""

from __future__ import annotations

import stripe
import structlog

from cluster.payments.gateway import MISCONFIGURED, PaymentRefused, PaymentsUnavailable

RETRY_AFTER_SECONDS_MAX = 60
RESOURCE_MISSING = "resource_missing"
IDEMPOTENCY_ERROR = "idempotency_error"
INVALID_REQUEST = "invalid_request"
GATEWAY_TIMEOUT = 504
NO_ANSWER = "no answer from the payment provider"

_log = structlog.get_logger()


def translated(error: stripe.StripeError) -> PaymentsUnavailable | PaymentRefused:
    """The port's exception for one of the SDK's."""
    match error:
        case stripe.APIConnectionError():
            return PaymentsUnavailable(NO_ANSWER)
        case stripe.AuthenticationError() | stripe.PermissionError():
            _log.error("payments.misconfigured", status=error.http_status, request=error.request_id)
            return PaymentRefused(MISCONFIGURED, "the payment provider does not accept our key")
        case stripe.RateLimitError():
            return PaymentsUnavailable(
                "the payment provider is busy", _retry_after_seconds(error.headers)
            )
        case stripe.IdempotencyError():
            return PaymentRefused(IDEMPOTENCY_ERROR, _detail(IDEMPOTENCY_ERROR, error))
        case stripe.CardError() | stripe.InvalidRequestError():
            missing = RESOURCE_MISSING if error.http_status == 404 else INVALID_REQUEST
            code = error.code or missing
            return PaymentRefused(code, _detail(code, error))
        case _:
            return _by_status(error)


def _by_status(error: stripe.StripeError) -> PaymentsUnavailable | PaymentRefused:
    status = error.http_status or 0
    if status == 409:
        # The first request with this key is still being worked on.
        return PaymentsUnavailable("the payment provider is still at it")
    if 400 <= status < 500:
        return PaymentRefused(INVALID_REQUEST, _detail(INVALID_REQUEST, error))
    # Without an error object the answer is not the API's own but that of something before it, which has kept nothing;
    # and behind a 504 the change may still be under way.
    answered = status >= 500 and status != GATEWAY_TIMEOUT and error.error is not None
    return PaymentsUnavailable(f"the payment provider answered {status}", answered=answered)


def _retry_after_seconds(headers: dict[str, str] | None) -> int:
    text = (headers or {}).get("Retry-After", "")
    return min(int(text), RETRY_AFTER_SECONDS_MAX) if text.isdecimal() and int(text) else 1


def _detail(code: str, error: stripe.StripeError) -> str:
    return f"{code} ({error.request_id})" if error.request_id else code
