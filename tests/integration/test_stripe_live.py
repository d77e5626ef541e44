"""The same steps against Stripe's own test mode, for whoever has a key: not run otherwise, and never with a live key.

It holds the local Stripe and the provider in memory to what the real one says.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import aiohttp
import pytest

from actors.domain.payment import PaymentStatus, RefundStatus
from cluster.payments.gateway import PaymentRefused
from cluster.payments.stripe_gateway import StripeGateway
from tests.payment_worlds import key, order

API = "https://api.stripe.com"
SECRET_KEY = os.environ.get("STRIPE_SECRET_KEY", "")
UNEXPECTED_STATE = "payment_intent_unexpected_state"

pytestmark = [
    pytest.mark.skipif(
        not SECRET_KEY.startswith("sk_test_") or bool(os.environ.get("STRIPE_API_BASE")),
        reason="needs STRIPE_SECRET_KEY=sk_test_... of Stripe's test mode, and no STRIPE_API_BASE",
    ),
    # In test mode Stripe sends notes to developers, which its SDK tells as warnings.
    pytest.mark.filterwarnings("default"),
]


@pytest.fixture
async def gateway() -> AsyncIterator[StripeGateway]:
    gateway = StripeGateway(SECRET_KEY)
    yield gateway
    await gateway.close()


async def confirm(payment_id: str, payment_method: str) -> int:
    """In place of the browser; the status of the answer."""
    async with (
        aiohttp.ClientSession(auth=aiohttp.BasicAuth(SECRET_KEY)) as session,
        session.post(
            f"{API}/v1/payment_intents/{payment_id}/confirm",
            data={"payment_method": payment_method},
        ) as answer,
    ):
        return answer.status


async def test_a_card_is_declined_another_authorised_captured_and_refunded(
    gateway: StripeGateway,
) -> None:
    request, once = order(), key()
    opened = await gateway.open(request, once)
    assert await gateway.open(request, once) == opened
    payment_id = opened.payment.payment_id
    with pytest.raises(PaymentRefused) as refused:
        await gateway.capture(payment_id, key())
    assert refused.value.code == UNEXPECTED_STATE
    assert await confirm(payment_id, "pm_card_visa_chargeDeclined") == 402
    declined = await gateway.find(payment_id)
    assert (declined.status, declined.problem) == (PaymentStatus.OPEN, "generic_decline")
    assert await confirm(payment_id, "pm_card_visa") == 200
    authorised = await gateway.find(payment_id)
    assert (authorised.status, authorised.amount) == (PaymentStatus.AUTHORISED, request.amount)
    captured = await gateway.capture(payment_id, key())
    assert (captured.status, captured.order_id) == (PaymentStatus.CAPTURED, request.order_id)
    assert await gateway.capture(payment_id, key()) == captured
    assert await gateway.cancel(payment_id, key()) == captured
    back = await gateway.give_back(payment_id, "r1", 2_000, key())
    assert back.status in (RefundStatus.PENDING, RefundStatus.SUCCEEDED)
    assert [found.refund_id for found in await gateway.given_back(payment_id)] == ["r1"]
    with pytest.raises(PaymentRefused):
        await gateway.give_back(payment_id, "r2", 3_001, key())
    with pytest.raises(PaymentRefused) as refused:
        await gateway.open(order(amount=1), once)
    assert refused.value.code == "idempotency_error"


async def test_what_is_canceled_can_never_be_paid_or_captured(gateway: StripeGateway) -> None:
    opened = await gateway.open(order(), key())
    payment_id = opened.payment.payment_id
    gone = await gateway.cancel(payment_id, key())
    assert gone.status is PaymentStatus.CANCELED
    assert await gateway.cancel(payment_id, key()) == gone
    assert await confirm(payment_id, "pm_card_visa") == 400
    with pytest.raises(PaymentRefused) as refused:
        await gateway.capture(payment_id, key())
    assert refused.value.code == UNEXPECTED_STATE


async def test_units_errors_and_lists_are_as_they_are_read(gateway: StripeGateway) -> None:
    krona = await gateway.open(order(amount=500, currency="ISK"), key())
    assert (krona.payment.amount, krona.payment.currency) == (500, "ISK")
    async for newest in gateway.payments(0):
        assert newest.payment_id
        break
    with pytest.raises(PaymentRefused) as refused:
        await gateway.open(order(amount=1), key())
    assert refused.value.code == "amount_too_small"
    with pytest.raises(PaymentRefused) as refused:
        await gateway.find("pi_unknown")
    assert refused.value.code == "resource_missing"
