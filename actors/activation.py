"""An activation: one block in memory, its mailbox, and the group commit that makes its decisions durable.

One append is in flight at a time; whatever arrives meanwhile is decided together and goes into the next one. Nobody
hears an answer before the journal has proven it: an acceptance by the acknowledgement of the append (whose expected
sequence says that nobody else wrote), a refusal by that same acknowledgement or, when nothing was appended, by the
block's last sequence. So a forgotten twin of this activation, alive in another process, can be late but never wrong.
"""

from __future__ import annotations

import asyncio
import zlib
from collections import deque
from collections.abc import Callable

import msgspec
import structlog

from actors.codec import UnknownVersion, decode_block, decode_commit, encode_block, encode_commit
from actors.domain.block import Block, Hold, apply
from actors.domain.commands import (
    AbandonHold,
    CancelSale,
    Command,
    ConfirmHold,
    ExpireDue,
    ExtendHold,
    FindHold,
    HoldQuantity,
    HoldTickets,
    ReleaseHold,
    ReturnTickets,
    SecureHold,
)
from actors.domain.events import Event
from actors.domain.identity import BlockKey
from actors.domain.rejections import Rejection
from actors.domain.tickets import decide
from actors.journal import Entry, Journal, JournalConflict, JournalUnavailable, Snapshot
from actors.latencies import Latencies
from actors.metrics import ACTIVATION_SECONDS, BATCH_COMMANDS, COMMANDS, DECIDE_SECONDS
from actors.outcomes import Accepted, Outcome, Unavailable
from actors.tally import KINDS, UNAVAILABLE, tally
from actors.telemetry import SILENT, TRACE, Span, Telemetry

MAILBOX_COMMANDS_MAX = 4_000
"""Commands waiting for one block; one more is answered 503 at once."""

COMMIT_COMMANDS_MAX = 256
"""Commands decided together: keeps a commit far under NATS's 1 MiB and its latency even."""

COMMIT_BYTES_MAX = 768 * 1024
"""A commit over this is decided again in halves: organizers' commands may name 2,000 tickets each."""

CONFLICTS_MAX = 8
"""Lost races with another writer of the same block before the callers are told to come back."""

SNAPSHOT_COMMITS = 128
"""Commits between snapshots: bounds the tail that an activation replays (about 10 ms), when a host comes back with
all of its blocks wanted at once; a snapshot costs about as much as two commits."""

BUSY = "another writer was faster too often"

Clock = Callable[[], int]
"""Milliseconds since the epoch, UTC."""

_log = structlog.get_logger()


class Activation:
    """A block on this host. `submit` may be called from anywhere in the loop; nothing else touches the state."""

    def __init__(
        self,
        key: BlockKey,
        journal: Journal,
        clock: Clock,
        writer: str,
        commit_ids: Callable[[], str],
        snapshot_commits: int = SNAPSHOT_COMMITS,
        latencies: Latencies | None = None,
        telemetry: Telemetry = SILENT,
    ) -> None:
        self.key = key
        self.idle_since = clock()
        self.sequence = 0
        self.block: Block | None = None
        self._journal = journal
        self._clock = clock
        self._writer = writer
        self._commit_ids = commit_ids
        self._snapshot_commits = snapshot_commits
        self._latencies = latencies if latencies is not None else Latencies()
        self._meter, self._tracer = telemetry.meter, telemetry.tracer
        self._mailbox: deque[tuple[Command, asyncio.Future[Outcome], str]] = deque()
        self._drainer: asyncio.Task[None] | None = None
        self._snapshotter: asyncio.Task[None] | None = None
        self._commits_since_snapshot = 0
        self._commit_id = ""

    @property
    def depth(self) -> int:
        """Commands waiting."""
        return len(self._mailbox)

    @property
    def busy(self) -> bool:
        return self._drainer is not None

    def submit(self, command: Command, trace: str = "") -> asyncio.Future[Outcome]:
        """Queue a command; the future never raises. Cancelling it withdraws interest, not the command.

        `trace` is the `traceparent` that it is traced under.
        """
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        if len(self._mailbox) >= MAILBOX_COMMANDS_MAX:
            self._meter.count(COMMANDS, 1, KINDS[type(command)], UNAVAILABLE)
            future.set_result(Unavailable("too many commands are waiting for these seats"))
            return future
        self._mailbox.append((command, future, trace))
        if self._drainer is None:
            self._drainer = asyncio.create_task(self._drain())
        return future

    async def _drain(self) -> None:
        try:
            while self._mailbox:
                size = min(len(self._mailbox), COMMIT_COMMANDS_MAX)
                batch = [self._mailbox.popleft() for _ in range(size)]
                commands = [command for command, _, _ in batch]
                span = self._span([trace for _, _, trace in batch if trace])
                outcomes = await self._answer(commands)
                for (kind, name), number in tally(commands, outcomes).items():
                    self._meter.count(COMMANDS, number, kind, name)
                if span is not None:
                    span.end()
                for (_, future, _), outcome in zip(batch, outcomes, strict=True):
                    if not future.done():  # its caller may have gone away
                        future.set_result(outcome)
        finally:
            self._drainer = None
            self.idle_since = self._clock()

    def _span(self, traces: list[str]) -> Span | None:
        """The work on one batch, if any of it is traced: a part of the first trace, linked to the others."""
        span = None
        if traces:
            block = str(self.key)
            span = self._tracer.start("commit", traces[0], traces[1:], block=block)
        TRACE.set("" if span is None else span.traceparent)
        return span

    async def _answer(self, commands: list[Command]) -> list[Outcome]:
        """Definite outcomes, or `Unavailable` for the whole batch; after that the state is rebuilt from the journal."""
        try:
            return await self._commit(commands)
        except JournalUnavailable as error:
            _log.warning("activation.unavailable", block=str(self.key), reason=str(error))
            detail = error.told
        except Exception:
            _log.exception("activation.failed", block=str(self.key))
            detail = "the block could not be read or decided"
        self.block = None
        return [Unavailable(detail)] * len(commands)

    async def _commit(self, commands: list[Command]) -> list[Outcome]:
        time = asyncio.get_running_loop().time
        begun = time()
        for _ in range(CONFLICTS_MAX):
            block = self.block if self.block is not None else await self._activate()
            now, began = self._clock(), time()
            draft, events, outcomes = decide_all(block, commands, now)
            self._meter.observe(DECIDE_SECONDS, time() - began)
            self._meter.observe(BATCH_COMMANDS, len(commands))
            if not events:
                if await self._journal.last_sequence(self.key) == self.sequence:
                    return outcomes
                await self._catch_up(block)
                continue
            payload = encode_commit(now, self._writer, events)
            if len(payload) > COMMIT_BYTES_MAX and len(commands) > 1:
                half = len(commands) // 2
                return [*await self._commit(commands[:half]), *await self._commit(commands[half:])]
            commit_id = self._commit_ids()
            try:
                sequence = await self._journal.append(self.key, self.sequence, commit_id, payload)
            except JournalConflict:
                _log.info("activation.conflict", block=str(self.key), sequence=self.sequence)
                await self._catch_up(block)
                continue
            self.block, self.sequence, self._commit_id = draft, sequence, commit_id
            self._count_commits(1)
            self._latencies.add(time() - begun)
            return outcomes
        raise JournalUnavailable(BUSY, BUSY)

    async def _activate(self) -> Block:
        """Rebuild the block: its opening, the latest snapshot that can be read, and the commits behind it."""
        began = asyncio.get_running_loop().time()
        block, self.sequence = Block(), 0
        opening = await self._journal.first(self.key)
        if opening is not None:
            snapshot = await self._journal.load_snapshot(self.key)
            if snapshot is not None and await self._is_of_journal(snapshot):
                block, self.sequence = self._restore(snapshot, opening)
                self._commit_id = snapshot.commit_id
            await self._catch_up(block)
        self.block = block
        self._meter.observe(ACTIVATION_SECONDS, asyncio.get_running_loop().time() - began)
        return block

    async def _is_of_journal(self, snapshot: Snapshot) -> bool:
        """Whether the journal has the very commit that was folded last. One that was restored from a backup may have
        another one there, or none yet, while a host of before still leaves snapshots: then the journal is right."""
        entry = await self._journal.first(self.key, snapshot.sequence - 1)
        found = (entry.sequence, entry.commit_id) if entry is not None else None
        return found == (snapshot.sequence, snapshot.commit_id)

    def _restore(self, snapshot: Snapshot, opening: Entry) -> tuple[Block, int]:
        """The block of a snapshot; a snapshot that cannot be read is only a longer replay."""
        try:
            return decode_block(snapshot.payload, decode_commit(opening.payload)), snapshot.sequence
        except (UnknownVersion, msgspec.MsgspecError, zlib.error) as error:
            _log.warning("activation.snapshot_unreadable", block=str(self.key), reason=repr(error))
            return Block(), 0

    async def _catch_up(self, block: Block) -> None:
        """Apply what others have committed since; on a failure half-way the state is not kept."""
        self.block = None
        commits = 0
        async for entry in self._journal.read(self.key, self.sequence):
            for event in decode_commit(entry.payload).events:
                apply(block, event)
            self.sequence, self._commit_id = entry.sequence, entry.commit_id
            commits += 1
        self.block = block
        self._count_commits(commits)

    def _count_commits(self, commits: int) -> None:
        self._commits_since_snapshot += commits
        if self._commits_since_snapshot >= self._snapshot_commits and self._snapshotter is None:
            self._snapshotter = asyncio.create_task(self.save_snapshot())

    async def save_snapshot(self) -> None:
        """Keep the confirmed state, if there is anything new in it; a failure costs only a longer replay."""
        try:
            if self.block is None or self._commits_since_snapshot == 0:
                return
            snapshot = Snapshot(self.sequence, self._commit_id, encode_block(self.block))
            self._commits_since_snapshot = 0
            await self._journal.save_snapshot(self.key, snapshot)
        except Exception as error:
            _log.warning("activation.snapshot_failed", block=str(self.key), reason=repr(error))
        finally:
            self._snapshotter = None


def decide_all(
    block: Block, commands: list[Command], now: int
) -> tuple[Block, list[Event], list[Outcome]]:
    """Decide commands one after the other on a draft; the draft is `block` itself as long as nothing happens."""
    draft, events, outcomes = block, list[Event](), list[Outcome]()
    for command in commands:
        decision = decide(draft, command, now)
        if isinstance(decision, Rejection):
            outcomes.append(decision)
            continue
        if decision and draft is block:
            draft = block.copy()
        for event in decision:
            apply(draft, event)
        events.extend(decision)
        outcomes.append(Accepted(_hold_of(draft, command), replayed=not decision))
    return draft, events, outcomes


def _hold_of(block: Block, command: Command) -> Hold | None:
    match command:
        case HoldTickets(terms) | HoldQuantity(terms) | SecureHold(terms):
            return block.hold(terms.token)
        case (
            FindHold(token)
            | ReleaseHold(token)
            | AbandonHold(token)
            | ExtendHold(token)
            | ConfirmHold(token)
            | CancelSale(token)
            | ReturnTickets(token)
        ):
            return block.hold(token)
        case ExpireDue():
            return block.next_to_end()
        case _:
            return None
