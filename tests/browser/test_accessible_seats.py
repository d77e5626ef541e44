"""Places for wheelchairs on the map and in the form, as somebody finds them who needs one."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Open
from tests.browser.seat_map import chosen, click_seat, seat_map
from tests.e2e.venue import hall
from tests.local_server import LocalServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

CSV = "section,row,seat,category,accessible\n" + "\n".join(
    f"Stalls,{row},{seat},A,{'yes' if (row, seat) in ((2, 2), (2, 5)) else ''}"
    for row in range(1, 5)
    for seat in range(1, 7)
)


async def test_they_are_in_the_legend_and_said_of_the_seat(
    server: LocalServer, open_page: Open
) -> None:
    page = await seat_map(server, open_page, await hall(server, CSV))
    await expect(page.locator("#map figcaption")).to_contain_text("accessible")
    canvas = page.locator("#map canvas")
    await click_seat(page, 1, 6, 1, 4)
    assert await chosen(page) == ["Stalls, row 2, seat 2, €50.00"]
    await expect(page.locator("#spoken")).to_contain_text("Stalls, row 2, seat 2, accessible, A")
    await canvas.press("ArrowRight")
    await expect(page.locator("#spoken")).not_to_contain_text("accessible")


async def test_one_is_found_by_who_asks_for_it(server: LocalServer, open_page: Open) -> None:
    page = await open_page(f"{server.url}/shows/{await hall(server, CSV)}")
    form = page.locator("form", has=page.locator("[name=quantity]"))
    await form.get_by_label("accessible seat").check()
    await form.get_by_role("button").click()
    await page.wait_for_url("**/holds/*")
    text = await page.locator("main").inner_text()
    assert "Stalls-2-2" in text or "Stalls-2-5" in text


async def test_a_hall_without_them_does_not_speak_of_them(
    server: LocalServer, open_page: Open
) -> None:
    page = await seat_map(
        server, open_page, await hall(server, "section,row,seat,category\nS,1,1,A")
    )
    await expect(page.locator("main")).not_to_contain_text("accessible")
