"""The bench's table: each figure with what it is held to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from cluster.operate.bench.bench import Results
    from cluster.operate.bench.lookers import PageRun, StreamRun
    from cluster.operate.bench.sales import SaleRun

RATIO_MIN = 0.35
LOAD_SECONDS_MAX = 10.0
BYTES_PER_SEAT_MAX = 500
KILL_SECONDS_MAX = 1.0
SECOND_UP_SECONDS_MAX = 45.0
PAGE_BYTES_MAX = 60_000
PAGE_MS_MAX = 50
STREAMS_BYTES_MAX = 150_000_000
HEARD_SECONDS_MAX = 1.0
SALES_MIN = 135
"""Paid tickets per second on two cores."""


def results_table(results: Results) -> Table:
    """What, how much, what it should be, and whether it is."""
    machine = results.machine
    title = (
        f"{machine.cpus} CPUs, {machine.memory_gb} GB, load {machine.load_before} before; "
        f"write + fdatasync of 4 KiB: p50 {machine.fdatasync_p50_ms} ms, p99 {machine.fdatasync_p99_ms} ms"
    )
    table = Table("what", "measured", "should be", "", title=title, box=None, title_justify="left")
    for run in results.holds:
        kind = "with Idempotency-Key" if run.keyed else "without key"
        kind += ", over all blocks" if run.spread else ", section by section"
        agrees = "journal agrees" if run.journal_agrees else f"JOURNAL HAS {run.journal_holds:,}"
        figure = f"{run.hold_rate:,.0f}/s, no-op {run.noop_rate:,.0f}/s: ratio {run.ratio}"
        _row(
            table,
            f"holds of 2 seats, {run.connections} connections, {kind}",
            figure,
            f">= {RATIO_MIN}",
            run.ratio >= RATIO_MIN,
        )
        answers = f"p50 {run.p50_ms:.0f} ms, p99 {run.p99_ms:.0f} ms"
        detail = f"{answers}; {run.refused:,} refused, {run.lost:,} lost; {agrees}"
        table.add_row("", detail)
        used = ", ".join(f"{role} {ms}" for role, ms in run.cpu_ms_per_hold.items() if ms)
        table.add_row("", f"CPU ms a hold: {used}")
    table.add_row("refusals on one taken seat, 32 connections", f"{results.refusals_rate:,.0f}/s")
    best = f"{results.best_available_rate:,.0f}/s ({results.best_available_refused:,} refused)"
    table.add_row("best available, 2 seats of the whole house, 32 connections", best)
    load = f"{results.load_first_seat_seconds} s (last seat of the file {results.load_last_seat_seconds} s)"
    _row(
        table,
        "50,000 seats from CSV until the first hold",
        load,
        f"< {LOAD_SECONDS_MAX:.0f} s",
        results.load_last_seat_seconds < LOAD_SECONDS_MAX,
    )
    bytes_text = f"{results.bytes_per_seat_pss:.0f} bytes PSS, {results.bytes_per_seat_rss:.0f} RSS"
    _row(
        table,
        "a host's memory per seat",
        bytes_text,
        f"< {BYTES_PER_SEAT_MAX} bytes",
        results.bytes_per_seat_rss < BYTES_PER_SEAT_MAX,
    )
    if results.page is not None:
        _page(table, results.page)
    if results.streams is not None:
        _streams(table, results.streams)
    for run in results.sales:
        _sales(table, run)
    if results.kill is not None:
        kill = results.kill
        gap = f"{kill.gap} s after the new process ({kill.recovery.hold_seconds:.2f} s after the kill)"
        _row(
            table,
            f"kill -9 of the host, {kill.events:,} events: first hold",
            gap,
            f"<= {KILL_SECONDS_MAX:.0f} s",
            kill.recovery.held and kill.gap <= KILL_SECONDS_MAX,
        )
    table.add_row("first start until ready", f"{results.first_up_seconds} s")
    _row(
        table,
        "start over existing state until ready",
        f"{results.second_up_seconds} s",
        f"< {SECOND_UP_SECONDS_MAX:.0f} s",
        results.second_up_seconds < SECOND_UP_SECONDS_MAX,
    )
    return table


def _page(table: Table, run: PageRun) -> None:
    figure = f"{run.html_bytes:,} bytes, {run.sent_bytes:,} as sent"
    good = run.html_bytes < PAGE_BYTES_MAX
    _row(table, "the page of 50,000 seats", figure, f"< {PAGE_BYTES_MAX:,} bytes", good)
    times = f"{run.again_ms} ms, {run.kept_ms} ms when the browser has it"
    good = max(run.again_ms, run.kept_ms) < PAGE_MS_MAX
    _row(table, "", f"{times} ({run.first_ms} ms the first time)", f"< {PAGE_MS_MAX} ms", good)


def _streams(table: Table, run: StreamRun) -> None:
    what = f"{run.streams:,} open streams of one replica"
    figure, wanted = f"{run.replica_bytes / 1e6:.0f} MB", f"< {STREAMS_BYTES_MAX / 1e6:.0f} MB"
    _row(table, what, figure, wanted, run.replica_bytes < STREAMS_BYTES_MAX)
    heard = f"a hold ({run.hold_seconds} s) is heard of after {run.first_seconds} to {run.last_seconds} s"
    good = run.last_seconds < HEARD_SECONDS_MAX
    _row(table, "", heard, f"< {HEARD_SECONDS_MAX:.0f} s", good)


def _sales(table: Table, run: SaleRun) -> None:
    what = f"paid tickets from end to end, {run.buyers} buyers at a time"
    _row(table, what, f"{run.rate}/s", f">= {SALES_MIN}/s", run.rate >= SALES_MIN)
    agrees = "the ledgers agree" if run.agrees else "THE LEDGERS DISAGREE"
    answers = f"hold to paid order p50 {run.p50_ms:.0f} ms, p99 {run.p99_ms:.0f} ms"
    table.add_row(
        "", f"{answers}; {run.looks_per_sale} looks a sale, {run.failed} failed; {agrees}"
    )
    used = ", ".join(f"{role} {ms}" for role, ms in run.cpu_ms_per_sale.items() if ms)
    table.add_row("", f"CPU ms a sale: {used} ({run.documents} documents printed meanwhile)")


def _row(table: Table, what: str, figure: str, wanted: str, good: bool) -> None:
    table.add_row(what, figure, wanted, "[green]yes[/]" if good else "[red]no[/]")
