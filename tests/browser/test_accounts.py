"""A buyer in a real browser who wants an account: from the mail's link to their orders, and out again."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from cluster.embedded.nats import NatsServer
from tests.browser.conftest import Open
from tests.site import PASSWORD, Site, open_site

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(
    nats_server: NatsServer, mongodb_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    data = tmp_path_factory.mktemp("browser-accounts")
    async with open_site(nats_server.url, mongodb_url, data, "browser-accounts") as opened:
        yield opened


async def accessible(page: Page) -> None:
    found = await Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
async def test_from_signing_up_to_the_orders_and_out_again(
    site: Site, open_page: Open, scripts: bool
) -> None:
    address = site.stranger()
    order_id = await site.ordered(address)
    page = await open_page(site.server.url, java_script_enabled=scripts)
    await page.get_by_role("link", name="My orders").click()
    await page.get_by_role("link", name="Make an account").click()
    await page.get_by_label("E-mail address").fill(address)
    await page.get_by_role("button", name="Mail me a link").click()
    await expect(page.locator("h1")).to_have_text("Look at your mail")

    await page.goto(await site.mails.link_to(address))
    await expect(page).to_have_url(f"{site.server.url}/account/password")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Save the password").click()
    await expect(page).to_have_url(f"{site.server.url}/orders")
    await expect(page.locator(f"a[href='/orders/{order_id}']")).to_be_visible()

    await page.get_by_role("button", name="Sign out").click()
    await page.goto(f"{site.server.url}/orders")
    await expect(page.locator(f"a[href='/orders/{order_id}']")).to_have_count(0)

    await page.goto(f"{site.server.url}/account/sign-in")
    await page.get_by_label("E-mail address").fill(address)
    await page.get_by_label("Password").fill("another horse")
    await page.locator("main").get_by_role("button", name="Sign in").click()
    await expect(page.locator("#wrong")).to_be_focused()
    await expect(page.get_by_label("E-mail address")).to_have_value(address)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.locator("main").get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("link", name=address)).to_be_visible()


async def test_the_pages_can_be_used_by_everybody(site: Site, open_page: Open) -> None:
    address = site.stranger()
    await site.ordered(address)
    page = await open_page(f"{site.server.url}/orders")
    await accessible(page)
    await page.get_by_label("E-mail address").fill(address)
    await page.get_by_role("button", name="Mail me a link").click()
    await accessible(page)
    await page.goto(await site.mails.link_to(address))
    await expect(page.get_by_text(f"Orders of {address}")).to_be_visible()
    await accessible(page)
    for path in ("sign-in", "sign-up", "forgotten"):
        await page.goto(f"{site.server.url}/account/{path}")
        await accessible(page)
    await page.get_by_label("E-mail address").fill(address)
    await page.get_by_role("button", name="Mail me a link").click()
    await page.goto(await site.mails.link_to(address, 2))
    await accessible(page)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Save the password").click()
    await page.get_by_role("link", name=address).click()
    await accessible(page)
