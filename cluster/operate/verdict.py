"""`frontrow verify`: what the audit of the journal says, for people and for programs."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from actors.domain.identity import SHOW_ID_PATTERN
from cluster.journal.feed import JournalFeed
from cluster.operate.answers import Data, Json
from cluster.operate.backends import Backends, run_with
from cluster.operate.command import CommandError, Url, out, print_json, reported
from cluster.operate.target import Target, find_target
from cluster.operate.verify import VerifyReport
from cluster.operate.verify import verify as audit
from cluster.store.tickets import Tickets

SHOWN_FINDINGS_MAX = 50


@reported
def verify(
    show_id: Annotated[
        str | None, typer.Argument(metavar="[SHOW_ID]", help="One show; otherwise all.")
    ] = None,
    data: Data = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Fold the whole journal: no illegal history, no seat with two owners, the read model agrees.

    Exit code 1 when something is wrong; every finding names its seat.
    """
    report = verdict_of(find_target(data, url), show_id)
    if as_json:
        print_json(report.plain())
    else:
        print_verdict(report)
    if not report.ok:
        raise typer.Exit(1)


def verdict_of(target: Target, show_id: str | None = None) -> VerifyReport:
    """The audit of one show, or of all. Raises CommandError for a show that the journal does not have."""
    if show_id is not None and SHOW_ID_PATTERN.match(show_id) is None:
        raise CommandError(f"{show_id} is no show id", "show_not_found")

    async def look(connected: Backends) -> VerifyReport:
        feed, tickets = JournalFeed(connected.nc), Tickets(connected.database)
        return await audit(feed, tickets, show_id)

    report = run_with(target, look)
    if show_id is not None and report.commits == 0:
        raise CommandError(f"the journal has no show {show_id}", "show_not_found")
    return report


def print_verdict(report: VerifyReport) -> None:
    """One line when all is well, otherwise what is wrong."""
    state = "[green]clean[/]" if report.ok else f"[red]{report.violation_count:,} found wrong[/]"
    counts = ", ".join(f"{count:,} {name}" for name, count in report.tickets.items())
    out.print(
        f"verify: {state}  {report.shows:,} shows, {report.blocks:,} blocks, "
        f"{report.commits:,} commits; tickets: {counts}"
    )
    if report.ok:
        return
    table = Table("show", "seat", "sequence", "what", box=None, pad_edge=False)
    for finding in report.violations[:SHOWN_FINDINGS_MAX]:
        table.add_row(finding.show, finding.seat, str(finding.sequence), finding.detail)
    out.print(table)
    if report.violation_count > SHOWN_FINDINGS_MAX:
        out.print(f"... {report.violation_count - SHOWN_FINDINGS_MAX:,} more (with --json)")
