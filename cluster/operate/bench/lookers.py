"""Those who look and do not buy: the page of a stadium, and a thousand who watch it live."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

import httpx
import psutil

from cluster.operate.bench.measures import Bench
from cluster.operate.bench.processes import memory_of, role_of
from cluster.operate.bench.venue import Venue
from cluster.operate.command import CommandError

STREAMS = 1_000
LOOKS = 30


@dataclass(frozen=True, slots=True)
class PageRun:
    """The page of a show: bytes of HTML and as sent (gzip), milliseconds of the first look and of later ones (median),
    and of those who have it already (304)."""

    html_bytes: int
    sent_bytes: int
    first_ms: float
    again_ms: float
    kept_ms: float


def page_run(bench: Bench, venue: Venue) -> PageRun:
    """One look after the other, so that what is measured is a page and not a queue."""
    path = f"/shows/{venue.show.show_id}"
    with httpx.Client(base_url=bench.record.url, timeout=30.0) as http:
        first, answer = _look(http, path)
        again = statistics.median(_look(http, path)[0] for _ in range(LOOKS))
        tag = answer.headers["ETag"]
        kept = statistics.median(_look(http, path, tag)[0] for _ in range(LOOKS))
        sent = int(answer.headers["Content-Length"])
    return PageRun(len(answer.content), sent, round(first, 1), round(again, 1), round(kept, 1))


def _look(http: httpx.Client, path: str, tag: str = "") -> tuple[float, httpx.Response]:
    """Milliseconds, and the answer."""
    began = time.perf_counter()
    answer = http.get(path, headers={"If-None-Match": tag} if tag else {})
    took = (time.perf_counter() - began) * 1e3
    if answer.status_code not in (200, 304):
        raise CommandError(f"{path} answers {answer.status_code}")
    return took, answer


@dataclass(frozen=True, slots=True)
class StreamRun:
    """`replica_bytes` is what the replicas' RSS has grown by; the seconds are from the request of a hold until the
    first and the last stream hear of it."""

    streams: int
    replica_bytes: int
    hold_seconds: float
    first_seconds: float
    last_seconds: float


def stream_run(bench: Bench, venue: Venue) -> StreamRun:
    """STREAMS open streams of one show, and one hold."""
    replicas = _replicas(bench)
    before = memory_of(replicas)
    command = (sys.executable, "-m", "cluster.operate.bench.listeners")
    listeners = subprocess.Popen(
        [*command, bench.record.url, venue.show.show_id, str(STREAMS)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert listeners.stdout is not None
    try:
        if listeners.stdout.readline() != "open\n":
            raise CommandError(f"{STREAMS} streams could not be opened")
        memory = memory_of(replicas).beyond(before)
        began = time.time()
        body = {"best_available": {"quantity": 2}}
        httpx.post(bench.record.url + venue.holds_path, json=body).raise_for_status()
        held = time.time() - began
        heard = json.loads(listeners.stdout.read() or "[]")
    finally:
        listeners.terminate()
        listeners.wait()
    if len(heard) != STREAMS:
        raise CommandError("not every stream has heard of the hold")
    first, last = (round(at - began, 3) for at in (heard[0], heard[-1]))
    return StreamRun(STREAMS, memory.rss, round(held, 3), first, last)


def _replicas(bench: Bench) -> list[int]:
    processes = psutil.Process(bench.record.sentinel).children(recursive=True)
    return [process.pid for process in processes if role_of(process) == "replica"]
