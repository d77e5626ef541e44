"""Live availability as server-sent events (HTML standard, section 9.2), resumable by `Last-Event-ID`.

An event's id is the journal sequence of the commit behind it, the same on every replica and after every restart.
`resync` says: fetch seat map and availability; what changed cannot be told, or new seats were loaded.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from actors.journal import JournalUnavailable
from cluster.reads.show_view import STATUS_NAMES, Change, ShowView
from cluster.reads.views import TooManyWatchers, Views
from serve_app.auth import has_key
from serve_app.problems import Problem, unavailable
from serve_app.runtime import runtime_of
from serve_app.shows import view_of
from serve_app.stream_shares import StreamShares, TooManyStreams

HEARTBEAT_SECONDS = 15.0
LIFETIME_SECONDS_MAX = 600.0
"""A stream ends after this long; the client comes back by itself and resumes."""

RECONNECT_MS = 2_000
RETRY_AFTER_SECONDS = 5


async def stream(request: Request) -> Response:
    """GET /v1/shows/{show_id}/stream"""
    runtime = runtime_of(request)
    view = await view_of(runtime, request.path_params["show_id"])
    asked = request.headers.get("Last-Event-ID") or request.query_params.get("last_event_id")
    if asked is not None and not (asked.isascii() and asked.isdigit() and len(asked) <= 19):
        raise Problem("invalid_request", "Last-Event-ID is not one of ours")
    shares, client = _shares(request)
    if shares.has_all(client):
        told = {"Retry-After": str(RETRY_AFTER_SECONDS)}
        raise Problem("too_many_requests", "too many streams of one client", told)
    if runtime.views.full:
        raise unavailable("too many streams", RETRY_AFTER_SECONDS)
    last_id = None if asked is None else int(asked)
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    if request.method == "HEAD":
        return Response(headers=headers, media_type="text/event-stream")
    events = _events(runtime.views, view, last_id, shares.one(client))
    return StreamingResponse(events, 200, headers, "text/event-stream")


def _shares(request: Request) -> tuple[StreamShares, str | None]:
    """The streams that are open, and whose share this one is of: None for who is not limited."""
    state: Any = request.app.state
    if has_key(request.scope, state.runtime.settings):
        return state.stream_shares, None
    return state.stream_shares, state.rate_limits.client(request.scope)


async def _events(
    views: Views, view: ShowView, last_id: int | None, share: AbstractAsyncContextManager[None]
) -> AsyncIterator[bytes]:
    try:
        async with share, views.watch(view.show_id) as watcher:
            yield f"retry: {RECONNECT_MS}\n\n".encode()
            missed = [] if last_id is None else await _missed(views, view, last_id)
            seen = missed[-1].sequence if missed else view.version
            if missed is None:
                yield _resync(seen)
            elif last_id is None:
                yield b'id: %d\nevent: seats\ndata: {"changes":[]}\n\n' % seen
            for change in missed or []:
                yield _event(view, change)
            end = time.monotonic() + LIFETIME_SECONDS_MAX
            while time.monotonic() < end:
                change = await watcher.next(HEARTBEAT_SECONDS)
                if watcher.overflowed:
                    yield _resync(view.version)
                    return
                if change is None:
                    yield b": still here\n\n"
                elif change.sequence > seen:
                    seen = change.sequence
                    yield _event(view, change)
    except (TooManyWatchers, TooManyStreams):
        yield _resync(view.version)


async def _missed(views: Views, view: ShowView, last_id: int) -> list[Change] | None:
    """What happened after `last_id`; None when that is not remembered, or has never been."""
    if view.version < last_id:  # the client comes from a replica that was ahead
        with contextlib.suppress(JournalUnavailable):
            await views.catch_up(view.show_id)
    return view.changes_since(last_id)


def _event(view: ShowView, change: Change) -> bytes:
    if not change.tickets:  # new seats: the seat map has grown
        return _resync(change.sequence)
    changes = [
        {"seat": view.label(change.block, ticket), "status": STATUS_NAMES[status]}
        for ticket, status in change.tickets
    ]
    data = msgspec.json.encode({"changes": changes})
    return b"id: %d\nevent: seats\ndata: %s\n\n" % (change.sequence, data)


def _resync(sequence: int) -> bytes:
    """Fetch everything anew. It has an id, so that the client goes on from here and not from what it cannot resume."""
    return b"id: %d\nevent: resync\ndata: {}\n\n" % sequence
