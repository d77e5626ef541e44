"""The commands that look behind the server: connections straight to NATS and MongoDB.

The composition root of a process without Ray: `cluster.bootstrap` builds what a replica or a service needs, and loads
Ray for it, which takes longer than most of these commands run.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from cluster.journal.connection import Client, connect
from cluster.journal.jetstream import JetStreamJournal
from cluster.operate.command import CommandError
from cluster.operate.target import Target
from cluster.payments.gateway import PaymentGateway
from cluster.store.mongo import Database

if TYPE_CHECKING:
    from cluster.payments.stripe_gateway import StripeGateway

NAME = "operator"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Backends:
    """The journal and the store of an installation."""

    nc: Client
    journal: JetStreamJournal
    database: Database


@asynccontextmanager
async def journal_client(target: Target) -> AsyncIterator[Client]:
    """A NATS client. Raises JournalUnavailable, CommandError."""
    if target.nats_url is None:
        raise _unknown("NATS", "FRONTROW_NATS_URL", target)
    nc = await connect(target.nats_url, NAME)
    try:
        yield nc
    finally:
        await nc.close()


@asynccontextmanager
async def database(target: Target) -> AsyncIterator[Database]:
    """The store; it is reached on the first call. Raises CommandError."""
    if target.mongodb_url is None:
        raise _unknown("MongoDB", "FRONTROW_MONGODB_URL", target)
    opened = Database(target.mongodb_url, target.settings.mongodb_database)
    try:
        yield opened
    finally:
        await opened.close()


@asynccontextmanager
async def payment_gateway(target: Target) -> AsyncIterator[PaymentGateway | None]:
    """The payment provider; None where none is set up. It is reached on the first call."""
    if target.provider is None:
        yield None
        return
    gateway = (await asyncio.to_thread(_stripe_gateway))(
        target.provider.secret_key, target.provider.api_base
    )
    try:
        yield gateway
    finally:
        await gateway.close()


@asynccontextmanager
async def backends(target: Target) -> AsyncIterator[Backends]:
    """Both. Raises JournalUnavailable, CommandError; the store's errors come with the first call."""
    async with journal_client(target) as nc, database(target) as opened:
        yield Backends(nc, JetStreamJournal(nc), opened)


def run_with(target: Target, work: Callable[[Backends], Awaitable[T]]) -> T:
    """`work` in a loop of its own, connected."""

    async def run() -> T:
        async with backends(target) as connected:
            return await work(connected)

    return asyncio.run(run())


def _stripe_gateway() -> type[StripeGateway]:
    """Half a second that most do not need, and seconds on a busy machine: meanwhile others wait for answers."""
    from cluster.payments.stripe_gateway import StripeGateway

    return StripeGateway


def _unknown(what: str, variable: str, target: Target) -> CommandError:
    return CommandError(
        f"where is {what}? {target.data_dir} does not say; set {variable}", "no_backend"
    )
