"""`frontrow rehearse`: an on-sale of simulated buyers against a copy of a show, at the installation's own address."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from actors.domain.identity import SHOW_ID_PATTERN
from cluster.operate.answers import Data, Json
from cluster.operate.backup.backup import watched
from cluster.operate.client import Client
from cluster.operate.command import CommandError, Url, err, out, print_json, reported
from cluster.operate.crowd.show_map import ShowMap
from cluster.operate.crowd.tally import percentile
from cluster.operate.load import load_file, progress_bar
from cluster.operate.rehearsal.bottleneck import Measured, bottleneck
from cluster.operate.rehearsal.running import Rehearsal, commands_per_second, rehearse_on
from cluster.operate.rehearsal.shadow import shadow_body, shadow_csv
from cluster.operate.target import Target, find_target

BUYERS_MAX = 2_000
SECONDS_MIN, SECONDS_MAX = 5, 3_600
RATE_MAX = 5_000.0
HOT_COMMANDS_PER_SECOND = 5.0
"""A house whose hosts decide more than this is selling."""

LIMITED = "rate_limited"
"""The code of a refusal that is about one client, not about what the installation can do."""

PERCENTILES = (50, 95, 99)


@reported
def rehearse(
    show_id: Annotated[str, typer.Argument(metavar="SHOW_ID")],
    buyers: Annotated[int, typer.Option(min=1, max=BUYERS_MAX, help="Simulated buyers.")] = 50,
    seconds: Annotated[
        int, typer.Option(min=SECONDS_MIN, max=SECONDS_MAX, help="Length of the rehearsal.")
    ] = 30,
    rate: Annotated[
        float, typer.Option(min=0.1, max=RATE_MAX, help="At most so many holds a second.")
    ] = 10.0,
    pay: Annotated[
        bool, typer.Option("--pay", help="Buyers order and pay, at a local Stripe only.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also while a real sale is running hot.")
    ] = False,
    data: Data = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Rehearse an on-sale against a copy of a show: same seats, rules and prices, an id of its own, on no list.

    Refused while a real sale is hot, and slow unless told otherwise: it shares the hosts with whatever is sold. The
    copy's sale closes by itself; its blocks stay in the journal.
    """
    if SHOW_ID_PATTERN.match(show_id) is None:
        raise CommandError(f"{show_id} is no show id", "show_not_found")
    target = find_target(data, url)
    pay_at = play_money_at(target) if pay else None
    if not force:
        _refuse_hot(target)
    with Client(target) as client:
        show = client.get(f"/v1/shows/{show_id}")
        body = shadow_body(show, seconds)
        shadow = client.post("/v1/shows", body)
        _load(client, show_id, shadow["show_id"], quiet=as_json)
    rehearsal = Rehearsal()
    drawn = ShowMap(shadow["show_id"], shadow["name"], shadow["max_per_order"])
    if not as_json:
        out.print(f"rehearsing {escape(show['name'])} as {shadow['show_id']} for {seconds} s ...")
    with watched(quiet=as_json) as tell:
        asyncio.run(rehearse_on(target, drawn, buyers, seconds, rate, pay_at, rehearsal, tell))
    told = plain(show_id, shadow, rehearsal, buyers, rate)
    if as_json:
        print_json(told)
    else:
        _print(told)
    if rehearsal.stopped:
        raise typer.Exit(1)


def play_money_at(target: Target) -> str:
    """The local Stripe's address. Raises CommandError where a card would be a real one's, or a mail would be sent."""
    if target.provider is None or target.provider.api_base is None:
        raise CommandError("buyers pay at a local Stripe only: leave --pay out", "real_money")
    if target.settings.smtp_url is not None:
        raise CommandError("paid orders would be mailed: leave --pay out", "mails_would_be_sent")
    return target.provider.api_base


def _refuse_hot(target: Target) -> None:
    hot = asyncio.run(commands_per_second(target))
    if hot > HOT_COMMANDS_PER_SECOND:
        raise CommandError(
            f"a sale is running: the hosts decide {hot:,.0f} commands a second; wait, or --force",
            "sale_is_hot",
        )


def _load(client: Client, show_id: str, shadow_id: str, *, quiet: bool) -> None:
    text = shadow_csv(client.get(f"/v1/shows/{show_id}/seatmap"))
    if not text:
        return
    with (
        tempfile.TemporaryDirectory(prefix="frontrow-rehearsal-") as directory,
        progress_bar(err, quiet=quiet) as progress,
    ):
        file = Path(directory) / "seats.csv"
        file.write_text(text)
        loaded = load_file(client, shadow_id, file, progress)
    if loaded.failed or loaded.job["error_count"]:
        raise CommandError("the seats of the copy could not be loaded", "load_failed")


def plain(
    show_id: str, shadow: dict[str, Any], rehearsal: Rehearsal, buyers: int, rate: float
) -> dict[str, Any]:
    """The report."""
    tally, seconds = rehearsal.tally, max(rehearsal.seconds, 1e-9)
    asked = len(tally.latencies) / seconds
    commits = [item["p50_ms"] / 1000 for item in rehearsal.hosts if item.get("p50_ms")]
    measured = Measured(
        asked,
        rate,
        percentile(tally.latencies, 50),
        max(commits, default=0.0),
        rehearsal.queue,
        rehearsal.cpu,
        rehearsal.turned_away[LIMITED],
        rehearsal.turned_away.total() - rehearsal.turned_away[LIMITED],
    )
    latencies = {
        f"p{rank}_ms": round(percentile(tally.latencies, rank) * 1000, 1)
        if tally.latencies
        else None
        for rank in PERCENTILES
    }
    told = ("name", "activations", "depth", "commands", "p50_ms", "p99_ms", "memory")
    return {
        "show_id": show_id,
        "rehearsed_as": shadow["show_id"],
        "closes_at": shadow["sale_closes_at"],
        "buyers": buyers,
        "seconds": round(seconds, 1),
        "rate": rate,
        "asked_per_second": round(asked, 1),
        "holds": tally.holds,
        "holds_per_second": round(tally.holds / seconds, 1),
        "seats": tally.seats,
        "latency": latencies,
        "refusals": dict(tally.refusals.most_common()),
        "retries": dict(tally.retries.most_common()),
        "orders": tally.orders,
        "outcomes": dict(tally.outcomes.most_common()),
        "hosts": [{name: item.get(name) for name in told} for item in rehearsal.hosts],
        "queue_max": rehearsal.queue,
        "cpu": rehearsal.cpu,
        "stopped": rehearsal.stopped,
        "bottleneck": bottleneck(measured),
    }


def _print(told: dict[str, Any]) -> None:
    latency = told["latency"]
    out.print(
        f"[bold]{told['holds']:,} holds[/] of {told['seats']:,} seats in {told['seconds']} s: "
        f"{told['holds_per_second']:,} a second ({told['asked_per_second']:,} asked for)"
    )
    out.print(
        f"a hold: p50 {latency['p50_ms']}, p95 {latency['p95_ms']}, p99 {latency['p99_ms']} ms"
    )
    for name in ("refusals", "retries", "outcomes"):
        if told[name]:
            counts = ", ".join(f"{count:,} {why}" for why, count in told[name].items())
            out.print(f"{name}: {counts}")
    for host in told["hosts"]:
        p50, p99 = host["p50_ms"], host["p99_ms"]
        commits = f"commits p50 {p50:.1f}, p99 {p99:.1f} ms" if p50 is not None else "no commits"
        out.print(
            f"{host['name']}: {host['activations']} blocks, {host['commands']:,} commands, {commits}"
        )
    out.print(f"bottleneck: {escape(told['bottleneck'])}")
    if told["stopped"]:
        out.print(f"[red]ended early[/]: {escape(told['stopped'])}")
    out.print(f"the copy {told['rehearsed_as']} closes by itself at {told['closes_at']}")
