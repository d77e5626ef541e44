"""The composition roots of the services' processes: each service is a Ray actor that builds what it needs."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import structlog

from actors.domain.order import State
from actors.metrics import (
    HOSTS_ANSWERING,
    HOSTS_WANTED,
    LOAD_JOBS_WAITING,
    ORDERS_OVERDUE,
    PROJECTION_LAG,
)
from actors.placement import Placement
from cluster.bootstrap import (
    LOADING_SUBJECT,
    NOTICE_SUBJECT,
    PAYMENT_SUBJECT,
    Runtime,
    connect,
    host_limits,
    host_tuning,
)
from cluster.directory import HostTransport
from cluster.host_process import commit_id, now
from cluster.journal.feed import JournalFeed
from cluster.journal.floor import read_floor
from cluster.journal.lease import Lease
from cluster.journal.pokes import Pokes
from cluster.journal.publishing import publish_once
from cluster.journal.streams import JOURNAL, NOTICES, ORDERS
from cluster.journal.wakeups import schedule_wakeup, wakeup_consumer
from cluster.orders.announcing import Announcer, order_subject
from cluster.orders.refunding import Refunding
from cluster.orders.saga import Saga
from cluster.orders.seats import OrderSeats
from cluster.orders.tickets import TicketOffice
from cluster.payments.notice import Notice
from cluster.services.elasticity import ElasticityService, Hosts
from cluster.services.expiration import ExpirationService
from cluster.services.fulfilment import DOCUMENTS_BATCH_MAX, FulfilmentService
from cluster.services.loading import LoadingService, LoadingStore
from cluster.services.payment import PaymentService, Wakes
from cluster.services.projection import ProjectionService
from cluster.services.service import BuildService
from cluster.services.watch import WatchService
from cluster.settings import Settings, read_settings
from cluster.store.mailings import Mailings
from cluster.store.tickets import Tickets
from cluster.telemetry.sampler import Sampler

ELASTICITY_SUBJECT = "cluster.elasticity"
"""The lease of the process that decides how many hosts there are."""

_log = structlog.get_logger()


@asynccontextmanager
async def build_expiration() -> AsyncIterator[ExpirationService]:
    """The expiration service, in its actor's process and loop."""
    async with _connected("expiration") as runtime:
        yield expiration_service(runtime)


def expiration_service(runtime: Runtime) -> ExpirationService:
    return ExpirationService(
        partial(runtime.consumer, JOURNAL, "expiration", "journal.>"),
        partial(wakeup_consumer, runtime.consumer),
        partial(schedule_wakeup, runtime.nc),
        runtime.client.ask,
        runtime.clock,
        runtime.telemetry.meter,
    )


@asynccontextmanager
async def build_loading() -> AsyncIterator[LoadingService]:
    """The loading service, in its actor's process and loop."""
    async with _connected("loading") as runtime:
        pokes = await Pokes.listen(runtime.nc, LOADING_SUBJECT)
        runtime.sampler.watch(LOAD_JOBS_WAITING, runtime.jobs.waiting)
        store, owner = LoadingStore(runtime.shows, runtime.plans, runtime.jobs), commit_id()
        meter = runtime.telemetry.meter
        yield LoadingService(store, runtime.client.ask, pokes, now, f"loading-{owner}", meter)


@asynccontextmanager
async def build_projection() -> AsyncIterator[ProjectionService]:
    """The projection service, in its actor's process and loop."""
    async with _connected("projection") as runtime:
        service = ProjectionService(runtime.feed, Tickets(runtime.database))
        runtime.sampler.watch(PROJECTION_LAG, service.lag)
        yield service


@asynccontextmanager
async def build_watch() -> AsyncIterator[WatchService]:
    """The watch, in its actor's process and loop."""
    async with _connected("watch") as runtime:
        watch_hosts(runtime.sampler, runtime.placement, runtime.transport)
        yield watch_service(runtime)


def watch_hosts(
    sampler: Sampler, placement: Callable[[], Placement], transport: HostTransport
) -> None:
    """Nothing is placed on drained hosts: nobody is called because one of them does not answer."""

    async def answering() -> int:
        reports = await transport.reports(placement().serving())
        return sum(report is not None for report in reports)

    sampler.watch(HOSTS_WANTED, lambda: len(placement().serving()))
    sampler.watch(HOSTS_ANSWERING, answering)


def watch_service(runtime: Runtime) -> WatchService:
    order_events, meter = JournalFeed(runtime.nc, ORDERS), runtime.telemetry.meter
    return WatchService(runtime.feed, order_events, runtime.orders, meter, runtime.clock)


@asynccontextmanager
async def build_payment() -> AsyncIterator[PaymentService]:
    """The payment service, in its actor's process and loop."""
    async with _connected("payment") as runtime:
        pokes = await Pokes.listen(runtime.nc, PAYMENT_SUBJECT)
        service = payment_service(runtime, pokes)
        runtime.sampler.watch(ORDERS_OVERDUE, service.overdue)
        yield service


def payment_service(runtime: Runtime, wakes: Wakes) -> PaymentService:
    nc, ask, orders = runtime.nc, runtime.client.ask, runtime.orders
    announcer = Announcer(partial(publish_once, nc), orders)
    office = TicketOffice(runtime.admissions)
    saga = Saga(
        orders,
        runtime.gateway,
        ask,
        Refunding(runtime.gateway, OrderSeats(ask), office),
        runtime.clock,
        announcer,
    )
    return PaymentService(
        partial(runtime.consumer, JOURNAL, "payment", "journal.>"),
        partial(runtime.consumer, NOTICES, "payment", NOTICE_SUBJECT),
        _read_notice,
        saga,
        announcer,
        wakes,
        runtime.clock,
        runtime.telemetry.meter,
        lambda: runtime.breaker_open,
    )


def _read_notice(payload: bytes) -> Notice | None:
    from cluster.payments.webhooks import UnreadableNotice, read_notice

    try:
        return read_notice(payload)
    except UnreadableNotice as error:  # it was readable when it came in: written by another version
        _log.error("payment.unreadable_notice", reason=str(error))
        return None


@asynccontextmanager
async def build_fulfilment() -> AsyncIterator[FulfilmentService]:
    """The fulfilment service, in its actor's process and loop."""
    async with _connected("fulfilment") as runtime:
        yield fulfilment_service(runtime)


def fulfilment_service(runtime: Runtime) -> FulfilmentService:
    database, paid = runtime.database, order_subject(state=State.PAID)
    return FulfilmentService(
        partial(runtime.consumer, ORDERS, "door", paid),
        partial(runtime.consumer, ORDERS, "documents", paid, batch_max=DOCUMENTS_BATCH_MAX),
        runtime.orders,
        runtime.shows,
        TicketOffice(runtime.admissions),
        Mailings(database),
        runtime.stationery,
        runtime.clock,
    )


@asynccontextmanager
async def build_elasticity() -> AsyncIterator[ElasticityService]:
    """The elasticity service, in its actor's process and loop."""
    async with _connected("elasticity") as runtime:
        limits, nc = host_limits(runtime.settings), runtime.nc
        if limits is None:
            raise ValueError("FRONTROW_HOSTS_MAX is needed, above FRONTROW_HOSTS_MIN")
        lease = Lease(nc, ELASTICITY_SUBJECT, f"elasticity-{commit_id()}", time.monotonic)
        hosts = Hosts(
            lambda: runtime.placement().fleet,
            runtime.transport.reports,
            runtime.scale,
            runtime.strays,
            runtime.end_strays,
        )
        yield ElasticityService(
            hosts,
            limits,
            lease.hold,
            partial(read_floor, nc),
            runtime.clock,
            time.monotonic,
            host_tuning(runtime.settings),
        )


@asynccontextmanager
async def _connected(name: str) -> AsyncIterator[Runtime]:
    runtime = await connect(read_settings(), name)
    try:
        yield runtime
    finally:
        await runtime.close()


_SERVICES: dict[str, BuildService] = {
    "expiration": build_expiration,
    "fulfilment": build_fulfilment,
    "loading": build_loading,
    "payment": build_payment,
    "projection": build_projection,
}


def services(settings: Settings) -> dict[str, BuildService]:
    """The long-running services, each a Ray actor of its own. Nobody would hear of the watch without metrics."""
    wanted = dict(_SERVICES)
    if settings.elastic and settings.tickets_per_actor is None:
        wanted["elasticity"] = build_elasticity
    if settings.metrics_port is not None:
        wanted["watch"] = build_watch
    return wanted
