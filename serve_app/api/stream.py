"""Live availability as server-sent events (HTML standard, section 9.2), resumable by `Last-Event-ID`.

An event's id is the journal sequence of the commit behind it, the same on every replica and after every restart.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from cluster.reads.show_view import STATUS_NAMES, Change, ShowView
from cluster.reads.views import TooManyWatchers, Views
from serve_app.problems import Problem, unavailable
from serve_app.runtime import runtime_of
from serve_app.shows import view_of

HEARTBEAT_SECONDS = 15.0
LIFETIME_SECONDS_MAX = 600.0
"""A stream ends after this long; the client comes back by itself and resumes."""

RECONNECT_MS = 2_000
BEHIND_SECONDS_MAX = 2.0
"""How long a replica may take to reach the sequence that a client has seen elsewhere."""

_RESYNC = b"event: resync\ndata: {}\n\n"


async def stream(request: Request) -> Response:
    """GET /v1/shows/{show_id}/stream"""
    runtime = runtime_of(request)
    view = await view_of(runtime, request.path_params["show_id"])
    asked = request.headers.get("Last-Event-ID") or request.query_params.get("last_event_id")
    if asked is not None and not (asked.isascii() and asked.isdigit() and len(asked) <= 19):
        raise Problem("invalid_request", "Last-Event-ID is not one of ours")
    if runtime.views.full:
        raise unavailable("too many streams", retry_after_seconds=5)
    last_id = None if asked is None else int(asked)
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return StreamingResponse(
        _events(runtime.views, view, last_id), 200, headers, "text/event-stream"
    )


async def _events(views: Views, view: ShowView, last_id: int | None) -> AsyncIterator[bytes]:
    try:
        async with views.watch(view.show_id) as watcher:
            yield f"retry: {RECONNECT_MS}\n\n".encode()
            missed = await _missed(view, last_id)
            if missed is None:
                yield _RESYNC
                missed = []
            seen = missed[-1].sequence if missed else view.version
            if last_id is None:
                yield f'id: {seen}\nevent: seats\ndata: {{"changes":[]}}\n\n'.encode()
            for change in missed:
                yield _event(view, change)
            end = time.monotonic() + LIFETIME_SECONDS_MAX
            while time.monotonic() < end:
                change = await watcher.next(HEARTBEAT_SECONDS)
                if watcher.overflowed:
                    yield _RESYNC
                    return
                if change is None:
                    yield b": still here\n\n"
                elif change.sequence > seen:
                    seen = change.sequence
                    yield _event(view, change)
    except TooManyWatchers:
        yield _RESYNC


async def _missed(view: ShowView, last_id: int | None) -> list[Change] | None:
    """What happened after `last_id`; None when that is not remembered."""
    if last_id is None:
        return []
    end = time.monotonic() + BEHIND_SECONDS_MAX
    while view.version < last_id and time.monotonic() < end:
        await asyncio.sleep(0.02)
    return view.changes_since(last_id)


def _event(view: ShowView, change: Change) -> bytes:
    changes = [
        {"seat": view.label(change.block, ticket), "status": STATUS_NAMES[status]}
        for ticket, status in change.tickets
    ]
    data = msgspec.json.encode({"changes": changes})
    return b"id: %d\nevent: seats\ndata: %s\n\n" % (change.sequence, data)
