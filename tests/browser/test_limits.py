"""Somebody whose connection has asked too often, on the map and on a page."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import expect

from cluster.embedded.nats import NatsServer
from tests.browser.conftest import Open
from tests.browser.seat_map import chosen, click_seat, seat_map
from tests.e2e.venue import grid, hall
from tests.local_server import LocalServer, local_server

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def strict(nats_server: NatsServer, mongodb_url: str) -> AsyncIterator[LocalServer]:
    """A server that limits everybody, to one hold."""
    async with local_server(
        nats_server.url,
        mongodb_url,
        mongodb_database="strict",
        rate_limits="all",
        rate_holds="1/86400",
    ) as running:
        yield running


async def test_it_is_said_and_what_was_chosen_stays(strict: LocalServer, open_page: Open) -> None:
    show_id = await hall(strict, grid(2, 4))
    page = await seat_map(strict, open_page, show_id)
    await click_seat(page, 0, 4, 0, 2)
    await page.get_by_role("button", name="Hold these seats").click()
    await page.wait_for_url("**/holds/*")
    page = await seat_map(strict, open_page, show_id)
    await click_seat(page, 3, 4, 1, 2)
    await page.get_by_role("button", name="Hold these seats").click()
    told = page.locator("#chosen [data-part=told]")
    await expect(told).to_contain_text("Too many requests from your connection")
    assert await chosen(page) == ["S, row 2, seat 4, €50.00"]
    await page.get_by_role("button", name="Find seats").click()
    await expect(page.locator("h1")).to_have_text("Too many requests from your connection")
    await expect(page.locator("main")).to_contain_text("Nothing was charged.")
