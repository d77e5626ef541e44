"""The port to the payment provider: cards are authorised first, and captured when the seats are sold.

Steps and words are those of Stripe's PaymentIntents with manual capture (docs.stripe.com, "Place a hold on a payment
method"), but nothing here is Stripe's own. Every change takes an idempotency key: the same key is the same change.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from actors.domain.payment import MoneyBack, Payment


@dataclass(frozen=True, slots=True)
class PaymentRequest:
    """An amount in minor units to be authorised for an order. The texts may stand on a statement or in a dashboard."""

    order_id: str
    show_id: str
    amount: int
    currency: str
    description: str


@dataclass(frozen=True, slots=True)
class OpenPayment:
    """A payment and the secret with which its buyer's browser, and nobody else, can pay it."""

    payment: Payment
    client_secret: str


class PaymentsUnavailable(Exception):
    """Nothing is known of a change: a timeout, no connection, 429, 5xx, or the circuit is open. It may have been made.

    `answered`: the provider itself said that a change failed (a 500); never of a look. That answer is kept under the
    idempotency key and given again for it, so whoever tries again has to read what is there first, and then needs
    another key. Without it the same key is the safe one. The text holds no key and no address.
    """

    def __init__(
        self, detail: str, retry_after_seconds: int = 1, *, answered: bool = False
    ) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds
        self.answered = answered


MISCONFIGURED = "misconfigured"
"""The provider does not take our key. That says nothing about an order: it waits until an operator has mended it."""


class PaymentRefused(Exception):
    """The provider said no for good; `code` is its machine-readable reason (such as `amount_too_small`)."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(detail or code)
        self.code = code


class PaymentGateway(Protocol):
    """Every method raises PaymentsUnavailable or PaymentRefused."""

    async def open(self, request: PaymentRequest, key: str) -> OpenPayment:
        """A payment that its buyer can now authorise."""
        ...

    async def reopen(self, payment_id: str) -> OpenPayment:
        """A payment with its secret, as it stands."""
        ...

    async def find(self, payment_id: str) -> Payment:
        """A payment as it stands."""
        ...

    async def capture(self, payment_id: str, key: str) -> Payment:
        """Take what is authorised; a payment that has been captured already is returned as it stands."""
        ...

    async def cancel(self, payment_id: str, key: str) -> Payment:
        """See to it that nothing can be taken any more, and free what was set aside.

        A payment that is captured, or still processing, cannot be canceled: it is returned as it stands.
        """
        ...

    async def give_back(self, payment_id: str, refund_id: str, amount: int, key: str) -> MoneyBack:
        """Refund so much (minor units) of a captured payment; `refund_id` is found again in `given_back`."""
        ...

    async def given_back(self, payment_id: str) -> list[MoneyBack]:
        """All refunds of a payment."""
        ...

    async def close(self) -> None:
        """Let go of connections. Never raises."""
        ...

    def payments(self, created_from: int) -> AsyncIterator[Payment]:
        """Every payment made since then (ms since the epoch), newest first."""
        ...

    def refunds(self, created_from: int) -> AsyncIterator[tuple[str, MoneyBack]]:
        """Every refund made since then (ms since the epoch), newest first, with the payment that it is of."""
        ...
