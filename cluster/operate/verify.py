"""`verify`: folds the whole journal, seat by seat, and compares it with the read model, the orders and the money.

A sale may go on meanwhile: the journal is looked at up to the sequence that is its last when verify begins, and what
the read model knows beyond that is left alone. Orders and payments move on by themselves, so what does not agree is
read again, together with what the journal has by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from actors.domain.audit import AVAILABLE, HELD, STATES, BlockAudit
from actors.domain.audit_parts import audit_parts
from cluster.ledgers.balance import Balance, balances, orders_by_state
from cluster.ledgers.books import Books, OrderBook, Progress, silent
from cluster.ledgers.disagreement import Disagreement
from cluster.ledgers.journal_fold import Feed, JournalFold
from cluster.operate.moments import now_ms
from cluster.payments.gateway import PaymentGateway
from cluster.store.ticket import TicketRecord, digest
from cluster.store.tickets import Tickets
from cluster.ticketing.document import order_reference

VIOLATIONS_MAX = 1_000
"""Violations that a report names; it counts all of them."""

STALLED_SECONDS_MAX = 20.0
"""A read model that does not move for so long is given up."""

COMPARE_SECONDS_MAX = 10.0
"""How long a difference between journal and read model may be one that is just being written."""

POLL_SECONDS = 0.2
JOURNAL, READ_MODEL, UNBALANCED = "journal", "read_model", "unbalanced"
"""Kinds of findings, beside those of `cluster.ledgers.disagreement`."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: of a seat, or (with `seat` empty) of a hold, an order, a block or the read model.

    `order` is the order's reference, as on its tickets: the order's id is its buyer's authority.
    """

    show: str
    seat: str
    sequence: int
    detail: str
    kind: str = JOURNAL
    order: str = ""


@dataclass(frozen=True, slots=True)
class FrozenBlock:
    """A block in which no hold begins: nothing is wrong with it, and somebody may have forgotten it."""

    show: str
    block: int
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class LedgerReport:
    """Orders by state; money and tickets by currency. `provider`: whether the payments were compared as well."""

    provider: bool
    orders: dict[str, int]
    money: dict[str, Balance]

    @property
    def balanced(self) -> bool:
        return all(balance.balanced for balance in self.money.values())

    def plain(self) -> dict[str, Any]:
        return {
            "provider": self.provider,
            "orders": self.orders,
            "money": {
                currency: {
                    **msgspec.to_builtins(balance),
                    "kept": balance.kept,
                    "money_is_tickets": balance.balanced,
                }
                for currency, balance in self.money.items()
            },
        }


@dataclass(slots=True)
class VerifyReport:
    """Plain data for people and for `--json`. `tickets` counts by state; `sequence` is how far the journal was read."""

    shows: int = 0
    blocks: int = 0
    commits: int = 0
    sequence: int = 0
    holds: int = 0
    tickets: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STATES, 0))
    frozen: list[FrozenBlock] = field(default_factory=list[FrozenBlock])
    violations: list[Finding] = field(default_factory=list[Finding])
    violation_count: int = 0
    ledgers: LedgerReport | None = None

    @property
    def ok(self) -> bool:
        return self.violation_count == 0

    def add(self, finding: Finding) -> None:
        self.violation_count += 1
        if len(self.violations) < VIOLATIONS_MAX:
            self.violations.append(finding)

    def plain(self) -> dict[str, Any]:
        ledgers = self.ledgers.plain() if self.ledgers is not None else None
        return {"ok": self.ok, **msgspec.to_builtins(self), "ledgers": ledgers}


async def verify(
    feed: Feed,
    tickets: Tickets,
    orders: OrderBook,
    gateway: PaymentGateway | None,
    show_id: str | None = None,
    progress: Progress = silent,
) -> VerifyReport:
    """Audit one show, or all; without a `gateway` the money is what the orders say.

    Raises JournalUnavailable, StoreUnavailable, PaymentsUnavailable, PaymentRefused.
    """
    report = VerifyReport()
    fold = JournalFold(feed, show_id)
    await fold.read_on()
    report.sequence, report.commits = fold.sequence, fold.commits
    for commit in fold.unreadable:
        report.add(Finding(commit.show_id, "", commit.sequence, commit.detail))
    for show, blocks in fold.audits.items():
        _conclude(show, blocks, report)
    if await _projected(tickets, report):
        for show, blocks in fold.audits.items():
            for finding in await _settled_differences(tickets, show, blocks, report.sequence):
                report.add(finding)
    await _reconcile(Books(fold, orders, gateway, now_ms, progress), report)
    return report


async def _reconcile(books: Books, report: VerifyReport) -> None:
    reconciled = await books.reconciled()
    for found in reconciled.standing:
        report.add(_finding(found))
    ledgers = reconciled.ledgers
    disputed = {found.order_id for found in reconciled.standing}
    report.ledgers = LedgerReport(
        ledgers.account is not None,
        orders_by_state(ledgers.orders.values()),
        balances(ledgers, disputed, reconciled.moving),
    )
    if not report.ledgers.balanced and not reconciled.standing:
        detail = "what was kept is not what the sold tickets cost, and no order says why"
        report.add(Finding("", "", 0, detail, UNBALANCED))


def _finding(found: Disagreement) -> Finding:
    order = order_reference(found.order_id) if found.order_id else ""
    return Finding(found.show_id, found.seat, found.sequence, found.detail, found.kind, order)


def _conclude(show: str, blocks: dict[int, BlockAudit], report: VerifyReport) -> None:
    """What the journal alone says about a show."""
    report.shows += 1
    report.blocks += len(blocks)
    violations = [violation for audit in blocks.values() for violation in audit.violations]
    for violation in sorted(violations + audit_parts(blocks), key=lambda found: found.sequence):
        report.add(Finding(show, violation.seat, violation.sequence, violation.detail))
    for finding in _two_places(show, blocks):
        report.add(finding)
    for block, audit in sorted(blocks.items()):
        if audit.frozen is not None:
            event = audit.frozen
            report.frozen.append(FrozenBlock(show, block, event.reason, event.by))
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
            report.add(Finding("", "", reached, detail, READ_MODEL))
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
                found.append(Finding(show, record.seat, record.sequence, detail, READ_MODEL))
            continue
        missing[record.block].discard(record.ticket)
        if record.sequence <= last and (detail := _difference(audit, record)):
            sequence = audit.changed[record.ticket]
            found.append(Finding(show, record.seat, sequence, detail, READ_MODEL))
    for block, absent in missing.items():
        audit = blocks[block]
        for ticket in sorted(absent):
            seat = audit.layout.label(ticket) if audit.layout is not None else ""
            detail = "is in the journal and not in the read model"
            found.append(Finding(show, seat, audit.changed[ticket], detail, READ_MODEL))
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
