"""A stream's messages, taken out and put back so that each has its old sequence again.

Not JetStream's own snapshots (`STREAM.SNAPSHOT`, `STREAM.RESTORE`): those are whole or nothing, cannot end at an
earlier time, cannot go on from the last one, and are read by nats-server alone. Published again in order, each message
says which sequence it has to follow (`Nats-Expected-Last-Sequence`), so that a lost answer or a twin can neither leave
one out nor double one; and its own fence (`Nats-Expected-Last-Subject-Sequence`) is checked once more by the server,
but in a stream that keeps only the last message of a subject: what its fence names is gone there. What is not
acknowledged is read back and compared: a message of somebody else's, of a host that still runs, is not taken for ours.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
from nats.aio.client import Client

from actors.journal import JournalUnavailable
from cluster.journal.acks import decode_ack
from cluster.journal.api import (
    CONSUMER_NOT_FOUND,
    STREAM_NOT_FOUND,
    ApiError,
    StoredMessage,
    call,
    last_message,
    patiently,
    request,
)
from cluster.journal.replay import replay
from cluster.journal.streams import DEFINITIONS, wanted

EXPECTED_LAST = "Nats-Expected-Last-Sequence"
FENCE = "Nats-Expected-Last-Subject-Sequence"
STORED_AT = "Frontrow-Stored-At"
"""When a message was stored first, ms since the epoch: the server stamps what is put back with the time of that."""

WINDOW_MESSAGES_MAX = 128
"""Messages on their way at a time. No subject twice among them: a cluster refuses the second (10164)."""

STALLS_MAX = 40
STALL_SECONDS = 0.25
"""Putting back that gets nowhere for STALLS_MAX * STALL_SECONDS has failed."""

PUT_SECONDS_MAX = 10.0
DUPLICATES_NANOSECONDS = 100_000_000
"""The shortest memory of message ids that the server allows: the same notice, told twice an hour apart, is put back
twice."""


@dataclass(frozen=True, slots=True)
class StreamState:
    """`created` names this very stream: one that was made anew has another. `last` is 0 while it never had a
    message."""

    created: str
    first: int
    last: int
    messages: int


class ForeignMessage(Exception):
    """Somebody else has stored something where a message was to be put back; the text names stream and sequence."""


class Message(msgspec.Struct, frozen=True, array_like=True):
    """A message of a stream, to be kept elsewhere. `at` is when it was stored first, ms since the epoch."""

    sequence: int
    at: int
    subject: str
    headers: dict[str, str]
    payload: bytes


class Position(msgspec.Struct, frozen=True):
    """A durable consumer: everything up to the sequence `done` is acknowledged. `config` is the server's."""

    done: int
    config: dict[str, Any]


async def stream_state(nc: Client, stream: str) -> StreamState | None:
    """None when there is no such stream. Raises JournalUnavailable."""
    info = await patiently(partial(_stream_info, nc, stream))
    if info is None:
        return None
    state = info["state"]
    return StreamState(info["created"], state["first_seq"], state["last_seq"], state["messages"])


async def _stream_info(nc: Client, stream: str) -> dict[str, Any] | None:
    try:
        return await call(nc, f"STREAM.INFO.{stream}")
    except ApiError as error:
        if error.code == STREAM_NOT_FOUND:
            return None
        raise


async def taken(nc: Client, stream: str, after: int, last: int) -> AsyncIterator[Message]:
    """The messages behind `after` up to `last`, which must exist, in order. Raises JournalUnavailable."""
    async for message in replay(nc, stream, DEFINITIONS[stream]["subjects"][0], after, last):
        if message.sequence > last:
            return
        yield _message(message)


def _message(stored: StoredMessage) -> Message:
    """Without what putting it back has added, so that a backup of what was restored is the same backup."""
    headers = dict(stored.headers)
    headers.pop(EXPECTED_LAST, None)
    at = int(headers.pop(STORED_AT, stored.stored_ms))
    return Message(stored.sequence, at, stored.subject, headers, stored.payload)


async def make_stream(nc: Client, stream: str, replicas: int, first: int) -> None:
    """A stream whose first message will have the sequence `first`; `ensure_streams` puts its other settings right when
    it is full. Raises JournalUnavailable."""
    definition: dict[str, Any] = {**wanted(stream, replicas), "first_seq": first}
    if "duplicate_window" in definition:
        definition["duplicate_window"] = DUPLICATES_NANOSECONDS
    await call(nc, f"STREAM.CREATE.{stream}", definition)


async def drop_empty_stream(nc: Client, stream: str) -> None:
    """Delete a stream that never had a message. Raises JournalUnavailable."""
    await call(nc, f"STREAM.DELETE.{stream}")


async def put_back(nc: Client, stream: str, messages: Sequence[Message], after: int) -> int:
    """Store these messages behind the sequence `after`; the last sequence then. May be begun again with the rest.

    Raises JournalUnavailable when it gets nowhere, ForeignMessage; what was stored until then stays.
    """
    done, stalls, fenced = 0, 0, DEFINITIONS[stream].get("max_msgs_per_subject") != 1
    while done < len(messages):
        window = _window(messages, done)
        answers = await asyncio.gather(
            *[_put(nc, message, after + done + n, fenced) for n, message in enumerate(window)]
        )
        if all(answers):
            done, stalls = done + len(window), 0
            continue
        reached = min(await _reached(nc, stream, after) - after, len(messages))
        if reached > done:
            await compare(nc, stream, messages[done:reached], after + done)
            done, stalls = reached, 0
            continue
        stalls += 1
        if stalls > STALLS_MAX:
            raise JournalUnavailable(f"{stream}: nothing can be stored behind {after + done}")
        await asyncio.sleep(STALL_SECONDS)
    return after + done


def _window(messages: Sequence[Message], first: int) -> list[Message]:
    window, subjects = list[Message](), set[str]()
    for message in messages[first : first + WINDOW_MESSAGES_MAX]:
        if message.subject in subjects:
            break
        subjects.add(message.subject)
        window.append(message)
    return window


async def _put(nc: Client, message: Message, expected: int, fenced: bool) -> bool:
    """Whether it is certainly stored; otherwise the stream itself tells."""
    headers = {**message.headers, EXPECTED_LAST: str(expected), STORED_AT: str(message.at)}
    if not fenced:
        headers.pop(FENCE, None)
    try:
        answer = await request(nc, message.subject, message.payload, headers, PUT_SECONDS_MAX)
        ack = decode_ack(answer)
    except (JournalUnavailable, msgspec.DecodeError):
        return False
    return ack.error is None and not ack.duplicate and ack.seq == expected + 1


async def _reached(nc: Client, stream: str, after: int) -> int:
    state = await stream_state(nc, stream)
    return after if state is None else max(after, state.last)


async def compare(nc: Client, stream: str, messages: Sequence[Message], after: int) -> None:
    """Returns when what the stream has behind `after` are these messages. Raises ForeignMessage, JournalUnavailable.

    One that is not there any more was superseded by a later one of its subject.
    """
    async for found in taken(nc, stream, after, after + len(messages)):
        mine = messages[found.sequence - after - 1]
        if (found.at, found.subject, found.payload) != (mine.at, mine.subject, mine.payload):
            raise ForeignMessage(f"{stream} has a message of somebody else's at {found.sequence}")


async def positions(nc: Client, stream: str) -> dict[str, Position]:
    """How far the durable consumers of a stream have come, by name. Raises JournalUnavailable."""
    listed = list[dict[str, Any]]()
    while True:
        page = await call(nc, f"CONSUMER.LIST.{stream}", {"offset": len(listed)})
        found = page.get("consumers") or []
        listed += found
        if not found or len(listed) >= page.get("total", 0):
            break
    return {
        info["name"]: Position(info["ack_floor"]["stream_seq"], info["config"])
        for info in listed
        if info["config"].get("durable_name")
    }


async def put_position(nc: Client, stream: str, name: str, position: Position) -> None:
    """Make a durable consumer that goes on behind `position.done`; one that is there stays. Raises
    JournalUnavailable."""
    config = {
        **position.config,
        "deliver_policy": "by_start_sequence",
        "opt_start_seq": position.done + 1,
    }
    for given in ("metadata", "num_replicas"):
        config.pop(given, None)
    method = f"CONSUMER.CREATE.{stream}.{name}"
    if config.get("filter_subject"):
        method += f".{config['filter_subject']}"
    try:
        await call(nc, f"CONSUMER.INFO.{stream}.{name}")
    except ApiError as error:
        if error.code != CONSUMER_NOT_FOUND:
            raise
        await call(nc, method, {"stream_name": stream, "config": config})


async def last_taken(nc: Client, stream: str) -> Message | None:
    """The stream's last message, without its time. Raises JournalUnavailable."""
    subject = DEFINITIONS[stream]["subjects"][0]
    stored = await patiently(partial(last_message, nc, stream, subject))
    return None if stored is None else _message(stored)
