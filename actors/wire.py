"""How batches of commands and outcomes travel between processes: MessagePack, a tag before each value."""

from __future__ import annotations

from typing import Any

import msgspec

from actors.domain import commands
from actors.domain.commands import Command
from actors.domain.identity import BlockKey
from actors.domain.rejections import Rejection
from actors.outcomes import Accepted, Outcome, Unavailable

_COMMANDS: tuple[type[Any], ...] = commands.Command.__args__
_OUTCOMES: tuple[type[Any], ...] = (Accepted, Rejection, Unavailable)
_command_tags = {command_type: tag for tag, command_type in enumerate(_COMMANDS)}
_outcome_tags = {outcome_type: tag for tag, outcome_type in enumerate(_OUTCOMES)}
_command_decoders = [msgspec.msgpack.Decoder(command_type) for command_type in _COMMANDS]
_outcome_decoders = [msgspec.msgpack.Decoder(outcome_type) for outcome_type in _OUTCOMES]
_encoder = msgspec.msgpack.Encoder()
_batch_decoder = msgspec.msgpack.Decoder(list[tuple[str, int, int, msgspec.Raw, str]])
_answer_decoder = msgspec.msgpack.Decoder(list[tuple[int, msgspec.Raw]])

Addressed = tuple[BlockKey, Command]


Encoded = tuple[str, int, int, msgspec.Raw, str]
"""A command on its way: show, block, tag, MessagePack, and the `traceparent` of its request (empty: nobody traces it).
A batch is made of many requests, so each command has its own."""


def encode_command(key: BlockKey, command: Command, trace: str = "") -> Encoded:
    """One command, on its own: what cannot be encoded fails its caller and nobody else."""
    tag = _command_tags[type(command)]
    return key.show_id, key.block, tag, msgspec.Raw(_encoder.encode(command)), trace


def encode_batch(batch: list[Encoded]) -> bytes:
    return _encoder.encode(batch)


def decode_batch(payload: bytes) -> tuple[list[Addressed], list[str]]:
    """The commands, and the trace of each."""
    encoded = _batch_decoder.decode(payload)
    batch = [
        (BlockKey(show_id, block), _command_decoders[tag].decode(raw))
        for show_id, block, tag, raw, _ in encoded
    ]
    return batch, [trace for *_, trace in encoded]


def encode_outcomes(outcomes: list[Outcome]) -> bytes:
    return _encoder.encode(
        [
            (_outcome_tags[type(outcome)], msgspec.Raw(_encoder.encode(outcome)))
            for outcome in outcomes
        ]
    )


def decode_outcomes(payload: bytes) -> list[Outcome]:
    return [_outcome_decoders[tag].decode(raw) for tag, raw in _answer_decoder.decode(payload)]
