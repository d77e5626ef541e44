"""Bad days at Stripe, through the real SDK: what is tried again, what is told, and when nobody asks any more."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from actors.domain.payment import PaymentStatus
from cluster.embedded.stripe import SECRET_KEY, LocalStripe
from cluster.payments.breaker import CircuitBreaker
from cluster.payments.gateway import PaymentRefused, PaymentsUnavailable
from cluster.payments.memory_provider import Card
from cluster.payments.notice import Notice
from cluster.payments.stripe_gateway import RETRIES_MAX, StripeGateway
from tests.fakes.stripe_proxy import Delivery, Fault, StripeProxy
from tests.payment_worlds import (
    SLOW_CALL_SECONDS,
    WEBHOOK_SECRET,
    StripeWorld,
    key,
    order,
    pay,
    receiver,
    stripe_world,
    told,
)

CAPTURABLE = "payment_intent.amount_capturable_updated"
SUCCEEDED = "payment_intent.succeeded"
CAPTURE_SECONDS = 0.5


@pytest.fixture(scope="module")
def local_stripe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStripe]:
    local = LocalStripe.start(tmp_path_factory.mktemp("stripe"))
    yield local
    local.stop()


@pytest.fixture
async def proxy(local_stripe: LocalStripe) -> AsyncIterator[StripeProxy]:
    async with StripeProxy(local_stripe) as proxy:
        yield proxy


@pytest.fixture
async def world(local_stripe: LocalStripe) -> AsyncIterator[StripeWorld]:
    async with stripe_world(local_stripe) as world:
        yield world


@asynccontextmanager
async def gateway_of(
    proxy: StripeProxy,
    *,
    call_seconds: float = SLOW_CALL_SECONDS,
    retries: int = RETRIES_MAX,
    breaker: CircuitBreaker | None = None,
    secret_key: str = SECRET_KEY,
) -> AsyncIterator[StripeGateway]:
    gateway = StripeGateway(
        secret_key, proxy.url, call_seconds=call_seconds, retries=retries, breaker=breaker
    )
    try:
        yield gateway
    finally:
        await gateway.close()


async def authorised(proxy: StripeProxy) -> str:
    async with gateway_of(proxy) as gateway:
        opened = await gateway.open(order(), key())
        await pay(proxy.url, opened, Card.GOOD)
    proxy.requests.clear()
    return opened.payment.payment_id


@pytest.mark.parametrize(
    "fault", [Fault.DROP_BEFORE, Fault.DROP_AFTER, Fault.BREAK_OFF, Fault.BAD_GATEWAY]
)
async def test_a_lost_answer_is_asked_for_again_with_the_same_key(
    proxy: StripeProxy, fault: Fault
) -> None:
    payment_id = await authorised(proxy)
    proxy.faults.extend([fault] * RETRIES_MAX)
    async with gateway_of(proxy) as gateway:
        assert (await gateway.capture(payment_id, key())).status is PaymentStatus.CAPTURED
    assert len(proxy.requests) == 1 + RETRIES_MAX


@pytest.mark.parametrize(
    "fault", [Fault.DROP_BEFORE, Fault.DROP_AFTER, Fault.BREAK_OFF, Fault.BAD_GATEWAY]
)
async def test_when_no_answer_comes_at_all_nothing_is_claimed(
    proxy: StripeProxy, fault: Fault
) -> None:
    payment_id, once = await authorised(proxy), key()
    proxy.faults.extend([fault] * (1 + RETRIES_MAX))
    async with gateway_of(proxy) as gateway:
        with pytest.raises(PaymentsUnavailable) as unavailable:
            await gateway.capture(payment_id, once)
        assert not unavailable.value.answered
        assert (await gateway.capture(payment_id, once)).status is PaymentStatus.CAPTURED


async def test_a_limited_rate_says_when_to_come_back_and_keeps_nothing(proxy: StripeProxy) -> None:
    payment_id, once = await authorised(proxy), key()
    proxy.faults.append(Fault.RATE_LIMIT)
    async with gateway_of(proxy) as gateway:
        with pytest.raises(PaymentsUnavailable) as unavailable:
            await gateway.capture(payment_id, once)
        assert (unavailable.value.retry_after_seconds, unavailable.value.answered) == (7, False)
        assert (await gateway.capture(payment_id, once)).status is PaymentStatus.CAPTURED


@pytest.mark.parametrize(
    ("fault", "stands"),
    [
        (Fault.ERROR_BEFORE, PaymentStatus.AUTHORISED),
        (Fault.ERROR_AFTER, PaymentStatus.CAPTURED),
    ],
)
async def test_a_500_is_told_at_once_and_needs_another_key(
    proxy: StripeProxy, fault: Fault, stands: PaymentStatus
) -> None:
    payment_id, once = await authorised(proxy), key()
    proxy.faults.append(fault)
    async with gateway_of(proxy) as gateway:
        for _ in range(2):
            with pytest.raises(PaymentsUnavailable) as unavailable:
                await gateway.capture(payment_id, once)
            assert unavailable.value.answered
        assert len(proxy.requests) == 2, "the SDK does not try again what is kept under its key"
        assert (await gateway.find(payment_id)).status is stands
        assert (await gateway.capture(payment_id, key())).status is PaymentStatus.CAPTURED


async def test_an_answer_that_takes_too_long_is_none(proxy: StripeProxy) -> None:
    payment_id, once = await authorised(proxy), key()
    proxy.faults.append(Fault.SLOW)
    proxy.slow_seconds = 60.0
    async with gateway_of(proxy, call_seconds=CAPTURE_SECONDS, retries=0) as impatient:
        with pytest.raises(PaymentsUnavailable) as unavailable:
            await impatient.capture(payment_id, once)
    assert not unavailable.value.answered
    proxy.faults.clear()
    async with gateway_of(proxy) as gateway:
        assert (await gateway.capture(payment_id, once)).status is PaymentStatus.CAPTURED


async def test_a_buyer_does_not_wait_for_one_silence_after_another(proxy: StripeProxy) -> None:
    """A provider that takes connections and says nothing: the SDK would wait for as many whole timeouts as it tries."""
    proxy.always, proxy.slow_seconds = Fault.SLOW, 60.0
    async with gateway_of(proxy, call_seconds=CAPTURE_SECONDS, retries=RETRIES_MAX) as gateway:
        with pytest.raises(PaymentsUnavailable) as unavailable:
            await gateway.open(order(), key())
    assert not unavailable.value.answered
    assert len(proxy.requests) == 1


async def test_the_circuit_opens_and_one_answer_closes_it(proxy: StripeProxy) -> None:
    now = [0.0]
    breaker = CircuitBreaker(lambda: now[0], failures_max=3, open_seconds=10.0)
    payment_id = await authorised(proxy)
    async with gateway_of(proxy, retries=0, breaker=breaker) as gateway:
        proxy.always = Fault.DROP_BEFORE
        for _ in range(3):
            with pytest.raises(PaymentsUnavailable):
                await gateway.find(payment_id)
        proxy.requests.clear()
        with pytest.raises(PaymentsUnavailable) as unavailable:
            await gateway.capture(payment_id, key())
        assert (unavailable.value.retry_after_seconds, unavailable.value.answered) == (10, False)
        assert proxy.requests == []
        now[0] += 10.0
        with pytest.raises(PaymentsUnavailable):
            await gateway.capture(payment_id, key())
        assert len(proxy.requests) == 1
        with pytest.raises(PaymentsUnavailable):
            await gateway.capture(payment_id, key())
        assert len(proxy.requests) == 1
        now[0] += 10.0
        proxy.always = None
        assert (await gateway.capture(payment_id, key())).status is PaymentStatus.CAPTURED
        assert not breaker.is_open


async def test_a_key_that_stripe_does_not_know_is_our_mistake_and_stays_secret(
    proxy: StripeProxy, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    wrong = "rk_that_is_not_known"
    caplog.set_level("DEBUG")
    async with gateway_of(proxy, secret_key=wrong) as gateway:
        for call in (
            gateway.open(order(), key()),
            gateway.find("pi_1"),
            gateway.given_back("pi_1"),
        ):
            with pytest.raises(PaymentRefused) as refused:
                await call
            assert refused.value.code == "misconfigured"
            assert wrong not in repr(refused.value)
            assert proxy.url not in repr(refused.value)
    written = capfd.readouterr()
    assert "payments.misconfigured" in written.out
    assert wrong not in written.out + written.err + caplog.text


async def test_no_secret_of_a_buyer_is_logged(
    world: StripeWorld, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    opened = await world.gateway.open(order(), key())
    written = capfd.readouterr()
    assert opened.client_secret not in written.out + written.err + caplog.text
    assert SECRET_KEY not in written.out + written.err + caplog.text


@pytest.mark.parametrize(
    "forged", [Delivery.UNSIGNED, Delivery.WRONG_SECRET, Delivery.STALE, Delivery.TAMPERED]
)
async def test_a_forged_delivery_is_refused_and_the_true_one_comes(
    proxy: StripeProxy, forged: Delivery
) -> None:
    notices: list[Notice] = []
    proxy.deliveries.append(forged)
    async with receiver(notices) as url:
        await proxy.forward_webhooks(url, WEBHOOK_SECRET)
        payment_id = await authorised(proxy)
        assert len(await told(notices, payment_id, CAPTURABLE)) == 1
    assert proxy.answers == [400, 200]


async def test_deliveries_come_twice_late_and_in_any_order(proxy: StripeProxy) -> None:
    notices: list[Notice] = []
    async with receiver(notices) as url:
        await proxy.forward_webhooks(url, WEBHOOK_SECRET)
        proxy.deliveries.extend([Delivery.REORDERED, Delivery.DUPLICATED])
        payment_id = await authorised(proxy)
        async with gateway_of(proxy) as gateway:
            await gateway.capture(payment_id, key())
            kinds = [notice.kind for notice in await told(notices, payment_id, CAPTURABLE)]
            assert kinds == [SUCCEEDED, SUCCEEDED, CAPTURABLE]
            proxy.deliveries.append(Delivery.WITHHELD)
            withheld = await authorised(proxy)
            proxy.deliveries.append(Delivery.DELAYED)
            delayed = await authorised(proxy)
            await told(notices, delayed, CAPTURABLE)
            assert withheld not in {notice.payment_id for notice in notices}
            await proxy.release()
            await told(notices, withheld, CAPTURABLE)
