"""Requests to JetStream's JSON API, by subject, and what the answers mean.

Raw requests instead of nats-py's manager: the definitions stay plain data, the error codes stay visible, and nothing
depends on the fields that this version of the client happens to know. Protocol: nats-architecture-and-design, ADR-1
(API), ADR-31 (reading a message), ADR-42 and the consumer pages of docs.nats.io.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from actors.journal import JournalUnavailable
from actors.telemetry import TRACE

TRACEPARENT = "traceparent"
"""The header that carries a trace (W3C Trace Context)."""

REQUEST_SECONDS_MAX = 2.0
READ_SECONDS_MAX = 5.0
READ_PAUSE_SECONDS = 0.1
"""A read is repeated through a short outage, such as the election of a leader."""

NO_MESSAGE = 10037
STREAM_NOT_FOUND = 10059
CONSUMER_NOT_FOUND = 10014

T = TypeVar("T")

ACK_TOKENS_V1 = 9
"""`$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>`; v2 has two tokens more."""


class ApiError(JournalUnavailable):
    """The server refused a request. Whoever knows what the code means catches it; to all others it is an outage."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(f"JetStream error {code}: {description}")
        self.code = code


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message as the stream's leader holds it; `stored_ms` (ms since the epoch) is known of delivered ones only."""

    subject: str
    sequence: int
    headers: dict[str, str]
    payload: bytes
    stored_ms: int = 0


@dataclass(frozen=True, slots=True)
class Position:
    """Where a delivered message stands; `pending` counts the messages that the consumer still has behind it.

    `stored_ms` is when the message was stored, by the server's clock, ms since the epoch.
    """

    delivered: int
    sequence: int
    consumer_sequence: int
    pending: int
    stored_ms: int


class _Message(msgspec.Struct):
    subject: str
    seq: int
    hdrs: bytes = b""
    data: bytes = b""


def traced(headers: dict[str, str]) -> dict[str, str]:
    """The headers of a message, with the trace that this task works for, if any."""
    trace = TRACE.get()
    return {**headers, TRACEPARENT: trace} if trace else headers


async def request(
    nc: Client,
    subject: str,
    payload: bytes,
    headers: dict[str, str] | None = None,
    seconds: float = REQUEST_SECONDS_MAX,
) -> bytes:
    """One request, one answer. Raises JournalUnavailable when none came: then nothing is known."""
    try:
        answer: Msg = await nc.request(subject, payload, timeout=seconds, headers=headers)
    except (NatsError, OSError) as error:  # nats-py's timeout is an OSError as well
        raise JournalUnavailable(f"NATS: {type(error).__name__}") from None
    return answer.data


async def call(
    nc: Client, method: str, body: Any = None, seconds: float = REQUEST_SECONDS_MAX
) -> dict[str, Any]:
    """The answer of `$JS.API.<method>`. Raises ApiError for a refusal, JournalUnavailable without an answer."""
    payload = b"" if body is None else msgspec.json.encode(body)
    return _checked(await request(nc, f"$JS.API.{method}", payload, seconds=seconds))


def _checked(data: bytes) -> dict[str, Any]:
    try:
        answer = msgspec.json.decode(data)
    except msgspec.DecodeError:
        raise JournalUnavailable("JetStream's answer is no JSON") from None
    if error := answer.get("error"):
        raise ApiError(error.get("err_code", error.get("code", 0)), error.get("description", ""))
    return answer


async def last_message(nc: Client, stream: str, subject: str) -> StoredMessage | None:
    """The last message of a subject (wildcards allowed), asked of the stream's leader."""
    return await _message(nc, stream, {"last_by_subj": subject})


async def next_message(nc: Client, stream: str, subject: str, start: int) -> StoredMessage | None:
    """The first message of a subject at `start` or behind it, asked of the stream's leader."""
    return await _message(nc, stream, {"next_by_subj": subject, "seq": start})


async def patiently(ask: Callable[[], Awaitable[T]], seconds_max: float = READ_SECONDS_MAX) -> T:
    """Repeat a read until it is answered; after `seconds_max` its JournalUnavailable comes through."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + seconds_max
    while True:
        try:
            return await ask()
        except JournalUnavailable:
            if clock() + READ_PAUSE_SECONDS > deadline:
                raise
        await asyncio.sleep(READ_PAUSE_SECONDS)


async def _message(nc: Client, stream: str, body: dict[str, Any]) -> StoredMessage | None:
    try:
        answer = await call(nc, f"STREAM.MSG.GET.{stream}", body)
    except ApiError as error:
        if error.code == NO_MESSAGE:
            return None
        raise
    message = msgspec.convert(answer["message"], _Message)
    return StoredMessage(message.subject, message.seq, _headers(message.hdrs), message.data)


def _headers(block: bytes) -> dict[str, str]:
    lines = block.decode("utf-8", "replace").split("\r\n")[1:]
    return {
        name: value.strip() for name, _, value in (line.partition(":") for line in lines) if name
    }


def position(message: Msg) -> Position:
    """Where a message delivered by a consumer stands (its reply subject says so)."""
    tokens = message.reply.split(".")
    if len(tokens) > ACK_TOKENS_V1:
        tokens = tokens[2:]
    delivered, sequence, consumer_sequence, stored_ns, pending = map(int, tokens[4:9])
    return Position(delivered, sequence, consumer_sequence, pending, stored_ns // 1_000_000)


def is_delivery(message: Msg) -> bool:
    """Whether this is a message of the stream, not a status of the server (heartbeat, end of a pull, ...)."""
    return message.reply.startswith("$JS.ACK.")


def status(message: Msg) -> str:
    """The status line of a server message, such as `100` or `404 No Messages`; empty for a stream's message."""
    headers = message.headers or {}
    return f"{headers.get('Status', '')} {headers.get('Description', '')}".strip()
