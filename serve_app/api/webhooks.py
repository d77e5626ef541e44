"""What the payment provider tells: verified, stored, and only then acknowledged. The payment service works on it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from cluster.bootstrap import Runtime
from cluster.payments.webhooks import InvalidSignature, UnreadableNotice, verify
from serve_app.bodies import read_body
from serve_app.problems import Problem, unavailable
from serve_app.runtime import runtime_of

NOTICE_BYTES_MAX = 256 * 1024
"""Stripe's events have a few kilobytes."""


async def stripe_webhook(request: Request) -> Response:
    """POST /webhooks/stripe"""
    runtime = runtime_of(request)
    secrets = runtime.settings.webhook_secrets()
    if not secrets:
        raise unavailable("webhooks are not set up")
    payload = await read_body(request, NOTICE_BYTES_MAX)
    try:
        notice = verify(payload, request.headers.get("Stripe-Signature", ""), secrets)
    except InvalidSignature:
        raise Problem("invalid_signature") from None
    except UnreadableNotice as error:
        raise Problem("invalid_notice", str(error)) from None
    return await acknowledge(runtime, notice.event_id, payload)


async def acknowledge(runtime: Runtime, event_id: str, payload: bytes) -> Response:
    """The provider does not send again what was acknowledged."""
    await runtime.store_notice(event_id, payload)
    return Response(status_code=204)
