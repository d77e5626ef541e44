"""One server for all tests that only need a show of their own, and parts to break for those that break them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from cluster.embedded.nats import NatsServer
from tests.e2e.answers import Published
from tests.local_server import LocalServer, local_server


@pytest.fixture(scope="session")
def published() -> Published:
    return Published()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server(
    nats_server: NatsServer, mongodb_url: str, published: Published
) -> AsyncIterator[LocalServer]:
    """The whole product but Ray in this process; its client checks every answer against the OpenAPI document."""
    async with local_server(nats_server.url, mongodb_url, mongodb_database="e2e") as running:
        running.http.event_hooks["response"].append(published.check)
        yield running
