"""The application with nothing behind it but settings: what stands in front of all endpoints can be asked nevertheless.

Every part that an endpoint asks for is away, so it answers 503.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import httpx
from fastapi import FastAPI

from actors.telemetry import Telemetry
from cluster.bootstrap import Runtime
from cluster.settings import Settings
from cluster.store.mongo import StoreUnavailable
from serve_app.app import create_app
from serve_app.openapi import document
from serve_app.web.routes import WEB_ROUTES


class BareRuntime(SimpleNamespace):
    def __getattr__(self, part: str) -> Any:
        raise StoreUnavailable(part)

    async def answer_views(self) -> None:
        pass

    async def close(self) -> None:
        pass


@asynccontextmanager
async def bare_app(
    telemetry: Telemetry | None = None, *, own_hops: int = 0, **settings: Any
) -> AsyncIterator[FastAPI]:
    """The application, started with these settings; no quota comes back, for its clock stands still."""
    runtime = BareRuntime(settings=Settings(**settings), telemetry=telemetry or Telemetry())

    async def build() -> Runtime:
        return cast(Runtime, runtime)

    app = create_app(build, own_hops=own_hops)
    async with app.router.lifespan_context(app):
        for uses in app.state.rate_limits._uses.values():
            uses._clock = lambda: 0
        yield app


def client_at(app: FastAPI, address: str) -> httpx.AsyncClient:
    """A client that is connected from an address."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 40_000))
    return httpx.AsyncClient(transport=transport, base_url="http://frontrow.test")


def every_operation(app: FastAPI) -> set[tuple[str, str]]:
    """Method and address (with the names of its parameters) of everything that can be asked for."""
    documented = {
        (method.upper(), path)
        for path, operations in document(app)["paths"].items()
        for method in operations
    }
    return documented | {(m, route.path) for route in WEB_ROUTES for m in route.methods or ()}
