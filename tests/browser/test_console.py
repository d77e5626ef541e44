"""The operators' console in a browser: it shows what it can when a part is away, which is when it is looked at."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.conftest import Open
from tests.e2e.venue import grid, hall
from tests.local_server import ADMIN_KEY, LocalServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

OF_THE_STORE = ("shows", "payments")
"""What MongoDB answers for."""


async def away(route: Route) -> None:
    await route.fulfill(
        status=503,
        json={"code": "unavailable", "title": "No", "detail": "the store does not answer"},
    )


async def sign_in(page: Page, key: str = ADMIN_KEY) -> None:
    await page.fill("#sign-in input", key)
    await page.click("#sign-in button")


async def test_it_shows_what_is_known_while_the_store_is_away(
    server: LocalServer, open_page: Open
) -> None:
    await hall(server, grid(1, 4))
    page = await open_page(f"{server.url}/operator")
    for name in OF_THE_STORE:
        await page.route(f"**/v1/operator/{name}", away)
    await sign_in(page)
    await expect(page.locator("#hosts tbody")).to_contain_text("host-0")
    await expect(page.locator("#ready tbody")).to_contain_text("journal")
    await expect(page.locator("#scale")).to_be_visible()
    for table in ("shows", "orders", "money", "payments"):
        await expect(page.locator(f"#{table} tbody")).to_have_text("not known")
    await expect(page.locator("#state")).to_contain_text("Not known: shows, payments")
    await expect(page.locator("#state")).to_contain_text("the store does not answer")
    for name in OF_THE_STORE:
        await page.unroute(f"**/v1/operator/{name}", away)
    await expect(page.locator("#shows tbody button").first).to_be_visible()
    await expect(page.locator("#state")).to_have_text("")


async def test_a_wrong_key_shows_nothing(server: LocalServer, open_page: Open) -> None:
    """`/readyz` answers anybody: that it does opens nothing."""
    page = await open_page(f"{server.url}/operator")
    await sign_in(page, "wrong")
    await expect(page.locator("#state")).to_have_text("This key is not the admin key.")
    await expect(page.locator("#console")).to_be_hidden()
    await expect(page.locator("#sign-in")).to_be_visible()


async def test_nothing_is_shown_before_anything_that_needs_the_key_has_answered(
    server: LocalServer, open_page: Open
) -> None:
    page = await open_page(f"{server.url}/operator")
    await page.route("**/v1/operator/*", away)
    await sign_in(page)
    await expect(page.locator("#state")).to_contain_text("Not known: ")
    await expect(page.locator("#console")).to_be_hidden()
