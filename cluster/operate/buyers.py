"""Simulated buyers: each looks at a map, thinks, asks for a hold, and does something with it. All over HTTP."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cluster.operate.behaviour import After, Kind, after_hold, think_seconds, wish
from cluster.operate.shop import Purchase, Refusal, Shop
from cluster.operate.show_map import ShowMap
from cluster.operate.tally import Tally

MAP_SECONDS = 1.0
"""How old the map of a show may be that buyers choose from."""

WATCHERS_PER_SHOW = 5
CHECKS_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class LossCheck:
    """What became of the holds that buyers were promised and that should still be theirs."""

    expected: int
    found: int
    lost: tuple[str, ...]
    shared_seats: tuple[str, ...]

    @property
    def clean(self) -> bool:
        return not self.lost and not self.shared_seats


@dataclass(slots=True)
class Crowd:
    """`shows` with the weight of each: how much of the crowd wants it."""

    shop: Shop
    shows: list[tuple[ShowMap, float]]
    tally: Tally
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
        await _until(end, think_seconds(rng))
        while time.monotonic() < end:
            show = rng.choices(shows, weights)[0]
            wanted = wish(rng, show)
            if wanted.kind is Kind.SEATS:
                await self._look(show)
                await _until(end, think_seconds(rng))
            answer = await self.shop.hold(show.show_id, wanted.body)
            if isinstance(answer, Purchase):
                await _until(end, think_seconds(rng))
                await self._use(rng, show, answer)
            await _until(end, think_seconds(rng))

    async def _look(self, show: ShowMap) -> None:
        """One buyer's look brings everybody's map up to date: a question a second and show is enough."""
        if time.monotonic() - self._seen_at.get(show.show_id, 0.0) >= MAP_SECONDS:
            self._seen_at[show.show_id] = time.monotonic()
            await self.shop.see(show)

    async def _use(self, rng: random.Random, show: ShowMap, purchase: Purchase) -> None:
        after = after_hold(rng)
        self.tally.actions[after] += 1
        match after:
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
        """Look for every hold that should still be there; and whether two of them share a seat."""
        now = time.time()
        live = [(show, kept) for show, kept in self.kept if _seconds(kept.expires_at) > now]
        gate = asyncio.Semaphore(CHECKS_AT_ONCE)

        async def look(purchase: Purchase) -> str | None:
            async with gate:
                return missing(purchase, await self.shop.find(purchase), time.time())

        answers = await asyncio.gather(*[look(purchase) for _, purchase in live])
        found = sum(answer == "" for answer in answers)
        lost = tuple(answer for answer in answers if answer)
        return LossCheck(found + len(lost), found, lost, shared_seats(live))


def missing(purchase: Purchase, found: dict[str, Any] | Refusal, now: float) -> str | None:
    """What is wrong with a promised hold, empty if nothing is; None if its time ran out before the answer came."""
    if isinstance(found, dict):
        return (
            "" if tuple(found["seats"]) == purchase.seats else f"{purchase.seats[0]}: other seats"
        )
    if found.code == "hold_expired" and now >= _seconds(purchase.expires_at):
        return None
    return f"{purchase.seats[0]}: {found.code}"


def shared_seats(holds: list[tuple[ShowMap, Purchase]]) -> tuple[str, ...]:
    """Seats that two of these holds both have: must be none."""
    taken, shared = set[tuple[str, str]](), list[str]()
    for show, purchase in holds:
        for seat in purchase.seats:
            if (show.show_id, seat) in taken:
                shared.append(seat)
            taken.add((show.show_id, seat))
    return tuple(shared)


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


async def _until(end: float, seconds: float) -> None:
    """A pause that does not outlast the sale."""
    await asyncio.sleep(max(0.0, min(seconds, end - time.monotonic())))
