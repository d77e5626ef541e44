"""The local Stripe: on loopback only, the same after a restart, and its webhooks are signed and come in the end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import aiohttp
import psutil
import pytest

from actors.domain.payment import PaymentStatus, RefundStatus
from cluster.embedded.process import LOOPBACK, StartError, free_port
from cluster.embedded.stripe import PUBLISHABLE_KEY, SECRET_KEY, LocalStripe
from cluster.payments.gateway import OpenPayment, PaymentRefused
from cluster.payments.memory_provider import Card
from cluster.payments.notice import Notice
from cluster.payments.stripe_gateway import StripeGateway
from tests.payment_worlds import (
    PAYMENT_METHODS,
    SLOW_CALL_SECONDS,
    WEBHOOK_SECRET,
    key,
    order,
    pay,
    receiver,
    told,
)

CAPTURABLE = "payment_intent.amount_capturable_updated"


@contextlib.contextmanager
def running(directory: Path, settle_seconds: float = 5.0) -> Iterator[LocalStripe]:
    local = LocalStripe(directory, settle_seconds=settle_seconds)
    try:
        local.wait_ready()
        yield local
    finally:
        local.kill()


@contextlib.asynccontextmanager
async def gateway_of(local: LocalStripe) -> AsyncIterator[StripeGateway]:
    gateway = StripeGateway(SECRET_KEY, local.url, call_seconds=SLOW_CALL_SECONDS)
    try:
        yield gateway
    finally:
        await gateway.close()


async def confirm(local: LocalStripe, opened: OpenPayment, **changes: str) -> tuple[int, str]:
    """The status and the code of what a browser is told that pays with these."""
    data = {
        "key": PUBLISHABLE_KEY,
        "client_secret": opened.client_secret,
        "payment_method": "pm_card_visa",
    } | changes
    url = f"{local.url}/v1/payment_intents/{opened.payment.payment_id}/confirm"
    async with aiohttp.ClientSession() as browser, browser.post(url, data=data) as answer:
        body = await answer.json()
        return answer.status, body.get("error", {}).get("code") or body.get("status", "")


def test_it_listens_on_loopback_only(tmp_path: Path) -> None:
    with running(tmp_path) as local:
        listening = {
            (connection.laddr.ip, connection.laddr.port)
            for connection in psutil.Process(local.pid).net_connections()
            if connection.status == psutil.CONN_LISTEN
        }
        assert listening == {(LOOPBACK, local.port)}


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        with pytest.raises(StartError, match="local Stripe"):
            LocalStripe.start(tmp_path, taken.getsockname()[1])


@pytest.mark.parametrize("end", [LocalStripe.stop, LocalStripe.kill], ids=["stop", "kill"])
async def test_what_it_answered_for_is_there_after_a_restart(
    tmp_path: Path, end: Callable[[LocalStripe], None]
) -> None:
    once = key()
    with running(tmp_path) as local:
        async with gateway_of(local) as gateway:
            request = order()
            paid, open_one = await gateway.open(request, once), await gateway.open(order(), key())
            await pay(local.url, paid, Card.GOOD)
            paid_id = paid.payment.payment_id
            captured = await gateway.capture(paid_id, key())
            back = await gateway.give_back(paid_id, "r1", 1_000, key())
        end(local)
    with running(tmp_path) as local:
        async with gateway_of(local) as gateway:
            assert await gateway.find(paid_id) == captured
            assert await gateway.given_back(paid_id) == [back]
            assert await gateway.open(request, once) == paid, "keys are remembered too"
            await pay(local.url, open_one, Card.GOOD)
            taken = await gateway.capture(open_one.payment.payment_id, key())
            assert taken.status is PaymentStatus.CAPTURED
            listed = [payment async for payment in gateway.payments(0)]
            assert listed == [taken, captured]
            with pytest.raises(PaymentRefused):
                await gateway.give_back(paid_id, "r2", 4_001, key())


async def test_events_reach_a_receiver_that_was_away_even_over_a_restart(tmp_path: Path) -> None:
    notices: list[Notice] = []
    async with receiver(notices) as url:
        with running(tmp_path) as local:
            await asyncio.to_thread(local.register_webhook, url, WEBHOOK_SECRET)
            async with gateway_of(local) as gateway:
                first = await gateway.open(order(), key())
                await pay(local.url, first, Card.GOOD)
                await told(notices, first.payment.payment_id, CAPTURABLE)
                nowhere = f"http://{LOOPBACK}:{free_port()}/"
                await asyncio.to_thread(local.register_webhook, nowhere, WEBHOOK_SECRET)
                second = await gateway.open(order(), key())
                await pay(local.url, second, Card.GOOD)
                await asyncio.to_thread(local.register_webhook, url, WEBHOOK_SECRET)
                third = await gateway.open(order(), key())
                await pay(local.url, third, Card.GOOD)
                local.kill()
        with running(tmp_path) as local:
            for opened in (second, third):
                await told(notices, opened.payment.payment_id, CAPTURABLE)


async def test_a_receiver_that_refuses_is_asked_again(tmp_path: Path) -> None:
    """It refuses as long as it does not know the secret."""
    notices: list[Notice] = []
    async with receiver(notices) as url:
        with running(tmp_path) as local:
            await asyncio.to_thread(local.register_webhook, url, "whsec_that_nobody_knows")
            async with gateway_of(local) as gateway:
                opened = await gateway.open(order(), key())
            await pay(local.url, opened, Card.GOOD)
            await asyncio.sleep(0.1)
            assert notices == []
            await asyncio.to_thread(local.register_webhook, url, WEBHOOK_SECRET)
            await told(notices, opened.payment.payment_id, CAPTURABLE)


async def test_banks_that_take_their_time_answer_by_themselves_also_after_a_restart(
    tmp_path: Path,
) -> None:
    with running(tmp_path, settle_seconds=3_600) as local:
        async with gateway_of(local) as gateway:
            slow = await gateway.open(order(), key())
            await pay(local.url, slow, Card.SLOW)
            paid = await gateway.open(order(), key())
            await pay(local.url, paid, Card.REFUND_FAILS)
            await gateway.capture(paid.payment.payment_id, key())
            await gateway.give_back(paid.payment.payment_id, "r1", 5_000, key())
    with running(tmp_path, settle_seconds=0.01) as local:
        async with gateway_of(local) as gateway, asyncio.timeout(60):
            while True:
                payment = await gateway.find(slow.payment.payment_id)
                (back,) = await gateway.given_back(paid.payment.payment_id)
                if back.status is RefundStatus.FAILED and (
                    payment.status is PaymentStatus.AUTHORISED
                ):
                    break
                await asyncio.sleep(0.02)


async def test_a_browser_needs_the_secret_of_its_payment(tmp_path: Path) -> None:
    with running(tmp_path) as local:
        async with gateway_of(local) as gateway:
            mine, other = await gateway.open(order(), key()), await gateway.open(order(), key())
            assert (await confirm(local, mine, client_secret=other.client_secret))[0] == 401
            assert (await confirm(local, mine, client_secret=""))[0] == 401
            assert (await confirm(local, mine, key="something"))[0] == 401
            assert (await gateway.find(mine.payment.payment_id)).status is PaymentStatus.OPEN
            assert await confirm(local, mine) == (200, "requires_capture")
            declined = await confirm(local, other, payment_method="pm_card_visa_chargeDeclined")
            assert declined == (402, "card_declined")


async def test_a_card_may_be_typed_in(tmp_path: Path) -> None:
    card = {
        "payment_method_data[type]": "card",
        "payment_method_data[card][number]": "4242424242424242",
        "payment_method_data[card][exp_month]": "12",
        "payment_method_data[card][exp_year]": "2040",
        "payment_method_data[card][cvc]": "123",
    }
    authority = {"key": PUBLISHABLE_KEY}
    with running(tmp_path) as local:
        async with gateway_of(local) as gateway, aiohttp.ClientSession() as browser:
            opened = await gateway.open(order(), key())
            url = f"{local.url}/v1/payment_intents/{opened.payment.payment_id}"
            secret = {"client_secret": opened.client_secret}
            async with browser.post(f"{url}/confirm", data=card | authority | secret) as answer:
                assert (await answer.json())["amount_capturable"] == 5_000
            async with browser.get(url, params=authority | secret) as answer:
                assert (await answer.json())["status"] == "requires_capture"
            async with browser.get(url, params=authority) as answer:
                assert answer.status == 401


async def test_its_log_holds_no_secret(tmp_path: Path) -> None:
    notices: list[Notice] = []
    async with receiver(notices, ()) as url:
        with running(tmp_path) as local:
            await asyncio.to_thread(local.register_webhook, url + "?token=hidden", WEBHOOK_SECRET)
            async with gateway_of(local) as gateway:
                opened = await gateway.open(order(), key())
                await pay(local.url, opened, Card.GOOD)
            local.stop()
            log = (tmp_path / "stripe.log").read_text()
    for secret in (SECRET_KEY, WEBHOOK_SECRET, opened.client_secret, "hidden"):
        assert secret not in log


def test_every_fortune_of_a_buyer_has_a_card() -> None:
    assert set(PAYMENT_METHODS) == set(Card)


async def test_a_card_may_ask_its_owner_first(tmp_path: Path) -> None:
    """3-D Secure: the buyer is asked in the browser, and says yes or no."""
    with running(tmp_path) as local:
        async with gateway_of(local) as gateway, aiohttp.ClientSession() as browser:
            for says, status in (("false", PaymentStatus.OPEN), ("true", PaymentStatus.AUTHORISED)):
                opened = await gateway.open(order(), key())
                payment_id = opened.payment.payment_id
                asked = await confirm(
                    local, opened, payment_method="pm_card_authenticationRequired"
                )
                assert asked == (200, "requires_action")
                assert (await gateway.find(payment_id)).status is PaymentStatus.OPEN
                url = f"{local.url}/v1/payment_intents/{payment_id}/_authenticate"
                said = {"key": PUBLISHABLE_KEY, "client_secret": opened.client_secret}
                async with browser.post(url, params={"success": says}, data=said) as answer:
                    assert answer.status == 200
                assert (await gateway.find(payment_id)).status is status
