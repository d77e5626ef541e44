"""The streams as data, made and kept as this page says.

JOURNAL is the truth: nothing in it can be deleted, and it has no limits but the disk. `allow_direct` is off because
a direct get may be answered by a replica that lags behind; recovery reads must come from the leader.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from nats.aio.client import Client

from actors.domain.identity import BlockKey
from actors.journal import JournalUnavailable
from cluster.journal.api import STREAM_NOT_FOUND, ApiError, call

JOURNAL = "JOURNAL"
SNAPSHOTS = "SNAPSHOTS"
WAKEUPS = "WAKEUPS"
CLUSTER = "CLUSTER"
DEADLETTERS = "DEADLETTERS"
NOTICES = "NOTICES"
ORDERS = "ORDERS"

MESSAGE_BYTES_MAX = 1_048_576
"""Of a message with its headers; also nats-server's default `max_payload`."""

HEADER_BYTES_MAX = 8_192
PAYLOAD_BYTES_MAX = MESSAGE_BYTES_MAX - HEADER_BYTES_MAX

WAKEUP_DAYS_MAX = 7
DEAD_LETTER_DAYS_MAX = 30
NOTICE_DAYS_MAX = 30
ORDER_EVENT_DAYS_MAX = 90
DEAD_LETTERS_MAX = 100_000
ENSURE_SECONDS_MAX = 30.0
"""A cluster that has just started elects its leaders first."""

STREAM_EXISTS = 10058
_NANOSECONDS_PER_SECOND = 1_000_000_000
_DAY = 86_400 * _NANOSECONDS_PER_SECOND

_COMMON: dict[str, Any] = {
    "storage": "file",
    "retention": "limits",
    "max_msg_size": MESSAGE_BYTES_MAX,
    "allow_direct": False,
}

DEFINITIONS: dict[str, dict[str, Any]] = {
    JOURNAL: {
        "subjects": ["journal.>"],
        "discard": "new",
        "deny_delete": True,
        "deny_purge": True,
        "max_msgs": -1,
        "max_bytes": -1,
        "max_age": 0,
        "max_msgs_per_subject": -1,
        "duplicate_window": 120 * _NANOSECONDS_PER_SECOND,
    },
    SNAPSHOTS: {"subjects": ["snapshots.>"], "max_msgs_per_subject": 1},
    # One message per subject: a schedule is replaced by a newer one, and a block's due wake-up covers all before it.
    WAKEUPS: {
        "subjects": ["wakeups.>"],
        "max_msgs_per_subject": 1,
        "max_age": WAKEUP_DAYS_MAX * _DAY,
        "allow_msg_schedules": True,
    },
    CLUSTER: {"subjects": ["cluster.>"], "max_msgs_per_subject": 1},
    # What payment providers tell, as it came; one that comes again within the window is stored once.
    NOTICES: {
        "subjects": ["notices.>"],
        "max_age": NOTICE_DAYS_MAX * _DAY,
        "duplicate_window": 120 * _NANOSECONDS_PER_SECOND,
    },
    # Every transition of every order, for whoever lives off orders. The store of record is MongoDB.
    ORDERS: {
        "subjects": ["orders.>"],
        "max_age": ORDER_EVENT_DAYS_MAX * _DAY,
        "duplicate_window": 120 * _NANOSECONDS_PER_SECOND,
    },
    DEADLETTERS: {
        "subjects": ["deadletters.>"],
        "max_age": DEAD_LETTER_DAYS_MAX * _DAY,
        "max_msgs": DEAD_LETTERS_MAX,
    },
}


@dataclass(frozen=True, slots=True)
class Drift:
    """One setting of a stream that is not as wanted; `actual` is None for a stream that does not exist."""

    stream: str
    setting: str
    wanted: Any
    actual: Any


class StreamsUnfit(Exception):
    """An existing stream differs in something that cannot be changed in place; the text names it."""


def journal_subject(block: BlockKey) -> str:
    return f"journal.{block.show_id}.{block.block}"


def snapshot_subject(block: BlockKey) -> str:
    return f"snapshots.{block.show_id}.{block.block}"


def block_of(subject: str) -> BlockKey:
    """The block of a `<stream prefix>.<show>.<block>` subject."""
    _, show_id, block = subject.split(".")
    return BlockKey(show_id, int(block))


def wanted(stream: str, replicas: int) -> dict[str, Any]:
    """The full definition of a stream, as STREAM.CREATE takes it."""
    return {**_COMMON, **DEFINITIONS[stream], "name": stream, "num_replicas": replicas}


async def drift(nc: Client, replicas: int) -> list[Drift]:
    """Every difference between the definitions and the streams as they are. Raises JournalUnavailable."""
    return [found for stream in DEFINITIONS for found in await _drift_of(nc, stream, replicas)]


async def ensure_streams(nc: Client, replicas: int) -> None:
    """Make missing streams and update drifted ones; safe to run at the same time in several processes.

    Raises StreamsUnfit when the server refuses an update (say, another storage type), JournalUnavailable when it
    gave no answer for ENSURE_SECONDS_MAX.
    """
    deadline = asyncio.get_running_loop().time() + ENSURE_SECONDS_MAX
    for stream in DEFINITIONS:
        while True:
            try:
                await _ensure(nc, stream, replicas)
                break
            except JournalUnavailable:
                if asyncio.get_running_loop().time() > deadline:
                    raise
                await asyncio.sleep(0.2)


async def _drift_of(nc: Client, stream: str, replicas: int) -> list[Drift]:
    try:
        config = (await call(nc, f"STREAM.INFO.{stream}"))["config"]
    except ApiError as error:
        if error.code == STREAM_NOT_FOUND:
            return [Drift(stream, "name", stream, None)]
        raise
    return [
        Drift(stream, setting, value, config.get(setting))
        for setting, value in wanted(stream, replicas).items()
        if config.get(setting, _absent(value)) != value
    ]


def _absent(value: Any) -> Any:
    """What a setting means that the server leaves out of its answer: Go omits false, 0 and empty."""
    return type(value)()


async def _ensure(nc: Client, stream: str, replicas: int) -> None:
    differences = await _drift_of(nc, stream, replicas)
    if not differences:
        return
    definition = wanted(stream, replicas)
    if differences[0].actual is None and differences[0].setting == "name":
        try:
            await call(nc, f"STREAM.CREATE.{stream}", definition)
        except ApiError as error:
            if error.code != STREAM_EXISTS:
                raise
        return
    existing = (await call(nc, f"STREAM.INFO.{stream}"))["config"]
    try:
        await call(nc, f"STREAM.UPDATE.{stream}", {**existing, **definition})
    except ApiError as error:
        if error.code in (10052, 10074):  # invalid update; more replicas than servers
            named = ", ".join(difference.setting for difference in differences)
            raise StreamsUnfit(f"stream {stream} differs in {named}: {error}") from None
        raise
