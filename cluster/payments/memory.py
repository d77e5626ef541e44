"""The payment gateway in memory, with a connection that may fail it, for tests and simulations.

A `MemoryProvider` is the other side; every `MemoryGateway` over it is a client of its own, as a process is.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol, TypeVar

from actors.domain.payment import MoneyBack, Payment
from cluster.payments.breaker import CircuitBreaker
from cluster.payments.gateway import (
    OpenPayment,
    PaymentRefused,
    PaymentRequest,
    PaymentsUnavailable,
)
from cluster.payments.memory_provider import MemoryProvider
from cluster.payments.standing import BEYOND_CANCEL, BEYOND_CAPTURE, changed, looked

T = TypeVar("T")


class Connection(Protocol):
    """How requests get to the provider, and its answers back."""

    async def ask(self, serve: Callable[[], T]) -> T:
        """What `serve` comes to there. Raises PaymentsUnavailable when no answer came."""
        ...


class Loss(Enum):
    """What happens to one request on its way."""

    REQUEST = "it never arrives"
    ANSWER = "it is done, and the answer is lost"
    ERROR = "it never arrives, and the answer is a 500"


@dataclass(slots=True)
class Losses:
    """A connection with scripted losses, which may be changed at any time."""

    requests: deque[Loss | None] = field(default_factory=deque)
    """Used up, one loss (or None) per request."""
    unavailable: bool = False

    async def ask(self, serve: Callable[[], T]) -> T:
        await asyncio.sleep(0)
        loss = self.requests.popleft() if self.requests else None
        if self.unavailable or loss is Loss.REQUEST:
            raise PaymentsUnavailable("no answer from the payment provider")
        if loss is Loss.ERROR:
            raise PaymentsUnavailable("the payment provider answered 500", answered=True)
        if loss is None:
            return serve()
        with contextlib.suppress(PaymentRefused, PaymentsUnavailable):
            serve()
        raise PaymentsUnavailable("no answer from the payment provider")


class MemoryGateway:
    """`cluster.payments.gateway.PaymentGateway` over a MemoryProvider; with a circuit breaker if one is given."""

    def __init__(
        self,
        provider: MemoryProvider,
        connection: Connection | None = None,
        breaker: CircuitBreaker | None = None,
    ) -> None:
        self.provider = provider
        self._connection = connection or Losses()
        self._breaker = breaker

    async def close(self) -> None:
        """Nothing is kept open."""

    async def open(self, request: PaymentRequest, key: str) -> OpenPayment:
        return await self._ask(lambda: self.provider.open(request, key))

    async def reopen(self, payment_id: str) -> OpenPayment:
        return await self._look(lambda: self.provider.read(payment_id))

    async def find(self, payment_id: str) -> Payment:
        return (await self.reopen(payment_id)).payment

    async def capture(self, payment_id: str, key: str) -> Payment:
        return await changed(
            lambda: self._ask(lambda: self.provider.capture(payment_id, key)),
            lambda: self.find(payment_id),
            BEYOND_CAPTURE,
        )

    async def cancel(self, payment_id: str, key: str) -> Payment:
        return await changed(
            lambda: self._ask(lambda: self.provider.cancel(payment_id, key)),
            lambda: self.find(payment_id),
            BEYOND_CANCEL,
        )

    async def give_back(self, payment_id: str, refund_id: str, amount: int, key: str) -> MoneyBack:
        return await self._ask(lambda: self.provider.refund(payment_id, refund_id, amount, key))

    async def given_back(self, payment_id: str) -> list[MoneyBack]:
        return await self._look(lambda: self.provider.refunds(payment_id))

    async def payments(self, created_from: int) -> AsyncIterator[Payment]:
        for payment in await self._look(lambda: self.provider.payments(created_from)):
            yield payment

    async def refunds(self, created_from: int) -> AsyncIterator[tuple[str, MoneyBack]]:
        for refund in await self._look(lambda: self.provider.refunds_since(created_from)):
            yield refund

    async def _look(self, serve: Callable[[], T]) -> T:
        return await looked(lambda: self._ask(serve))

    async def _ask(self, serve: Callable[[], T]) -> T:
        async def ask() -> T:
            return await self._connection.ask(serve)

        return await (ask() if self._breaker is None else self._breaker.guard(ask))
