"""What has to be there before the first request: streams, indexes, the number of hosts, hosts and services.

`start` is the whole of it. The embedded stack calls it while it starts Serve; on a given Ray cluster the Serve
application's builder does. It may run again, and in two clusters over one journal at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog

from actors.fleet import Fleet
from actors.journal import JournalUnavailable
from cluster.bootstrap import connect, telemetry_options
from cluster.journal.connection import Client
from cluster.journal.connection import connect as connect_nats
from cluster.journal.fact import FactConflict
from cluster.journal.fleet import read_fleet, write_fleet
from cluster.journal.streams import ensure_streams
from cluster.service_processes import services
from cluster.services.service_actor import start_service
from cluster.settings import Settings
from cluster.store.accounts import Accounts
from cluster.store.admissions import Admissions
from cluster.store.attempts import Attempts
from cluster.store.jobs import Jobs
from cluster.store.mailings import Mailings
from cluster.store.mongo import Database, StoreUnavailable
from cluster.store.orders import Orders
from cluster.store.plans import Plans
from cluster.store.restores import Restores
from cluster.store.sessions import Sessions
from cluster.store.shows import Shows
from cluster.store.tickets import Tickets
from cluster.telemetry.logs import configure_logs

PATIENCE_SECONDS_MAX = 240.0
"""How long `start_patiently` waits for NATS and MongoDB; a cluster's parts start in no particular order."""

PATIENCE_POLL_SECONDS = 1.0

_INDEXED = (
    *(Shows, Plans, Jobs, Tickets, Orders, Admissions, Mailings),
    *(Accounts, Sessions, Attempts),
)

_log = structlog.get_logger()


def start(settings: Settings) -> None:
    """Called once Ray runs: makes ready, and starts the ticket hosts and the services as detached actors.

    A number of hosts that the settings ask for explicitly counts; else the one that is in force stays.
    Raises JournalUnavailable, StoreUnavailable.
    """
    asyncio.run(make_ready(settings))
    asyncio.run(_start_actors(settings))


def start_on_cluster(settings: Settings) -> None:
    """As `start`, on a Ray cluster that outlives this process: waits for NATS and MongoDB, and keeps a number of hosts
    that is in force already, for an operator or the load has changed it since the settings were written.

    Raises JournalUnavailable or StoreUnavailable after PATIENCE_SECONDS_MAX.
    """
    asyncio.run(_patiently(lambda: make_ready(settings, keep_hosts=True)))
    asyncio.run(_patiently(lambda: _start_actors(settings)))


async def make_ready(settings: Settings, *, keep_hosts: bool = False) -> None:
    """Streams, indexes and the number of hosts. Safe to run again, and at once."""
    if settings.nats_url is None or settings.mongodb_url is None:
        raise ValueError("FRONTROW_NATS_URL and FRONTROW_MONGODB_URL are needed")
    configure_logs(settings.log_level)
    nc = await connect_nats(settings.nats_url, "start")
    database = Database(settings.mongodb_url, settings.mongodb_database)
    try:
        await Restores(database).refuse_unfinished()
        await ensure_streams(nc, settings.journal_replicas)
        for kept in _INDEXED:
            await kept(database).ensure_indexes()
        await Orders(database).fill_mailboxes()
        await _settle_fleet(nc, settings, keep=keep_hosts)
    finally:
        await nc.close()
        await database.close()


async def _settle_fleet(nc: Client, settings: Settings, *, keep: bool) -> None:
    current = await read_fleet(nc)
    fleet = current.fleet if current else Fleet(settings.hosts)
    if "hosts" in settings.model_fields_set and not keep:
        fleet = fleet.trimmed(settings.hosts)
    if current is None or fleet != current.fleet:
        try:
            await write_fleet(nc, fleet, current.revision if current else 0)
        except FactConflict:
            return  # another process settles it at this moment


async def _start_actors(settings: Settings) -> None:
    runtime = await connect(settings, "start")
    try:
        namespace, options = settings.ray_namespace, telemetry_options(settings)
        for name, build in services(settings).items():
            start_service(namespace, name, build, options, settings.service_resource)
        await runtime.transport.reports(runtime.placement().names())
    finally:
        await runtime.close()


async def _patiently(step: Callable[[], Awaitable[None]]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS_MAX
    while True:
        try:
            return await step()
        except (JournalUnavailable, StoreUnavailable) as error:
            if time.monotonic() > end:
                raise
            _log.warning("start.waits", reason=str(error))
        await asyncio.sleep(PATIENCE_POLL_SECONDS)
