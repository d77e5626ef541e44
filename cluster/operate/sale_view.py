"""The demo's live view: what the buyers meet with, show by show."""

from __future__ import annotations

from collections import Counter

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cluster.operate.amounts import grouped
from cluster.operate.crowd.organizer import Refunds
from cluster.operate.crowd.outcome import MEANING, Outcome
from cluster.operate.crowd.tally import Tally, percentile
from cluster.operate.sale import Sale

RECENT = 500
"""Latencies that the live percentiles are of."""

NEWS_SHOWN_MAX = 6
BAR_COLUMNS = 24


def live_view(sale: Sale) -> RenderableType:
    """Redrawn several times a second while buyers buy."""
    clock = Text(f"{sale.elapsed:5.1f} of {sale.seconds:.0f} s", style="bold")
    news = [Text(line, style="yellow") for line in sale.news[-NEWS_SHOWN_MAX:]]
    return Group(clock, shows_table(sale), tally_table(sale.tally, RECENT), *news)


def shows_table(sale: Sale) -> Table:
    table = Table("show", "seats left", "", "held", "sold", "of", box=None, pad_edge=False)
    for column in (1, 3, 4, 5):
        table.columns[column].justify = "right"
    for show in sale.shows:
        total = show.total()
        seats = sum(total.values())
        bar = ProgressBar(total=seats, completed=seats - total["available"], width=BAR_COLUMNS)
        table.add_row(
            escape(show.name),
            f"{total['available']:,}",
            bar,
            *(f"{count:,}" for count in (total["held"], total["sold"], seats)),
        )
    return table


def tally_table(tally: Tally, recent: int | None = None, *, outcomes: bool = True) -> Table:
    """Holds, refusals by code, orders by what they came to, percentiles of the answers' times (the most recent ones,
    or all)."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_row("holds", f"{tally.holds:,} ({tally.seats:,} seats)")
    table.add_row("refusals", _counts(tally.refusals) or "none")
    table.add_row("sent again", _counts(tally.retries) or "nothing")
    table.add_row("then", _counts(tally.actions) or "nothing yet")
    if tally.orders:
        came_to = f": {_counts(tally.outcomes)}" if outcomes and tally.outcomes else ""
        table.add_row("orders", f"{tally.orders:,} placed{came_to}")
        table.add_row("cards", _counts(tally.cards))
        table.add_row("card to tickets", _times(tally.ticket_seconds, recent))
    table.add_row("live updates", f"{tally.updates:,}")
    table.add_row("answer", _times(tally.latencies, recent))
    return table


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{count:,} {what}" for what, count in counter.most_common())


def _times(seconds: list[float], recent: int | None = None) -> str:
    if not seconds:
        return "none yet"
    p50, p99 = (percentile(seconds[-(recent or 0) :], percent) * 1000 for percent in (50, 99))
    return f"p50 {p50:.0f} ms, p99 {p99:.0f} ms"


def orders_table(sale: Sale) -> Table:
    """What became of every order, and what that means."""
    table = Table("orders", f"{sale.tally.orders:,}", "", box=None, pad_edge=False)
    table.columns[1].justify = "right"
    for outcome, meaning in MEANING.items():
        if count := sale.tally.outcomes[outcome]:
            table.add_row(f"  {outcome}", f"{count:,}", meaning)
    if sale.refunds is not None:
        table.add_row("  refunded", f"{sale.refunds.orders:,}", _refunded(sale.refunds))
    return table


def _refunded(refunds: Refunds) -> str:
    if not refunds.currency:
        return "nothing was paid that could be refunded"
    money = grouped(refunds.amount, refunds.currency)
    pending = f" ({refunds.pending} more on their way)" if refunds.pending else ""
    return f"by the organizer, afterwards: {money} for {refunds.seats} seats{pending}"


def one_line(sale: Sale) -> str:
    """The same where there is no terminal."""
    tally = sale.tally
    left = ", ".join(
        f"{escape(show.name)}: {show.total()['available']:,} left" for show in sale.shows
    )
    paid = sum(tally.outcomes[outcome] for outcome in (Outcome.PAID, Outcome.LATE_RETAKEN))
    orders = f"{tally.orders:,} orders, {paid:,} paid, " if tally.orders else ""
    time = f"{sale.elapsed:5.1f} s" if sale.elapsed < sale.seconds else "closing"
    return (
        f"{time}  {tally.holds:,} holds, {sum(tally.refusals.values()):,} refusals, "
        f"{orders}{_times(tally.latencies, RECENT)}; {left}"
    )
