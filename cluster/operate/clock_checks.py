"""The clocks of everybody who can be asked, against this machine's: deadlines and wake-ups are times."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from cluster.journal.api import call
from cluster.journal.streams import JOURNAL
from cluster.operate.backends import Client as NatsClient
from cluster.operate.backends import database
from cluster.operate.check import Check, State
from cluster.operate.moments import now_ms
from cluster.operate.target import Target

HOST_SKEW_MS_MAX = 500
"""Of a host, which decides about deadlines; the expiration service allows for so much."""

SERVER_SKEW_MS_MAX = 2_000
"""Of NATS, which times the wake-ups, and of MongoDB, which decides nothing by its clock."""


def skew_check(name: str, told: int, began: int, ended: int, bound: int) -> Check:
    """A clock that said `told` at some moment between `began` and `ended` of ours; all ms since the epoch."""
    skew = max(began - told, told - ended, 0)
    if not skew:
        return Check(name, State.OK, "agrees with this machine's")
    state = State.OK if skew <= bound else State.WARNING
    way = "behind" if told < began else "ahead"
    return Check(name, state, f"{skew:,} ms {way} of this machine's; at most {bound:,} ms is well")


def host_clock_checks(items: list[dict[str, Any]], began: int, ended: int) -> list[Check]:
    """The hosts in one line, or those that are wrong in one each. `items` are those of GET /v1/operator/hosts."""
    checks = [
        skew_check(f"clock {item['name']}", item["now"], began, ended, HOST_SKEW_MS_MAX)
        for item in items
        if item.get("now")
    ]
    wrong = [check for check in checks if check.state is not State.OK]
    if wrong or not checks:
        return wrong
    within = f"{len(checks)} within {HOST_SKEW_MS_MAX:,} ms of this machine's"
    return [Check("clocks of hosts", State.OK, within)]


async def journal_clock_check(nc: NatsClient, _target: Target) -> list[Check]:
    """Raises JournalUnavailable."""

    async def ask() -> int:
        return ms_of((await call(nc, f"STREAM.INFO.{JOURNAL}"))["ts"])

    return [await _asked("clock of NATS", ask)]


async def store_clock_check(target: Target) -> list[Check]:
    """Raises StoreUnavailable, CommandError."""
    async with database(target) as opened:
        await opened.ping()  # connected: what follows is one round trip
        return [await _asked("clock of MongoDB", opened.now_ms)]


async def _asked(name: str, ask: Callable[[], Awaitable[int]]) -> Check:
    began = now_ms()
    told = await ask()
    return skew_check(name, told, began, now_ms(), SERVER_SKEW_MS_MAX)


def ms_of(text: str) -> int:
    """A time as NATS writes it, with nanoseconds."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    seconds = int(datetime.fromisoformat(f"{whole}+00:00").timestamp())
    return seconds * 1000 + int(f"{fraction}000"[:3])
