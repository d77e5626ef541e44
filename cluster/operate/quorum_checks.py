"""Which NATS servers are there, what each of them lacks, and whether together they store anything."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from cluster.journal.probe import Server, groups, servers, store
from cluster.operate.backends import Client as NatsClient
from cluster.operate.check import Check, State
from cluster.operate.lag_checks import LAG_MESSAGES_MAX
from cluster.operate.target import Target

SERVERS = "nats servers"
REPLICAS = "replicas"

SILENT_NS = 5_000_000_000
"""A replica that its leader has not heard of for so long does not follow; they speak every second."""


async def nats_server_checks(target: Target) -> list[Check]:
    """Who answers of the servers in the URLs. ws:// is not looked at: it greets in another way."""
    urls = target.nats_url
    if urls is None or "ws://" in urls or "wss://" in urls:
        return []
    return [nats_server_check(await servers(urls))]


def nats_server_check(found: Sequence[Server]) -> Check:
    silent = [server.called for server in found if server.name is None]
    answering = len(found) - len(silent)
    if not silent:
        return Check(SERVERS, State.OK, f"{answering} of {len(found)} answer")
    detail = f"{answering} of {len(found)} answer; no answer from {', '.join(silent)}"
    if answering * 2 > len(found):
        return Check(SERVERS, State.WARNING, f"{detail}; one more, and nothing can be held")
    return Check(SERVERS, State.FAILED, f"{detail}: without a majority nothing can be held")


async def writing_checks(nc: NatsClient, _target: Target) -> list[Check]:
    """Whether a message is stored now. Raises JournalUnavailable."""
    began = time.perf_counter()
    await store(nc)
    took = (time.perf_counter() - began) * 1000
    return [Check("journal writes", State.OK, f"a message is stored in {took:.0f} ms")]


async def replica_checks(nc: NatsClient, _target: Target) -> list[Check]:
    """Nothing where there is one server."""
    return replica_check(await groups(nc))


def replica_check(found: dict[str, dict[str, Any] | None]) -> list[Check]:
    """`found` has the Raft group of each stream, as STREAM.INFO tells of it."""
    leaderless = [name for name, group in found.items() if group is None or _is_leaderless(group)]
    if leaderless:
        return [Check(REPLICAS, State.FAILED, f"no leader: {', '.join(leaderless)}")]
    replicas = [
        (stream, replica)
        for stream, group in found.items()
        for replica in (group or {}).get("replicas") or []
    ]
    lacking = defaultdict[str, list[str]](list)
    for stream, replica in replicas:
        if lack := _lack(replica):
            lacking[f"{replica['name']} {lack}"].append(stream)
    if lacking:
        detail = "; ".join(f"{what} ({', '.join(streams)})" for what, streams in lacking.items())
        return [Check(REPLICAS, State.WARNING, detail)]
    if not replicas:
        return []
    return [Check(REPLICAS, State.OK, f"those of {len(found)} streams follow")]


def _lack(replica: dict[str, Any]) -> str:
    """During a sale a replica is a moment behind all the time; that is no lack."""
    if replica.get("offline"):
        return "is offline"
    if replica.get("current"):
        return ""
    active_ns, lag = replica.get("active", 0), replica.get("lag", 0)
    if not 0 < active_ns <= SILENT_NS:  # 0: this leader has never heard of it
        return "does not follow"
    return "is far behind" if lag > LAG_MESSAGES_MAX else ""


def _is_leaderless(group: dict[str, Any]) -> bool:
    """A server that is no member of a cluster tells of no leader either, and of no replicas."""
    return bool(group.get("replicas")) and not group.get("leader")
