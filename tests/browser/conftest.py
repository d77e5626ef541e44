"""A real Chromium, and the product but Ray in this process for it to look at.

Tests of pages ask for `open_page`: every page that it opens has cookies of its own, and a script that fails, or does
what the page's Content-Security-Policy forbids, fails the test.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright

from cluster.embedded.nats import NatsServer
from cluster.embedded.stripe import LocalStripe
from tests.browser.every_page import Stop, every_page
from tests.fakes.stripe_proxy import StripeProxy
from tests.local_server import LocalServer, local_server
from tests.paying import Till, till

ARGUMENTS = [
    "--no-sandbox",  # a container's root has none
    "--disable-gpu",
    "--disable-background-networking",
]
PAGE_MS_MAX = 30_000
"""A busy machine may take long; what takes longer does not come."""

Open = Callable[..., Awaitable[Page]]
"""`await open_page(address, **options)`; the options are those of Playwright's `new_context`."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def server(nats_server: NatsServer, mongodb_url: str) -> AsyncIterator[LocalServer]:
    """Ended with the file: one that stayed would be another replica of the servers of other tests."""
    async with local_server(nats_server.url, mongodb_url, mongodb_database="browser") as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The browser of the session; `.ci/setup` installs it where it can."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(chromium: Browser) -> AsyncIterator[Open]:
    """Opens pages, each as a visitor of its own; all are closed at the end."""
    contexts, wrong = list[BrowserContext](), list[str]()

    async def opened(address: str, **options: Any) -> Page:
        context = await chromium.new_context(**options)
        contexts.append(context)
        page = await context.new_page()
        page.set_default_timeout(PAGE_MS_MAX)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", heard)
        await page.goto(address)
        return page

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error" and "Content Security Policy" in message.text:
            wrong.append(message.text)

    yield opened
    for context in contexts:
        await context.close()
    assert not wrong


@pytest.fixture(scope="package")
def paying_nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    server = NatsServer.start(tmp_path_factory.mktemp("browser-nats"))
    yield server
    server.stop()


@pytest.fixture(scope="package")
def paying_stripe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStripe]:
    """Its banks answer when they are told to."""
    local = LocalStripe(tmp_path_factory.mktemp("browser-stripe"), settle_seconds=3_600)
    local.wait_ready()
    yield local
    local.stop()


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def shop(
    paying_nats: NatsServer,
    paying_stripe: LocalStripe,
    mongodb_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Till]:
    """A server that sells, for the tests of this package; its payment service hears all of its NATS and Stripe."""
    async with (
        StripeProxy(paying_stripe) as proxy,
        till(paying_nats.url, mongodb_url, proxy, tmp_path_factory.mktemp("till")) as running,
    ):
        yield running


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def pages(shop: Till) -> dict[str, Stop]:
    """Every page of the shop, by name."""
    return await every_page(shop)
