"""Simulated buyers on their way from a hold to tickets: they order, and pay, or not, or too late."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from cluster.operate.crowd.behaviour import Way, late_seconds, think_seconds, way_to_pay
from cluster.operate.crowd.browser import Browser, Card, Charge
from cluster.operate.crowd.checkout import Checkout, Placed
from cluster.operate.crowd.outcome import (
    WAITING_STATES,
    WORKED_ON,
    Outcome,
    lost_tickets,
    outcome_of,
)
from cluster.operate.crowd.pools import Refusal
from cluster.operate.crowd.shop import Purchase
from cluster.operate.crowd.show_map import ShowMap
from cluster.operate.crowd.tally import Tally
from cluster.operate.crowd.waiting import seconds_of, until

LOOK_SECONDS = 0.2
"""How often a buyer who has paid looks for the tickets."""

LOOKS_MAX = 75
SETTLE_SECONDS_MAX = 20.0
"""How long the last orders may take after the sale."""

LOOKS_AT_ONCE = 32


@dataclass(slots=True)
class Bought:
    """An order of a simulated buyer. `shown_paid`: the buyer has seen the tickets; `declined`: has given up after a
    declined card. `found` is the order at the end, as the server has it."""

    show: ShowMap
    placed: Placed
    seats: tuple[str, ...]
    way: Way
    shown_paid: bool = False
    declined: bool = False
    found: dict[str, Any] | None = None


@dataclass(slots=True)
class Payers:
    """`bought` grows by every order that is placed."""

    checkout: Checkout
    browser: Browser
    tally: Tally
    bought: list[Bought] = field(default_factory=list[Bought])

    async def buy(self, rng: random.Random, show: ShowMap, hold: Purchase, end: float) -> None:
        """Order a hold, and go on with the order in one way or another. `end` (time.monotonic) is that of the sale."""
        placed = await self.checkout.order(hold.hold_id)
        if isinstance(placed, Refusal):
            self.tally.refusals[f"order: {placed.code}"] += 1
            return
        way = way_to_pay(rng)
        late = seconds_of(hold.expires_at) - time.time() + late_seconds(rng)
        if way in (Way.LATE, Way.FORGET) and time.monotonic() + late > end:
            way = Way.PAY  # nobody would see what becomes of it
        bought = Bought(show, placed, hold.seats, way)
        self.bought.append(bought)
        self.tally.orders += 1
        await until(end, think_seconds(rng))
        match way:
            case Way.FORGET:
                return
            case Way.CANCEL:
                await self._cancel(bought)
            case Way.LATE:
                await asyncio.sleep(max(0.0, late))
                await self._pay(bought, Card.GOOD)
            case Way.PAY:
                await self._pay(bought, Card.GOOD)
            case Way.SECOND_CARD | Way.DECLINED:
                await self._pay(bought, Card.DECLINED)
                bought.declined = way is Way.DECLINED
                if way is Way.SECOND_CARD:
                    await until(end, think_seconds(rng))
                    await self._pay(bought, Card.GOOD)

    async def _cancel(self, bought: Bought) -> None:
        refusal = await self.checkout.cancel(bought.placed.order_id)
        if refusal is None:
            self.tally.outcomes[Outcome.CANCELLED] += 1
        else:
            self.tally.refusals[f"cancel: {refusal.code}"] += 1

    async def _pay(self, bought: Bought, card: Card) -> None:
        if not bought.placed.client_secret:  # it costs nothing
            await self._await_tickets(bought)
            return
        charge = await self.browser.pay(bought.placed.client_secret, card)
        self.tally.cards[charge.name.lower()] += 1
        if charge is Charge.AUTHORISED:
            await self._await_tickets(bought)

    async def _await_tickets(self, bought: Bought) -> None:
        began = time.perf_counter()
        for _ in range(LOOKS_MAX):
            order = await self.checkout.see(bought.placed.order_id)
            if isinstance(order, dict) and order["state"] not in (*WAITING_STATES, WORKED_ON):
                self._see(bought, order, time.perf_counter() - began)
                return
            await asyncio.sleep(LOOK_SECONDS)

    def _see(self, bought: Bought, order: dict[str, Any], seconds: float) -> None:
        outcome = outcome_of(order, declined=bought.declined)
        self.tally.outcomes[outcome] += 1
        if outcome in (Outcome.PAID, Outcome.LATE_RETAKEN):
            bought.shown_paid = True
            self.tally.ticket_seconds.append(seconds)

    async def settle(self) -> None:
        """Look at every order once more, when nobody is at work on it any more; the tally has what they came to."""
        deadline = time.monotonic() + SETTLE_SECONDS_MAX
        await self._look_at(self.bought)
        while time.monotonic() < deadline:
            at_work = [one for one in self.bought if one.found and one.found["state"] == WORKED_ON]
            if not at_work:
                break
            await asyncio.sleep(LOOK_SECONDS)
            await self._look_at(at_work)
        self.tally.outcomes = Counter(
            outcome_of(one.found, declined=one.declined) for one in self.bought if one.found
        )

    async def _look_at(self, bought: list[Bought]) -> None:
        gate = asyncio.Semaphore(LOOKS_AT_ONCE)

        async def look(one: Bought) -> None:
            async with gate:
                order = await self.checkout.see(one.placed.order_id)
                if isinstance(order, dict):
                    one.found = order

        await asyncio.gather(*[look(one) for one in bought])

    def seats(self) -> list[tuple[ShowMap, tuple[str, ...]]]:
        """The seats that buyers have tickets for now, order by order."""
        return [
            (one.show, tuple(ticket["seat"] for ticket in one.found["tickets"]))
            for one in self.bought
            if one.found
        ]

    def lost(self) -> list[str]:
        """What is wrong with orders that buyers were shown as paid."""
        shown = [one for one in self.bought if one.shown_paid]
        problems = [
            lost_tickets(one.seats, one.found) if one.found else f"{one.seats[0]}: order not found"
            for one in shown
        ]
        return [problem for problem in problems if problem]
