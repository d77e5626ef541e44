"""The bench's own buyers: from a hold to an order that says it is paid, over HTTP and at a local Stripe.

They pay at once, with a card that is always authorised, and look for their tickets until they are there.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import msgspec

from cluster.operate.crowd.browser import Browser, Card, Charge

ANSWER_SECONDS_MAX = 60.0
LOOK_SECONDS, LOOK_SECONDS_MAX = 0.1, 0.4
"""The first look comes so soon after the card; the pauses double up to the second."""

PAID_SECONDS_MAX = 60.0
BUYER = "buyer@example.com"
JSON = {"Content-Type": "application/json"}


@dataclass(slots=True)
class Sales:
    """What came of a run: seconds from the hold's request to a paid order, one for each; looks at orders."""

    took: list[float] = field(default_factory=list[float])
    looks: int = 0
    failed: int = 0
    first: float = 0.0
    last: float = 0.0

    @property
    def rate(self) -> float:
        return len(self.took) / max(1e-9, self.last - self.first)


@dataclass(slots=True)
class Till:
    """`bodies` are those of holds, each used once."""

    url: str
    stripe: str
    holds_path: str
    bodies: Iterator[str]

    async def sell(self, buyers: int, seconds: float) -> Sales:
        """`buyers` at a time, for so long; what is begun is waited for."""
        sales = Sales(first=time.perf_counter())
        end = sales.first + seconds
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS_MAX)
        async with (
            aiohttp.ClientSession(
                self.url, connector=aiohttp.TCPConnector(limit=0), timeout=timeout
            ) as http,
            Browser(self.stripe) as browser,
        ):

            async def buyer() -> None:
                while time.perf_counter() < end:
                    began = time.perf_counter()
                    if not await self._buy(http, browser, sales):
                        sales.failed += 1
                        continue
                    sales.last = time.perf_counter()
                    sales.took.append(sales.last - began)

            await asyncio.gather(*[buyer() for _ in range(buyers)])
        return sales

    async def _buy(self, http: aiohttp.ClientSession, browser: Browser, sales: Sales) -> bool:
        hold = await _post(http, self.holds_path, next(self.bodies))
        if hold is None:
            return False
        body = msgspec.json.encode({"hold_id": hold["hold_id"], "email": BUYER}).decode()
        order = await _post(http, "/v1/orders", body)
        if order is None:
            return False
        if await browser.pay(order["client_secret"], Card.GOOD) is not Charge.AUTHORISED:
            return False
        pause, deadline = LOOK_SECONDS, time.perf_counter() + PAID_SECONDS_MAX
        while time.perf_counter() < deadline:
            await asyncio.sleep(pause)
            pause = min(pause * 2, LOOK_SECONDS_MAX)
            sales.looks += 1
            async with http.get(f"/v1/orders/{order['order_id']}") as answer:
                if msgspec.json.decode(await answer.read())["state"] == "paid":
                    return True
        return False


async def _post(http: aiohttp.ClientSession, path: str, body: str) -> dict[str, Any] | None:
    """What was created; None for a refusal."""
    async with http.post(path, data=body, headers=JSON) as answer:
        return msgspec.json.decode(await answer.read()) if answer.status == 201 else None
