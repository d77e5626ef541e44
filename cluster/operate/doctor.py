"""`frontrow doctor`: is everything there that this installation needs, in the right version, and keeping up?"""

from __future__ import annotations

import asyncio
import platform
import re
import shutil
import time
from collections.abc import Awaitable, Callable, Iterator
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import typer
from rich.table import Table

from actors.journal import JournalUnavailable
from cluster.journal.api import STREAM_NOT_FOUND, ApiError, call
from cluster.journal.streams import DEADLETTERS, JOURNAL, NOTICES, ORDERS, Drift, drift
from cluster.operate.answers import Data, Json
from cluster.operate.backends import Client as NatsClient
from cluster.operate.backends import database, journal_client
from cluster.operate.check import Check, State
from cluster.operate.client import ApiError as Problem
from cluster.operate.client import Client
from cluster.operate.command import (
    CommandError,
    Url,
    out,
    print_json,
    reported,
)
from cluster.operate.money_checks import order_checks, provider_checks
from cluster.operate.target import Target, find_target
from cluster.store.mongo import StoreError, StoreUnavailable

SKEW_SECONDS_MAX = 2.0
"""Deadlines are decided by the hosts' clocks."""

DATE_AGE_SECONDS_MAX = 2.0
"""HTTP's Date has whole seconds, and uvicorn renews its header once a second."""

LAG_MESSAGES_MAX = 1_000
"""A consumer that is further behind does not keep up."""

FREE_GIGABYTES_MIN = 1.0
NATS_MIN = (2, 12)
"""Message schedules (`@at`) came with this version."""

PACKAGES = ("ray", "nats-py", "motor", "fastapi", "stripe")
DEADLETTER_PREFIX = "deadletters."


@reported
def doctor(data: Data = None, url: Url = None, as_json: Json = False) -> None:
    """Check every part: reachable, versions, streams as they should be, consumers keeping up, payments, disk, clocks.

    Exit code 1 when a check failed; a warning is none.
    """
    target = find_target(data, url)
    checks = [*_versions(), *_server(target), *asyncio.run(_behind(target)), *_disk(target)]
    failed = any(check.state is State.FAILED for check in checks)
    if as_json:
        print_json({"ok": not failed, "checks": checks})
    else:
        _print(checks)
    if failed:
        raise typer.Exit(1)


def _versions() -> Iterator[Check]:
    yield Check("python", State.OK, platform.python_version())
    for package in PACKAGES:
        try:
            yield Check(package, State.OK, version(package))
        except PackageNotFoundError:
            yield Check(package, State.FAILED, "not installed")


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
                checks.append(check(client))
            except CommandError as error:
                checks.append(Check(name, State.FAILED, error.detail))
    return checks


def clock_check(date: str, began: float, ended: float) -> Check:
    """The server's Date against this machine's clock around the request, seconds since the epoch."""
    served = parsedate_to_datetime(date).timestamp()
    skew = max(began - (served + DATE_AGE_SECONDS_MAX), served - ended, 0.0)
    state = State.OK if skew <= SKEW_SECONDS_MAX else State.WARNING
    return Check("clock", state, f"differs by {skew:.1f} s" if skew else "agrees with the server's")


def _ready(client: Client) -> Check:
    try:
        answer = client.request("GET", "/readyz").json()
    except Problem as error:
        return Check("ready", State.FAILED, f"not ready (HTTP {error.status})")
    return Check(
        "ready",
        State.OK,
        ", ".join(f"{part} {state}" for part, state in answer.items() if part != "status"),
    )


def _hosts(client: Client) -> Check:
    answer = client.get("/v1/operator/hosts")
    silent = [item["name"] for item in answer["items"] if not item["answers"]]
    if silent:
        return Check("hosts", State.FAILED, f"no answer from {', '.join(silent)}")
    return Check(
        "hosts", State.OK, "one per block" if answer["dedicated"] else f"{answer['hosts']} answer"
    )


async def _behind(target: Target) -> list[Check]:
    checks = list[Check]()
    try:
        async with journal_client(target) as nc:
            checks.append(nats_version_check(str(nc.connected_server_version)))
            for name, check in (
                ("streams", _streams),
                ("consumers", _consumers),
                ("dead letters", _dead_letters),
                ("payments", provider_checks),
            ):
                checks += await _told(name, check(nc, target))
    except (JournalUnavailable, CommandError) as error:
        checks.append(Check("nats", State.FAILED, str(error)))
    checks += await _told("mongod", _mongod(target))
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


async def _consumers(nc: NatsClient, target: Target) -> list[Check]:
    """The durable consumers: the services' positions in what they live off."""
    listed = list[dict[str, Any]]()
    for stream in (JOURNAL, NOTICES, ORDERS):
        listed += (await call(nc, f"CONSUMER.LIST.{stream}")).get("consumers") or []
    return [consumer_check(info) for info in listed if info["config"].get("durable_name")] or [
        Check("consumers", State.WARNING, "no service has read the journal yet")
    ]


def consumer_check(info: dict[str, Any]) -> Check:
    """`info` as CONSUMER.INFO has it: what waits is undelivered, or delivered and not acknowledged."""
    waiting, in_hand = info.get("num_pending", 0), info.get("num_ack_pending", 0)
    state = State.OK if waiting <= LAG_MESSAGES_MAX else State.WARNING
    stream = info.get("stream_name", JOURNAL)
    of = "" if stream == JOURNAL else f" of {stream}"
    return Check(
        f"consumer {info['config']['durable_name']}{of}",
        state,
        f"{waiting:,} behind, {in_hand:,} in hand",
    )


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
        await opened.ping()
        server: Callable[[], Awaitable[str]] | None = getattr(opened, "version", None)
        return [Check("mongod", State.OK, await server() if server else "answers")]


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
