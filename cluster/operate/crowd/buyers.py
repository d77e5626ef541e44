"""Simulated buyers: each looks at a map, thinks, asks for a hold, and orders it, or not. All over HTTP."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import Any

from cluster.operate.crowd.behaviour import After, Kind, after_hold, think_seconds, wish
from cluster.operate.crowd.payers import Payers
from cluster.operate.crowd.pools import Refusal
from cluster.operate.crowd.shop import Purchase, Shop
from cluster.operate.crowd.show_map import ShowMap
from cluster.operate.crowd.tally import Tally
from cluster.operate.crowd.waiting import seconds_of, until

MAP_SECONDS = 1.0
"""How old the map of a show may be that buyers choose from."""

WATCHERS_PER_SHOW = 5
CHECKS_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class LossCheck:
    """What became of the holds that buyers were promised and that should still be theirs, and of the tickets that
    they were shown as paid."""

    expected: int
    found: int
    lost: tuple[str, ...]
    shared_seats: tuple[str, ...]
    paid_orders: int = 0

    @property
    def clean(self) -> bool:
        return not self.lost and not self.shared_seats


@dataclass(slots=True)
class Crowd:
    """`shows` with the weight of each: how much of the crowd wants it. Without `payers` nobody orders anything."""

    shop: Shop
    shows: list[tuple[ShowMap, float]]
    tally: Tally
    payers: Payers | None = None
    seed: int = 1
    kept: list[tuple[ShowMap, Purchase]] = field(default_factory=list[tuple[ShowMap, Purchase]])
    _seen_at: dict[str, float] = field(default_factory=dict[str, float])

    async def draw(self) -> None:
        """Every show's seat map."""
        for show, _ in self.shows:
            await self.shop.draw(show)

    async def buy(self, buyers: int, seconds: float) -> None:
        """`buyers` of them for so long; a request that is under way at the end is waited for."""
        end = time.monotonic() + seconds
        watching = [
            asyncio.create_task(self.shop.watch(show))
            for show, _ in self.shows
            for _ in range(WATCHERS_PER_SHOW)
        ]
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(buyers):
                    group.create_task(self._buyer(random.Random(f"{self.seed}/{number}"), end))
        finally:
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)

    async def _buyer(self, rng: random.Random, end: float) -> None:
        shows, weights = [show for show, _ in self.shows], [weight for _, weight in self.shows]
        await until(end, think_seconds(rng))
        while time.monotonic() < end:
            show = rng.choices(shows, weights)[0]
            wanted = wish(rng, show)
            if wanted.kind is Kind.SEATS:
                await self._look(show)
                await until(end, think_seconds(rng))
            answer = await self.shop.hold(show.show_id, wanted.body)
            if isinstance(answer, Purchase):
                await until(end, think_seconds(rng))
                await self._use(rng, show, answer, end)
            await until(end, think_seconds(rng))

    async def _look(self, show: ShowMap) -> None:
        """One buyer's look brings everybody's map up to date: a question a second and show is enough."""
        if time.monotonic() - self._seen_at.get(show.show_id, 0.0) >= MAP_SECONDS:
            self._seen_at[show.show_id] = time.monotonic()
            await self.shop.see(show)

    async def _use(self, rng: random.Random, show: ShowMap, purchase: Purchase, end: float) -> None:
        after = after_hold(rng)
        if after is After.ORDER and self.payers is None:
            after = After.KEEP
        self.tally.actions[after] += 1
        match after:
            case After.ORDER:
                assert self.payers is not None
                await self.payers.buy(rng, show, purchase, end)
            case After.KEEP:
                self.kept.append((show, purchase))
            case After.EXTEND:
                extended = await self.shop.extend(purchase)
                if isinstance(extended, Purchase):
                    self.kept.append((show, extended))
                else:
                    self.tally.refusals[f"extend: {extended.code}"] += 1
            case After.GIVE_BACK:
                refusal = await self.shop.release(purchase)
                if refusal is not None:
                    self.tally.refusals[f"give back: {refusal.code}"] += 1
            case After.ABANDON:
                pass

    async def check(self) -> LossCheck:
        """Look for every hold and all tickets that should still be there; and whether two buyers share a seat."""
        now = time.time()
        live = [(show, kept) for show, kept in self.kept if seconds_of(kept.expires_at) > now]
        gate = asyncio.Semaphore(CHECKS_AT_ONCE)

        async def look(purchase: Purchase) -> str | None:
            async with gate:
                return missing(purchase, await self.shop.find(purchase), time.time())

        answers = await asyncio.gather(*[look(purchase) for _, purchase in live])
        found = sum(answer == "" for answer in answers)
        lost = tuple(answer for answer in answers if answer)
        taken = [(show, kept.seats) for show, kept in live]
        if self.payers is None:
            return LossCheck(found + len(lost), found, lost, shared_seats(taken))
        tickets = self.payers.lost()
        return LossCheck(
            found + len(lost),
            found,
            (*lost, *tickets),
            shared_seats([*taken, *self.payers.seats()]),
            sum(one.shown_paid for one in self.payers.bought),
        )


def missing(purchase: Purchase, found: dict[str, Any] | Refusal, now: float) -> str | None:
    """What is wrong with a promised hold, empty if nothing is; None if its time ran out before the answer came."""
    if isinstance(found, dict):
        return (
            "" if tuple(found["seats"]) == purchase.seats else f"{purchase.seats[0]}: other seats"
        )
    if found.code == "hold_expired" and now >= seconds_of(purchase.expires_at):
        return None
    return f"{purchase.seats[0]}: {found.code}"


def shared_seats(taken_seats: list[tuple[ShowMap, tuple[str, ...]]]) -> tuple[str, ...]:
    """Seats that two buyers both have, by their holds and tickets: must be none."""
    taken, shared = set[tuple[str, str]](), list[str]()
    for show, seats in taken_seats:
        for seat in seats:
            if (show.show_id, seat) in taken:
                shared.append(seat)
            taken.add((show.show_id, seat))
    return tuple(shared)
