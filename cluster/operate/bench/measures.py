"""What is measured, and how. Every measure is one function; the order is the command's."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import httpx

from actors.codec import decode_commit
from actors.domain.events import TicketsHeld
from cluster.embedded.run_record import RunRecord
from cluster.journal.feed import JournalFeed
from cluster.journal.replay import replay
from cluster.journal.streams import JOURNAL
from cluster.operate.backends import Backends, run_with
from cluster.operate.bench.processes import Memory, cpu_seconds, memory_of
from cluster.operate.bench.venue import Venue, body_of, loaded_venue
from cluster.operate.bench.wrk import Load, Wrk
from cluster.operate.client import Client
from cluster.operate.command import CommandError
from cluster.operate.killing import HOSTS, Recovery, kill_host, seats_on
from cluster.operate.target import Target, find_target

SEATS = 50_000
SEATS_PER_RUN = 80_000
"""40,000 pairs: more than a run of ten seconds can hold on this kind of machine."""

CONNECTIONS = (32, 128)
EVENTS_BEFORE_KILL = 20_000
FILL_RUNS_MAX = 20
PROBES_PER_BLOCK = 8


@dataclass(slots=True)
class Bench:
    """A stack under measurement. `directory` is for files of the bench, `seconds` the length of one run."""

    record: RunRecord
    data: Path
    directory: Path
    seconds: float

    @property
    def target(self) -> Target:
        return find_target(self.data)

    @property
    def wrk(self) -> Wrk:
        return Wrk(self.record.url, self.directory)


@dataclass(frozen=True, slots=True)
class HoldRun:
    """Holds of two seats each, against the no-op of the same server right before them.

    `journal_holds` counts what the journal has: every success, and at most one more per connection (an answer that
    wrk did not wait for). `cpu_ms_per_hold` is by role.
    """

    connections: int
    keyed: bool
    spread: bool
    noop_rate: float
    hold_rate: float
    ratio: float
    p50_ms: float
    p99_ms: float
    holds: int
    refused: int
    lost: int
    journal_holds: int
    journal_agrees: bool
    cpu_ms_per_hold: dict[str, float]


def hold_run(bench: Bench, connections: int, *, keyed: bool, spread: bool) -> HoldRun:
    """Every request another pair of neighbours of a fresh show: `spread` over all its blocks, else section by section.

    The no-op route is measured before and after: a shared machine changes its speed from minute to minute.
    """
    name = f"holds {connections} {'keyed' if keyed else 'unkeyed'} {'spread' if spread else ''}"
    with Client(bench.target) as client:
        venue = loaded_venue(client, name, SEATS_PER_RUN, bench.directory)
    noop_seconds = max(2.0, bench.seconds / 2)
    noops = [bench.wrk.get("/healthz", connections, noop_seconds).rate]
    before = cpu_seconds(bench.record.sentinel)
    key = f"bench-{venue.show.show_id}-" if keyed else "-"
    load = bench.wrk.post(venue.holds_path, venue.pairs(spread), connections, bench.seconds, key)
    after = cpu_seconds(bench.record.sentinel)
    noops.append(bench.wrk.get("/healthz", connections, noop_seconds).rate)
    noop_rate, hold_rate = sum(noops) / 2, load.succeeded / (load.microseconds / 1e6)
    used = {role: after[role] - before.get(role, 0.0) for role in after}
    in_journal = holds_in_journal(bench.target, venue.show.show_id)
    return HoldRun(
        connections,
        keyed,
        spread,
        round(noop_rate),
        round(hold_rate),
        round(hold_rate / noop_rate, 3),
        load.p50_us / 1e3,
        load.p99_us / 1e3,
        load.succeeded,
        load.refused,
        load.lost,
        in_journal,
        load.succeeded <= in_journal <= load.succeeded + connections,
        _per_hold(used, load),
    )


def _per_hold(used: dict[str, float], load: Load) -> dict[str, float]:
    """Milliseconds, the largest first."""
    holds = max(1, load.succeeded)
    largest = sorted(used.items(), key=lambda item: -item[1])
    return {role: round(seconds * 1e3 / holds, 3) for role, seconds in largest}


def holds_in_journal(target: Target, show_id: str) -> int:
    """The holds that the journal has of a show: those recorded by their primary."""

    async def count(connected: Backends) -> int:
        subject = f"journal.{show_id}.>"
        last = await JournalFeed(connected.nc).last_sequence(subject)
        held = 0
        async for message in replay(connected.nc, JOURNAL, subject, 0, last):
            block = int(message.subject.rpartition(".")[2])
            commit = decode_commit(message.payload)
            held += sum(isinstance(e, TicketsHeld) and e.primary == block for e in commit.events)
        return held

    return run_with(target, count)


def refusals(bench: Bench, venue: Venue, connections: int) -> Load:
    """Everybody wants one seat that is taken."""
    row = venue.show.rows[0]
    body = body_of(row.seats(0, 1))
    with httpx.Client(base_url=bench.record.url) as buyer:
        buyer.post(venue.holds_path, content=body)
    return bench.wrk.post(venue.holds_path, [body], connections, bench.seconds)


def best_available(bench: Bench, venue: Venue, connections: int) -> Load:
    """Everybody wants the best two seats of the whole house."""
    body = '{"best_available":{"quantity":2}}'
    return bench.wrk.post(venue.holds_path, [body], connections, bench.seconds)


def host_pids(target: Target) -> list[int]:
    with Client(target) as client:
        return [item["pid"] for item in client.get(HOSTS)["items"]]


def host_memory(bench: Bench) -> tuple[Memory, Venue]:
    """What the hosts take for SEATS more seats, activated; the hosts must be empty before."""
    before = memory_of(host_pids(bench.target))
    with Client(bench.target) as client:
        venue = loaded_venue(client, "memory", SEATS, bench.directory)
    return memory_of(host_pids(bench.target)).beyond(before), venue


@dataclass(frozen=True, slots=True)
class KillRun:
    """`gap` is what counts: from the new process (started by Ray) to the first successful hold, seconds."""

    events: int
    recovery: Recovery
    gap: float


def kill_run(bench: Bench) -> KillRun:
    """One host with a whole stadium and EVENTS_BEFORE_KILL holds is killed with `kill -9`."""
    target = bench.target
    with Client(target) as client:
        before = client.get(HOSTS)["hosts"]
        client.put(HOSTS, {"hosts": 1})
        venue = loaded_venue(client, "kill", SEATS, bench.directory)
        events = _fill(bench, venue)
        host = client.get(HOSTS)["items"][0]
    blocks = [name for name in host["blocks"] if name.startswith(venue.show.show_id)]
    recovery = asyncio.run(_kill(target, host, _probes(bench, venue, blocks)))
    with Client(target) as client:
        client.put(HOSTS, {"hosts": before})
    return KillRun(events, recovery, round(recovery.hold_seconds - recovery.process_seconds, 2))


def _fill(bench: Bench, venue: Venue) -> int:
    """Hold pairs until there are enough events; how many there are."""
    bodies, held = venue.pairs(), 0
    for _ in range(FILL_RUNS_MAX):
        load = bench.wrk.post(venue.holds_path, bodies[held:], CONNECTIONS[0], 4.0)
        held = holds_in_journal(bench.target, venue.show.show_id)
        if held >= EVENTS_BEFORE_KILL:
            return held
        if load.succeeded == 0:
            break
    raise CommandError(f"only {held} of {EVENTS_BEFORE_KILL} holds could be made")


def _probes(bench: Bench, venue: Venue, blocks: list[str]) -> list[tuple[str, list[str]]]:
    """Seats of the host's blocks that are still free."""
    with Client(bench.target) as client:
        venue.show.see(client.get(f"/v1/shows/{venue.show.show_id}/availability"))

    def free(_show_id: str, block: int) -> list[list[str]]:
        rows = [row for row in venue.show.rows if row.block == block]
        runs = [run for row in rows if (run := venue.show.free_run(row, 1))]
        return runs[:PROBES_PER_BLOCK]

    return seats_on(blocks, free)


async def _kill(
    target: Target, host: dict[str, object], probes: list[tuple[str, list[str]]]
) -> Recovery:
    headers = {"Authorization": f"Bearer {target.admin_key}"}
    async with httpx.AsyncClient(base_url=target.url, headers=headers, timeout=30.0) as http:
        return await kill_host(http, host, target.data_dir, probes)
