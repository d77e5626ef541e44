"""`frontrow restore`: a backup brought back into empty stores."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.markup import escape

from cluster.embedded.mongod import Mongod
from cluster.embedded.nats import NatsServer
from cluster.embedded.process import StartError
from cluster.embedded.run_record import try_lock
from cluster.journal.connection import connect
from cluster.operate.answers import Data, Json
from cluster.operate.backends import NAME
from cluster.operate.backup.archive import Archive
from cluster.operate.backup.backup import Named, Place, watched
from cluster.operate.backup.restoring import Restored, Restoring
from cluster.operate.backup.taking import Tell
from cluster.operate.command import CommandError, out, print_json, reported
from cluster.operate.moments import moment_of
from cluster.settings import Settings, read_settings
from cluster.store.mongo import Database


@reported
def restore(
    place: Place,
    until: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Leave out what the journal stored later (RFC 3339)."),
    ] = None,
    name: Named = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Read everything, say what would be done, write nothing."),
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Bring a backup back, into empty stores only: those of FRONTROW_NATS_URL and FRONTROW_MONGODB_URL, else DIR.

    The journal's sequences stay what they were. Orders are kept as they are, and what they know beyond the journal's
    end is settled by the payment service after the start. Interrupted, it goes on when it is run again.
    """
    until_ms = moment_of(until) if until is not None else None
    settings, began = read_settings(data_dir=data), time.monotonic()
    with watched(quiet=as_json) as tell, _stores(settings) as (nats_url, mongodb_url):
        report = asyncio.run(
            _restored(settings, (nats_url, mongodb_url), (place, name), until_ms, dry_run, tell)
        )
    seconds = round(time.monotonic() - began, 1)
    if as_json:
        print_json({**report.plain(), "seconds": seconds})
    else:
        _print(report, place, seconds)


async def _restored(
    settings: Settings,
    stores: tuple[str, str],
    source: tuple[str, str | None],
    until: int | None,
    dry_run: bool,
    tell: Tell,
) -> Restored:
    archive = Archive(source[0])
    nc = await connect(stores[0], NAME)
    database = Database(stores[1], settings.mongodb_database)
    try:
        manifest = await archive.manifest(source[1])
        replicas = settings.journal_replicas
        return await Restoring(
            nc, database, archive, manifest, replicas, until, dry_run, tell
        ).run()
    finally:
        await nc.close()
        await database.close()
        archive.close()


@contextmanager
def _stores(settings: Settings) -> Iterator[tuple[str, str]]:
    """The given ones; one that is not given is started over DIR, as `up` does, for as long as it takes."""
    lock = try_lock(settings.data_dir)
    if lock is None:
        raise CommandError(
            f"a stack runs over {settings.data_dir}: a backup is restored into empty stores only",
            "not_empty",
        )
    nats: NatsServer | None = None
    mongod: Mongod | None = None
    try:
        if settings.nats_url is None:
            nats = NatsServer.start(settings.data_dir / "nats")
        if settings.mongodb_url is None:
            mongod = Mongod.start(settings.data_dir / "mongod")
        nats_url = settings.nats_url or (nats.url if nats else "")
        mongodb_url = settings.mongodb_url or (mongod.url if mongod else "")
        yield nats_url, mongodb_url
    except StartError as error:
        raise CommandError(str(error), "not_started") from None
    finally:
        for server in (mongod, nats):
            if server is not None:
                server.stop()
        os.close(lock)


def _print(report: Restored, place: str, seconds: float) -> None:
    told = report.plain()
    did = "would restore" if report.dry_run else "restored"
    until = ""
    if report.until is not None:
        until = f" until {datetime.fromtimestamp(report.until / 1000, UTC).isoformat()}"
    out.print(f"{did} [bold]{report.backup}[/] of {escape(place)}{until} in {seconds} s")
    streams = ", ".join(f"{count:,} {stream}" for stream, count in report.streams.items())
    documents = ", ".join(f"{count:,} {name}" for name, count in report.documents.items())
    out.print(f"journal up to sequence {report.sequence:,}; messages: {streams}")
    out.print(f"documents: {documents}")
    for key, what in _NOTES.items():
        if told.get(key):
            out.print(f"{what}: {told[key]}")


_NOTES = {
    "left_out": "left out, for their show is not in this journal",
    "orders_sold_again": "orders whose seats are sold to them again after the start",
    "orders_given_back_again": "orders whose tickets are given back again after the start",
    "orders_unsettled": "orders that lack seats and were refunded in part; look at them yourself",
    "jobs_opened_again": "loads whose blocks are opened again after the start",
}
