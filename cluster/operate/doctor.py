"""`frontrow doctor`: is everything there that this installation needs, in the right version, and keeping up?"""

from __future__ import annotations

import asyncio
import platform
import re
import shutil
import time
from collections.abc import Awaitable, Iterator
from email.utils import parsedate_to_datetime

import typer
from rich.table import Table

from actors.journal import JournalUnavailable
from cluster.journal.api import STREAM_NOT_FOUND, ApiError, call
from cluster.journal.streams import DEADLETTERS, Drift, drift
from cluster.operate.answers import Data, Json
from cluster.operate.backends import Client as NatsClient
from cluster.operate.backends import database, journal_client
from cluster.operate.check import Check, State
from cluster.operate.client import ApiError as Problem
from cluster.operate.client import Client
from cluster.operate.clock_checks import (
    host_clock_checks,
    journal_clock_check,
    now_ms,
    store_clock_check,
)
from cluster.operate.command import (
    CommandError,
    Url,
    out,
    print_json,
    reported,
)
from cluster.operate.lag_checks import (
    consumer_checks,
    projection_checks,
    queue_check,
    storage_checks,
)
from cluster.operate.money_checks import order_checks, provider_checks
from cluster.operate.package_checks import package_checks
from cluster.operate.setting_checks import setting_checks
from cluster.operate.target import Target, find_target
from cluster.store.mongo import StoreError, StoreUnavailable

SKEW_SECONDS_MAX = 2.0
"""Deadlines are decided by the hosts' clocks."""

DATE_AGE_SECONDS_MAX = 2.0
"""HTTP's Date has whole seconds, and uvicorn renews its header once a second."""

FREE_GIGABYTES_MIN = 1.0
NATS_MIN = (2, 12)
"""Message schedules (`@at`) came with this version."""

DEADLETTER_PREFIX = "deadletters."


@reported
def doctor(data: Data = None, url: Url = None, as_json: Json = False) -> None:
    """Check every part: versions, settings, reachable, streams as they should be, consumers keeping up, payments, disk,
    clocks.

    Exit code 1 when a check failed; a warning is none.
    """
    target = find_target(data, url)
    checks = [
        Check("python", State.OK, platform.python_version()),
        *package_checks(),
        *setting_checks(target),
        *_server(target),
        *asyncio.run(_behind(target)),
        *_disk(target),
    ]
    failed = any(check.state is State.FAILED for check in checks)
    if as_json:
        print_json({"ok": not failed, "checks": checks})
    else:
        _print(checks)
    if failed:
        raise typer.Exit(1)


def _server(target: Target) -> list[Check]:
    """The HTTP side: the server, its readiness, its clock, its hosts."""
    checks = list[Check]()
    with Client(target) as client:
        try:
            began = time.time()
            answer = client.request("GET", "/healthz")
            took = time.time() - began
        except CommandError as error:
            return [Check("server", State.FAILED, error.detail)]
        checks.append(Check("server", State.OK, f"{target.url} answers in {took * 1000:.0f} ms"))
        if "Date" in answer.headers:
            checks.append(clock_check(answer.headers["Date"], began, began + took))
        for name, check in (("ready", _ready), ("hosts", _hosts)):
            try:
                checks += check(client)
            except CommandError as error:
                checks.append(Check(name, State.FAILED, error.detail))
    return checks


def clock_check(date: str, began: float, ended: float) -> Check:
    """The server's Date against this machine's clock around the request, seconds since the epoch."""
    served = parsedate_to_datetime(date).timestamp()
    skew = max(began - (served + DATE_AGE_SECONDS_MAX), served - ended, 0.0)
    state = State.OK if skew <= SKEW_SECONDS_MAX else State.WARNING
    return Check("clock", state, f"differs by {skew:.1f} s" if skew else "agrees with the server's")


def _ready(client: Client) -> list[Check]:
    try:
        answer = client.request("GET", "/readyz").json()
    except Problem as error:
        return [Check("ready", State.FAILED, f"not ready (HTTP {error.status})")]
    parts = [f"{part} {state}" for part, state in answer.items() if part != "status"]
    return [Check("ready", State.OK, ", ".join(parts))]


def _hosts(client: Client) -> list[Check]:
    """Whether they answer, what waits for them, and their clocks."""
    began = now_ms()
    answer = client.get("/v1/operator/hosts")
    items, ended = answer["items"], now_ms()
    silent = [item["name"] for item in items if not item["answers"]]
    answering = "one per block" if answer["dedicated"] else f"{answer['hosts']} answer"
    state = State.FAILED if silent else State.OK
    detail = f"no answer from {', '.join(silent)}" if silent else answering
    clocks = host_clock_checks(items, began, ended)
    return [Check("hosts", state, detail), queue_check(items), *clocks]


async def _behind(target: Target) -> list[Check]:
    checks = list[Check]()
    try:
        async with journal_client(target) as nc:
            checks.append(nats_version_check(str(nc.connected_server_version)))
            for name, check in (
                ("streams", _streams),
                ("JetStream disk", storage_checks),
                ("clock of NATS", journal_clock_check),
                ("consumers", consumer_checks),
                ("projection", projection_checks),
                ("dead letters", _dead_letters),
                ("payments", provider_checks),
            ):
                checks += await _told(name, check(nc, target))
    except (JournalUnavailable, CommandError) as error:
        checks.append(Check("nats", State.FAILED, str(error)))
    checks += await _told("mongod", _mongod(target))
    checks += await _told("clock of MongoDB", store_clock_check(target))
    checks += await _told("orders", order_checks(target))
    return checks


async def _told(name: str, findings: Awaitable[list[Check]]) -> list[Check]:
    try:
        return await findings
    except (JournalUnavailable, StoreUnavailable, StoreError, CommandError) as error:
        return [Check(name, State.FAILED, str(error))]


def nats_version_check(text: str) -> Check:
    """`text` holds the version somewhere, as in `v2.15.1-beta`."""
    found = re.search(r"(\d+)\.(\d+)\.\d+[\w.-]*", text)
    if found and (int(found.group(1)), int(found.group(2))) >= NATS_MIN:
        return Check("nats-server", State.OK, found.group())
    wanted = ".".join(map(str, NATS_MIN))
    return Check("nats-server", State.FAILED, f"{text}; at least {wanted} is needed")


async def _streams(nc: NatsClient, target: Target) -> list[Check]:
    differences = await drift(nc, target.settings.journal_replicas)
    if not differences:
        return [Check("streams", State.OK, "as they should be")]
    return [Check("streams", State.FAILED, described(difference)) for difference in differences]


def described(difference: Drift) -> str:
    if difference.setting == "name" and difference.actual is None:
        return f"{difference.stream} does not exist"
    return f"{difference.stream}: {difference.setting} is {difference.actual!r}, should be {difference.wanted!r}"


async def _dead_letters(nc: NatsClient, target: Target) -> list[Check]:
    question = {"subjects_filter": f"{DEADLETTER_PREFIX}>"}
    try:
        state = (await call(nc, f"STREAM.INFO.{DEADLETTERS}", question))["state"]
    except ApiError as error:
        if error.code == STREAM_NOT_FOUND:
            return []
        raise
    return [dead_letter_check(state["messages"], state.get("subjects") or {})]


def dead_letter_check(buried: int, subjects: dict[str, int]) -> Check:
    """`subjects` counts them by `deadletters.<stream>.<consumer>`."""
    if buried == 0:
        return Check("dead letters", State.OK, "none")
    by = ", ".join(
        f"{count:,} of {subject.removeprefix(DEADLETTER_PREFIX)}"
        for subject, count in subjects.items()
    )
    return Check("dead letters", State.WARNING, f"{buried:,} messages could not be handled: {by}")


async def _mongod(target: Target) -> list[Check]:
    async with database(target) as opened:
        return [Check("mongod", State.OK, await opened.version())]


def _disk(target: Target) -> Iterator[Check]:
    """Where the stack keeps its state, if that is on this machine."""
    if not target.data_dir.is_dir():
        return
    free = shutil.disk_usage(target.data_dir).free / 1e9
    state = State.OK if free >= FREE_GIGABYTES_MIN else State.FAILED
    yield Check("disk", state, f"{free:.1f} GB free at {target.data_dir}")


def _print(checks: list[Check]) -> None:
    marks = {
        State.OK: "[green]ok[/]",
        State.WARNING: "[yellow]warning[/]",
        State.FAILED: "[red]failed[/]",
    }
    table = Table(box=None, show_header=False, pad_edge=False)
    for check in checks:
        table.add_row(marks[check.state], check.name, check.detail)
    out.print(table)
