"""What the servers of a journal hold, in memory: one server, or a cluster that agrees on each publish first.

Written after nats-server 2.15 as the contract suite pins it. One server checks the expected sequence before the message
id, a cluster the message id first; and a cluster refuses (10164) what arrives for a subject while another publish to it
is on its way through the replicas.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import msgspec

from actors.domain.identity import BlockKey
from actors.journal import Entry, Snapshot
from cluster.journal.acks import (
    NO_ROOM,
    SUBJECT_IN_FLIGHT,
    WRONG_LAST_SEQUENCE,
    Ack,
    ServerError,
)

NO_STORE = 10077
"""The answer of a server that cannot write: its disk is full, or fails."""

AGAIN_SECONDS = 0.1
"""Replicas that do not reach each other try again so often."""

Answer = Callable[[bytes], None]
"""Takes the answer of the servers, as their bytes; never called when none is sent."""


@dataclass(frozen=True, slots=True, eq=False)
class Proposal:
    """A publish that the leader of a cluster has taken and the replicas have not agreed on yet."""

    subject: str
    commit_id: str
    payload: bytes
    answer: Answer


class Fate(Enum):
    """What becomes of a proposal when its leader is deposed."""

    STORED = "the new leader has it"
    LOST = "nobody has it"
    ONLY_ITS_ID = "nobody has it, but a table of message ids says so"


class MemoryStream:
    """`quorum_seconds`: how long the replicas of a cluster need to agree. While the servers are `away` they answer
    nothing and agree on nothing; a `full` one stores nothing."""

    def __init__(
        self, *, replicated: bool = False, quorum_seconds: Callable[[], float] = lambda: 0.0
    ) -> None:
        self.replicated = replicated
        self.last_sequence = 0
        self.in_flight: dict[str, Proposal] = {}
        self.away = False
        self.full = False
        self.on_stored: Callable[[str, Entry], None] = lambda _subject, _entry: None
        self._quorum_seconds = quorum_seconds
        self._entries: defaultdict[str, list[Entry]] = defaultdict(list)
        self._sequences: defaultdict[str, list[int]] = defaultdict(list)
        self._seen: dict[str, int] = {}
        self._snapshots: dict[BlockKey, Snapshot] = {}

    def publish(
        self, subject: str, expected: int, commit_id: str, payload: bytes, answer: Answer
    ) -> None:
        """Take a publish; the servers' answer is handed to `answer`, at once or when the replicas have agreed."""
        if self.away:
            return
        if self.full:
            answer(_refusal(NO_STORE, NO_ROOM[NO_STORE]))
            return
        seen, last = self._seen.get(commit_id), self.last_of(subject)
        if seen is not None and (self.replicated or last == expected):
            answer(_encode(Ack(seen, duplicate=True)))
        elif subject in self.in_flight:
            answer(_refusal(SUBJECT_IN_FLIGHT, "another publish to this subject is in flight"))
        elif last != expected:
            answer(_refusal(WRONG_LAST_SEQUENCE, f"wrong last sequence: {last}"))
        elif self.replicated:
            proposal = Proposal(subject, commit_id, payload, answer)
            self.in_flight[subject] = proposal
            asyncio.get_running_loop().call_later(self._quorum_seconds(), self._agree, proposal)
        else:
            answer(_encode(Ack(self._store(subject, commit_id, payload))))

    def _agree(self, proposal: Proposal) -> None:
        if self.away:
            asyncio.get_running_loop().call_later(AGAIN_SECONDS, self._agree, proposal)
        elif self.in_flight.get(proposal.subject) is proposal:
            del self.in_flight[proposal.subject]
            sequence = self._store(proposal.subject, proposal.commit_id, proposal.payload)
            proposal.answer(_encode(Ack(sequence)))

    def depose_leader(self, fate: Callable[[Proposal], Fate]) -> None:
        """The leader is gone: what it had in flight is in the new leader's log or is not, and nobody is told."""
        proposals, self.in_flight = list(self.in_flight.values()), {}
        for proposal in proposals:
            match fate(proposal):
                case Fate.STORED:
                    self._store(proposal.subject, proposal.commit_id, proposal.payload)
                case Fate.ONLY_ITS_ID:
                    self._seen[proposal.commit_id] = self.last_sequence + 1
                case Fate.LOST:
                    continue

    def _store(self, subject: str, commit_id: str, payload: bytes) -> int:
        self.last_sequence += 1
        entry = Entry(self.last_sequence, commit_id, payload)
        self._entries[subject].append(entry)
        self._sequences[subject].append(entry.sequence)
        self._seen[commit_id] = entry.sequence
        self.on_stored(subject, entry)
        return entry.sequence

    def subjects(self) -> list[str]:
        return list(self._entries)

    def entries(self, subject: str) -> list[Entry]:
        return self._entries.get(subject, [])

    def last_of(self, subject: str) -> int:
        sequences = self._sequences.get(subject)
        return sequences[-1] if sequences else 0

    def behind(self, subject: str, sequence: int) -> Entry | None:
        """The first entry of a subject behind `sequence`."""
        index = bisect_right(self._sequences.get(subject, ()), sequence)
        entries = self._entries.get(subject, ())
        return entries[index] if index < len(entries) else None

    def keep_snapshot(self, block: BlockKey, snapshot: Snapshot) -> None:
        stored = self._snapshots.get(block)
        if stored is None or stored.sequence < snapshot.sequence:
            self._snapshots[block] = snapshot

    def snapshot(self, block: BlockKey) -> Snapshot | None:
        return self._snapshots.get(block)


def _encode(ack: Ack) -> bytes:
    return msgspec.json.encode(ack)


def _refusal(code: int, description: str) -> bytes:
    return _encode(Ack(error=ServerError(400, code, description)))
