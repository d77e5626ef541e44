"""Killing one host of a stack of one's own with `kill -9`, and measuring how long its seats cannot be had."""

from __future__ import annotations

import asyncio
import itertools
import os
import secrets
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from cluster.operate.command import CommandError

PROBE_SECONDS = 0.05
"""A probe is sent this often, whatever became of the ones before."""

RECOVERY_SECONDS_MAX = 60.0
HOSTS = "/v1/operator/hosts"
DECISIONS = (httpx.codes.CREATED, httpx.codes.CONFLICT)
"""Answers that only the block itself can give."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """Seconds after the kill: until the new process was there, and until it had decided about a hold.

    `held` is False when the first decision was that the seat had been taken meanwhile.
    """

    host: str
    pid: int
    new_pid: int
    process_seconds: float
    hold_seconds: float
    held: bool


def own_host_process(pid: int, data_dir: Path) -> psutil.Process:
    """The process, if it is a ticket host of the stack in `data_dir`. Raises CommandError: nothing else is killed."""
    try:
        process = psutil.Process(pid)
        mine = process.environ().get("FRONTROW_DATA_DIR") == str(data_dir.absolute())
        host = "TicketHost" in " ".join(process.cmdline())
    except psutil.Error as error:
        raise CommandError(f"process {pid} cannot be looked at ({type(error).__name__})") from None
    if not (mine and host):
        raise CommandError(f"process {pid} is no ticket host of this stack")
    return process


async def kill_host(
    http: httpx.AsyncClient,
    host: dict[str, Any],
    data_dir: Path,
    probes: Sequence[tuple[str, list[str]]],
) -> Recovery:
    """Kill a host (an item of GET /v1/operator/hosts); `probes` are (show, seats) on it, tried in turn.

    Raises CommandError when it has not recovered in RECOVERY_SECONDS_MAX.
    """
    if not probes:
        raise CommandError(f"{host['name']} has no seat that could be asked for")
    process = own_host_process(host["pid"], data_dir)
    parent = process.ppid()
    killed = time.perf_counter()
    os.kill(process.pid, signal.SIGKILL)
    seen = asyncio.create_task(_new_process(http, host["name"], process.pid, parent))
    try:
        async with asyncio.timeout(RECOVERY_SECONDS_MAX):
            decided, held = await _first_decision(http, probes)
            appeared, new_pid = await seen
    except TimeoutError:
        raise CommandError(
            f"{host['name']} has not recovered in {RECOVERY_SECONDS_MAX:.0f} s"
        ) from None
    finally:
        seen.cancel()
    return Recovery(host["name"], process.pid, new_pid, appeared - killed, decided - killed, held)


async def _new_process(
    http: httpx.AsyncClient, name: str, old: int, parent: int
) -> tuple[float, int]:
    """When the host's next process is there (by its title, to 20 ms), and its pid (as the host itself reports it)."""
    before = {child.pid for child in _hosts_of(parent)}
    appeared = 0.0
    while True:
        if not appeared and any(child.pid not in before for child in _hosts_of(parent)):
            appeared = time.perf_counter()
        if appeared:
            answer = (await http.get(HOSTS)).json()
            pids = [item["pid"] for item in answer.get("items", ()) if item["name"] == name]
            if pids and pids[0] not in (None, old):
                return appeared, pids[0]
        await asyncio.sleep(0.02)


def _hosts_of(parent: int) -> list[psutil.Process]:
    """The host processes that a raylet has started."""
    found = list[psutil.Process]()
    try:
        children = psutil.Process(parent).children()
    except psutil.Error:
        return found
    for child in children:
        try:
            if "TicketHost" in " ".join(child.cmdline()):
                found.append(child)
        except psutil.Error:
            continue
    return found


async def _first_decision(
    http: httpx.AsyncClient, probes: Sequence[tuple[str, list[str]]]
) -> tuple[float, bool]:
    """When the host first decided about a hold, and whether it granted it."""
    decided: asyncio.Future[tuple[float, bool]] = asyncio.get_running_loop().create_future()

    async def probe(show_id: str, seats: list[str]) -> None:
        headers = {"Idempotency-Key": secrets.token_hex(12)}
        try:
            answer = await http.post(
                f"/v1/shows/{show_id}/holds", json={"seats": seats}, headers=headers
            )
        except httpx.TransportError:
            return
        if answer.status_code in DECISIONS and not decided.done():
            decided.set_result((time.perf_counter(), answer.status_code == httpx.codes.CREATED))

    sent = list[asyncio.Task[None]]()
    try:
        for show_id, seats in itertools.cycle(probes):
            sent.append(asyncio.create_task(probe(show_id, seats)))
            await asyncio.wait([decided], timeout=PROBE_SECONDS)
            if decided.done():
                break
        return decided.result()
    finally:
        await _let_end(sent, decided.done())


async def _let_end(tasks: list[asyncio.Task[None]], decided: bool) -> None:
    """Probes under way are waited for, so that nobody holds seats that nobody knows of; cancelled on a failure."""
    if not decided:
        for task in tasks:
            task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def seats_on(
    blocks: Sequence[str], seats: Callable[[str, int], list[list[str]]]
) -> list[tuple[str, list[str]]]:
    """Probes over the `show.block` names of a host's report; `seats` lists seats of a show's block."""
    probes = list[tuple[str, list[str]]]()
    for name in blocks:
        show_id, _, block = name.partition(".")
        probes += [(show_id, chosen) for chosen in seats(show_id, int(block))]
    return probes
