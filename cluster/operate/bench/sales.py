"""Paid tickets per second, from end to end, and where the CPU time of a sale goes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import psutil

from cluster.operate.bench.measures import Bench
from cluster.operate.bench.processes import cpu_seconds
from cluster.operate.bench.till import Sales, Till
from cluster.operate.bench.venue import loaded_venue
from cluster.operate.client import Client
from cluster.operate.command import CommandError
from cluster.operate.crowd.tally import percentile
from cluster.operate.verdict import verdict_of

BUYERS = (8, 32, 128)
"""Buyers at a time."""

SEATS = 20_000
WARM_SECONDS = 2.0
SERVICES = "/v1/operator/services"
CLIENT = "the bench's own buyers"


@dataclass(frozen=True, slots=True)
class SaleRun:
    """One-seat orders, from the hold's request to an order that says it is paid. `cpu_ms_per_sale` is by role, the
    largest first; `documents` were printed meanwhile, the others later. `agrees`: the three ledgers do."""

    buyers: int
    sales: int
    failed: int
    rate: float
    p50_ms: float
    p99_ms: float
    looks_per_sale: float
    documents: int
    cpu_ms_per_sale: dict[str, float]
    agrees: bool


def sale_run(bench: Bench, buyers: int) -> SaleRun:
    """Distinct seats of a fresh show, spread over all its blocks, at a Stripe that answers at once."""
    stripe = bench.record.stripe_api_base
    if stripe is None or bench.record.stripe_pid is None:
        raise CommandError("sales are measured at a local Stripe: unset STRIPE_SECRET_KEY")
    with Client(bench.target) as client:
        venue = loaded_venue(client, f"sales {buyers}", SEATS, bench.directory)
        named = _service_pids(client)
    till = Till(bench.record.url, stripe, venue.holds_path, iter(venue.singles()))
    asyncio.run(till.sell(buyers, WARM_SECONDS))
    before, printed = _used(bench, named), _documents(bench)
    sales = asyncio.run(till.sell(buyers, bench.seconds))
    after, documents = _used(bench, named), _documents(bench) - printed
    used = {role: after[role] - before.get(role, 0.0) for role in after}
    report = verdict_of(bench.target, venue.show.show_id)
    return _run(buyers, sales, used, documents, agrees=report.ok)


def _used(bench: Bench, named: dict[int, str]) -> dict[str, float]:
    own = psutil.Process().cpu_times()
    return {**cpu_seconds(bench.record.sentinel, named), CLIENT: own.user + own.system}


def _service_pids(client: Client) -> dict[int, str]:
    return {item["pid"]: item["service"] for item in client.get(SERVICES) if item["running"]}


def _documents(bench: Bench) -> int:
    """Documents made so far."""
    with Client(bench.target) as client:
        items = client.get(SERVICES)
    return next((item["mailed"] for item in items if item["service"] == "fulfilment"), 0)


def _run(
    buyers: int, sales: Sales, used: dict[str, float], documents: int, *, agrees: bool
) -> SaleRun:
    count = max(1, len(sales.took))
    largest = sorted(used.items(), key=lambda item: -item[1])
    return SaleRun(
        buyers,
        len(sales.took),
        sales.failed,
        round(sales.rate, 1),
        round(percentile(sales.took, 50) * 1e3, 1),
        round(percentile(sales.took, 99) * 1e3, 1),
        round(sales.looks / count, 2),
        documents,
        {role: round(seconds * 1e3 / count, 2) for role, seconds in largest},
        agrees,
    )
