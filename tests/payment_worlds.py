"""The places that payments can be made in, behind one face: for suites that must hold in all of them."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum
from typing import Protocol

import aiohttp
from aiohttp import web

from actors.domain.payment import Payment
from cluster.embedded.process import LOOPBACK, free_port
from cluster.embedded.stripe import PUBLISHABLE_KEY, SECRET_KEY, LocalStripe
from cluster.payments.gateway import (
    OpenPayment,
    PaymentGateway,
    PaymentRefused,
    PaymentRequest,
)
from cluster.payments.memory import Loss, Losses, MemoryGateway
from cluster.payments.memory_provider import Card, MemoryProvider
from cluster.payments.memory_provider import Fault as ProviderFault
from cluster.payments.notice import Notice
from cluster.payments.stripe_gateway import StripeGateway
from cluster.payments.webhooks import InvalidSignature, verify
from tests.fakes.stripe_proxy import Fault, StripeProxy

WEBHOOK_SECRET = "whsec_of_the_tests"
WAIT_SECONDS_MAX = 30.0
SLOW_CALL_SECONDS = 60.0
"""For a machine that is busy with other things."""

PAYMENT_METHODS = {
    Card.GOOD: {"payment_method": "pm_card_visa"},
    Card.DECLINED: {"payment_method": "pm_card_visa_chargeDeclined"},
    Card.REFUND_FAILS: {"payment_method": "pm_card_refundFail"},
    Card.SLOW: {
        "payment_method_data[type]": "sepa_debit",
        "payment_method_data[sepa_debit][iban]": "DE89370400440532013000",
    },
    Card.SLOW_DECLINED: {
        "payment_method_data[type]": "sepa_debit",
        "payment_method_data[sepa_debit][iban]": "DE62370400440532013001",
    },
}
"""How a buyer of a local Stripe has the fortune of each card."""


class Trouble(Enum):
    """What happens to the next change."""

    FAIL_BEFORE = "a 500, and nothing is done"
    FAIL_AFTER = "it is done, and the answer is a 500"
    LOSE_REQUEST = "it never arrives"
    LOSE_ANSWER = "it is done, and the answer is lost"
    FAIL_LOOK = "a look is answered by a 500"


class World(Protocol):
    notices: list[Notice]

    @property
    def gateway(self) -> PaymentGateway: ...

    async def pay(self, opened: OpenPayment, card: Card) -> None:
        """What its buyer does. PaymentRefused when it is too late."""
        ...

    async def settle(self, waiting_id: str) -> None:
        """The bank of a payment in processing answers, or of a refund that is to fail."""
        ...

    def trouble(self, trouble: Trouble) -> None: ...


class MemoryWorld:
    def __init__(self) -> None:
        self.notices: list[Notice] = []
        now = itertools.count(1_800_000_000_000, 1_000)
        self.provider = MemoryProvider(now.__next__, on_event=self.notices.append)
        self._losses = Losses()
        self.gateway: PaymentGateway = MemoryGateway(self.provider, self._losses)

    async def pay(self, opened: OpenPayment, card: Card) -> None:
        self.provider.authorise(opened.client_secret, card)

    async def settle(self, waiting_id: str) -> None:
        if waiting_id.startswith("re_"):
            self.provider.fail_refund(waiting_id)
        else:
            self.provider.settle(waiting_id)

    def trouble(self, trouble: Trouble) -> None:
        match trouble:
            case Trouble.FAIL_BEFORE:
                self.provider.faults.append(ProviderFault.BEFORE)
            case Trouble.FAIL_AFTER:
                self.provider.faults.append(ProviderFault.AFTER)
            case Trouble.LOSE_REQUEST:
                self._losses.requests.append(Loss.REQUEST)
            case Trouble.LOSE_ANSWER:
                self._losses.requests.append(Loss.ANSWER)
            case Trouble.FAIL_LOOK:
                self._losses.requests.append(Loss.ERROR)


class StripeWorld:
    """The real SDK against a local Stripe, through a proxy; the SDK does not try again by itself."""

    def __init__(self, proxy: StripeProxy) -> None:
        self.notices: list[Notice] = []
        self._proxy = proxy
        self.gateway: PaymentGateway = StripeGateway(
            SECRET_KEY, proxy.url, call_seconds=SLOW_CALL_SECONDS, retries=0
        )

    async def pay(self, opened: OpenPayment, card: Card) -> None:
        await pay(self._proxy.url, opened, card)

    async def settle(self, waiting_id: str) -> None:
        await asyncio.to_thread(self._proxy.local.settle, waiting_id)

    def trouble(self, trouble: Trouble) -> None:
        if trouble is Trouble.FAIL_LOOK:
            self._proxy.look_faults.append(Fault.ERROR_BEFORE)
            return
        faults = {
            Trouble.FAIL_BEFORE: Fault.ERROR_BEFORE,
            Trouble.FAIL_AFTER: Fault.ERROR_AFTER,
            Trouble.LOSE_REQUEST: Fault.DROP_BEFORE,
            Trouble.LOSE_ANSWER: Fault.DROP_AFTER,
        }
        self._proxy.faults.append(faults[trouble])


async def pay(url: str, opened: OpenPayment, card: Card) -> None:
    """A buyer's browser: with the client secret, and no key but the publishable one. A declined card is no error."""
    path = f"/v1/payment_intents/{opened.payment.payment_id}/confirm"
    authority = {"key": PUBLISHABLE_KEY, "client_secret": opened.client_secret}
    async with (
        aiohttp.ClientSession() as browser,
        browser.post(url + path, data=authority | PAYMENT_METHODS[card]) as answer,
    ):
        if answer.status not in (200, 402):
            raise PaymentRefused((await answer.json())["error"].get("code", str(answer.status)))


@asynccontextmanager
async def receiver(
    notices: list[Notice], webhook_secrets: tuple[str, ...] = (WEBHOOK_SECRET,)
) -> AsyncIterator[str]:
    """The URL of an endpoint that verifies what it gets and keeps the notices; 400 for all else, as the product."""

    async def receive(request: web.Request) -> web.Response:
        signed = request.headers.get("Stripe-Signature", "")
        try:
            notices.append(verify(await request.read(), signed, webhook_secrets))
        except InvalidSignature:
            return web.Response(status=400)
        return web.Response()

    app = web.Application()
    app.router.add_post("/webhooks/stripe", receive)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, LOOPBACK, port).start()
    try:
        yield f"http://{LOOPBACK}:{port}/webhooks/stripe"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def stripe_world(local: LocalStripe) -> AsyncIterator[StripeWorld]:
    async with StripeProxy(local) as proxy:
        world = StripeWorld(proxy)
        async with receiver(world.notices) as url:
            await proxy.forward_webhooks(url, WEBHOOK_SECRET)
            yield world
        assert isinstance(world.gateway, StripeGateway)
        await world.gateway.close()


def order(amount: int = 5_000, currency: str = "EUR") -> PaymentRequest:
    """Of an order that nobody else has, so that tests can share a local Stripe."""
    order_id = f"order-{secrets.token_hex(8)}"
    return PaymentRequest(order_id, "show-1", amount, currency, "2 seats")


def key() -> str:
    return secrets.token_hex(16)


async def told(notices: list[Notice], payment_id: str, *kinds: str) -> list[Notice]:
    """The notices about a payment, once all these have come."""

    def about() -> list[Notice]:
        return [notice for notice in notices if notice.payment_id == payment_id]

    deadline = asyncio.get_running_loop().time() + WAIT_SECONDS_MAX
    while not set(kinds) <= {notice.kind for notice in about()}:
        assert asyncio.get_running_loop().time() < deadline, f"only these came: {about()}"
        await asyncio.sleep(0.02)
    return about()


def last(notices: list[Notice], kind: str) -> Payment | None:
    return [notice.payment for notice in notices if notice.kind == kind][-1]
