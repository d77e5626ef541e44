"""Who is behind, and how full it is: consumers, the read model, the hosts' mailboxes, JetStream's disk."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from actors.journal import JournalUnavailable
from cluster.journal.api import call
from cluster.journal.streams import JOURNAL, NOTICES, ORDERS
from cluster.operate.backends import Client as NatsClient
from cluster.operate.backends import database
from cluster.operate.check import Check, State
from cluster.operate.target import Target
from cluster.store.tickets import Tickets

LAG_MESSAGES_MAX = 1_000
"""A consumer that is further behind does not keep up."""

SILENT_SHOWN_MAX = 3

QUEUE_PART_MAX = 0.1
"""A host whose commands that wait are more than this part of what one block's mailbox takes is behind."""

DISK_PART_MAX = 0.8
"""How much of its limit JetStream may have used before it is a warning."""


async def consumer_checks(nc: NatsClient, _target: Target) -> list[Check]:
    """The durable consumers: the services' positions in what they live off.

    Asked one by one: a list of them all is not answered while one server of a cluster is away.
    """
    infos = await asyncio.gather(
        *[
            _info(nc, stream, name)
            for stream in (JOURNAL, NOTICES, ORDERS)
            for name in (await call(nc, f"CONSUMER.NAMES.{stream}")).get("consumers") or []
        ]
    )
    silent = [info for info in infos if isinstance(info, str)]
    told = [info for info in infos if not isinstance(info, str)]
    return [*consumers_check(told), *([silent_check(silent)] if silent else [])]


async def _info(nc: NatsClient, stream: str, name: str) -> dict[str, Any] | str:
    """What is known of a consumer; its name when nobody tells: one that no service keeps may be of a server that is
    away, or gone by now."""
    try:
        return await call(nc, f"CONSUMER.INFO.{stream}.{name}")
    except JournalUnavailable:
        return name


def consumers_check(infos: Sequence[dict[str, Any]]) -> list[Check]:
    return [consumer_check(info) for info in infos if info["config"].get("durable_name")] or [
        Check("consumers", State.WARNING, "no service has read the journal yet")
    ]


def silent_check(names: Sequence[str]) -> Check:
    shown = ", ".join(sorted(names)[:SILENT_SHOWN_MAX])
    return Check("consumers", State.WARNING, f"nobody tells of {len(names):,}, such as {shown}")


def consumer_check(info: dict[str, Any]) -> Check:
    """`info` as CONSUMER.INFO has it: what waits is undelivered, or delivered and not acknowledged."""
    waiting, in_hand = info.get("num_pending", 0), info.get("num_ack_pending", 0)
    state = State.OK if waiting <= LAG_MESSAGES_MAX else State.WARNING
    stream = info.get("stream_name", JOURNAL)
    of = "" if stream == JOURNAL else f" of {stream}"
    name = f"consumer {info['config']['durable_name']}{of}"
    return Check(name, state, f"{waiting:,} behind, {in_hand:,} in hand")


async def projection_checks(nc: NatsClient, target: Target) -> list[Check]:
    """How far the read model has come. Raises JournalUnavailable, StoreUnavailable."""
    last = (await call(nc, f"STREAM.INFO.{JOURNAL}"))["state"]["last_seq"]
    async with database(target) as opened:
        checkpoint = await Tickets(opened).checkpoint()
    return [projection_check(last, checkpoint.sequence, checkpoint.clearing)]


def projection_check(last: int, reached: int, clearing: bool) -> Check:
    behind = max(0, last - reached)
    if clearing:
        return Check("projection", State.WARNING, f"is being rebuilt, {behind:,} to go")
    state = State.OK if behind <= LAG_MESSAGES_MAX else State.WARNING
    return Check("projection", state, f"{behind:,} behind the journal")


def queue_check(items: list[dict[str, Any]]) -> Check:
    """`items` are those of GET /v1/operator/hosts: commands that wait on each."""
    answering = [item for item in items if item["answers"]]
    waiting = sum(item["depth"] or 0 for item in answering)
    full = [
        f"{item['name']} ({item['depth']:,})"
        for item in answering
        if (item["depth"] or 0) > QUEUE_PART_MAX * (item["mailbox_max"] or 0)
    ]
    if full:
        return Check("queues", State.WARNING, f"{waiting:,} commands wait: {', '.join(full)}")
    return Check("queues", State.OK, f"{waiting:,} commands wait")


async def storage_checks(nc: NatsClient, _target: Target) -> list[Check]:
    """What JetStream has stored of what this account may. Raises JournalUnavailable."""
    return [storage_check(await call(nc, "INFO"))]


def storage_check(info: dict[str, Any]) -> Check:
    """`info` as `$JS.API.INFO` has it; a limit of -1 is none, or that of the whole server."""
    used, limit = info.get("storage", 0), info.get("limits", {}).get("max_storage", -1)
    name = "JetStream disk"
    if limit <= 0:
        return Check(name, State.OK, f"{used / 1e6:,.1f} MB used, no limit for this account")
    state = State.OK if used <= DISK_PART_MAX * limit else State.WARNING
    return Check(name, state, f"{used / 1e6:,.1f} of {limit / 1e6:,.1f} MB used")
