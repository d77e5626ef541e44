"""`frontrow verify`: what the audit of the journal and of the money says, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from actors.domain.identity import SHOW_ID_PATTERN
from cluster.journal.feed import JournalFeed
from cluster.ledgers.balance import Balance
from cluster.ledgers.books import Progress, silent
from cluster.operate.amounts import grouped
from cluster.operate.answers import Data, Json
from cluster.operate.backends import Backends, payment_gateway, run_with
from cluster.operate.command import CommandError, Url, err, out, print_json, reported
from cluster.operate.target import Target, find_target
from cluster.operate.verify import FrozenBlock, LedgerReport, VerifyReport
from cluster.operate.verify import verify as audit
from cluster.payments.gateway import MISCONFIGURED, PaymentRefused, PaymentsUnavailable
from cluster.store.orders import Orders
from cluster.store.tickets import Tickets

SHOWN_FINDINGS_MAX = 50
SHOWN_FROZEN_MAX = 20


@reported
def verify(
    show_id: Annotated[
        str | None, typer.Argument(metavar="[SHOW_ID]", help="One show; otherwise all.")
    ] = None,
    data: Data = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Fold the whole journal, and compare three ledgers: the journal, the orders, the payment provider.

    No illegal history, no seat with two owners, the read model agrees; no seat sold without payment, no money kept
    without seats, nothing refunded twice or forgotten. It may run during a sale. Exit code 1 when something is wrong;
    every finding names its seat or its order (by the reference that is on its tickets).
    """
    target = find_target(data, url, stores_suffice=True)
    with _watched(quiet=as_json) as progress:
        report = verdict_of(target, show_id, progress)
    if as_json:
        print_json(report.plain())
    else:
        print_verdict(report)
    if not report.ok:
        raise typer.Exit(1)


def verdict_of(
    target: Target, show_id: str | None = None, progress: Progress = silent
) -> VerifyReport:
    """The audit of one show, or of all. Raises CommandError for a show that the journal does not have."""
    if show_id is not None and SHOW_ID_PATTERN.match(show_id) is None:
        raise CommandError(f"{show_id} is no show id", "show_not_found")

    async def look(connected: Backends) -> VerifyReport:
        feed, opened = JournalFeed(connected.nc), connected.database
        async with payment_gateway(target) as gateway:
            return await audit(feed, Tickets(opened), Orders(opened), gateway, show_id, progress)

    try:
        report = run_with(target, look)
    except PaymentsUnavailable as error:
        raise CommandError(str(error), "unavailable") from None
    except PaymentRefused as error:
        code = "payments_misconfigured" if error.code == MISCONFIGURED else "payments_refused"
        raise CommandError(str(error), code) from None
    if show_id is not None and report.commits == 0:
        raise CommandError(f"the journal has no show {show_id}", "show_not_found")
    return report


@contextmanager
def _watched(*, quiet: bool) -> Iterator[Progress]:
    """A word to whoever waits at a terminal: a provider's list of payments takes a while."""
    if quiet or not err.is_terminal:
        yield silent
        return
    with err.status("reading the journal ...") as status:
        yield lambda what, count: status.update(f"{count:,} {what} read ...")


def print_verdict(report: VerifyReport) -> None:
    """A few lines when all is well, otherwise what is wrong as well."""
    state = "[green]clean[/]" if report.ok else f"[red]{report.violation_count:,} found wrong[/]"
    counts = ", ".join(f"{count:,} {name}" for name, count in report.tickets.items())
    out.print(
        f"verify: {state}  {report.shows:,} shows, {report.blocks:,} blocks, "
        f"{report.commits:,} commits; tickets: {counts}"
    )
    if report.ledgers is not None:
        for line in ledger_lines(report.ledgers):
            out.print(line)
    for line in frozen_lines(report.frozen):
        out.print(line)
    if report.ok:
        return
    columns = ("show", "seat", "order", "sequence", "what")
    table = Table(*columns, box=None, pad_edge=False)
    for finding in report.violations[:SHOWN_FINDINGS_MAX]:
        sequence = str(finding.sequence) if finding.sequence else ""
        table.add_row(
            finding.show, escape(finding.seat), finding.order, sequence, escape(finding.detail)
        )
    out.print(table)
    if report.violation_count > SHOWN_FINDINGS_MAX:
        out.print(f"... {report.violation_count - SHOWN_FINDINGS_MAX:,} more (with --json)")


def frozen_lines(frozen: Sequence[FrozenBlock]) -> Iterator[str]:
    """Blocks in which nothing can be held at the moment, by whose wish and why."""
    for one in frozen[:SHOWN_FROZEN_MAX]:
        by = f" ({escape(one.by)})" if one.by else ""
        yield f"frozen: block {one.block} of {one.show}: {escape(one.reason)}{by}"
    if len(frozen) > SHOWN_FROZEN_MAX:
        yield f"frozen: {len(frozen) - SHOWN_FROZEN_MAX:,} more (with --json)"


def ledger_lines(report: LedgerReport) -> Iterator[str]:
    """Orders, money, and whether the money that was kept is the price of the tickets that were sold."""
    states = ", ".join(f"{count:,} {state}" for state, count in report.orders.items())
    yield f"orders: {states or 'none'}"
    if not report.provider:
        yield "no payment provider is set up: the orders were compared with the journal alone"
    for currency, balance in report.money.items():
        yield from _money_lines(currency, balance)


def _money_lines(currency: str, balance: Balance) -> Iterator[str]:
    def money(amount: int) -> str:
        return grouped(amount, currency)

    yield (
        f"money: {money(balance.captured)} captured, {money(balance.refunded)} refunded, "
        f"{money(balance.kept)} kept; {money(balance.authorised)} authorised only"
    )
    state = "[green]yes[/]" if balance.balanced else "[red]NO[/]"
    moving = f", {money(balance.under_way)} under way" if balance.under_way else ""
    yield (
        f"money = tickets: {state}  {money(balance.kept)} kept, {balance.tickets:,} tickets sold "
        f"for {money(balance.price)}{moving}"
    )
