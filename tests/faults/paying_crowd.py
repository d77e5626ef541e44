"""Buyers who pay on the running stack, and ask again with the same key until they know how it ended."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx

from cluster.embedded.stripe import PUBLISHABLE_KEY
from tests.shop import Shop, until
from tests.stack import RunningStack, frontrow

Answer = dict[str, Any]

JOIN_SECONDS_MAX = 200.0
ENDS_SECONDS_MAX = 150.0
"""How long an order may take to end: what was left behind is taken up within seconds, a host or a server comes back
within tens of them."""

RETRY_SECONDS = 0.2
THINK_SECONDS = (0.0, 0.4)
TWO_SEATS, DECLINED_FIRST, CANCELS = 0.3, 0.2, 0.15
ENDED = ("paid", "cancelled", "expired", "refunded")


@dataclass
class PayingCrowd:
    """`buyers` at a time; each wants seats of its own, so that nobody is refused. `orders` are those that were told of,
    as they stood when their buyer saw the end."""

    url: str
    stripe_url: str
    show_id: str
    buyers: int = 6
    stopped: bool = False
    orders: list[Answer] = field(default_factory=list[Answer])
    ends: Counter[str] = field(default_factory=Counter[str])
    failures: list[BaseException] = field(default_factory=list[BaseException])
    _next_seat: int = 0

    @contextmanager
    def running(self) -> Iterator[PayingCrowd]:
        """They buy in another thread while the block runs, and see their orders to the end after it."""
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.stopped = True
            thread.join(JOIN_SECONDS_MAX)
        assert not thread.is_alive()
        assert not self.failures, self.failures

    def goes_on(self, orders: int = 10) -> None:
        """Returns when so many more orders have ended."""
        wanted = len(self.orders) + orders
        until(lambda: self.failures or len(self.orders) >= wanted, f"{orders} more orders end")

    def settled(self, stack: RunningStack) -> Answer:
        """Raises AssertionError unless what they were told is what the seats and the three ledgers say; the report of
        `frontrow verify`."""
        sold = [
            seat for order in self.orders if order["state"] == "paid" for seat in order["seats"]
        ]
        assert len(sold) == len(set(sold))
        for order in self.orders:
            tickets = [ticket["seat"] for ticket in order["tickets"]]
            assert tickets == (order["seats"] if order["state"] == "paid" else [])
        with Shop(stack.url, stack.admin_key) as shop:
            until(
                lambda: shop.counts(self.show_id)["sold"] == len(sold),
                f"{len(sold)} seats show as sold",
            )
        where = ("--data", str(stack.data), "--url", stack.url)
        command = ("verify", self.show_id, *where, "--json")
        report = json.loads(frontrow(*command, environment=stack.environment, check=False).stdout)
        assert report["ok"] is True, report
        return report

    def _run(self) -> None:
        try:
            asyncio.run(self._all())
        except BaseException as error:
            self.failures.append(error)

    async def _all(self) -> None:
        async with httpx.AsyncClient(base_url=self.url, timeout=30) as http:
            await asyncio.gather(*[self._buyer(http, Random(n)) for n in range(self.buyers)])

    async def _buyer(self, http: httpx.AsyncClient, random: Random) -> None:
        while not self.stopped:
            ended = await self._buy(http, random)
            self.ends[ended["state"]] += 1
            self.orders.append(ended)

    async def _buy(self, http: httpx.AsyncClient, random: Random) -> Answer:
        """One order, as it ended."""
        seats = [self._seat() for _ in range(2 if random.random() < TWO_SEATS else 1)]
        key = f"{self.show_id} {seats[0]}"
        hold = await self._asked(http, f"/v1/shows/{self.show_id}/holds", {"seats": seats}, key)
        wanted = {"hold_id": hold["hold_id"], "email": "crowd@example.com"}
        order = await self._asked(http, "/v1/orders", wanted, key)
        await asyncio.sleep(random.uniform(*THINK_SECONDS))
        if random.random() < CANCELS:
            await self._told(lambda: http.delete(f"/v1/orders/{order['order_id']}"))
        else:
            if random.random() < DECLINED_FIRST:
                await self._pay(http, order, "pm_card_visa_chargeDeclined")
            await self._pay(http, order, "pm_card_visa")
        return await self._end(http, order)

    def _seat(self) -> str:
        seat = self._next_seat
        self._next_seat += 1
        return f"S{seat % 4}-R{seat // 80}-{seat // 4 % 20}"

    async def _asked(self, http: httpx.AsyncClient, path: str, body: Answer, key: str) -> Answer:
        headers = {"Idempotency-Key": key}
        answer = await self._told(lambda: http.post(path, json=body, headers=headers))
        assert answer.status_code == 201, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    async def _pay(self, http: httpx.AsyncClient, order: Answer, card: str) -> None:
        payment_id = order["client_secret"].partition("_secret_")[0]
        data = {
            "key": PUBLISHABLE_KEY,
            "client_secret": order["client_secret"],
            "payment_method": card,
        }
        path = f"/v1/payment_intents/{payment_id}/confirm"
        # Its address may be another one after a restart.
        await self._told(lambda: http.post(self.stripe_url + path, data=data))

    async def _end(self, http: httpx.AsyncClient, order: Answer) -> Answer:
        async with asyncio.timeout(ENDS_SECONDS_MAX):
            while True:
                answer = await self._told(lambda: http.get(f"/v1/orders/{order['order_id']}"))
                if answer.json()["state"] in ENDED:
                    return answer.json()
                await asyncio.sleep(RETRY_SECONDS)

    async def _told(self, ask: Any) -> httpx.Response:
        """An answer that says something: no 5xx, no 429, no lost connection."""
        while True:
            try:
                answer = await ask()
                if answer.status_code < 429:
                    return answer
            except httpx.HTTPError:
                pass
            await asyncio.sleep(RETRY_SECONDS)
