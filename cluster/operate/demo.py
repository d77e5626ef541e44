"""`frontrow demo` (and `make demo`): the whole product at work, on this machine, in about a minute.

It starts a stack, puts a theatre and a stadium on sale (or the hall of `--plan FILE`), lets simulated buyers buy over
HTTP, kills a host with `kill -9` in the middle, and checks every seat's history afterwards. Then it keeps serving until
Ctrl-C, which stops everything; with `--once`, or where CI is set and there is no terminal, it stops by itself.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.live import Live
from rich.markup import escape

from cluster.embedded.run_record import RunRecord
from cluster.operate.answers import Data, Json
from cluster.operate.child_stack import own_stack
from cluster.operate.client import Client
from cluster.operate.command import CommandError, err, out, print_json, reported
from cluster.operate.crowd.outcome import Outcome
from cluster.operate.crowd.tally import percentile
from cluster.operate.load import print_report, progress_bar
from cluster.operate.sale import (
    Offer,
    Sale,
    house_offers,
    offer_of,
    play_money,
    put_on_sale,
    run_sale,
)
from cluster.operate.sale_view import (
    live_view,
    one_line,
    orders_table,
    shows_table,
    tally_table,
)
from cluster.operate.target import Target, find_target
from cluster.operate.verdict import print_verdict, verdict_of
from cluster.operate.verify import VerifyReport

BUYERS_MAX = 2_000
SECONDS_MIN, SECONDS_MAX = 5, 3_600
FRAMES_PER_SECOND = 4
LINE_SECONDS = 5.0
NO_PLAY_MONEY = (
    "STRIPE_SECRET_KEY is set without STRIPE_API_BASE: buyers hold seats, and order and pay nothing"
)
HOSTS = 2


@reported
def demo(
    plan: Annotated[
        Path | None, typer.Option(help="A hall of your own: pretix plan (JSON), CSV or NDJSON.")
    ] = None,
    buyers: Annotated[int, typer.Option(min=1, max=BUYERS_MAX, help="Simulated buyers.")] = 200,
    seconds: Annotated[
        int, typer.Option(min=SECONDS_MIN, max=SECONDS_MAX, help="Length of the sale.")
    ] = 35,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 picks a free one.")] = 8000,
    data: Data = None,
    once: Annotated[
        bool, typer.Option("--once", help="Do not keep serving: stop everything and exit.")
    ] = False,
    ci: Annotated[str, typer.Option(envvar="CI", hidden=True)] = "",
    as_json: Json = False,
) -> None:
    """A real venue on sale: buyers, a host killed in the middle, and the proof that nothing was lost.

    Without --data everything is in a temporary directory. Exit code 1 when something was lost or sold twice.
    """
    once = once or as_json or (ci.lower() not in ("", "0", "false") and not sys.stdout.isatty())
    with (
        _directory(data) as directory,
        tempfile.TemporaryDirectory(prefix="frontrow-files-") as files,
    ):
        offers = [offer_of(plan)] if plan is not None else house_offers(Path(files))
        with _starting(directory, port, quiet=as_json) as record:
            sale = _sale(directory, offers, buyers, float(seconds), quiet=as_json)
            verdict = verdict_of(find_target(directory))
            if as_json:
                print_json(_plain(record, sale, verdict))
            else:
                _print(record, sale, verdict)
            clean = verdict.ok and sale.check is not None and sale.check.clean
            if clean and not once:
                _serve(record)
    if not clean:
        raise CommandError("the demo found something wrong: see above", "not_clean")


@contextmanager
def _directory(data: Path | None) -> Iterator[Path]:
    """The given directory, or one that is gone afterwards."""
    if data is not None:
        yield data
        return
    with tempfile.TemporaryDirectory(prefix="frontrow-demo-", ignore_cleanup_errors=True) as made:
        yield Path(made)


@contextmanager
def _starting(directory: Path, port: int, *, quiet: bool) -> Iterator[RunRecord]:
    """The stack, with a word to whoever waits for its start and its end."""
    if not quiet:
        out.print(
            "starting nats-server, mongod, Ray and the HTTP server on loopback (10 to 30 s) ..."
        )
    with own_stack(directory, port=port, hosts=HOSTS) as record:
        if not quiet:
            out.print(f"ready: {record.url}")
        yield record
        if not quiet:
            out.print("stopping everything ...")


def _sale(
    directory: Path, offers: list[Offer], buyers: int, seconds: float, *, quiet: bool
) -> Sale:
    target, sale = find_target(directory), Sale(seconds)
    with Client(target) as client:
        for offer in offers:
            with progress_bar(err, quiet=quiet) as progress:
                show, loaded = put_on_sale(client, offer, progress)
            sale.shows.append(show)
            sale.loads.append(loaded)
            if not quiet:
                print_report(
                    out, loaded.job, loaded.job["seats_loaded"], f"{show.name} ({offer.file.name})"
                )
    if not quiet:
        out.print(f"\n{buyers} buyers, {seconds:.0f} s; a host is killed in the middle")
        if play_money(target) is None:
            out.print(NO_PLAY_MONEY, style="yellow")
    asyncio.run(_shown(target, sale, [offer.weight for offer in offers], buyers, quiet=quiet))
    return sale


async def _shown(
    target: Target, sale: Sale, weights: list[float], buyers: int, *, quiet: bool
) -> None:
    """The sale, with a live view on a terminal and a line now and then elsewhere."""
    selling = asyncio.create_task(run_sale(target, sale, weights, buyers))
    try:
        if quiet:
            await selling
        elif out.is_terminal:
            with Live(console=out, auto_refresh=False, transient=True) as live:
                while not selling.done():
                    live.update(live_view(sale), refresh=True)
                    await asyncio.wait([selling], timeout=1 / FRAMES_PER_SECOND)
        else:
            while not selling.done():
                await asyncio.wait([selling], timeout=LINE_SECONDS)
                if sale.started:
                    out.print(one_line(sale))
        await selling
    except ExceptionGroup as group:  # a task of the sale has failed: the first reason is the news
        raise group.exceptions[0] from None
    finally:
        selling.cancel()
        await asyncio.gather(selling, return_exceptions=True)


def _print(record: RunRecord, sale: Sale, verdict: VerifyReport) -> None:
    out.print(shows_table(sale))
    out.print(tally_table(sale.tally, outcomes=False))
    for line in sale.news:
        out.print(line, style="yellow")
    if sale.tally.orders:
        out.print(orders_table(sale))
    if sale.check is not None:
        check = sale.check
        out.print(
            f"holds that buyers still have by the clock: {check.expected:,}, found {check.found:,}"
        )
        shown = f"orders that they were shown as paid: {check.paid_orders:,}; "
        out.print(
            f"{shown if sale.tally.orders else ''}lost: {len(check.lost):,}; "
            f"seats that two of them have: {len(check.shared_seats):,}"
        )
        for lost in check.lost:
            out.print(f"LOST {lost}", style="red")
    print_verdict(verdict)
    out.print(f"\nweb page: {record.url}/")
    for show in sale.shows:
        out.print(f"{escape(show.name)}: {record.url}/shows/{show.show_id}")


def _serve(record: RunRecord) -> None:
    out.print(f"\nserving at {record.url} until Ctrl-C")
    try:
        signal.pause()
    except KeyboardInterrupt:
        out.print()


def _plain(record: RunRecord, sale: Sale, verdict: VerifyReport) -> dict[str, Any]:
    tally = sale.tally
    return {
        "url": record.url,
        "shows": [
            {"show_id": show.show_id, "name": show.name, "counts": show.total(), "load": loaded.job}
            for show, loaded in zip(sale.shows, sale.loads, strict=True)
        ],
        "holds": tally.holds,
        "seats_held": tally.seats,
        "refusals": dict(tally.refusals),
        "sent_again": dict(tally.retries),
        "live_updates": tally.updates,
        "answer_ms": _milliseconds(tally.latencies),
        "buyers_pay": sale.refunds is not None,
        "orders": {
            "placed": tally.orders,
            **{outcome.name.lower(): tally.outcomes[outcome] for outcome in Outcome},
        },
        "cards": dict(tally.cards),
        "card_to_tickets_ms": _milliseconds(tally.ticket_seconds),
        "refunds": sale.refunds,
        "recovery": sale.recovery,
        "promised_holds": sale.check,
        "verify": verdict.plain(),
    }


def _milliseconds(seconds: list[float]) -> dict[str, float] | None:
    if not seconds:
        return None
    return {f"p{percent}": round(percentile(seconds, percent) * 1000, 1) for percent in (50, 99)}
