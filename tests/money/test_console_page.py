"""The console in a real browser over a server that sells: it shows what is, and every button does its work."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from cluster.services.fulfilment import FulfilmentService
from cluster.services.payment import PaymentService
from tests.browser.axe import AXE, EVERYTHING, violations
from tests.browser.conftest import chromium as chromium  # a fixture
from tests.local_server import ADMIN_KEY
from tests.paying import Till

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

WAIT_MS = 90_000
NASTY = "<b>Bold</b> & 'quoted'"
SERVICES = {PaymentService: "payment", FulfilmentService: "fulfilment"}


@pytest_asyncio.fixture(loop_scope="session")
async def page(
    chromium: Browser, shop: Till, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Page]:
    """The console, signed in. Nothing that its script does may fail, and nothing is asked for elsewhere."""

    async def health(_namespace: str, name: str) -> dict[str, Any]:
        """The services are in this process, not in actors."""
        here = [one for one in shop.services if SERVICES.get(type(one)) == name]
        told = await here[0].health() if here else {}
        return {"service": name, "running": bool(here), "last_error": "", **told}

    monkeypatch.setattr("serve_app.api.operator.service_health", health)
    context = await chromium.new_context()
    made, failures = await context.new_page(), list[str]()
    made.set_default_timeout(WAIT_MS)
    made.on("pageerror", lambda error: failures.append(str(error)))
    made.on(
        "request",
        lambda one: None if one.url.startswith(shop.server.url) else failures.append(one.url),
    )
    await made.goto(f"{shop.server.url}/operator")
    await sign_in(made, ADMIN_KEY)
    await expect(made.locator("#console")).to_be_visible(timeout=WAIT_MS)
    yield made
    await context.close()
    assert failures == []


async def sign_in(page: Page, key: str) -> None:
    await page.get_by_label("Admin key").fill(key)
    await page.get_by_role("button", name="Sign in").click()


def row(page: Page, table: str, name: str) -> Locator:
    heading = page.get_by_role("rowheader", name=name, exact=True)
    return page.locator(f"#{table} tbody tr").filter(has=heading)


async def shows(place: Locator, text: str) -> None:
    await expect(place).to_contain_text(text, timeout=WAIT_MS)


async def answer(page: Page, text: str | None = None, button: str = "Do it") -> None:
    """What the open dialog asks."""
    dialog = page.locator("#ask")
    await expect(dialog).to_be_visible(timeout=WAIT_MS)
    if text is not None:
        await dialog.locator("input").fill(text)
    await dialog.get_by_role("button", name=button).click()


async def press(place: Page | Locator, button: str) -> None:
    await place.get_by_role("button", name=button, exact=True).click()


async def done(page: Page, doing: str) -> None:
    await shows(page.locator("#state"), f"{doing}: done")


async def test_a_block_is_frozen_thawed_and_moved_by_its_buttons(page: Page, shop: Till) -> None:
    show_id = await shop.hall(name=NASTY)
    listed = row(page, "shows", NASTY)
    await shows(listed, "none")
    await press(listed, "Freeze")
    await answer(page, "4")
    await answer(page, "water in the hall")
    await done(page, "Freezing")
    await shows(listed, "4: water in the hall")
    path = f"/v1/shows/{show_id}/holds"
    refused = await shop.http.post(path, json={"seats": ["S-1-1"]})
    assert (refused.status_code, refused.json()["code"]) == (409, "block_frozen")
    await press(listed, "Thaw")
    await answer(page)
    await answer(page, "dry")
    await done(page, "Thawing")
    await shows(listed, "none")
    await shop.hold(show_id, "S-1-1")
    await press(listed, "Move")
    await answer(page)
    await answer(page, "host-1")
    await done(page, "Moving")
    await shows(row(page, "hosts", "host-1"), f"pinned: {NASTY} block 4")
    await press(listed, "Move")
    await answer(page)
    await answer(page, "auto")
    await done(page, "Moving")
    await expect(row(page, "hosts", "host-1")).not_to_contain_text("pinned", timeout=WAIT_MS)


async def test_hosts_are_drained_taken_back_and_scaled_by_their_buttons(
    page: Page, shop: Till
) -> None:
    def names() -> list[str]:
        return shop.runtime.placement().names()

    assert names() == ["host-0", "host-1"]
    host = row(page, "hosts", "host-1")
    await press(host, "Drain")
    await answer(page, button="Leave it")
    assert not shop.runtime.placement().fleet.drained, "nothing happens without a yes"
    await press(host, "Drain")
    await answer(page)
    await done(page, "Draining host-1")
    await shows(host, "drained")
    assert set(shop.runtime.placement().fleet.drained) == {1}
    await press(row(page, "hosts", "host-0"), "Drain")
    await answer(page)
    await shows(page.locator("#state"), "Draining host-0: no_host_left")
    await press(host, "Undo")
    await answer(page)
    await done(page, "Taking host-1 back")
    await expect(host).not_to_contain_text("drained", timeout=WAIT_MS)
    for hosts in (3, 2):
        await press(page, "Scale")
        await answer(page, str(hosts))
        await expect(page.locator("#hosts tbody tr")).to_have_count(hosts, timeout=WAIT_MS)
        assert len(names()) == hosts
        await done(page, "Scaling")


async def test_orders_and_money_are_live(page: Page, shop: Till) -> None:
    show_id = await shop.hall(name="Money", currency="JPY")
    orders = [await shop.ordered(show_id, f"S-1-{number}") for number in (1, 2)]
    for order in orders:
        await shop.pay(order)
        await shop.becomes(order, "paid")
    yen = row(page, "money", "JPY").get_by_role("cell")
    await expect(yen.nth(1)).to_have_text("JPY\N{NO-BREAK SPACE}10,000", timeout=WAIT_MS)
    await expect(yen.nth(0)).to_have_text("JPY\N{NO-BREAK SPACE}0", timeout=WAIT_MS)
    counted = row(page, "orders", "paid").get_by_role("cell")
    assert int(await counted.inner_text()) >= len(orders)
    assert (await shop.refund(orders[0])).status_code == 202
    await shop.becomes(orders[0], "refunded")
    await expect(yen.nth(2)).to_have_text("JPY\N{NO-BREAK SPACE}5,000", timeout=WAIT_MS)
    await expect(yen.nth(3)).to_have_text("JPY\N{NO-BREAK SPACE}0", timeout=WAIT_MS)
    for part in ("breaker, here", "breaker, payment service"):
        await shows(row(page, "payments", part), "closed")
    await shows(row(page, "payments", "last webhook took"), " s")
    for part in ("webhooks waiting", "commits waiting"):
        waiting = row(page, "payments", part).get_by_role("cell")
        await expect(waiting).to_have_text("0", timeout=WAIT_MS)


@pytest.mark.parametrize("width", [390, 1280])
async def test_everything_can_be_reached_at_every_width(
    page: Page, shop: Till, width: int, tmp_path: Path
) -> None:
    name = f"A show at {width}"
    await shop.hall(name=name)
    await page.set_viewport_size({"width": width, "height": 900})
    listed = row(page, "shows", name)
    await expect(listed).to_be_visible(timeout=WAIT_MS)
    beyond = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert await page.evaluate(beyond) <= 0, "the page itself never scrolls sideways"
    for place, button in ((listed, "Freeze"), (listed, "Move"), (page, "Scale")):
        found = place.get_by_role("button", name=button)
        box = await found.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["height"] >= 24, "WCAG 2.2, 2.5.8: a target of 24 px"
    await page.evaluate(AXE)
    for colours in ("light", "dark"):
        await page.emulate_media(color_scheme=colours)
        assert await violations(page, EVERYTHING) == []
    await page.screenshot(path=tmp_path / f"console-{width}.png", full_page=True)


async def test_a_wrong_key_and_signing_out_leave_nothing_behind(page: Page) -> None:
    await press(page, "Sign out")
    await expect(page.locator("#console")).to_be_hidden(timeout=WAIT_MS)
    await expect(page.locator("#console tbody tr")).to_have_count(0)
    assert await page.evaluate("sessionStorage.length") == 0
    await sign_in(page, "wrong")
    await shows(page.locator("#state"), "This key is not the admin key.")
    await expect(page.locator("#console")).to_be_hidden()
    assert await page.evaluate("sessionStorage.length") == 0
