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

from actors.activation import Clock
from actors.client import TicketClient
from actors.domain.identity import BlockKey
from actors.placement import Placement
from actors.ticket_host import RayTransport
from cluster.directory import Directory, HostTransport
from cluster.host_process import build_host, commit_id, now
from cluster.journal.connection import Client
from cluster.journal.connection import connect as connect_nats
from cluster.journal.consumer import DurableConsumer
from cluster.journal.facts import HostCountConflict, read_host_count, write_host_count
from cluster.journal.feed import JournalFeed
from cluster.journal.jetstream import JetStreamJournal
from cluster.journal.pokes import Pokes, poke
from cluster.journal.streams import JOURNAL, ensure_streams
from cluster.journal.wakeups import schedule_wakeup, wakeup_consumer
from cluster.reads.views import Views
from cluster.services.expiration import ExpirationService
from cluster.services.loading import LoadingService, LoadingStore
from cluster.services.opening import open_show
from cluster.services.projection import ProjectionService
from cluster.services.service import BuildService
from cluster.services.service_actor import start_service
from cluster.settings import Settings, read_settings
from cluster.store.jobs import Jobs
from cluster.store.mongo import Database
from cluster.store.plans import Plans
from cluster.store.show import Show
from cluster.store.shows import Shows
from cluster.store.tickets import Tickets
from cluster.telemetry import configure_logs

LOADING_SUBJECT = "pokes.loading"
"""Tells the loading service that there is a job; it looks by itself every few seconds as well."""


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
    directory: Directory
    transport: HostTransport
    client: TicketClient
    views: Views
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

    async def journal_ready(self) -> None:
        """Raises JournalUnavailable."""
        await self.journal.last_sequence(BlockKey("ready", 0))

    async def store_ready(self) -> None:
        """Raises StoreUnavailable."""
        await self.database.ping()

    async def close(self) -> None:
        await self.views.close()
        await self.directory.close()
        await self.nc.close()
        await self.database.close()


async def connect(settings: Settings, name: str, transport: HostTransport | None = None) -> Runtime:
    """Everything that a process with these settings needs; `transport` None is Ray.

    Raises JournalUnavailable without NATS. MongoDB need not be there yet.
    """
    configure_logs()
    if settings.nats_url is None or settings.mongodb_url is None:
        raise ValueError("FRONTROW_NATS_URL and FRONTROW_MONGODB_URL are needed")
    nc = await connect_nats(settings.nats_url, name)
    journal, feed = JetStreamJournal(nc), JournalFeed(nc)
    database = Database(settings.mongodb_url, settings.mongodb_database)
    directory = Directory(nc, settings.hosts, settings.tickets_per_actor is not None)
    await directory.watch()
    if transport is None:
        transport = RayTransport(settings.ray_namespace, partial(build_host, settings.nats_url))
    return Runtime(
        settings,
        nc,
        journal,
        feed,
        database,
        Shows(database),
        Plans(database),
        Jobs(database),
        directory,
        transport,
        TicketClient(transport, directory.placement, time.monotonic),
        Views(journal, feed),
    )


@asynccontextmanager
async def build_expiration() -> AsyncIterator[ExpirationService]:
    """The expiration service, in its actor's process and loop."""
    async with _connected("expiration") as runtime:
        nc = runtime.nc
        yield ExpirationService(
            lambda handler: DurableConsumer(nc, JOURNAL, "expiration", "journal.>", handler),
            partial(wakeup_consumer, nc),
            partial(schedule_wakeup, nc),
            runtime.client.ask,
            now,
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
async def _connected(name: str) -> AsyncIterator[Runtime]:
    runtime = await connect(read_settings(), name)
    try:
        yield runtime
    finally:
        await runtime.close()


SERVICES: dict[str, BuildService] = {
    "expiration": build_expiration,
    "loading": build_loading,
    "projection": build_projection,
}
"""The long-running services, each a Ray actor of its own."""


async def prepare(settings: Settings) -> None:
    """Streams, indexes and the number of hosts, before anything is started. Safe to run again, and at once."""
    if settings.nats_url is None or settings.mongodb_url is None:
        raise ValueError("FRONTROW_NATS_URL and FRONTROW_MONGODB_URL are needed")
    nc = await connect_nats(settings.nats_url, "prepare")
    database = Database(settings.mongodb_url, settings.mongodb_database)
    try:
        await ensure_streams(nc, settings.journal_replicas)
        for store in (Shows(database), Plans(database), Jobs(database), Tickets(database)):
            await store.ensure_indexes()
        await _settle_host_count(nc, settings)
    finally:
        await nc.close()
        await database.close()


async def _settle_host_count(nc: Client, settings: Settings) -> None:
    """A number asked for explicitly counts; else the one that is in force stays."""
    current = await read_host_count(nc)
    explicit = "hosts" in settings.model_fields_set
    if current is None or (explicit and current.hosts != settings.hosts):
        try:
            await write_host_count(nc, settings.hosts, current.revision if current else 0)
        except HostCountConflict:
            return  # another process settles it at this moment


def start(settings: Settings) -> None:
    """Called once Ray runs: prepares, and starts the ticket hosts and the services as detached actors."""
    asyncio.run(prepare(settings))
    asyncio.run(_start_actors(settings))


async def _start_actors(settings: Settings) -> None:
    runtime = await connect(settings, "start")
    try:
        for name, build in SERVICES.items():
            start_service(settings.ray_namespace, name, build)
        await runtime.transport.reports(runtime.placement().names())
    finally:
        await runtime.close()
