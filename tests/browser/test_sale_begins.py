"""A page that was made before there was something to choose: the sale begins, seats are loaded, numbers come."""

from __future__ import annotations

import asyncio
import time

import pytest
from playwright.async_api import Page, expect

from cluster.reads.show_view import ShowView
from serve_app.web import shows
from tests.browser.conftest import PAGE_MS_MAX, Open
from tests.browser.seat_map import chosen, click_seat, live, seat_map
from tests.e2e.venue import grid, hall
from tests.local_server import LocalServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

SEATS = 4
HOUR_MS = 3_600_000
JITTER_MS = 3_000


async def soon(server: LocalServer, open_page: Open) -> Page:
    """The page of a show that goes on sale in an hour, and that page's clock, which begins far from the server's."""
    opens = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + HOUR_MS / 1000))
    show_id = await hall(server, grid(1, SEATS), sale_opens_at=opens)
    page = await open_page("about:blank")
    await page.clock.install(time=0)
    await page.goto(f"{server.url}/shows/{show_id}")
    await live(page)
    return page


async def choose(page: Page) -> None:
    await click_seat(page, 0, SEATS, 0, 1)
    assert await chosen(page) == ["S, row 1, seat 1, €50.00"]


async def test_the_page_is_shown_anew_when_the_sale_begins_by_the_servers_clock(
    server: LocalServer, open_page: Open
) -> None:
    page = await soon(server, open_page)
    assert await page.evaluate("document.querySelector('#sold-out')") is None
    await page.evaluate("window.before = true")
    await page.clock.fast_forward(HOUR_MS - 60_000)
    assert await page.evaluate("window.before")
    async with page.expect_navigation():
        await page.clock.fast_forward(60_000 + JITTER_MS + 1_000)


async def test_what_was_chosen_before_the_sale_is_chosen_when_it_begins(
    server: LocalServer, open_page: Open
) -> None:
    page = await soon(server, open_page)
    await choose(page)
    await page.get_by_role("button", name="Hold these seats").click()
    told = page.locator("[data-part=told]")
    await expect(told).to_have_text("These tickets are not on sale now.", timeout=PAGE_MS_MAX)
    await page.clock.fast_forward(HOUR_MS + JITTER_MS + 1_000)
    await expect(page.locator("#sale")).to_have_text("On sale")
    assert await chosen(page) == ["S, row 1, seat 1, €50.00"]


async def test_seats_that_are_loaded_later_can_be_chosen_at_once(
    server: LocalServer, open_page: Open
) -> None:
    show_id = await server.show()
    page = await seat_map(server, open_page, show_id)
    await expect(page.locator("#sale")).to_have_text("There are no tickets yet")
    await server.load(show_id, grid(1, SEATS))
    await expect(page.locator("#map canvas")).to_be_visible(timeout=PAGE_MS_MAX)
    await expect(page.locator("#sale")).to_have_text("On sale", timeout=PAGE_MS_MAX)
    await expect(page.locator("#sold-out")).to_be_hidden()
    await choose(page)


async def test_seats_that_could_not_be_counted_in_time_can_be_chosen(
    server: LocalServer, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    show_id = await hall(server, grid(1, SEATS))
    none_in_time = asyncio.sleep(0, dict[str, ShowView]())
    monkeypatch.setattr(shows, "views_of", lambda *asked: none_in_time)
    page = await seat_map(server, open_page, show_id)
    await expect(page.locator("#sale")).to_have_text("On sale", timeout=PAGE_MS_MAX)
    await choose(page)
