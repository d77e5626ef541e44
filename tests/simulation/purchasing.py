"""What is done about one order: by its buyer, by the organizer, and by whoever else uses the account."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

from tests.history import Dealing, Operation, OrderRequest, Request
from tests.simulation.browsing import Browser
from tests.simulation.machine import SHOW_ID, Machine
from tests.simulation.money import Purchase, Step
from tests.simulation.provider import Provider

ORDER_ATTEMPTS_MAX = 4
PAUSE_SECONDS = 1.0
ORGANIZER = "organizer"


@dataclass(slots=True)
class Log:
    """What clients asked and were told: about holds, and about orders."""

    history: list[Operation] = field(default_factory=list[Operation])
    dealings: list[Dealing] = field(default_factory=list[Dealing])


class Purchasing:
    """The steps of a purchase. They start at their times, whether those before them have come to an end or not; who
    needs an order waits for it, as long as somebody is ordering."""

    def __init__(
        self,
        machine: Machine,
        browser: Browser,
        provider: Provider,
        client: str,
        purchase: Purchase,
        log: Log,
    ) -> None:
        self._machine = machine
        self._browser = browser
        self._provider = provider
        self._client = client
        self._purchase = purchase
        self._log = log
        self._hold_id = ""
        self._order: dict[str, Any] = {}
        self._secret = ""
        self._ordering = sum(step.kind.startswith("order") for step in purchase.steps)
        self._news = asyncio.Event()

    async def run(self, hold_id: str) -> None:
        self._hold_id = hold_id
        await asyncio.gather(*[self._take(step) for step in self._purchase.steps])

    async def _take(self, step: Step) -> None:
        await asyncio.sleep(step.at)
        match step.kind:
            case "order" | "order_again":
                await self._make_order(self._purchase.key)
            case "order_apart":
                await self._make_order(f"another of {self._client}")
            case "pay":
                await self._pay(step)
            case "look":
                await self._about(self._client, OrderRequest("look"))
            case "cancel":
                await self._about(self._client, OrderRequest("cancel"))
            case "release" | "extend":
                await self._ask_of_hold(Request(step.kind, SHOW_ID, hold_id=self._hold_id))
            case "refund" | "refund_some":
                await self._refund(step)
            case "stray":
                if await self._order_id() and self._order["amount"]:
                    self._provider.stray(self._order["order_id"], self._order["amount"])

    async def _make_order(self, key: str) -> None:
        asked = OrderRequest("order", hold_id=self._hold_id, key=key)
        for _ in range(ORDER_ATTEMPTS_MAX):
            done = await self._ask(self._client, asked)
            if done.effective:
                self._order = done.body
                self._secret = self._secret or done.body["client_secret"] or ""
            if done.definite:
                break
            await asyncio.sleep(PAUSE_SECONDS)
        self._ordering -= 1
        self._news.set()

    async def _order_id(self) -> str:
        """Of the order, if there is one."""
        while not self._order and self._ordering:
            self._news.clear()
            await self._news.wait()
        return self._order.get("order_id", "")

    async def _pay(self, step: Step) -> None:
        if await self._order_id() and self._secret:
            pay = self._provider.pay
            self._browser.network.call(pay, self._secret, step.card, step.bank_seconds)

    async def _refund(self, step: Step) -> None:
        if not await self._order_id():
            return
        some = tuple(self._order["seats"][:1]) if step.kind == "refund_some" else ()
        asked = OrderRequest("refund", seats=some, key=step.name, withhold=step.withhold)
        for _ in range(ORDER_ATTEMPTS_MAX):
            done = await self._about(ORGANIZER, asked)
            if done is None or done.definite:
                return
            await asyncio.sleep(PAUSE_SECONDS)

    async def _about(self, client: str, asked: OrderRequest) -> Dealing | None:
        order_id = await self._order_id()
        if not order_id:
            return None
        return await self._ask(client, replace(asked, order_id=order_id))

    async def _ask_of_hold(self, asked: Request) -> None:
        await ask_of_hold(self._machine, self._browser, self._log, self._client, asked)

    async def _ask(self, client: str, asked: OrderRequest) -> Dealing:
        return await ask_about(self._machine, self._browser, self._log, client, asked)


async def ask_of_hold(
    machine: Machine, browser: Browser, log: Log, client: str, asked: Request
) -> Operation:
    """Send a request about a hold and record what came of it."""
    operation = Operation(client, asked, machine.now_ms)
    log.history.append(operation)
    await _answer(machine, browser, operation)
    return operation


async def ask_about(
    machine: Machine, browser: Browser, log: Log, client: str, asked: OrderRequest
) -> Dealing:
    """Send a request about an order and record what came of it."""
    dealing = Dealing(client, asked, machine.now_ms)
    log.dealings.append(dealing)
    await _answer(machine, browser, dealing)
    return dealing


async def _answer(machine: Machine, browser: Browser, asking: Operation | Dealing) -> None:
    """Send what is asked; without an answer it stays open."""
    answered = await browser.exchange(asking.request)
    if answered is not None:
        asking.returned = machine.now_ms
        asking.status, asking.body = answered
