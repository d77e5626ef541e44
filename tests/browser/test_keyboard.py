"""The whole way of a buyer by keyboard alone: where the focus is can be seen at every step, and it is never lost."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.checkout import DECLINED, PAID, becomes, says, show_name
from tests.browser.conftest import PAGE_MS_MAX, Open
from tests.browser.seat_map import chosen, live
from tests.e2e.venue import grid, hall, held
from tests.paying import Till

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

TABS_MAX = 40

FOCUS = """() => {
    const at = document.activeElement;
    if (!at || at === document.body) return "nothing has the focus";
    const box = at.getBoundingClientRect();
    const seen = box.width && box.height && box.bottom > 0 && box.top < innerHeight && box.right > 0;
    if (!seen) return `out of sight: ${at.outerHTML.slice(0, 100)}`;
    const { outlineStyle, outlineWidth } = getComputedStyle(at);
    const marked = at.matches(":focus-visible") && outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
    return marked ? "" : `not marked: ${at.outerHTML.slice(0, 100)}`;
}"""
"""What is wrong with the focus; empty when it can be seen."""


async def press(page: Page, *keys: str) -> None:
    """Keys, one after the other. The focus is there to be seen after each of them."""
    for key in keys:
        await page.keyboard.press(key)
        assert await page.evaluate(FOCUS) == ""


async def go(page: Page, to: Locator, key: str = "Tab") -> None:
    """With the tabulator to a part of the page."""
    await expect(to).to_be_visible(timeout=PAGE_MS_MAX)
    for _ in range(TABS_MAX):
        await press(page, key)
        if await to.evaluate("(one) => one === document.activeElement"):
            return
    raise AssertionError(f"not reached: {to}")


async def test_from_the_list_to_the_tickets(shop: Till, open_page: Open) -> None:
    name = show_name()
    show_id = await hall(shop.server, grid(4, 9), name=name)
    page = await open_page(shop.server.url)
    await go(page, page.get_by_label("Name or place"))
    await page.keyboard.type(name)
    await page.keyboard.press("Enter")
    await expect(page.locator(".shows h2")).to_have_text([name])
    await go(page, page.get_by_role("link", name=name))
    await page.keyboard.press("Enter")
    await live(page)

    await go(page, page.locator("#map canvas"))
    spoken = page.locator("#spoken")
    await press(page, *["ArrowUp"] * 5, *["ArrowLeft"] * 9)
    await expect(spoken).to_have_text("S, row 1, seat 1, A, €50.00, available")
    for _ in range(3):
        await press(page, "Enter", "ArrowRight")
    assert await chosen(page) == [f"S, row 1, seat {n}, €50.00" for n in (1, 2, 3)]
    await held(shop.server, show_id, "S-1-2")
    told = page.locator("[data-part=told]")
    await expect(told).to_contain_text("S, row 1, seat 2: held", timeout=PAGE_MS_MAX)
    await press(page, "Enter")
    await expect(spoken).to_have_text("S, row 1, seat 4, A, €50.00, chosen by you")
    await go(page, page.get_by_role("button", name="Give up: S, row 1, seat 1"))
    await press(page, "Enter")
    await expect(page.get_by_role("button", name="Give up: S, row 1, seat 3")).to_be_focused()
    await go(page, page.get_by_role("button", name="Hold these seats"))
    await page.keyboard.press("Enter")
    await page.wait_for_url(re.compile(r"/holds/"))
    await expect(page.locator(".seats tbody th")).to_have_text(["S-1-3", "S-1-4"])

    await go(page, page.get_by_label("E-mail address"))
    await page.keyboard.type("ada@example.com")
    await go(page, page.get_by_label("Name on the tickets"))
    await page.keyboard.type("Ada")
    await go(page, page.get_by_role("button", name="To the payment"))
    await page.keyboard.press("Enter")
    await becomes(page, "Pay for your seats")

    number, button = page.get_by_label("Card number"), page.locator("#pay button")
    await go(page, number)
    for key, text in (("Tab", DECLINED), ("Tab", "12/34"), ("Tab", "123")):
        await page.keyboard.type(text)
        await press(page, key)
    await expect(button).to_be_focused()
    await page.keyboard.press("Enter")
    await says(page, "Your bank has declined the card.")
    assert await page.evaluate(FOCUS) == ""
    await go(page, number, "Shift+Tab")
    await press(page, "Control+a")
    await page.keyboard.type("4242424242424242")
    await page.keyboard.press("Enter")
    await becomes(page, PAID)
    await go(page, page.get_by_role("link", name="All tickets as a PDF"))


async def test_what_is_given_up_leaves_the_focus_in_its_place(shop: Till, open_page: Open) -> None:
    show_id = await hall(shop.server, grid(1, 3))
    page = await open_page(f"{shop.server.url}/shows/{show_id}")
    await live(page)
    await go(page, page.locator("#map canvas"))
    await press(page, "ArrowUp", "Enter")
    await go(page, page.get_by_role("button", name="Give up"))
    await press(page, "Enter")
    hold = page.get_by_role("button", name="Hold these seats")
    await expect(hold).to_be_focused()
    await press(page, "Enter")
    await expect(page.locator("[data-part=told]")).to_have_text("Choose seats on the map.")
    await expect(hold).to_be_focused()
