"""How commits and snapshots are written: JSON, so that a person can read the journal with any NATS tool.

A commit is `{"v": 1, "at": ms, "by": writer, "events": [[kind, event], ...]}`.
"""

from __future__ import annotations

import re
import zlib
from typing import Any

import msgspec

from actors.domain import events as domain_events
from actors.domain.block import Block, Ending, Hold
from actors.domain.events import Event
from actors.domain.layout import Rules
from actors.domain.seating import hall_of

COMMIT_VERSION = 1
SNAPSHOT_VERSION = 1


def _kind(event_type: type) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", event_type.__name__).lower()


EVENT_TYPES: dict[str, type[Any]] = {_kind(t): t for t in domain_events.Event.__args__}
_KINDS = {event_type: kind for kind, event_type in EVENT_TYPES.items()}
_DECODERS = {kind: msgspec.json.Decoder(event_type) for kind, event_type in EVENT_TYPES.items()}


class Commit(msgspec.Struct, frozen=True):
    """The events that one group commit made durable. `at` is ms since the epoch, `by` the writer."""

    at: int
    by: str
    events: tuple[Event, ...]


class _Envelope(msgspec.Struct, frozen=True):
    at: int
    by: str
    events: list[tuple[str, msgspec.Raw]]
    v: int = COMMIT_VERSION


class UnknownVersion(Exception):
    """A commit or a snapshot was written by a version of the program that this one does not know."""


def encode_commit(at: int, by: str, events: list[Event]) -> bytes:
    raw = [(_KINDS[type(event)], msgspec.Raw(msgspec.json.encode(event))) for event in events]
    return msgspec.json.encode(_Envelope(at, by, raw))


_envelopes = msgspec.json.Decoder(_Envelope)


def decode_commit(payload: bytes) -> Commit:
    """Raises UnknownVersion, or msgspec.DecodeError when the bytes are no commit."""
    envelope = _envelopes.decode(payload)
    if envelope.v != COMMIT_VERSION:
        raise UnknownVersion(f"commit version {envelope.v}")
    unknown = [kind for kind, _ in envelope.events if kind not in _DECODERS]
    if unknown:
        raise UnknownVersion(f"events {', '.join(unknown)}")
    return Commit(
        envelope.at,
        envelope.by,
        tuple(_DECODERS[kind].decode(raw) for kind, raw in envelope.events),
    )


class _BlockState(msgspec.Struct, frozen=True):
    """Everything of a block but its layout, which the block's first commit has."""

    rules: Rules
    status: bytes
    owner: dict[int, str]
    holds: list[Hold]
    ended: list[Hold]
    abandoned: dict[str, int]
    frozen: domain_events.BlockFrozen | None = None
    v: int = SNAPSHOT_VERSION


_states = msgspec.json.Decoder(_BlockState)


def encode_block(block: Block) -> bytes:
    """A snapshot's payload: compressed JSON. A full block stays far under NATS's 1 MiB, a register under it with 12,500
    sold holds: a show of 50,000 orders. With more it keeps the last one that fitted, and the replay behind it grows."""
    state = _BlockState(
        block.rules,
        bytes(block.status),
        block.owner,
        list(block.holds.values()),
        [*block.ended.values(), *block.sold.values()],
        block.abandoned,
        block.frozen,
    )
    return zlib.compress(msgspec.json.encode(state), 1)


def decode_block(payload: bytes, opening: Commit) -> Block:
    """The block of a snapshot, with the layout from its opening. Raises UnknownVersion."""
    state = _states.decode(zlib.decompress(payload))
    if state.v != SNAPSHOT_VERSION:
        raise UnknownVersion(f"snapshot version {state.v}")
    opened = opening.events[0]
    if not isinstance(opened, domain_events.BlockOpened) or opened.layout.size != len(state.status):
        raise UnknownVersion("a snapshot of another block")
    return Block(
        opened.layout,
        hall_of(opened.layout),
        state.rules,
        bytearray(state.status),
        state.owner,
        {hold.token: hold for hold in state.holds},
        {hold.token: hold for hold in state.ended if hold.ending is not Ending.SOLD},
        state.abandoned,
        {hold.token: hold for hold in state.ended if hold.ending is Ending.SOLD},
        state.frozen,
    )
