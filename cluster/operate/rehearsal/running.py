"""A rehearsal as it runs: buyers at a limited rate, and an eye on the hosts, so that no real sale suffers."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import psutil

from cluster.operate.backup.taking import Tell, untold
from cluster.operate.client import async_client, problem_of, unreachable
from cluster.operate.command import CommandError
from cluster.operate.crowd.browser import Browser
from cluster.operate.crowd.buyers import Crowd
from cluster.operate.crowd.checkout import Checkout
from cluster.operate.crowd.payers import Payers
from cluster.operate.crowd.pools import Pools, Refusal
from cluster.operate.crowd.shop import Purchase, Shop
from cluster.operate.crowd.show_map import ShowMap
from cluster.operate.crowd.tally import Tally
from cluster.operate.killing import HOSTS
from cluster.operate.target import Target

LOOK_SECONDS = 2.0
QUEUE_COMMANDS_MAX = 200
"""Commands that wait on all hosts together; beyond it the rehearsal ends early."""

BLIND_LOOKS_MAX = 3
"""Looks in a row that may fail before the rehearsal ends early."""

RELEASES_AT_ONCE = 16


class PacedShop(Shop):
    """Asks for at most `rate` holds a second."""

    def __init__(self, pools: Pools, tally: Tally, rate: float) -> None:
        super().__init__(pools, tally)
        self._rate = rate
        self._next = 0.0

    async def hold(
        self, show_id: str, body: dict[str, Any], key: str | None = None
    ) -> Purchase | Refusal:
        now = time.monotonic()
        turn = max(now, self._next)
        self._next = turn + 1 / self._rate
        await asyncio.sleep(turn - now)
        return await super().hold(show_id, body, key)


@dataclass(slots=True)
class Rehearsal:
    """What is measured. `stopped`: why it ended early; `cpu` is the part of this machine's processors in use, None
    where nobody looked; `turned_away` counts answers of 429 and 503 by their code."""

    tally: Tally = field(default_factory=Tally)
    seconds: float = 0.0
    hosts: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    queue: int = 0
    cpu: float | None = None
    turned_away: Counter[str] = field(default_factory=Counter[str])
    stopped: str = ""


async def rehearse_on(
    target: Target,
    show: ShowMap,
    buyers: int,
    seconds: float,
    rate: float,
    pay_at: str | None,
    rehearsal: Rehearsal,
    tell: Tell = untold,
) -> None:
    """Fill in `rehearsal`, and tell how many seconds are over. What buyers still hold at the end is given back; what
    they walked away from runs out."""
    tally = rehearsal.tally
    async with AsyncExitStack() as opened:
        pools = await opened.enter_async_context(Pools(target.url, tally.retries))
        operator = await opened.enter_async_context(async_client(target))
        rehearsal.turned_away = pools.turned_away
        payers = None
        if pay_at is not None:
            browser = await opened.enter_async_context(Browser(pay_at))
            payers = Payers(Checkout(pools), browser, tally)
        shop = PacedShop(pools, tally, rate)
        crowd = Crowd(shop, [(show, 1.0)], tally, payers)
        await crowd.draw()
        began = time.monotonic()
        psutil.cpu_percent()
        buying = asyncio.create_task(crowd.buy(buyers, seconds))
        watching = asyncio.create_task(_watch(operator, rehearsal))
        ticking = asyncio.create_task(_tick(seconds, tell))
        try:
            await asyncio.wait((buying, watching), return_when=asyncio.FIRST_COMPLETED)
        finally:
            rehearsal.seconds = time.monotonic() - began
            rehearsal.cpu = psutil.cpu_percent() / 100
            ended = [task for task in (buying, watching) if task.done()]
            for task in (buying, watching, ticking):
                task.cancel()
            await asyncio.gather(buying, watching, ticking, return_exceptions=True)
        for task in ended:
            task.result()
        with suppress(CommandError):
            rehearsal.hosts = await _hosts(operator)
        if payers is not None:
            await payers.settle()
        await _give_back(shop, crowd)


async def _tick(seconds: float, tell: Tell) -> None:
    began = time.monotonic()
    while (over := time.monotonic() - began) < seconds:
        tell("rehearse", round(over), round(seconds))
        await asyncio.sleep(1.0)


async def _watch(operator: httpx.AsyncClient, rehearsal: Rehearsal) -> None:
    """Returns when the hosts do not keep up: real buyers would wait as well; or when nobody sees whether they do."""
    blind = 0
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            items, blind = await _hosts(operator), 0
        except CommandError as error:
            blind += 1
            if blind == BLIND_LOOKS_MAX:
                rehearsal.stopped = f"nobody could look at the hosts: {error.detail}"
                return
            continue
        waiting = sum(item["depth"] or 0 for item in items)
        rehearsal.queue = max(rehearsal.queue, waiting)
        if waiting > QUEUE_COMMANDS_MAX:
            rehearsal.stopped = f"{waiting:,} commands waited on the hosts"
            return


async def _hosts(operator: httpx.AsyncClient) -> list[dict[str, Any]]:
    """Raises CommandError."""
    try:
        answer = await operator.get(HOSTS)
    except httpx.TransportError as error:
        raise unreachable(str(operator.base_url), error) from None
    if not answer.is_success:
        raise problem_of(answer)
    return answer.json()["items"]


async def commands_per_second(target: Target) -> float:
    """What the hosts decide now, over LOOK_SECONDS. Raises CommandError."""
    async with async_client(target) as operator:
        before, began = await _hosts(operator), time.monotonic()
        await asyncio.sleep(LOOK_SECONDS)
        after = await _hosts(operator)
        decided = sum(item["commands"] or 0 for item in after)
        decided -= sum(item["commands"] or 0 for item in before)
        return max(0.0, decided / (time.monotonic() - began))


async def _give_back(shop: Shop, crowd: Crowd) -> None:
    gate = asyncio.Semaphore(RELEASES_AT_ONCE)

    async def release(purchase: Purchase) -> None:
        async with gate:
            await shop.release(purchase)

    await asyncio.gather(*[release(purchase) for _, purchase in crowd.kept])
