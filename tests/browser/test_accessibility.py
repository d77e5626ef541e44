"""What axe-core finds on every page, light and dark, on a telephone and on a desk, in every language: nothing."""

from __future__ import annotations

import json

import pytest

from tests.browser.axe import AXE, EVERYTHING, LOOK, violations
from tests.browser.conftest import Open
from tests.browser.every_page import Stop
from tests.paying import Till

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
LOOKS = {
    "en-GB": ((DESK, "light"), (PHONE, "dark")),
    "de-DE": ((PHONE, "light"), (DESK, "dark")),
}
"""Every two of language, width and colours meet once."""

TARGET_PX_MIN = 44
"""WCAG 2.2, 2.5.5: for a finger."""

SMALL = """(least) => [...document.querySelectorAll("button, select, input:not([type=hidden]), .place")]
    .filter((one) => one.checkVisibility() && !one.closest(".trap, .place > *") && one.type !== "checkbox")
    .map((one) => [one.outerHTML.slice(0, 80), one.getBoundingClientRect()])
    .filter(([, box]) => box.height < least || box.width < least)
    .map(([html, box]) => `${html} ${box.width}x${box.height}`)"""
BEYOND = "document.documentElement.scrollWidth - document.documentElement.clientWidth"

LIKE_OTHERS = {
    "nothing there",
    "no such page",
    "no such section",
    "no longer on sale",
    "not together",
    "wrong name",
    "order cancelled",
    "paid already",
}
"""Pages that differ from one that is looked at by their words alone."""


@pytest.mark.parametrize("locale", LOOKS)
async def test_everybody_can_use_every_page(
    shop: Till, open_page: Open, pages: dict[str, Stop], locale: str
) -> None:
    page = await open_page("about:blank", locale=locale)
    wrong = dict[str, list[str]]()
    for name, stop in pages.items():
        if name in LIKE_OTHERS:
            continue
        await stop.shown(page, shop.server.url)
        await page.evaluate(AXE)
        for (size, colours), options in zip(LOOKS[locale], (EVERYTHING, LOOK), strict=True):
            await page.set_viewport_size(size)  # type: ignore[arg-type]
            await page.emulate_media(color_scheme=colours)  # type: ignore[arg-type]
            found = await violations(page, options)
            if size is PHONE:
                found += await page.evaluate(SMALL, TARGET_PX_MIN)
            if (beyond := await page.evaluate(BEYOND)) > 0:
                found.append(f"the page is {beyond} px wider than the screen")
            if found:
                wrong[f"{name}, {size['width']} px, {colours}"] = found
    assert not wrong, json.dumps(wrong, indent=1, ensure_ascii=False)
