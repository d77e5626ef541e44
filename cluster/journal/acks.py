"""What a server's answer to a publish proves. One reading for the real servers and for those that a test simulates."""

from __future__ import annotations

import msgspec

from actors.journal import JournalUnavailable
from cluster.journal.settle import Doubtful

WRONG_LAST_SEQUENCE = 10071
"""The subject's last sequence is not the expected one."""

SUBJECT_IN_FLIGHT = 10164
"""A cluster: another publish to this subject is on its way through the replicas."""

NO_ROOM = {
    10002: "the journal is full: its account has used up its storage",
    10023: "the journal is full: its server has used up its storage",
    10077: "the journal is full: its stream takes no more",
    10118: "the journal is offline",
    10167: "the journal has too many requests waiting",
}
"""Refusals that are certain: nothing was stored, and asking again at once cannot help. The text reaches buyers."""


class ServerError(msgspec.Struct):
    code: int
    err_code: int = 0
    description: str = ""


class Ack(msgspec.Struct, omit_defaults=True):
    """A publish acknowledgement of JetStream (ADR-1), or the error in its place."""

    seq: int = 0
    duplicate: bool = False
    error: ServerError | None = None


_decoder = msgspec.json.Decoder(Ack)


def decode_ack(data: bytes) -> Ack:
    """Raises msgspec.DecodeError."""
    return _decoder.decode(data)


def stored_sequence(data: bytes) -> int:
    """The sequence of a publish, if the answer says plainly that it is stored.

    Raises Doubtful for every answer that has to be settled by reading back (a refusal and a duplicate mean different
    things on one server and on a cluster), JournalUnavailable when the server has no room.
    """
    try:
        ack = decode_ack(data)
    except msgspec.DecodeError as error:
        raise Doubtful(str(error), "unreadable") from None
    if ack.error is not None:
        if ack.error.err_code in NO_ROOM:
            full = NO_ROOM[ack.error.err_code]
            raise JournalUnavailable(full, full)
        fenced = ack.error.err_code in (WRONG_LAST_SEQUENCE, SUBJECT_IN_FLIGHT)
        raise Doubtful(
            f"JetStream error {ack.error.err_code}: {ack.error.description}",
            str(ack.error.err_code) if fenced else "other",
        )
    if ack.duplicate or ack.seq == 0:
        raise Doubtful("the server calls it a duplicate", "duplicate")
    return ack.seq
