"""The demo's live view: what the buyers meet with, show by show."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cluster.operate.sale import Sale
from cluster.operate.tally import Tally, percentile

RECENT = 500
"""Latencies that the live percentiles are of."""

NEWS_SHOWN_MAX = 6


def live_view(sale: Sale) -> RenderableType:
    """Redrawn several times a second while buyers buy."""
    clock = Text(f"{sale.elapsed:5.1f} of {sale.seconds:.0f} s", style="bold")
    news = [Text(line, style="yellow") for line in sale.news[-NEWS_SHOWN_MAX:]]
    return Group(clock, shows_table(sale), tally_table(sale.tally, RECENT), *news)


def shows_table(sale: Sale) -> Table:
    table = Table("show", "seats left", "", "held", "of", box=None, pad_edge=False)
    table.columns[1].justify = table.columns[3].justify = table.columns[4].justify = "right"
    for show in sale.shows:
        total = show.total()
        seats = sum(total.values())
        bar = ProgressBar(total=seats, completed=seats - total["available"], width=30)
        table.add_row(show.name, f"{total['available']:,}", bar, f"{total['held']:,}", f"{seats:,}")
    return table


def tally_table(tally: Tally, recent: int | None = None) -> Table:
    """Holds, refusals by code, percentiles of the answers' times (the most recent ones, or all)."""
    latencies = tally.latencies[-recent:] if recent else tally.latencies
    p50, p99 = (percentile(latencies, percent) * 1000 for percent in (50, 99))
    refusals = ", ".join(f"{count:,} {code}" for code, count in tally.refusals.most_common())
    retries = ", ".join(f"{count:,} {code}" for code, count in tally.retries.most_common())
    actions = ", ".join(f"{count:,} {action}" for action, count in tally.actions.most_common())
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_row("holds", f"{tally.holds:,} ({tally.seats:,} seats)")
    table.add_row("refusals", refusals or "none")
    table.add_row("sent again", retries or "nothing")
    table.add_row("then", actions or "nothing yet")
    table.add_row("live updates", f"{tally.updates:,}")
    table.add_row("answer", f"p50 {p50:.0f} ms, p99 {p99:.0f} ms" if latencies else "none yet")
    return table


def one_line(sale: Sale) -> str:
    """The same where there is no terminal."""
    tally = sale.tally
    left = ", ".join(f"{show.name}: {show.total()['available']:,} left" for show in sale.shows)
    p50, p99 = (percentile(tally.latencies[-RECENT:], percent) * 1000 for percent in (50, 99))
    refused = sum(tally.refusals.values())
    return (
        f"{sale.elapsed:5.1f} s  {tally.holds:,} holds, {refused:,} refusals, "
        f"p50 {p50:.0f} ms, p99 {p99:.0f} ms; {left}"
    )
