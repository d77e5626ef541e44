"""The FastAPI application: routes, errors, and what is built when a replica starts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, compile_path

from actors.journal import JournalUnavailable
from cluster.bootstrap import Runtime, connect
from cluster.settings import read_settings
from cluster.store.mongo import StoreUnavailable
from serve_app.api import (
    check_ins,
    conditions,
    freezing,
    health,
    holds,
    hosts,
    jobs,
    operator,
    order_stream,
    orders,
    overview,
    payments,
    preparations,
    problem_types,
    reads,
    refunds,
    shows,
    stream,
    tickets,
    webhooks,
    withholding,
)
from serve_app.api.payments import OrderCount
from serve_app.bodies import invalid
from serve_app.limiting import RateLimiting
from serve_app.observing import Observing
from serve_app.openapi import document
from serve_app.packed import packed_seat_map
from serve_app.problems import Problem, on_problem, problem_response, unavailable
from serve_app.rate_limits import RateLimits
from serve_app.request_id import HEADER, TO_ANSWER
from serve_app.seat_maps import SeatMaps, json_seat_map
from serve_app.security_headers import HEADERS, SecurityHeaders, security_headers
from serve_app.stream_shares import StreamShares
from serve_app.web.letters import Letterbox
from serve_app.web.page import told
from serve_app.web.picture import Pictures
from serve_app.web.routes import WEB_ROUTES

API_VERSION = "1.0.0"

_log = structlog.get_logger()

HOT_ROUTES = [
    Route("/v1/shows/{show_id}/holds", holds.create_hold, methods=["POST"]),
    Route("/v1/holds/{hold_id}", holds.get_hold, methods=["GET"]),
    Route("/v1/holds/{hold_id}", holds.delete_hold, methods=["DELETE"]),
    Route("/v1/holds/{hold_id}/extend", holds.extend_hold, methods=["POST"]),
    Route("/v1/orders", orders.create_order, methods=["POST"]),
    Route("/v1/orders/{order_id}", orders.get_order, methods=["GET"]),
    Route("/v1/orders/{order_id}", orders.cancel_order, methods=["DELETE"]),
    Route("/v1/orders/{order_id}/stream", order_stream.order_stream, methods=["GET"]),
    Route("/webhooks/stripe", webhooks.stripe_webhook, methods=["POST"]),
    Route("/v1/shows/{show_id}/availability", reads.availability, methods=["GET"]),
    Route("/v1/shows/{show_id}/seatmap", reads.seatmap, methods=["GET"]),
    Route("/v1/shows/{show_id}/availability.bin", reads.availability_packed, methods=["GET"]),
    Route("/v1/shows/{show_id}/seatmap.bin", reads.seatmap_packed, methods=["GET"]),
    Route("/v1/shows/{show_id}/stream", stream.stream, methods=["GET"]),
    Route("/healthz", health.healthz, methods=["GET"]),
    Route("/readyz", health.readyz, methods=["GET"]),
]
"""Plain Starlette routes: FastAPI's own cost a third of the throughput of a no-op (measured 3,900 against 5,400/s)."""


async def _connect() -> Runtime:
    return await connect(read_settings(), "replica")


def create_app(
    build_runtime: Callable[[], Awaitable[Runtime]] = _connect,
    *,
    ids_echoed: bool = False,
    own_hops: int = 0,
) -> FastAPI:
    """A new application; `build_runtime` makes what it works with when it starts. `ids_echoed`: whether the server
    around it puts ids of requests into answers. `own_hops`: how many proxies in front of it belong to it."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.runtime = await build_runtime()
        await app.state.runtime.answer_views()
        app.state.seat_maps = SeatMaps(json_seat_map)
        app.state.packed_seat_maps = SeatMaps(packed_seat_map)
        app.state.pictures = Pictures()
        app.state.order_count = OrderCount()
        app.state.security_headers = security_headers(app.state.runtime.settings)
        app.state.rate_limits = RateLimits(
            app.state.runtime.settings, app.state.runtime.telemetry.meter, own_hops=own_hops
        )
        app.state.stream_shares = StreamShares(app.state.runtime.settings.streams_per_client)
        app.state.letterbox = Letterbox()
        try:
            yield
        finally:
            await app.state.letterbox.close()
            await app.state.runtime.close()

    app = FastAPI(
        title="Frontrow",
        version=API_VERSION,
        lifespan=lifespan,
        docs_url=None,  # that page loads its scripts from a CDN
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.router.routes.extend([*HOT_ROUTES, *WEB_ROUTES])
    for part in (
        shows,
        jobs,
        refunds,
        tickets,
        check_ins,
        hosts,
        freezing,
        operator,
        preparations,
        overview,
        conditions,
        payments,
        withholding,
        problem_types,
    ):
        app.include_router(part.router)
    plain = {route.endpoint: route.path for route in (*HOT_ROUTES, *WEB_ROUTES)}
    app.add_middleware(RateLimiting)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(Observing, templates=plain, echoed=ids_echoed)
    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(StoreUnavailable, _on_unavailable)
    app.add_exception_handler(JournalUnavailable, _on_unavailable)
    app.add_exception_handler(Exception, _on_unexpected)
    app.openapi = lambda: document(app)
    return app


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return problem_response(invalid(error.errors()), request.url.path)


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    problem = Problem("invalid_request", str(error.detail))
    if error.status_code == 404:
        problem = Problem("not_found")
    elif error.status_code == 405:
        allowed = {"Allow": ", ".join(_methods(request.app, request.url.path))}
        problem = Problem(
            "method_not_allowed", headers=allowed if allowed["Allow"] else dict(error.headers or {})
        )
    return told(request, problem)


def _methods(app: FastAPI, path: str) -> list[str]:
    """Every method of an address: a route knows only its own."""
    operations = [
        one
        for template, one in document(app)["paths"].items()
        if compile_path(template)[0].match(path)
    ]
    return sorted({method.upper() for one in operations for method in one})


async def _on_unavailable(request: Request, error: Exception) -> Response:
    assert isinstance(error, JournalUnavailable | StoreUnavailable)
    _log.warning("request.unavailable", reason=str(error))
    return problem_response(unavailable(error.told), request.url.path)


async def _on_unexpected(request: Request, error: Exception) -> Response:
    route = request.scope.get("route")  # not the path: a hold id is a secret of its buyer
    _log.error("request.failed", route=getattr(route, "path", ""), exc_info=error)
    # This answer goes past the middleware, which has seen the error and no response.
    headers = {HEADER: to_answer} if (to_answer := TO_ANSWER.get()) else {}
    headers |= HEADERS
    return problem_response(Problem("internal_error", headers=headers), request.url.path)
