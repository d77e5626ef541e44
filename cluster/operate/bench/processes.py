"""The processes of a stack, by what they are: their CPU time and their memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import psutil

ROLES = (
    ("TicketHost", "hosts"),
    ("ServeReplica", "replica"),
    ("ServiceActor", "services"),
    ("nats-server", "nats"),
    ("haproxy", "haproxy"),
    ("mongod", "mongod"),
    ("stripe_process", "local Stripe"),
)
OTHER = "rest of Ray and Serve"


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes, of several processes together: RSS counts shared pages in each, PSS divides them, USS leaves them out."""

    rss: int
    pss: int
    uss: int

    def beyond(self, before: Memory) -> Memory:
        return Memory(self.rss - before.rss, self.pss - before.pss, self.uss - before.uss)


def cpu_seconds(sentinel: int, named: Mapping[int, str] | None = None) -> dict[str, float]:
    """CPU seconds used so far by the processes below `sentinel`, by role; those `named` (by pid) have that for one."""
    used = dict[str, float]()
    for process in psutil.Process(sentinel).children(recursive=True):
        try:
            times = process.cpu_times()
            role = (named or {}).get(process.pid) or role_of(process)
            used[role] = used.get(role, 0.0) + times.user + times.system
        except psutil.Error:
            continue  # it has just ended
    return used


def role_of(process: psutil.Process) -> str:
    """By the program, and in Ray by the title that it gives to an actor's process."""
    described = f"{process.name()} {' '.join(process.cmdline()[:3])}"
    return next((role for mark, role in ROLES if mark in described), OTHER)


def memory_of(pids: list[int]) -> Memory:
    """Of these processes together (smaps_rollup, by psutil)."""
    found = [psutil.Process(pid).memory_full_info() for pid in pids]
    return Memory(
        sum(info.rss for info in found),
        sum(info.pss for info in found),
        sum(info.uss for info in found),
    )
