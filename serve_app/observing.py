"""What is told of every request: its id, what it took and came to, and its trace. Plain ASGI, for it is on every path.

The time is that until the response begins: a stream of events goes on for minutes.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from actors.metrics import HTTP_SECONDS
from actors.telemetry import TRACE, Span
from cluster.bootstrap import Runtime
from serve_app.request_id import HEADER, REQUEST_ID, TO_ANSWER, request_id_of

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNMATCHED = "unmatched"
OTHER = "other"
"""Addresses and methods that we do not have are anybody's invention: they share one label."""

_RAW_HEADER = HEADER.lower().encode()


class Observing:
    """The middleware; the application's state has the runtime once it has started.

    `templates` are the addresses of plain routes by their endpoints: FastAPI tells of its own routes only. `echoed`:
    the server around us puts the request's id into the answer, as Ray Serve does, whatever it looks like.
    """

    def __init__(self, app: ASGIApp, templates: Mapping[Any, str], *, echoed: bool) -> None:
        self._app = app
        self._templates = templates
        self._echoed = echoed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        began, runtime = time.perf_counter(), scope["app"].state.runtime
        headers = dict(scope["headers"])
        given = headers.get(_RAW_HEADER, b"").decode("latin-1")
        request_id = request_id_of(given)
        answered = self._echoed and given == request_id
        REQUEST_ID.set(request_id)
        TO_ANSWER.set("" if answered else request_id)
        structlog.contextvars.bind_contextvars(request_id=request_id)
        span = _span(runtime, scope["method"], headers.get(b"traceparent", b"").decode("latin-1"))
        status, took = 500, 0.0

        async def observed(message: Message) -> None:
            nonlocal status, took
            if message["type"] == "http.response.start":
                status, took = message["status"], time.perf_counter() - began
                if not answered:
                    own = (_RAW_HEADER, request_id.encode())
                    message["headers"] = [*message.get("headers", ()), own]
            await send(message)

        try:
            await self._app(scope, receive, observed)
        finally:
            method = scope["method"] if scope["method"] in METHODS else OTHER
            route = self._route(scope)
            took = took or time.perf_counter() - began
            meter = runtime.telemetry.meter
            meter.observe(HTTP_SECONDS, took, method, route, f"{status // 100}xx")
            if span is not None:
                span.rename(f"{method} {route}")
                span.end(str(status) if status >= 500 else "")

    def _route(self, scope: Scope) -> str:
        template = self._templates.get(scope.get("endpoint"), UNMATCHED)
        return getattr(scope.get("route"), "path", template)


def _span(runtime: Runtime, method: str, parent: str) -> Span | None:
    """The trace of a request, if it gets one. A stranger may name the trace that we go on with, but not order one."""
    settings = runtime.settings
    if settings.traces_url is None or random.random() >= settings.traces_sampled:
        TRACE.set("")
        return None
    span = runtime.telemetry.tracer.start(method, parent)
    TRACE.set(span.traceparent)
    return span
