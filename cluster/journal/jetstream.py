"""The journal in JetStream: one exact subject per block, fenced by the subject's last sequence."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from functools import partial

from nats.aio.client import Client

from actors.domain.identity import BlockKey
from actors.journal import Entry, JournalConflict, JournalUnavailable, Snapshot
from actors.metrics import APPEND_DOUBTS, APPEND_SECONDS, APPENDS
from actors.telemetry import SILENT, Telemetry
from cluster.journal.acks import decode_ack, stored_sequence
from cluster.journal.api import (
    StoredMessage,
    last_message,
    next_message,
    patiently,
    request,
    traced,
)
from cluster.journal.replay import replay
from cluster.journal.settle import SETTLE_SECONDS_MAX, Doubtful, append_settled
from cluster.journal.streams import (
    JOURNAL,
    PAYLOAD_BYTES_MAX,
    SNAPSHOTS,
    journal_subject,
    snapshot_subject,
)
from cluster.journal.unsettled import Unsettled

APPEND_SECONDS_MAX = 2.0
"""How long one publish waits for its acknowledgement before it is settled by reading back."""

SINGLE_READS_MAX = 4
"""Commits fetched one by one, the usual tail after a conflict, before a consumer is worth its creation."""

SNAPSHOT_ATTEMPTS_MAX = 5
SNAPSHOT_PAUSE_SECONDS = 0.02

MESSAGE_ID = "Nats-Msg-Id"
EXPECTED_SEQUENCE = "Nats-Expected-Last-Subject-Sequence"
SNAPSHOT_SEQUENCE = "Frontrow-Sequence"
SNAPSHOT_COMMIT = "Frontrow-Commit"


class CommitTooLarge(ValueError):
    """A commit or a snapshot of more than PAYLOAD_BYTES_MAX; nothing was sent. Trying again cannot help."""


class JetStreamJournal:
    """`actors.journal.Journal` over a connected client; the streams must exist."""

    def __init__(
        self,
        nc: Client,
        settle_seconds: float = SETTLE_SECONDS_MAX,
        telemetry: Telemetry = SILENT,
    ) -> None:
        self._nc = nc
        self._settle_seconds = settle_seconds
        self._meter = telemetry.meter
        self._unsettled = Unsettled(time.monotonic, lambda: nc.stats["reconnects"])

    async def append(self, block: BlockKey, expected: int, commit_id: str, payload: bytes) -> int:
        _check_size(payload)
        subject, doubts, outcome = journal_subject(block), list[str](), "unknown"
        clock = asyncio.get_running_loop().time

        def on_doubt(doubt: Doubtful) -> None:
            doubts.append(doubt.answer)
            self._meter.count(APPEND_DOUBTS, 1, doubt.answer)

        began = clock()
        try:
            sequence = await append_settled(
                self, subject, expected, commit_id, payload, self._settle_seconds, on_doubt
            )
            outcome = "settled" if doubts else "stored"
            self._unsettled.settle()
            return sequence
        except JournalConflict:
            outcome = "conflict"  # which a journal that stores nothing says as well
            raise
        except JournalUnavailable:
            self._unsettled.leave()
            raise
        finally:
            self._meter.observe(APPEND_SECONDS, clock() - began)
            self._meter.count(APPENDS, 1, outcome)

    def unsettled_seconds(self) -> float | None:
        return self._unsettled.seconds()

    async def publish(self, subject: str, expected: int, commit_id: str, payload: bytes) -> int:
        headers = traced({MESSAGE_ID: commit_id, EXPECTED_SEQUENCE: str(expected)})
        try:
            answer = await request(self._nc, subject, payload, headers, APPEND_SECONDS_MAX)
        except JournalUnavailable as error:
            raise Doubtful(str(error)) from None
        return stored_sequence(answer)

    async def following(self, subject: str, sequence: int) -> Entry | None:
        message = await next_message(self._nc, JOURNAL, subject, sequence + 1)
        return None if message is None else _entry(message)

    async def last_sequence(self, block: BlockKey) -> int:
        subject = journal_subject(block)
        message = await patiently(partial(last_message, self._nc, JOURNAL, subject))
        return 0 if message is None else message.sequence

    async def first(self, block: BlockKey, after: int = 0) -> Entry | None:
        subject = journal_subject(block)
        return await patiently(partial(self.following, subject, after))

    async def read(self, block: BlockKey, after: int) -> AsyncIterator[Entry]:
        """Ends only when the commit that was last at the beginning has been yielded; JournalUnavailable otherwise."""
        subject = journal_subject(block)
        last = await self.last_sequence(block)
        position = after
        for _ in range(SINGLE_READS_MAX):
            if position >= last:
                return
            entry = await patiently(partial(self.following, subject, position))
            if entry is None:
                raise JournalUnavailable(f"{subject}: nothing behind {position}, but {last} exists")
            position = entry.sequence
            yield entry
        async for message in replay(self._nc, JOURNAL, subject, position, last):
            yield Entry(message.sequence, message.headers.get(MESSAGE_ID, ""), message.payload)

    async def save_snapshot(self, block: BlockKey, snapshot: Snapshot) -> None:
        """Replace an older snapshot. Compare-and-set, so that of two writers the newer one wins in any order.

        Best effort: after SNAPSHOT_ATTEMPTS_MAX lost races the other writer's is good enough. Raises
        JournalUnavailable, CommitTooLarge.
        """
        _check_size(snapshot.payload)
        subject = snapshot_subject(block)
        for attempt in range(SNAPSHOT_ATTEMPTS_MAX):
            stored = await last_message(self._nc, SNAPSHOTS, subject)
            if stored is not None and _snapshot(stored).sequence >= snapshot.sequence:
                return
            headers = {
                EXPECTED_SEQUENCE: str(0 if stored is None else stored.sequence),
                SNAPSHOT_SEQUENCE: str(snapshot.sequence),
                SNAPSHOT_COMMIT: snapshot.commit_id,
            }
            ack = decode_ack(await request(self._nc, subject, snapshot.payload, headers))
            if ack.error is None:
                return
            await asyncio.sleep(
                SNAPSHOT_PAUSE_SECONDS * 2**attempt
            )  # the other write may be in flight

    async def load_snapshot(self, block: BlockKey) -> Snapshot | None:
        subject = snapshot_subject(block)
        message = await patiently(partial(last_message, self._nc, SNAPSHOTS, subject))
        return None if message is None else _snapshot(message)


def _check_size(payload: bytes) -> None:
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise CommitTooLarge(f"{len(payload)} bytes; at most {PAYLOAD_BYTES_MAX}")


def _entry(message: StoredMessage) -> Entry:
    return Entry(message.sequence, message.headers.get(MESSAGE_ID, ""), message.payload)


def _snapshot(message: StoredMessage) -> Snapshot:
    headers = message.headers
    sequence, commit_id = headers.get(SNAPSHOT_SEQUENCE, "0"), headers.get(SNAPSHOT_COMMIT, "")
    return Snapshot(int(sequence), commit_id, message.payload)
