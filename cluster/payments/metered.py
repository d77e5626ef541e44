"""The payment provider as it is seen from here: every call with what it took and what it came to, and in its trace."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable
from typing import TypeVar

from actors.domain.payment import MoneyBack, Payment
from actors.metrics import PAYMENT_CALL_SECONDS
from actors.telemetry import TRACE, Telemetry
from cluster.payments.breaker import CircuitBreaker
from cluster.payments.gateway import (
    OpenPayment,
    PaymentGateway,
    PaymentRefused,
    PaymentRequest,
    PaymentsUnavailable,
)

OK = "ok"

T = TypeVar("T")


class MeteredGateway:
    """`cluster.payments.gateway.PaymentGateway` around another one. `breaker` is the one that guards it.

    The lists that `frontrow verify` reads are not measured: they are no part of a sale.
    """

    def __init__(
        self, gateway: PaymentGateway, breaker: CircuitBreaker, telemetry: Telemetry
    ) -> None:
        self.breaker = breaker
        self._gateway = gateway
        self._meter, self._tracer = telemetry.meter, telemetry.tracer

    async def close(self) -> None:
        await self._gateway.close()

    async def open(self, request: PaymentRequest, key: str) -> OpenPayment:
        return await self._measured("open", self._gateway.open(request, key))

    async def reopen(self, payment_id: str) -> OpenPayment:
        return await self._measured("find", self._gateway.reopen(payment_id))

    async def find(self, payment_id: str) -> Payment:
        return await self._measured("find", self._gateway.find(payment_id))

    async def capture(self, payment_id: str, key: str) -> Payment:
        return await self._measured("capture", self._gateway.capture(payment_id, key))

    async def cancel(self, payment_id: str, key: str) -> Payment:
        return await self._measured("cancel", self._gateway.cancel(payment_id, key))

    async def give_back(self, payment_id: str, refund_id: str, amount: int, key: str) -> MoneyBack:
        giving = self._gateway.give_back(payment_id, refund_id, amount, key)
        return await self._measured("refund", giving)

    async def given_back(self, payment_id: str) -> list[MoneyBack]:
        return await self._measured("refunds", self._gateway.given_back(payment_id))

    def payments(self, created_from: int) -> AsyncIterator[Payment]:
        return self._gateway.payments(created_from)

    def refunds(self, created_from: int) -> AsyncIterator[tuple[str, MoneyBack]]:
        return self._gateway.refunds(created_from)

    async def _measured(self, operation: str, call: Awaitable[T]) -> T:
        began, outcome = time.perf_counter(), OK
        trace = TRACE.get()
        span = self._tracer.start(f"payment {operation}", trace) if trace else None
        try:
            return await call
        except PaymentRefused:
            outcome = "refused"
            raise
        except PaymentsUnavailable:
            outcome = "unavailable"
            raise
        finally:
            took = time.perf_counter() - began
            self._meter.observe(PAYMENT_CALL_SECONDS, took, operation, outcome)
            if span is not None:
                span.end("" if outcome == OK else outcome)
