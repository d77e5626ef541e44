"""One server that sells for the whole session, with NATS and Stripe of its own: its payment service hears all of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from cluster.embedded.nats import NatsServer
from cluster.embedded.stripe import LocalStripe
from tests.e2e.answers import Published
from tests.fakes.stripe_proxy import StripeProxy
from tests.paying import Till, till


@pytest.fixture(scope="session")
def paying_nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    server = NatsServer.start(tmp_path_factory.mktemp("paying-nats"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def paying_stripe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStripe]:
    """Its banks answer when they are told to."""
    local = LocalStripe(tmp_path_factory.mktemp("paying-stripe"), settle_seconds=3_600)
    local.wait_ready()
    yield local
    local.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shop(
    paying_nats: NatsServer,
    paying_stripe: LocalStripe,
    mongodb_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Till]:
    async with (
        StripeProxy(paying_stripe) as proxy,
        till(paying_nats.url, mongodb_url, proxy, tmp_path_factory.mktemp("till")) as running,
    ):
        running.http.event_hooks["response"].append(Published().check)
        yield running
