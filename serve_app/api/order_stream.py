"""How an order stands, as server-sent events: a buyer's page becomes paid by itself.

An event's id is the order's version. The first event says how the order stands now, so a client that comes back needs
no `Last-Event-ID`. The store is asked when there is news, and never because time has passed.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from actors.domain.order import Order
from cluster.bootstrap import Runtime
from cluster.store.mongo import StoreUnavailable
from serve_app.api.stream import HEARTBEAT_SECONDS, LIFETIME_SECONDS_MAX, RECONNECT_MS
from serve_app.order_changes import order_of
from serve_app.problems import unavailable
from serve_app.runtime import runtime_of
from serve_app.times import rfc3339


async def order_stream(request: Request) -> Response:
    """GET /v1/orders/{order_id}/stream"""
    runtime = runtime_of(request)
    order = await order_of(runtime, request.path_params["order_id"])
    if runtime.order_watchers.full(order.order_id):
        raise unavailable("too many streams", retry_after_seconds=5)
    await runtime.order_watchers.ready()
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    if request.method == "HEAD":
        return Response(headers=headers, media_type="text/event-stream")
    events = _events(runtime, order.order_id)
    return StreamingResponse(events, 200, headers, "text/event-stream")


async def _events(runtime: Runtime, order_id: str) -> AsyncIterator[bytes]:
    """Ends when the store is away: the client comes back by itself, and looks."""
    seen, end = -1, time.monotonic() + LIFETIME_SECONDS_MAX
    with runtime.order_watchers.watch(order_id) as watcher:
        yield f"retry: {RECONNECT_MS}\n\n".encode()
        while time.monotonic() < end:
            try:
                order = await runtime.orders.get(order_id)
            except StoreUnavailable:
                return
            if order is not None and order.version > seen:
                seen = order.version
                yield _event(order)
            while time.monotonic() < end and not await watcher.changed(HEARTBEAT_SECONDS):
                yield b": still here\n\n"


def _event(order: Order) -> bytes:
    state = {
        "state": order.state,
        "reason": order.reason,
        "payment_deadline": rfc3339(order.deadline),
    }
    return b"id: %d\nevent: order\ndata: %s\n\n" % (order.version, msgspec.json.encode(state))
