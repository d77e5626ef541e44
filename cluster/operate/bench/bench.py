"""`frontrow bench` (and `make bench`): measures a stack of its own and prints one table."""

from __future__ import annotations

import tempfile
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from cluster.operate.answers import Json
from cluster.operate.bench.lookers import STREAMS, PageRun, StreamRun, page_run, stream_run
from cluster.operate.bench.machine import Machine, measured_machine
from cluster.operate.bench.measures import (
    CONNECTIONS,
    SEATS,
    Bench,
    HoldRun,
    KillRun,
    best_available,
    hold_run,
    host_memory,
    kill_run,
    refusals,
)
from cluster.operate.bench.processes import Memory
from cluster.operate.bench.report import results_table
from cluster.operate.bench.sales import BUYERS, SaleRun, sale_run
from cluster.operate.bench.venue import seconds_until_first_hold
from cluster.operate.bench.wrk import wrk_binary
from cluster.operate.child_stack import started, stopped
from cluster.operate.client import Client
from cluster.operate.command import err, out, print_json, reported

RESULTS = Path("bench-results")
SECONDS_MIN, SECONDS_MAX = 1, 60
HOSTS = 2


@dataclass(slots=True)
class Results:
    """Everything that one run of the bench found out; rates are per second, times in seconds."""

    at: str
    machine: Machine
    first_up_seconds: float = 0.0
    second_up_seconds: float = 0.0
    load_first_seat_seconds: float = 0.0
    load_last_seat_seconds: float = 0.0
    host_memory: Memory | None = None
    bytes_per_seat_pss: float = 0.0
    bytes_per_seat_rss: float = 0.0
    page: PageRun | None = None
    streams: StreamRun | None = None
    holds: list[HoldRun] = field(default_factory=list[HoldRun])
    refusals_rate: float = 0.0
    best_available_rate: float = 0.0
    best_available_refused: int = 0
    sales: list[SaleRun] = field(default_factory=list[SaleRun])
    kill: KillRun | None = None


@reported
def bench(
    seconds: Annotated[
        int, typer.Option(min=SECONDS_MIN, max=SECONDS_MAX, help="Length of one run of load.")
    ] = 8,
    as_json: Json = False,
) -> None:
    """Measure speed and memory on this machine; the result is also kept in bench-results/.

    Takes about four minutes, and means something only when the machine has nothing else to do.
    """
    wrk_binary()
    with tempfile.TemporaryDirectory(prefix="frontrow-bench-", ignore_cleanup_errors=True) as made:
        results = _measured(Path(made), float(seconds))
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{results.at.replace(':', '')}.json"
    file.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=2) + b"\n")
    if as_json:
        print_json(asdict(results))
    else:
        out.print(results_table(results))
        out.print(f"written to {file}")


def _measured(directory: Path, seconds: float) -> Results:
    data, files = directory / "data", directory / "files"
    data.mkdir()
    files.mkdir()
    results = Results(_now(), measured_machine(directory))
    _say("starting a stack")
    began = time.perf_counter()
    record = started(data, hosts=HOSTS)
    results.first_up_seconds = round(time.perf_counter() - began, 1)
    try:
        _measure(Bench(record, data, files, seconds), results)
        _say("a second start over the same state")
        stopped(data)
        began = time.perf_counter()
        started(data)
        results.second_up_seconds = round(time.perf_counter() - began, 1)
    finally:
        stopped(data)
    return results


def _measure(bench: Bench, results: Results) -> None:
    _say(f"memory of {SEATS:,} seats")
    memory, venue = host_memory(bench)
    results.host_memory = memory
    results.bytes_per_seat_pss = round(memory.pss / SEATS)
    results.bytes_per_seat_rss = round(memory.rss / SEATS)
    _say(f"{SEATS:,} seats from CSV until the first hold")
    with Client(bench.target) as client:
        first, last = seconds_until_first_hold(client, SEATS)
    results.load_first_seat_seconds, results.load_last_seat_seconds = (
        round(first, 2),
        round(last, 2),
    )
    _say(f"the page of {SEATS:,} seats, then {STREAMS:,} who watch it live")
    results.page = page_run(bench, venue)
    results.streams = stream_run(bench, venue)
    for connections in CONNECTIONS:
        for keyed, spread in ((False, False), (False, True), (True, True)):
            where = "over all blocks" if spread else "section by section"
            _say(
                f"holds at {connections} connections, {'with' if keyed else 'without'} keys, {where}"
            )
            results.holds.append(hold_run(bench, connections, keyed=keyed, spread=spread))
    _say("refusals on one seat, then best available")
    results.refusals_rate = round(refusals(bench, venue, CONNECTIONS[0]).rate)
    best = best_available(bench, venue, CONNECTIONS[0])
    results.best_available_rate = round(best.succeeded / (best.microseconds / 1e6))
    results.best_available_refused = best.refused
    for buyers in BUYERS:
        _say(f"sales from the hold to the paid order, {buyers} buyers at a time")
        results.sales.append(sale_run(bench, buyers))
    _say("kill -9 of a host")
    results.kill = kill_run(bench)


def _say(what: str) -> None:
    err.print(f"bench: {what} ...", style="dim")


def _now() -> str:
    return datetime.now(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"
