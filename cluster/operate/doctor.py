"""`frontrow doctor`: is everything there that this installation needs, in the right version, and keeping up?"""

from __future__ import annotations

import asyncio
import platform
import re
import shutil
from collections.abc import Iterator
from functools import partial
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from actors.journal import JournalUnavailable
from cluster.journal.api import STREAM_NOT_FOUND, ApiError, call
from cluster.journal.streams import DEADLETTERS, Drift, drift
from cluster.operate.answers import Data, Json
from cluster.operate.backends import Client as NatsClient
from cluster.operate.backends import database, journal_client
from cluster.operate.bounded import bounded, in_thread, side_by_side
from cluster.operate.check import Check, State
from cluster.operate.clock_checks import journal_clock_check, store_clock_check
from cluster.operate.command import (
    CommandError,
    Url,
    out,
    print_json,
    reported,
)
from cluster.operate.lag_checks import consumer_checks, projection_checks, storage_checks
from cluster.operate.money_checks import order_checks, provider_checks
from cluster.operate.package_checks import package_checks
from cluster.operate.quorum_checks import nats_server_checks, replica_checks, writing_checks
from cluster.operate.server_checks import server_checks
from cluster.operate.setting_checks import setting_checks
from cluster.operate.show_checks import examined
from cluster.operate.target import Target, find_target

FREE_GIGABYTES_MIN = 1.0
NATS_MIN = (2, 12)
"""Message schedules (`@at`) came with this version."""

DEADLETTER_PREFIX = "deadletters."


@reported
def doctor(
    show: Annotated[
        str | None, typer.Option(metavar="SHOW_ID", help="Ask every block of this show as well.")
    ] = None,
    data: Data = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Check every part: versions, settings, reachable, streams as they should be, consumers keeping up, payments, disk,
    clocks; with --show also why a show refuses, or does not answer.

    Exit code 1 when a check failed; a warning is none.
    """
    target = find_target(data, url)
    checks = [
        Check("python", State.OK, platform.python_version()),
        *package_checks(),
        *setting_checks(target),
        *asyncio.run(_asked(target, show)),
        *_disk(target),
    ]
    failed = any(check.state is State.FAILED for check in checks)
    if as_json:
        print_json({"ok": not failed, "checks": checks})
    else:
        _print(checks)
    if failed:
        raise typer.Exit(1)


async def _asked(target: Target, show: str | None) -> list[Check]:
    """Everybody at once: a part that hangs costs its own check, and those that are well are told all the same."""
    asked = [server_checks(target)]
    if show is not None:
        asked.append(in_thread(f"show {show}", partial(examined, show_id=show), target))
    asked += [
        bounded("nats servers", nats_server_checks(target)),
        _journal_checks(target),
        bounded("mongod", _mongod(target)),
        bounded("clock of MongoDB", store_clock_check(target)),
        bounded("orders", order_checks(target)),
    ]
    return await side_by_side(asked)


async def _journal_checks(target: Target) -> list[Check]:
    try:
        async with journal_client(target) as nc:
            version = nats_version_check(str(nc.connected_server_version))
            found = await side_by_side(
                [
                    bounded(name, check(nc, target))
                    for name, check in (
                        ("replicas", replica_checks),
                        ("journal writes", writing_checks),
                        ("streams", _streams),
                        ("JetStream disk", storage_checks),
                        ("clock of NATS", journal_clock_check),
                        ("consumers", consumer_checks),
                        ("projection", projection_checks),
                        ("dead letters", _dead_letters),
                        ("payments", provider_checks),
                    )
                ]
            )
            return [version, *found]
    except (JournalUnavailable, CommandError) as error:
        return [Check("nats", State.FAILED, str(error))]


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
        table.add_row(marks[check.state], check.name, escape(check.detail))
    out.print(table)
