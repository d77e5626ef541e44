"""The composition root of a ticket host's process. It imports little: a host that Ray restarts must be back at once."""

from __future__ import annotations

import os
import secrets
import time

from actors.host import Host
from actors.metrics import Emitter
from cluster.journal.connection import connect
from cluster.journal.jetstream import JetStreamJournal
from cluster.telemetry.opening import UNHEARD, TelemetryOptions, open_telemetry


def now() -> int:
    """The clock of this process: ms since the epoch."""
    return time.time_ns() // 1_000_000


def commit_id() -> str:
    """The id of a commit: JetStream's message id, by which a lost acknowledgement is settled."""
    return secrets.token_hex(12)


async def build_host(nats_url: str, name: str, *, options: TelemetryOptions = UNHEARD) -> Host:
    """The host of a `TicketHost` actor, in its process and loop. Raises JournalUnavailable."""
    telemetry = open_telemetry(options, Emitter.HOST)
    nc = await connect(nats_url, name)
    journal = JetStreamJournal(nc, telemetry=telemetry)
    writer = f"{name}/{os.getpid()}"
    return Host(name, journal, now, commit_id, writer, telemetry=telemetry)
