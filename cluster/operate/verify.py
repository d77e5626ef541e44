"""`verify`: folds the whole journal, seat by seat, and compares the read model with what came out.

A sale may go on meanwhile: the journal is looked at up to the sequence that is its last when verify begins, and what
the read model knows beyond that is left alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from actors.codec import UnknownVersion, decode_commit
from actors.domain.audit import AVAILABLE, HELD, STATES, BlockAudit, audit_parts
from actors.journal import JournalUnavailable
from cluster.journal.streams import block_of
from cluster.store.ticket import TicketRecord, digest
from cluster.store.tickets import Tickets

VIOLATIONS_MAX = 1_000
"""Violations that a report names; it counts all of them."""

STALLED_SECONDS_MAX = 20.0
"""A journal that yields nothing, or a read model that does not move, for so long is given up."""

COMPARE_SECONDS_MAX = 10.0
"""How long a difference between journal and read model may be one that is just being written."""

POLL_SECONDS = 0.2

_SHOW_SUBJECTS = "journal.{}.*"
_ALL_SUBJECTS = "journal.>"


class Following(Protocol):
    """A follower of the journal (see `cluster.journal.feed`)."""

    sequence: int
    stale_reason: str

    async def stop(self) -> None: ...


class Feed(Protocol):
    async def follow(
        self, subject_filter: str, after_sequence: int, on_entry: Callable[[str, int, bytes], None]
    ) -> Following: ...

    async def last_sequence(self, subject_filter: str) -> int: ...


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: of a seat, or (with `seat` empty) of a hold, a block or the read model."""

    show: str
    seat: str
    sequence: int
    detail: str


@dataclass(slots=True)
class VerifyReport:
    """Plain data for people and for `--json`. `tickets` counts by state; `sequence` is how far the journal was read."""

    shows: int = 0
    blocks: int = 0
    commits: int = 0
    sequence: int = 0
    holds: int = 0
    tickets: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STATES, 0))
    violations: list[Finding] = field(default_factory=list[Finding])
    violation_count: int = 0

    @property
    def ok(self) -> bool:
        return self.violation_count == 0

    def add(self, finding: Finding) -> None:
        self.violation_count += 1
        if len(self.violations) < VIOLATIONS_MAX:
            self.violations.append(finding)

    def plain(self) -> dict[str, Any]:
        return {"ok": self.ok, **msgspec.to_builtins(self)}


Audits = dict[str, dict[int, BlockAudit]]
"""By show and block."""


async def verify(feed: Feed, tickets: Tickets, show_id: str | None = None) -> VerifyReport:
    """Audit one show, or all. Raises JournalUnavailable, StoreUnavailable."""
    report = VerifyReport()
    subjects = _ALL_SUBJECTS if show_id is None else _SHOW_SUBJECTS.format(show_id)
    audits = await _read_journal(feed, subjects, report)
    for show, blocks in audits.items():
        _conclude(show, blocks, report)
    if await _projected(tickets, report):
        for show, blocks in audits.items():
            for finding in await _settled_differences(tickets, show, blocks, report.sequence):
                report.add(finding)
    return report


async def _read_journal(feed: Feed, subjects: str, report: VerifyReport) -> Audits:
    """The audits of all blocks, up to what is the journal's end now."""
    audits: Audits = {}
    last = report.sequence = await feed.last_sequence(subjects)
    if last == 0:
        return audits

    def on_entry(subject: str, sequence: int, payload: bytes) -> None:
        if sequence <= last:
            _follow(audits, report, subject, sequence, payload)

    following = await feed.follow(subjects, 0, on_entry)
    try:
        await _while_moving(lambda: following.sequence, last, lambda: following.stale_reason)
    finally:
        await following.stop()
    return audits


async def _while_moving(position: Callable[[], int], end: int, reason: Callable[[], str]) -> None:
    """Wait until a position has reached the end. Raises JournalUnavailable when it stands still for too long."""
    clock = asyncio.get_running_loop().time
    before, moved_at = position(), clock()
    while position() < end:
        await asyncio.sleep(POLL_SECONDS / 10)
        if position() != before:
            before, moved_at = position(), clock()
        elif clock() - moved_at > STALLED_SECONDS_MAX:
            raise JournalUnavailable(reason() or f"the journal stands still at {before}")


def _follow(
    audits: Audits, report: VerifyReport, subject: str, sequence: int, payload: bytes
) -> None:
    report.commits += 1
    try:
        block = block_of(subject)
        commit = decode_commit(payload)
    except (UnknownVersion, msgspec.MsgspecError, KeyError, ValueError) as error:
        detail = f"the commit on {subject} cannot be read: {type(error).__name__}"
        report.add(Finding(_show_of(subject), "", sequence, detail))
        return
    blocks = audits.setdefault(block.show_id, {})
    audit = blocks.get(block.block)
    if audit is None:
        audit = blocks[block.block] = BlockAudit(block.block)
    audit.commit(sequence, commit.at, commit.events)


def _show_of(subject: str) -> str:
    return subject.split(".")[1] if subject.count(".") else ""


def _conclude(show: str, blocks: dict[int, BlockAudit], report: VerifyReport) -> None:
    """What the journal alone says about a show."""
    report.shows += 1
    report.blocks += len(blocks)
    violations = [violation for audit in blocks.values() for violation in audit.violations]
    for violation in sorted(violations + audit_parts(blocks), key=lambda found: found.sequence):
        report.add(Finding(show, violation.seat, violation.sequence, violation.detail))
    for finding in _two_places(show, blocks):
        report.add(finding)
    for audit in blocks.values():
        report.holds += len(audit.live)
        for status, name in enumerate(STATES):
            report.tickets[name] += audit.status.count(status)


def _two_places(show: str, blocks: dict[int, BlockAudit]) -> Iterator[Finding]:
    """Seat ids that exist in two blocks: the same seat could be sold twice without either block knowing."""
    homes = dict[str, int]()
    for block, audit in sorted(blocks.items()):
        for seat in audit.layout.labels() if audit.layout is not None else ():
            home = homes.setdefault(seat, block)
            if home != block:
                detail = f"exists in block {home} and in block {block}"
                yield Finding(show, seat, audit.sequence, detail)


async def _projected(tickets: Tickets, report: VerifyReport) -> bool:
    """Wait until the read model has come as far as the journal was read; a finding when it does not move on."""
    clock = asyncio.get_running_loop().time
    before, moved_at = -1, clock()
    while (reached := (await tickets.checkpoint()).sequence) < report.sequence:
        if reached != before:
            before, moved_at = reached, clock()
        elif clock() - moved_at > STALLED_SECONDS_MAX:
            detail = f"the read model stands still at {reached} of {report.sequence}"
            report.add(Finding("", "", reached, detail))
            return False
        await asyncio.sleep(POLL_SECONDS)
    return True


async def _settled_differences(
    tickets: Tickets, show: str, blocks: dict[int, BlockAudit], last: int
) -> list[Finding]:
    """The differences that are still there after COMPARE_SECONDS_MAX: a sale that goes on makes short ones."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + COMPARE_SECONDS_MAX
    while True:
        found = await _differences(tickets, show, blocks, last)
        if not found or clock() > deadline:
            return found
        await asyncio.sleep(POLL_SECONDS * 5)


async def _differences(
    tickets: Tickets, show: str, blocks: dict[int, BlockAudit], last: int
) -> list[Finding]:
    found = list[Finding]()
    missing = {block: set(range(len(audit.status))) for block, audit in blocks.items()}
    async for record in tickets.of_show(show):
        audit = blocks.get(record.block)
        if audit is None or record.ticket not in missing[record.block]:
            if record.sequence <= last:
                detail = "is in the read model and not in the journal"
                found.append(Finding(show, record.seat, record.sequence, detail))
            continue
        missing[record.block].discard(record.ticket)
        if record.sequence <= last and (detail := _difference(audit, record)):
            found.append(Finding(show, record.seat, audit.changed[record.ticket], detail))
    for block, absent in missing.items():
        audit = blocks[block]
        for ticket in sorted(absent):
            seat = audit.layout.label(ticket) if audit.layout is not None else ""
            detail = "is in the journal and not in the read model"
            found.append(Finding(show, seat, audit.changed[ticket], detail))
    return found


def _difference(audit: BlockAudit, record: TicketRecord) -> str:
    """How the read model's ticket differs from the journal's; empty when it does not."""
    ticket, layout = record.ticket, audit.layout
    assert layout is not None  # it has tickets
    status, owner = audit.status[ticket], audit.owner[ticket]
    hold = audit.live.get(owner) if status == HELD else None
    pairs = (
        ("status", record.status, STATES[status]),
        ("seat", record.seat, layout.label(ticket)),
        ("category", record.category, layout.categories[layout.category_of[ticket]].name),
        ("hold", record.hold, digest(owner) if owner and status != AVAILABLE else None),
        ("deadline", record.deadline, hold.deadline if hold is not None else None),
        ("sequence", record.sequence, audit.changed[ticket]),
    )
    wrong = [f"{name} {has} instead of {should}" for name, has, should in pairs if has != should]
    return f"the read model has {', '.join(wrong)}" if wrong else ""
