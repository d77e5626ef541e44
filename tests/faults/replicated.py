"""The whole product over three nats-servers: the journal's leader is killed, comes back, and the next one is paused."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from actors.journal import JournalUnavailable
from cluster.embedded.nats import NatsServer, start_cluster
from cluster.journal.api import ApiError, call
from cluster.journal.connection import connect
from cluster.journal.streams import DEFINITIONS, JOURNAL
from tests.faults.crowd import Crowd, Hall
from tests.faults.judging import Figures, judge, seconds_until_hold
from tests.faults.recorder import now
from tests.shop import Shop, grid, until
from tests.stack import RunningStack

MEMBERS = 3
HOLD_SECONDS = 10
PAUSES_SECONDS = (6.0, 15.0, 3.0)
"""Taken in turn: about as long as an election takes, long enough for clients to leave the server, and shorter."""

Start = Callable[..., RunningStack]


def replicated(start: Start, directory: Path, seconds: float) -> Figures:
    """kill -9 of the leader, its return, a pause of the new one; again until the time is over, at least once."""
    figures = Figures("replicated")
    servers = start_cluster(directory, MEMBERS)
    try:
        urls = ",".join(server.url for server in servers)
        environment = {"FRONTROW_NATS_URL": urls, "FRONTROW_JOURNAL_REPLICAS": str(MEMBERS)}
        stack = start(environment=environment)
        figures.notes["replicas"] = _replicas(urls)
        assert set(figures.notes["replicas"].values()) == {MEMBERS}
        hall = Hall()
        with Shop(stack.url, stack.admin_key) as shop:
            show_id = shop.show(
                grid(hall.sections, hall.rows, hall.seats), hold_seconds=HOLD_SECONDS
            )
        crowd, moments = Crowd(stack.url, show_id, hall), list[float]()
        pauses = itertools.cycle(PAUSES_SECONDS)
        end = time.monotonic() + seconds
        with crowd.running():
            crowd.goes_on()
            while not moments or time.monotonic() < end:
                moments += _kill_leader(servers, urls, crowd, figures)
                moments += _pause_leader(servers, urls, crowd, figures, next(pauses))
        figures.until_first_hold = [seconds_until_hold(crowd.history, moment) for moment in moments]
        judge(figures, stack, show_id, crowd.history)
        stack.down()
        return figures
    finally:
        for server in servers:
            server.stop()


def _kill_leader(
    servers: list[NatsServer], urls: str, crowd: Crowd, figures: Figures
) -> list[float]:
    """Ends when the server is back and has caught up; the moment of the kill."""
    place, victim = _leader(servers, urls)
    moment = now()
    victim.kill()
    figures.faults.append("kill -9 of the journal's leader")
    crowd.goes_on()
    servers[place] = victim.again()
    servers[place].wait_ready()
    until(lambda: all_current(urls), "all replicas are current")
    crowd.goes_on()
    return [moment]


def _pause_leader(
    servers: list[NatsServer], urls: str, crowd: Crowd, figures: Figures, pause_seconds: float
) -> list[float]:
    """The moments at which it was stopped and continued."""
    _, victim = _leader(servers, urls)
    process, stopped = psutil.Process(victim.pid), now()
    process.suspend()
    try:
        time.sleep(pause_seconds)
    finally:
        process.resume()
    continued = now()
    figures.faults.append(f"the journal's leader stopped for {pause_seconds:.0f} s")
    crowd.goes_on()
    until(lambda: all_current(urls), "all replicas are current")
    return [stopped, continued]


def _leader(servers: list[NatsServer], urls: str) -> tuple[int, NatsServer]:
    name = until(lambda: _group(urls, JOURNAL).get("leader"), "the journal has a leader")
    return next((place, one) for place, one in enumerate(servers) if one.name == name)


def all_current(urls: str) -> bool:
    group = _group(urls, JOURNAL)
    return bool(group.get("leader")) and all(one["current"] for one in group["replicas"])


def _replicas(urls: str) -> dict[str, int]:
    """How many servers really have each stream."""
    return {stream: 1 + len(_group(urls, stream)["replicas"]) for stream in DEFINITIONS}


def _group(urls: str, stream: str) -> dict[str, Any]:
    """A stream's Raft group; empty while there is nobody to ask."""
    return asyncio.run(_ask(urls, stream))


async def _ask(urls: str, stream: str) -> dict[str, Any]:
    try:
        nc = await connect(urls, "test")
    except JournalUnavailable:
        return {}
    try:
        return (await call(nc, f"STREAM.INFO.{stream}"))["cluster"]
    except (ApiError, JournalUnavailable):
        return {}
    finally:
        await nc.close()
