"""The judges of a run on the real stack: the checker of the clients' history, the holds themselves, the journal."""

from __future__ import annotations

import asyncio
import itertools
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import httpx

from tests.faults.recorder import Recorder
from tests.history import Operation, Request
from tests.linearizability import check
from tests.stack import RunningStack, frontrow

SKEW_MS = 50.0
"""Everything runs on one machine by one clock; an answer is written down a moment after it was decided."""

FINDERS = 16


@dataclass
class Figures:
    """What a run comes to. Seconds are of the clock on the wall."""

    scenario: str
    ok: int = 0
    refused: int = 0
    indeterminate: int = 0
    seconds: float = 0
    longest_without_hold: float = 0
    faults: list[str] = field(default_factory=list[str])
    until_first_hold: list[float] = field(default_factory=list[float])
    anomalies: int = 0
    notes: dict[str, Any] = field(default_factory=dict[str, Any])

    def plain(self) -> dict[str, Any]:
        return asdict(self)


def judge(figures: Figures, stack: RunningStack, show_id: str, history: list[Operation]) -> Figures:
    """Raises AssertionError when a judge finds anything. The finds of this judge are judged as well."""
    count(figures, history)
    asyncio.run(_look_for_holds(stack.url, history))
    anomalies = check(history, skew_ms=SKEW_MS)
    figures.anomalies = len(anomalies)
    assert not anomalies, "\n".join(str(anomaly) for anomaly in anomalies[:5])
    where = ("--data", str(stack.data), "--url", stack.url)
    frontrow("verify", show_id, *where, "--json", environment=stack.environment)
    return figures


def count(figures: Figures, history: list[Operation]) -> None:
    """The operations by what became of them, and the longest time in which no hold was granted."""
    for operation in history:
        if operation.effective:
            figures.ok += 1
        elif operation.definite:
            figures.refused += 1
        else:
            figures.indeterminate += 1
    begun, ended = history[0].invoked, max(operation.invoked for operation in history)
    granted = [begun, *sorted(_granted(history)), ended]
    pauses = [after - before for before, after in itertools.pairwise(granted)]
    figures.seconds = round((ended - begun) / 1000, 1)
    figures.longest_without_hold = round(max(pauses) / 1000, 2)


def seconds_until_hold(
    history: list[Operation], moment: float, sections: tuple[str, ...] = ("",)
) -> float:
    """From `moment` (ms) to the first answer that granted a hold asked for after it, with seats in `sections`."""
    later = [
        operation.returned or 0.0
        for operation in history
        if operation.request.kind == "hold" and operation.effective and operation.invoked > moment
        if any(seat.startswith(sections) for seat in operation.body["seats"])
    ]
    return round((min(later) - moment) / 1000, 2)


def _granted(history: Iterable[Operation]) -> list[float]:
    return [
        operation.returned
        for operation in history
        if operation.request.kind == "hold" and operation.effective and operation.returned
    ]


async def _look_for_holds(url: str, history: list[Operation]) -> None:
    """Every hold that was granted, that nobody gave back and whose time is not over, is there with its seats."""
    given_back = {o.request.hold_id for o in history if o.request.kind == "release"}
    deadlines, seats = defaultdict[str, float](float), dict[str, list[str]]()
    for operation in history:
        if operation.effective and "expires_at" in operation.body:
            hold_id = operation.body["hold_id"]
            deadlines[hold_id] = max(deadlines[hold_id], _ms(operation.body["expires_at"]))
            assert seats.setdefault(hold_id, operation.body["seats"]) == operation.body["seats"]
    wanted = iter(sorted(deadlines.keys() - given_back))

    async def find_some(recorder: Recorder) -> None:
        for hold_id in wanted:
            show_id = hold_id.split("-")[0]
            found = await recorder.send("judge", Request("find", show_id, hold_id=hold_id))
            assert found.returned is not None, f"no answer about {hold_id}"
            if found.returned < deadlines[hold_id] - SKEW_MS:
                assert found.status == 200, (hold_id, found.status, found.body)
                assert found.body["seats"] == seats[hold_id]

    async with httpx.AsyncClient(base_url=url) as http, asyncio.TaskGroup() as group:
        for _ in range(FINDERS):
            group.create_task(find_some(Recorder(http, history)))


def _ms(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp() * 1000
