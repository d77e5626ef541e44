"""What `frontrow doctor` asks the server itself: is it ready, which part is not, its hosts, its services, its clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

from cluster.operate.bounded import CHECK_SECONDS_MAX, in_thread, side_by_side
from cluster.operate.check import Check, State
from cluster.operate.client import Client
from cluster.operate.clock_checks import host_clock_checks
from cluster.operate.lag_checks import queue_check
from cluster.operate.moments import now_ms
from cluster.operate.target import Target

SKEW_SECONDS_MAX = 2.0
"""Deadlines are decided by the hosts' clocks."""

DATE_AGE_SECONDS_MAX = 2.0
"""HTTP's Date has whole seconds, and uvicorn renews its header once a second."""

RECENT_SECONDS = 300
"""A service that failed so lately may fail again: it is named."""

ERROR_CHARS_MAX = 120
"""Of a service's last error; its log has all of it."""

OK = 200


async def server_checks(target: Target) -> list[Check]:
    """The HTTP side. Nothing else is asked of a server that does not answer."""
    with Client(target, CHECK_SECONDS_MAX) as client:
        found = await in_thread("server", _answers, client)
        if found[0].state is State.FAILED:
            return found
        looks = (("ready", _ready), ("hosts", _hosts), ("services", _services))
        return found + await side_by_side([in_thread(name, look, client) for name, look in looks])


def _answers(client: Client) -> list[Check]:
    """Raises CommandError."""
    began = time.time()
    answer = client.look("/healthz")
    took = time.time() - began
    if answer.status_code != OK:
        return [Check("server", State.FAILED, f"{client.url} answers HTTP {answer.status_code}")]
    checks = [Check("server", State.OK, f"{client.url} answers in {took * 1000:.0f} ms")]
    if "Date" in answer.headers:
        checks.append(clock_check(answer.headers["Date"], began, began + took))
    return checks


def clock_check(date: str, began: float, ended: float) -> Check:
    """The server's Date against this machine's clock around the request, seconds since the epoch."""
    served = parsedate_to_datetime(date).timestamp()
    skew = max(began - (served + DATE_AGE_SECONDS_MAX), served - ended, 0.0)
    state = State.OK if skew <= SKEW_SECONDS_MAX else State.WARNING
    return Check("clock", state, f"differs by {skew:.1f} s" if skew else "agrees with the server's")


def _ready(client: Client) -> list[Check]:
    answer = client.look("/readyz")
    try:
        told = answer.json()
    except ValueError:
        told = None
    return [ready_check(answer.status_code, told)]


def ready_check(status: int, told: Any) -> Check:
    """`told` is the body of /readyz: the state of every part; None when it is not what we would say."""
    parts = told if isinstance(told, dict) else {}
    states = ", ".join(f"{part} {state}" for part, state in parts.items() if part != "status")
    if status == OK:
        return Check("ready", State.OK, states)
    return Check("ready", State.FAILED, states or f"not ready (HTTP {status})")


def _hosts(client: Client) -> list[Check]:
    """Whether they answer, what waits for them, and their clocks."""
    began = now_ms()
    answer = client.once("GET", "/v1/operator/hosts")
    items, ended = answer["items"], now_ms()
    clocks = host_clock_checks(items, began, ended)
    return [host_check(answer), queue_check(items), *clocks]


def host_check(answer: dict[str, Any]) -> Check:
    """`answer` is that of GET /v1/operator/hosts. Drained hosts are told: they are easily forgotten. No seat is on
    them, so a silent one is a warning."""
    silent = [item for item in answer["items"] if not item["answers"]]
    missed = [item["name"] for item in silent if not item["drained"]]
    if missed:
        return Check("hosts", State.FAILED, f"no answer from {', '.join(missed)}")
    if answer["dedicated"]:
        return Check("hosts", State.OK, "one per block")
    told = [f"{answer['hosts'] - len(silent)} answer"]
    for item in answer["items"]:
        if item["drained"]:
            also = "" if item["answers"] else " and does not answer"
            told.append(f"{item['name']} is drained{also}")
    return Check("hosts", State.WARNING if silent else State.OK, ", ".join(told))


def _services(client: Client) -> list[Check]:
    return list(service_checks(client.once("GET", "/v1/operator/services")))


def service_checks(reports: list[dict[str, Any]]) -> Iterator[Check]:
    """`reports` are those of GET /v1/operator/services. One line when all are well, else one for each that is not."""
    found = [check for report in reports if (check := _service_check(report)) is not None]
    if found:
        yield from found
    else:
        yield Check("services", State.OK, f"{len(reports)} run")


def _service_check(report: dict[str, Any]) -> Check | None:
    name, error = f"service {report['service']}", _line(report.get("last_error", ""))
    failed = report.get("failed_seconds_ago")
    if report.get("pid") is None:
        return Check(name, State.FAILED, f"its process does not answer ({error})")
    if not report["running"]:
        return Check(name, State.FAILED, f"does not run: {error or 'it is starting'}")
    if not report["healthy"]:
        return Check(name, State.WARNING, f"runs, and cannot tell how it is: {error}")
    if failed is not None and failed < RECENT_SECONDS:
        times = f"{report['restarts']:,} times, the last time {failed:,} s ago"
        return Check(name, State.WARNING, f"runs, and was restarted {times}: {error}")
    return None


def _line(text: str) -> str:
    first = text.partition("\n")[0]
    return first if len(first) <= ERROR_CHARS_MAX else f"{first[:ERROR_CHARS_MAX]}…"
