"""The connection to NATS: bounded when it is made, kept for ever afterwards, silent about credentials."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import structlog
from nats.aio.client import Client

from actors.journal import JournalUnavailable

CONNECT_SECONDS_MAX = 10.0
"""How long `connect` tries all servers before it gives up."""

SERVER_SECONDS_MAX = 2
"""How long one attempt at one server may take."""

RECONNECT_SECONDS = 0.25
"""Pause between attempts at the same server; the attempts after the first connection never end."""

PING_SECONDS = 5
PINGS_UNANSWERED_MAX = 2
"""A server that hangs (paused, cut off) is left after about PING_SECONDS * (PINGS_UNANSWERED_MAX + 1)."""

_log = structlog.get_logger()


async def connect(
    urls: str, name: str, on_connected: Callable[[bool], None] | None = None
) -> Client:
    """A client of one or several (comma-separated) servers; `name` is what `nats server report` shows.

    While there is no connection a publish fails at once (`pending_size=0`): a commit that waits in a buffer would
    land when nobody waits for it any more. `on_connected(False)` and `on_connected(True)` tell of an outage and its
    end. Raises JournalUnavailable; no error and no log line carries an URL, which may hold a password.
    """
    client = Client()

    def told(connected: bool) -> None:
        _log.info("nats.connected" if connected else "nats.disconnected", client=name)
        if on_connected is not None:
            on_connected(connected)

    async def on_error(error: Exception) -> None:
        _log.debug("nats.error", client=name, kind=type(error).__name__)

    async def on_disconnected() -> None:
        told(False)

    async def on_reconnected() -> None:
        told(True)

    try:
        async with asyncio.timeout(CONNECT_SECONDS_MAX):
            await client.connect(
                servers=[url.strip() for url in urls.split(",")],
                name=name,
                error_cb=on_error,
                disconnected_cb=on_disconnected,
                reconnected_cb=on_reconnected,
                connect_timeout=SERVER_SECONDS_MAX,
                max_reconnect_attempts=-1,
                reconnect_time_wait=RECONNECT_SECONDS,  # type: ignore[arg-type]  # any number of seconds will do
                ping_interval=PING_SECONDS,
                max_outstanding_pings=PINGS_UNANSWERED_MAX,
                pending_size=0,
            )
    except TimeoutError:
        reason = _reason(client.last_error)
        await _abandon(client)
        raise JournalUnavailable(f"no NATS server accepted the connection: {reason}") from None
    except Exception as error:  # a malformed URL: its text would be in the cause
        await _abandon(client)
        raise JournalUnavailable(f"the NATS URL cannot be used: {type(error).__name__}") from None
    return client


async def _abandon(client: Client) -> None:
    """Close what has been opened so far; a client that never began has nothing and says so by an assertion."""
    with contextlib.suppress(Exception):
        await client.close()


def _reason(error: Exception | None) -> str:
    """Authorization and TLS errors by their text (the server's or OpenSSL's words), anything else by its kind."""
    if error is None:
        return "no answer in time"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return str(error) or type(error).__name__
