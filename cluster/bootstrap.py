"""The composition root: the one place that builds clients and wires the parts together."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog

from actors.activation import Clock
from actors.client import TicketClient
from actors.domain.identity import BlockKey
from actors.fleet import HOSTS_MAX, FleetRefusal
from actors.metrics import (
    BREAKER_OPEN,
    CONSUMER_LAG,
    HOLDS_IN_FLIGHT,
    SSE_CLIENTS,
    VIEWS,
    Emitter,
)
from actors.placement import Placement
from actors.telemetry import Telemetry
from actors.ticket_host import RayTransport
from cluster.accounts.authentication import Authentication
from cluster.accounts.hashing import Passwords
from cluster.accounts.links import Links
from cluster.directory import Directory, HostTransport
from cluster.elasticity.policy import Limits, Tuning
from cluster.elasticity.preparing import Preparing
from cluster.host_process import build_host, now
from cluster.journal.connection import Client
from cluster.journal.connection import connect as connect_nats
from cluster.journal.consumer import BATCH_MESSAGES_MAX, DurableConsumer, Handler
from cluster.journal.feed import JournalFeed
from cluster.journal.floor import raise_floor
from cluster.journal.jetstream import JetStreamJournal
from cluster.journal.pokes import poke
from cluster.journal.probe import Probe
from cluster.journal.publishing import publish_once
from cluster.journal.roll import answer_roll, call_roll
from cluster.journal.streams import ORDERS
from cluster.orders.checkout import Checkout
from cluster.orders.watching import OrderWatchers
from cluster.payments.breaker import CircuitBreaker
from cluster.payments.gateway import PaymentGateway
from cluster.payments.metered import MeteredGateway
from cluster.payments.missing import NoPayments
from cluster.reads.show_names import ShowNames
from cluster.reads.views import OPEN_SECONDS_MAX, Views
from cluster.services.fulfilment import Stationery
from cluster.services.opening import open_show
from cluster.settings import Settings
from cluster.store.accounts import Accounts
from cluster.store.admissions import Admissions
from cluster.store.answers import Answers
from cluster.store.attempts import Attempts
from cluster.store.jobs import Jobs
from cluster.store.mongo import Database
from cluster.store.orders import Orders
from cluster.store.plans import Plans
from cluster.store.sessions import Sessions
from cluster.store.show import Show
from cluster.store.shows import Shows
from cluster.telemetry.opening import TelemetryOptions, open_telemetry
from cluster.telemetry.sampler import Sampler
from cluster.ticketing.codes import TicketKeys
from cluster.ticketing.mail import sender_address
from cluster.ticketing.mailer import OutboxMailer, SmtpMailer
from cluster.ticketing.objects import Objects

NOTICE_SUBJECT = "notices.stripe"
PAYMENT_SUBJECT = "pokes.payment"
"""Tells the payment service that an order has something to do."""

LOADING_SUBJECT = "pokes.loading"
"""Tells the loading service that there is a job; it looks by itself every few seconds as well."""

VIEWS_SUBJECT = "rolls.views"
"""Calls all replicas to open the view of a show."""

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
    order_watchers: OrderWatchers
    show_names: ShowNames
    telemetry: Telemetry
    sampler: Sampler
    probe: Probe
    clock: Clock = now
    entropy: Callable[[int], bytes] = secrets.token_bytes
    in_flight: set[asyncio.Task[Any]] = field(default_factory=set[asyncio.Task[Any]])
    passwords: Passwords = field(default_factory=Passwords)

    def placement(self) -> Placement:
        return self.directory.placement()

    async def scale(self, hosts: int) -> FleetRefusal | None:
        return await self.directory.scale(self.transport, hosts)

    async def grow(self, serving: int) -> FleetRefusal | None:
        return await self.directory.grow(self.transport, serving)

    async def strays(self) -> list[str]:
        return await self.directory.strays(self.transport)

    async def end_strays(self, names: list[str]) -> None:
        await self.directory.end_strays(self.transport, names)

    async def drain(self, host: str, drained: bool) -> FleetRefusal | None:
        change = self.directory.drain if drained else self.directory.undrain
        return await change(self.transport, host)

    async def restart(self, host: str) -> FleetRefusal | None:
        return await self.directory.restart(self.transport, host)

    async def move(self, block: BlockKey, host: str | None) -> FleetRefusal | None:
        return await self.directory.move(self.transport, block, host)

    async def open_show(self, show: Show) -> None:
        """Put the areas of a show on sale. Raises JournalUnavailable."""
        await open_show(show, self.client.ask)

    async def answer_views(self) -> None:
        """Open views when a preparation asks all replicas for it."""

        async def open_view(show_id: bytes) -> bool:
            return await self.views.view(show_id.decode()) is not None

        await answer_roll(self.nc, VIEWS_SUBJECT, open_view)

    async def warm_views(self, show_id: str) -> tuple[int, int]:
        """How many replicas there are, and how many have the view of a show now."""
        return await call_roll(self.nc, VIEWS_SUBJECT, show_id.encode(), OPEN_SECONDS_MAX)

    @property
    def preparing(self) -> Preparing:
        placement, limits = self.placement(), host_limits(self.settings)
        drained = len(placement.names()) - len(placement.serving())
        return Preparing(
            self.views.view,
            lambda: len(self.placement().serving()),
            self.grow,
            self.client.ask,
            self.warm_views,
            partial(raise_floor, self.nc),
            None if limits is None else limits.beside(drained),
            HOSTS_MAX - drained,
            self.clock,
        )

    async def poke_loading(self) -> None:
        await poke(self.nc, LOADING_SUBJECT)

    @property
    def checkout(self) -> Checkout:
        return Checkout(self.orders, self.gateway, self.client.ask, self.clock, self.views.catch_up)

    @property
    def answers(self) -> Answers:
        return Answers(self.database)

    @property
    def authentication(self) -> Authentication:
        return Authentication(
            Accounts(self.database),
            Sessions(self.database),
            self.attempts,
            self.passwords,
            self.clock,
            self.entropy,
        )

    @property
    def attempts(self) -> Attempts:
        return Attempts(self.database)

    @property
    def links(self) -> Links:
        return Links(self.ticket_keys.derived)

    @property
    def breaker_open(self) -> bool | None:
        """Whether this process leaves the payment provider alone; None where none is set up."""
        gateway = self.gateway
        return gateway.breaker.turns_away if isinstance(gateway, MeteredGateway) else None

    async def poke_payment(self) -> None:
        await poke(self.nc, PAYMENT_SUBJECT)

    async def store_notice(self, event_id: str, payload: bytes) -> None:
        """Returns when a notice of the payment provider is stored. Raises JournalUnavailable."""
        await publish_once(self.nc, NOTICE_SUBJECT, event_id, payload)

    async def journal_ready(self) -> None:
        """Whether the journal can be read and written. Raises JournalUnavailable."""
        await self.probe.ask()

    async def store_ready(self) -> None:
        """Raises StoreUnavailable."""
        await self.database.ping()

    def consumer(
        self,
        stream: str,
        name: str,
        subjects: str,
        handler: Handler,
        batch_max: int = BATCH_MESSAGES_MAX,
    ) -> DurableConsumer:
        """A durable consumer whose lag is watched."""
        made = DurableConsumer(self.nc, stream, name, subjects, handler, batch_max, self.telemetry)
        self.sampler.watch(CONSUMER_LAG, made.lag, stream, name)
        return made

    async def close(self) -> None:
        await self.sampler.close()
        await self.views.close()
        await self.order_watchers.close()
        await self.directory.close()
        await self.gateway.close()
        self.stationery.close()
        self.passwords.close()
        await self.nc.close()
        await self.database.close()


async def connect(
    settings: Settings,
    name: str,
    transport: HostTransport | None = None,
    telemetry: Telemetry | None = None,
) -> Runtime:
    """Everything that a process with these settings needs; `transport` None is Ray, `telemetry` None what the settings
    say.

    Raises JournalUnavailable without NATS. MongoDB need not be there yet.
    """
    options = telemetry_options(settings)
    telemetry = telemetry or open_telemetry(options, name)
    if settings.nats_url is None or settings.mongodb_url is None:
        raise ValueError("FRONTROW_NATS_URL and FRONTROW_MONGODB_URL are needed")
    ticket_keys = _ticket_keys(settings)
    nc = await connect_nats(settings.nats_url, name)
    journal, feed = JetStreamJournal(nc, telemetry=telemetry), JournalFeed(nc)
    database = Database(settings.mongodb_url, settings.mongodb_database)
    directory = Directory(nc, settings.hosts, settings.tickets_per_actor is not None)
    await directory.watch()
    if transport is None:
        build = partial(build_host, settings.nats_url, options=options)
        transport = RayTransport(settings.ray_namespace, build, settings.host_resource)
    shows = Shows(database)
    gateway = _gateway(settings, telemetry)
    runtime = Runtime(
        settings,
        nc,
        journal,
        feed,
        database,
        shows,
        Plans(database),
        Jobs(database),
        Orders(database, telemetry.meter),
        Admissions(database),
        ticket_keys,
        gateway,
        _stationery(settings, ticket_keys),
        directory,
        transport,
        TicketClient(transport, directory.placement, time.monotonic, telemetry),
        Views(journal, feed),
        OrderWatchers(JournalFeed(nc, ORDERS)),
        ShowNames(shows),
        telemetry,
        Sampler(telemetry.meter),
        Probe(nc),
    )
    if options.metrics:
        _watch_gauges(runtime, name)
    return runtime


def telemetry_options(settings: Settings) -> TelemetryOptions:
    """What the processes of this installation tell, as it is handed to a ticket host."""
    return TelemetryOptions(
        settings.metrics_port is not None, settings.traces_url or "", settings.log_level
    )


def _watch_gauges(runtime: Runtime, name: str) -> None:
    sampler, views = runtime.sampler, runtime.views
    if name == Emitter.REPLICA:
        sampler.watch(HOLDS_IN_FLIGHT, lambda: len(runtime.in_flight))
        sampler.watch(SSE_CLIENTS, lambda: views.watchers + len(runtime.order_watchers))
        sampler.watch(VIEWS, lambda: len(views))
    if runtime.breaker_open is not None and name in BREAKER_OPEN.emitters:
        sampler.watch(BREAKER_OPEN, lambda: float(bool(runtime.breaker_open)))
    sampler.start()


def _ticket_keys(settings: Settings) -> TicketKeys:
    if settings.ticket_keys is None:
        raise ValueError("FRONTROW_TICKET_KEYS is needed: tickets are signed with it")
    return TicketKeys.parse(settings.ticket_keys.get_secret_value())


def _gateway(settings: Settings, telemetry: Telemetry) -> PaymentGateway:
    if settings.stripe_secret_key is None:
        return NoPayments()
    from cluster.payments.stripe_gateway import StripeGateway  # half a second that most do not need

    secret_key, breaker = settings.stripe_secret_key.get_secret_value(), CircuitBreaker()
    gateway = StripeGateway(secret_key, settings.stripe_api_base, breaker=breaker)
    return MeteredGateway(gateway, breaker, telemetry)


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


def host_limits(settings: Settings) -> Limits | None:
    """Between which numbers the load decides; None: the number is set by hand."""
    if not settings.elastic or settings.hosts_max is None:
        return None
    return Limits(settings.hosts_min, settings.hosts_max)


def host_tuning(settings: Settings) -> Tuning:
    """How the load decides."""
    return Tuning(
        settings.host_cpu_target, settings.hosts_grow_seconds, settings.hosts_shrink_seconds
    )
