"""The buyers' browsers at a local Stripe: they pay with the publishable key and an order's client secret, no more.

The cards are Stripe's test cards by their tokens (docs.stripe.com, "Testing"): at the real Stripe nobody pays here.
"""

from __future__ import annotations

import asyncio
from enum import Enum, StrEnum
from types import TracebackType
from typing import Self

import aiohttp

from cluster.embedded.stripe import PUBLISHABLE_KEY

ANSWER_SECONDS_MAX = 30.0
TRIES_MAX = 10
PAUSE_SECONDS = 0.2


class Card(StrEnum):
    """Test cards."""

    GOOD = "pm_card_visa"
    DECLINED = "pm_card_visa_chargeDeclined"


class Charge(Enum):
    """What came of paying."""

    AUTHORISED = "the card is authorised"
    DECLINED = "the card is declined"
    CLOSED = "it cannot be paid any more"
    LOST = "no answer"


class Browser:
    """`api_base` is the address of the local Stripe."""

    def __init__(self, api_base: str) -> None:
        self._api_base = api_base
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS_MAX)
        self._session = aiohttp.ClientSession(timeout=timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def pay(self, client_secret: str, card: Card) -> Charge:
        """Confirm a payment with a card. After a lost answer it is tried again: what is paid cannot be paid twice."""
        payment_id = client_secret.partition("_secret_")[0]
        url = f"{self._api_base}/v1/payment_intents/{payment_id}/confirm"
        form = {
            "key": PUBLISHABLE_KEY,
            "client_secret": client_secret,
            "payment_method": card.value,
        }
        lost = False
        for _ in range(TRIES_MAX):
            try:
                async with self._session.post(url, data=form) as answer:
                    match answer.status:
                        case 200:
                            return Charge.AUTHORISED
                        case 402:
                            return Charge.DECLINED
                        case _:
                            return Charge.LOST if lost else Charge.CLOSED
            except (aiohttp.ClientError, OSError, TimeoutError):
                lost = True
                await asyncio.sleep(PAUSE_SECONDS)
        return Charge.LOST
