"""The composition root: the one place that builds clients and wires the parts together."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog

from actors.activation import Clock
from actors.client import TicketClient
from actors.domain.identity import BlockKey
from actors.domain.order import State
from actors.placement import Placement
from actors.ticket_host import RayTransport
from cluster.directory import Directory, HostTransport
from cluster.host_process import build_host, commit_id, now
from cluster.journal.connection import Client
from cluster.journal.connection import connect as connect_nats
from cluster.journal.consumer import DurableConsumer
from cluster.journal.feed import JournalFeed
from cluster.journal.jetstream import JetStreamJournal
from cluster.journal.pokes import Pokes, poke
from cluster.journal.publishing import publish_once
from cluster.journal.streams import JOURNAL, NOTICES, ORDERS
from cluster.journal.wakeups import schedule_wakeup, wakeup_consumer
from cluster.orders.announcing import Announcer, order_subject
from cluster.orders.checkout import Checkout
from cluster.orders.refunding import Refunding
from cluster.orders.saga import Saga
from cluster.orders.seats import OrderSeats
from cluster.orders.tickets import TicketOffice
from cluster.payments.gateway import PaymentGateway
from cluster.payments.missing import NoPayments
from cluster.payments.notice import Notice
from cluster.reads.show_names import ShowNames
from cluster.reads.views import Views
from cluster.services.expiration import ExpirationService
from cluster.services.fulfilment import DOCUMENTS_BATCH_MAX, FulfilmentService, Stationery
from cluster.services.loading import LoadingService, LoadingStore
from cluster.services.opening import open_show
from cluster.services.payment import PaymentService, Wakes
from cluster.services.projection import ProjectionService
from cluster.services.service import BuildService
from cluster.settings import Settings, read_settings
from cluster.store.admissions import Admissions
from cluster.store.jobs import Jobs
from cluster.store.mailings import Mailings
from cluster.store.mongo import Database
from cluster.store.orders import Orders
from cluster.store.plans import Plans
from cluster.store.show import Show
from cluster.store.shows import Shows
from cluster.store.tickets import Tickets
from cluster.telemetry import configure_logs
from cluster.ticketing.codes import TicketKeys
from cluster.ticketing.mail import sender_address
from cluster.ticketing.mailer import OutboxMailer, SmtpMailer
from cluster.ticketing.objects import Objects

NOTICE_SUBJECT = "notices.stripe"
PAYMENT_SUBJECT = "pokes.payment"
"""Tells the payment service that an order has something to do."""

LOADING_SUBJECT = "pokes.loading"
"""Tells the loading service that there is a job; it looks by itself every few seconds as well."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Runtime:
    """What a replica or a service works with.

    `entropy` gives so many random bytes; `in_flight` is the work that goes on when its client has hung up.
    """

    settings: Settings
    nc: Client
    journal: JetStreamJournal
    feed: JournalFeed
    database: Database
    shows: Shows
    plans: Plans
    jobs: Jobs
    orders: Orders
    admissions: Admissions
    ticket_keys: TicketKeys
    gateway: PaymentGateway
    stationery: Stationery
    directory: Directory
    transport: HostTransport
    client: TicketClient
    views: Views
    show_names: ShowNames
    clock: Clock = now
    entropy: Callable[[int], bytes] = secrets.token_bytes
    in_flight: set[asyncio.Task[Any]] = field(default_factory=set[asyncio.Task[Any]])

    def placement(self) -> Placement:
        return self.directory.placement()

    async def scale(self, hosts: int) -> None:
        await self.directory.scale(self.transport, hosts)

    async def open_show(self, show: Show) -> None:
        """Put the areas of a show on sale. Raises JournalUnavailable."""
        await open_show(show, self.client.ask)

    async def poke_loading(self) -> None:
        await poke(self.nc, LOADING_SUBJECT)

    @property
    def checkout(self) -> Checkout:
        return Checkout(self.orders, self.gateway, self.client.ask, self.clock)

    async def poke_payment(self) -> None:
        await poke(self.nc, PAYMENT_SUBJECT)

    async def store_notice(self, event_id: str, payload: bytes) -> None:
        """Returns when a notice of the payment provider is stored. Raises JournalUnavailable."""
        await publish_once(self.nc, NOTICE_SUBJECT, event_id, payload)

    async def journal_ready(self) -> None:
        """Raises JournalUnavailable."""
        await self.journal.last_sequence(BlockKey("ready", 0))

    async def store_ready(self) -> None:
        """Raises StoreUnavailable."""
        await self.database.ping()

    async def close(self) -> None:
        await self.views.close()
        await self.directory.close()
        await self.gateway.close()
        self.stationery.close()
        await self.nc.close()
        await self.database.close()


async def connect(settings: Settings, name: str, transport: HostTransport | None = None) -> Runtime:
    """Everything that a process with these settings needs; `transport` None is Ray.

    Raises JournalUnavailable without NATS. MongoDB need not be there yet.
    """
    configure_logs()
    if settings.nats_url is None or settings.mongodb_url is None:
        raise ValueError("FRONTROW_NATS_URL and FRONTROW_MONGODB_URL are needed")
    ticket_keys = _ticket_keys(settings)
    nc = await connect_nats(settings.nats_url, name)
    journal, feed = JetStreamJournal(nc), JournalFeed(nc)
    database = Database(settings.mongodb_url, settings.mongodb_database)
    directory = Directory(nc, settings.hosts, settings.tickets_per_actor is not None)
    await directory.watch()
    if transport is None:
        transport = RayTransport(
            settings.ray_namespace, partial(build_host, settings.nats_url), settings.host_resource
        )
    shows = Shows(database)
    return Runtime(
        settings,
        nc,
        journal,
        feed,
        database,
        shows,
        Plans(database),
        Jobs(database),
        Orders(database),
        Admissions(database),
        ticket_keys,
        _gateway(settings),
        _stationery(settings, ticket_keys),
        directory,
        transport,
        TicketClient(transport, directory.placement, time.monotonic),
        Views(journal, feed),
        ShowNames(shows),
    )


def _ticket_keys(settings: Settings) -> TicketKeys:
    if settings.ticket_keys is None:
        raise ValueError("FRONTROW_TICKET_KEYS is needed: tickets are signed with it")
    return TicketKeys.parse(settings.ticket_keys.get_secret_value())


def _gateway(settings: Settings) -> PaymentGateway:
    if settings.stripe_secret_key is None:
        return NoPayments()
    from cluster.payments.stripe_gateway import StripeGateway  # half a second that most do not need

    return StripeGateway(settings.stripe_secret_key.get_secret_value(), settings.stripe_api_base)


def _stationery(settings: Settings, keys: TicketKeys) -> Stationery:
    """Without an object store and a mail server: a folder each, in the data directory."""
    directory = settings.data_dir.absolute()
    smtp = settings.smtp_url
    mailer = SmtpMailer(smtp.get_secret_value()) if smtp else OutboxMailer(directory / "outbox")
    return Stationery(
        keys,
        Objects(settings.tickets_url or (directory / "tickets").as_uri()),
        mailer,
        sender_address(settings.mail_from),
        f"{settings.public_url}/orders/" if settings.public_url else None,
    )


@asynccontextmanager
async def build_expiration() -> AsyncIterator[ExpirationService]:
    """The expiration service, in its actor's process and loop."""
    async with _connected("expiration") as runtime:
        yield expiration_service(runtime)


def expiration_service(runtime: Runtime) -> ExpirationService:
    nc = runtime.nc
    return ExpirationService(
        lambda handler: DurableConsumer(nc, JOURNAL, "expiration", "journal.>", handler),
        partial(wakeup_consumer, nc),
        partial(schedule_wakeup, nc),
        runtime.client.ask,
        runtime.clock,
    )


@asynccontextmanager
async def build_loading() -> AsyncIterator[LoadingService]:
    """The loading service, in its actor's process and loop."""
    async with _connected("loading") as runtime:
        pokes = await Pokes.listen(runtime.nc, LOADING_SUBJECT)
        store = LoadingStore(runtime.shows, runtime.plans, runtime.jobs)
        yield LoadingService(store, runtime.client.ask, pokes, now, f"loading-{commit_id()}")


@asynccontextmanager
async def build_projection() -> AsyncIterator[ProjectionService]:
    """The projection service, in its actor's process and loop."""
    async with _connected("projection") as runtime:
        yield ProjectionService(runtime.feed, Tickets(runtime.database))


@asynccontextmanager
async def build_payment() -> AsyncIterator[PaymentService]:
    """The payment service, in its actor's process and loop."""
    async with _connected("payment") as runtime:
        pokes = await Pokes.listen(runtime.nc, PAYMENT_SUBJECT)
        yield payment_service(runtime, pokes)


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
        lambda handler: DurableConsumer(nc, JOURNAL, "payment", "journal.>", handler),
        lambda handler: DurableConsumer(nc, NOTICES, "payment", NOTICE_SUBJECT, handler),
        _read_notice,
        saga,
        announcer,
        wakes,
        runtime.clock,
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
    nc, database, paid = runtime.nc, runtime.database, order_subject(state=State.PAID)
    return FulfilmentService(
        lambda handler: DurableConsumer(nc, ORDERS, "door", paid, handler),
        lambda handler: DurableConsumer(
            nc, ORDERS, "documents", paid, handler, DOCUMENTS_BATCH_MAX
        ),
        runtime.orders,
        runtime.shows,
        TicketOffice(runtime.admissions),
        Mailings(database),
        runtime.stationery,
    )


@asynccontextmanager
async def _connected(name: str) -> AsyncIterator[Runtime]:
    runtime = await connect(read_settings(), name)
    try:
        yield runtime
    finally:
        await runtime.close()


SERVICES: dict[str, BuildService] = {
    "expiration": build_expiration,
    "fulfilment": build_fulfilment,
    "loading": build_loading,
    "payment": build_payment,
    "projection": build_projection,
}
"""The long-running services, each a Ray actor of its own."""
