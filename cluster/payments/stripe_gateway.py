"""Stripe as the payment provider: PaymentIntents with manual capture, through Stripe's own SDK.

A card is authorised in the buyer's browser with the client secret, and captured here once the seats are sold
(docs.stripe.com, "Place a hold on a payment method"). Cards only, which includes the wallets: an authorisation has to
come within the minutes of a hold, and not after a trip to somebody else's page.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, TypedDict, TypeVar

import aiohttp
import msgspec
import stripe

from actors.domain.payment import MoneyBack, Payment
from cluster.payments.breaker import CircuitBreaker
from cluster.payments.gateway import OpenPayment, PaymentRequest, PaymentsUnavailable
from cluster.payments.standing import BEYOND_CANCEL, BEYOND_CAPTURE, changed, looked
from cluster.payments.stripe_errors import NO_ANSWER, translated
from cluster.payments.stripe_objects import (
    ORDER_ID,
    REFUND_ID,
    SHOW_ID,
    Intent,
    Refund,
    intent_of,
    money_back_of,
    open_payment_of,
    payment_of,
    refund_of,
)
from cluster.payments.stripe_units import to_stripe

CALL_SECONDS_MAX = 15.0
"""For a call with all that is tried again: a capture goes all the way to the bank, and a buyer waits for the answer."""

CONNECT_SECONDS_MAX = 5.0
RETRIES_MAX = 2
"""The SDK's own, with the same idempotency key and a growing pause, after lost connections, 409 and most 5xx."""

PAGE_MAX = 100
"""The most that Stripe lists at once."""

T = TypeVar("T")
Listed = TypeVar("Listed", Intent, Refund)

stripe.enable_telemetry = False


class _After(TypedDict, total=False):
    """Where the next page of a list begins: behind the last object of this one."""

    starting_after: str


class _Client(stripe.AIOHTTPClient):
    """The SDK's client over aiohttp: a third of the CPU of the one over httpx (0.45 and 1.3 ms a call, measured).

    The SDK takes errors of the request for lost connections, and tries again. An answer that breaks off is one too.
    """

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        try:
            return await super().request_async(method, url, headers, post_data)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise stripe.APIConnectionError("no whole answer", should_retry=True) from error


class StripeGateway:
    """`cluster.payments.gateway.PaymentGateway` over Stripe's API, in the version that the SDK is made for.

    `api_base` is the address of another Stripe (a local one), without a slash at its end. To be used in one event loop,
    and closed in it.
    """

    def __init__(
        self,
        secret_key: str,
        api_base: str | None = None,
        *,
        breaker: CircuitBreaker | None = None,
        call_seconds: float = CALL_SECONDS_MAX,
        retries: int = RETRIES_MAX,
    ) -> None:
        # At INFO and DEBUG the SDK logs bodies, and with them client secrets.
        logging.getLogger("stripe").setLevel(logging.WARNING)
        timeout = aiohttp.ClientTimeout(
            total=call_seconds, sock_connect=min(call_seconds, CONNECT_SECONDS_MAX)
        )
        self._call_seconds = call_seconds
        self._http = _Client(timeout=timeout)
        client = stripe.StripeClient(
            secret_key,
            base_addresses={"api": api_base} if api_base else None,
            http_client=self._http,
            max_network_retries=retries,
        )
        self._intents = client.v1.payment_intents
        self._refunds = client.v1.refunds
        self._breaker = breaker or CircuitBreaker()

    async def close(self) -> None:
        await self._http.close_async()

    async def open(self, request: PaymentRequest, key: str) -> OpenPayment:
        amount = to_stripe(request.amount, request.currency)
        intent = await self._intent(
            lambda: self._intents.create_async(
                {
                    "amount": amount,
                    "currency": request.currency.lower(),
                    "capture_method": "manual",
                    "allowed_payment_method_types": ["card"],
                    "description": request.description,
                    "metadata": {ORDER_ID: request.order_id, SHOW_ID: request.show_id},
                },
                {"idempotency_key": key},
            )
        )
        return open_payment_of(intent)

    async def reopen(self, payment_id: str) -> OpenPayment:
        return open_payment_of(await self._read(payment_id))

    async def find(self, payment_id: str) -> Payment:
        return payment_of(await self._read(payment_id))

    async def capture(self, payment_id: str, key: str) -> Payment:
        return await changed(
            lambda: self._change(self._intents.capture_async, payment_id, key),
            lambda: self.find(payment_id),
            BEYOND_CAPTURE,
        )

    async def cancel(self, payment_id: str, key: str) -> Payment:
        return await changed(
            lambda: self._change(self._intents.cancel_async, payment_id, key),
            lambda: self.find(payment_id),
            BEYOND_CANCEL,
        )

    async def give_back(self, payment_id: str, refund_id: str, amount: int, key: str) -> MoneyBack:
        payment = await self.find(payment_id)  # for its currency: amounts mean nothing without
        units = to_stripe(amount, payment.currency)
        return await self._call(
            lambda: self._refunds.create_async(
                {
                    "payment_intent": payment_id,
                    "amount": units,
                    "metadata": {REFUND_ID: refund_id, ORDER_ID: payment.order_id},
                },
                {"idempotency_key": key},
            ),
            lambda answer: money_back_of(refund_of(answer)),
        )

    async def given_back(self, payment_id: str) -> list[MoneyBack]:
        refunds = _paged(
            lambda after: self._look(
                lambda: self._refunds.list_async(
                    {"payment_intent": payment_id, "limit": PAGE_MAX, **after}
                ),
                lambda page: ([refund_of(refund) for refund in page.data], page.has_more),
            )
        )
        return [money_back_of(refund) async for refund in refunds]

    async def payments(self, created_from: int) -> AsyncIterator[Payment]:
        """Stripe knows seconds: a payment made within the second before `created_from` is told too."""
        since = created_from // 1000
        intents = _paged(
            lambda after: self._look(
                lambda: self._intents.list_async(
                    {"created": {"gte": since}, "limit": PAGE_MAX, **after}
                ),
                lambda page: ([intent_of(intent) for intent in page.data], page.has_more),
            )
        )
        async for intent in intents:
            yield payment_of(intent)

    async def refunds(self, created_from: int) -> AsyncIterator[tuple[str, MoneyBack]]:
        """A refund of a payment made since is made since; a second may be told too many, as with payments."""
        since = created_from // 1000
        refunds = _paged(
            lambda after: self._look(
                lambda: self._refunds.list_async(
                    {"created": {"gte": since}, "limit": PAGE_MAX, **after}
                ),
                lambda page: ([refund_of(refund) for refund in page.data], page.has_more),
            )
        )
        async for refund in refunds:
            yield refund.payment_intent or "", money_back_of(refund)

    async def _read(self, payment_id: str) -> Intent:
        return await self._look(lambda: self._intents.retrieve_async(payment_id), intent_of)

    async def _change(
        self, change: Callable[..., Awaitable[stripe.PaymentIntent]], payment_id: str, key: str
    ) -> Payment:
        intent = await self._intent(lambda: change(payment_id, options={"idempotency_key": key}))
        return payment_of(intent)

    async def _intent(self, call: Callable[[], Awaitable[stripe.PaymentIntent]]) -> Intent:
        return await self._call(call, intent_of)

    async def _look(self, call: Callable[[], Awaitable[Any]], read: Callable[[Any], T]) -> T:
        return await looked(lambda: self._call(call, read))

    async def _call(self, call: Callable[[], Awaitable[Any]], read: Callable[[Any], T]) -> T:
        return await self._breaker.guard(lambda: _answer(call, read, self._call_seconds))


async def _answer(
    call: Callable[[], Awaitable[Any]], read: Callable[[Any], T], seconds_max: float
) -> T:
    """What Stripe says, in the port's words; the SDK's exceptions, which carry headers and bodies, end here."""
    try:
        async with asyncio.timeout(seconds_max):
            return read(await call())
    except stripe.StripeError as error:
        failure = translated(error)
    except TimeoutError:
        failure = PaymentsUnavailable(NO_ANSWER)
    except msgspec.ValidationError:
        failure = PaymentsUnavailable("the answer of the payment provider cannot be read")
    raise failure


async def _paged(
    page: Callable[[_After], Awaitable[tuple[list[Listed], bool]]],
) -> AsyncIterator[Listed]:
    """Everything in a list of Stripe's, page by page (docs.stripe.com, "Pagination")."""
    after: _After = {}
    more = True
    while more:
        found, more = await page(after)
        for item in found:
            yield item
        more = more and bool(found)
        if found:
            after = {"starting_after": found[-1].id}
