"""Where no payment provider is set up: shows can be sold free of charge, and everything else waits for a key."""

from __future__ import annotations

from collections.abc import AsyncIterator

from actors.domain.payment import MoneyBack, Payment
from cluster.payments.gateway import (
    MISCONFIGURED,
    OpenPayment,
    PaymentRefused,
    PaymentRequest,
)


class NoPayments:
    """Refuses everything, in a way that nothing is concluded from."""

    async def open(self, request: PaymentRequest, key: str) -> OpenPayment:
        raise _missing()

    async def reopen(self, payment_id: str) -> OpenPayment:
        raise _missing()

    async def find(self, payment_id: str) -> Payment:
        raise _missing()

    async def capture(self, payment_id: str, key: str) -> Payment:
        raise _missing()

    async def cancel(self, payment_id: str, key: str) -> Payment:
        raise _missing()

    async def give_back(self, payment_id: str, refund_id: str, amount: int, key: str) -> MoneyBack:
        raise _missing()

    async def given_back(self, payment_id: str) -> list[MoneyBack]:
        raise _missing()

    async def close(self) -> None:
        pass

    async def payments(self, created_from: int) -> AsyncIterator[Payment]:
        raise _missing()
        yield  # an asynchronous generator, as the port has it

    async def refunds(self, created_from: int) -> AsyncIterator[tuple[str, MoneyBack]]:
        raise _missing()
        yield


def _missing() -> PaymentRefused:
    return PaymentRefused(MISCONFIGURED, "STRIPE_SECRET_KEY is not set")
