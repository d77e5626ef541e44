"""The buyers: scripted clients of the HTTP API that retry, give up, hang up, and come back with what they got."""

from __future__ import annotations

import asyncio
from random import Random

from tests.history import Operation, Request
from tests.simulation.browsing import Browser
from tests.simulation.machine import SHOW_ID, Machine
from tests.simulation.plan import Buyer, Then
from tests.simulation.purchasing import Log, Purchasing, ask_of_hold
from tests.simulation.replicas import Replicas
from tests.simulation.trade import Trade

ORDER_PATIENCE_SECONDS = 3.0
"""The least that whoever orders waits for an answer."""


class Shopping:
    """One buyer's visit."""

    def __init__(
        self, machine: Machine, replicas: Replicas, buyer: Buyer, log: Log, trade: Trade | None
    ) -> None:
        self._machine = machine
        self._buyer = buyer
        self._log = log
        self._dice: Random = machine.dice(f"visit {buyer.name}")
        patience, hangs_up = buyer.patience, buyer.hangs_up
        self._browser = Browser(machine, replicas, buyer.name, patience, hangs_up=hangs_up)
        self._replicas = replicas
        self._trade = trade

    async def visit(self) -> None:
        buyer = self._buyer
        await asyncio.sleep(buyer.at)
        hold_id = await self._hold(buyer.seats, buyer.quantity)
        if buyer.purchase is None or self._trade is None or not hold_id:
            await self._go_on(hold_id)
            return
        purchasing = Purchasing(
            self._machine,
            self._browser,
            self._trade.provider,
            buyer.name,
            buyer.purchase,
            self._log,
        )
        await asyncio.gather(self._go_on(hold_id), purchasing.run(hold_id))

    async def _go_on(self, hold_id: str) -> None:
        for then in self._buyer.then:
            await asyncio.sleep(self._dice.uniform(0, 4))
            await self._do(then, hold_id)

    async def _do(self, then: Then, hold_id: str) -> None:
        buyer = self._buyer
        match then:
            case "replay" if buyer.key:
                await self._hold(buyer.seats, buyer.quantity)
            case "other_body" if buyer.key:
                await self._hold((), 3 if buyer.quantity else len(buyer.seats) + 1)
            case "find" | "release" if hold_id:
                await self._ask(Request(then, SHOW_ID, hold_id=hold_id))
            case "extend" if hold_id:
                key = self._dice.choice(["", f"extend {buyer.name}"])
                for _ in range(buyer.attempts):
                    asked = Request("extend", SHOW_ID, hold_id=hold_id, key=key)
                    if (await self._ask(asked)).definite:
                        return
            case _:
                return

    async def _hold(self, seats: tuple[str, ...], quantity: int) -> str:
        """The hold id, or an empty text."""
        buyer = self._buyer
        for _ in range(buyer.attempts):
            asked = Request("hold", SHOW_ID, seats, quantity, key=buyer.key)
            done = await self._ask(asked)
            if done.definite:
                return done.body.get("hold_id", "")
            await asyncio.sleep(buyer.pause + self._browser.network.delay())
        return ""

    async def _ask(self, asked: Request) -> Operation:
        machine, browser, name = self._machine, self._browser, self._buyer.name
        return await ask_of_hold(machine, browser, self._log, name, asked)
