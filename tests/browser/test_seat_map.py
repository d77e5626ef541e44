"""Choosing on the seat map: with the pointer, with the keyboard, against somebody faster, and live."""

from __future__ import annotations

import re
from typing import Literal

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.conftest import PAGE_MS_MAX, Open
from tests.browser.passage import passage
from tests.browser.seat_map import chosen, click_seat, live, seat_map
from tests.e2e.venue import grid, hall, held
from tests.local_server import LocalServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROWS, SEATS = 4, 9
HELD = re.compile(r"/holds/\S+$")


async def grid_hall(server: LocalServer, **show: object) -> str:
    return await hall(server, grid(ROWS, SEATS), **show)


async def click(page: Page, row: int, seat: int) -> None:
    await click_seat(page, seat - 1, SEATS, row - 1, ROWS)


async def free(page: Page, number: int) -> None:
    """Wait until the page counts so many free tickets."""
    cell = page.locator("#counts tfoot [data-status=available]")
    await expect(cell).to_have_text(str(number), timeout=PAGE_MS_MAX)


async def test_a_seat_that_somebody_else_took_is_told_and_the_others_are_held(
    server: LocalServer, open_page: Open
) -> None:
    show_id = await grid_hall(server)
    page = await seat_map(server, open_page, show_id)
    for seat in (2, 3, 4):
        await click(page, 2, seat)
    assert await chosen(page) == [f"S, row 2, seat {n}, €50.00" for n in (2, 3, 4)]
    await expect(page.locator("[data-part=total]")).to_have_text("Seats: 3. Together: €150.00")
    await held(server, show_id, "S-2-3")
    told = page.locator("[data-part=told]")
    await expect(told).to_contain_text("Somebody was faster", timeout=PAGE_MS_MAX)
    await expect(told.locator("li")).to_have_text(["S, row 2, seat 3: held"])
    assert await chosen(page) == [f"S, row 2, seat {n}, €50.00" for n in (2, 4)]
    await click(page, 2, 3)
    await expect(told).to_have_text("S, row 2, seat 3 is taken.")
    await click(page, 2, 5)
    await page.get_by_role("button", name="Hold these seats").click()
    await page.wait_for_url(HELD)
    for seat in ("S-2-2", "S-2-4", "S-2-5"):
        await page.get_by_text(seat).first.wait_for()


async def test_a_hold_that_comes_too_late_is_answered_honestly(
    server: LocalServer, open_page: Open
) -> None:
    """The stream is silent here: only the refusal says who was faster."""
    show_id = await grid_hall(server)
    page = await open_page(server.url)
    await page.route("**/stream*", lambda route: route.abort())
    await page.goto(f"{server.url}/shows/{show_id}")
    await page.locator("#map canvas").wait_for()
    for seat in (1, 2):
        await click(page, 1, seat)
    await held(server, show_id, "S-1-2")
    button = page.get_by_role("button", name="Hold these seats")
    await button.click()
    told = page.locator("[data-part=told]")
    await expect(told.locator("li")).to_have_text(["S, row 1, seat 2: held"], timeout=PAGE_MS_MAX)
    assert await chosen(page) == ["S, row 1, seat 1, €50.00"]
    await button.click()
    await page.wait_for_url(HELD)


@pytest.mark.parametrize("button", ["right", "middle"])
async def test_only_the_first_button_chooses(
    server: LocalServer, open_page: Open, button: Literal["right", "middle"]
) -> None:
    page = await seat_map(server, open_page, await grid_hall(server))
    canvas = page.locator("#map canvas")
    await canvas.click(button=button)
    assert await chosen(page) == []
    await canvas.click()
    assert len(await chosen(page)) == 1


async def test_a_button_that_was_let_go_elsewhere_drags_nothing(
    server: LocalServer, open_page: Open
) -> None:
    page = await seat_map(server, open_page, await grid_hall(server))
    canvas = page.locator("#map canvas")
    down = {"pointerId": 1, "pointerType": "mouse", "button": 0, "buttons": 1}
    await canvas.dispatch_event("pointerdown", down)
    await canvas.hover(position={"x": 40, "y": 40})
    await canvas.hover()
    await canvas.click()
    assert len(await chosen(page)) == 1


async def unheard(page: Page) -> None:
    """Ask for seats S-2-2 and S-2-3, which are held then; no answer comes back to the page."""

    async def lost(route: Route) -> None:
        await route.fetch()
        await route.abort()

    await page.route("**/holds", lost)
    for seat in (2, 3):
        await click(page, 2, seat)
    await page.get_by_role("button", name="Hold these seats").click()
    told = page.locator("[data-part=told]")
    await expect(told).to_contain_text("That did not work.", timeout=PAGE_MS_MAX)
    await free(page, ROWS * SEATS - 2)
    await page.unroute("**/holds")


async def test_a_hold_whose_answer_was_lost_is_nobody_elses(
    server: LocalServer, open_page: Open
) -> None:
    show_id = await grid_hall(server)
    page = await seat_map(server, open_page, show_id)
    await unheard(page)
    await held(server, show_id, "S-4-9")
    await free(page, ROWS * SEATS - 3)
    assert await chosen(page) == [f"S, row 2, seat {n}, €50.00" for n in (2, 3)]
    await expect(page.locator("[data-part=told]")).not_to_contain_text("Somebody was faster")
    await page.get_by_role("button", name="Hold these seats").click()
    await page.wait_for_url(HELD)
    for seat in ("S-2-2", "S-2-3"):
        await page.get_by_text(seat).first.wait_for()


async def test_a_server_that_does_not_know_leaves_the_choice_until_it_does(
    server: LocalServer, open_page: Open
) -> None:
    show_id = await grid_hall(server)
    page = await seat_map(server, open_page, show_id)
    button, told = page.get_by_role("button", name="Hold"), page.locator("[data-part=told]")
    unknown = {"code": "unavailable"}
    await page.route("**/holds", lambda route: route.fulfill(status=503, json=unknown))
    await click(page, 1, 1)
    await button.click()
    await expect(told).to_contain_text("That did not work.", timeout=PAGE_MS_MAX)
    await page.unroute("**/holds")
    await held(server, show_id, "S-1-1")
    await free(page, ROWS * SEATS - 1)
    assert await chosen(page) == ["S, row 1, seat 1, €50.00"], "it may be ours"
    await button.click()
    await expect(told.locator("li")).to_have_text(["S, row 1, seat 1: held"])
    assert await chosen(page) == []


async def test_when_the_line_is_back_an_unanswered_hold_is_asked_for_once_more(
    server: LocalServer, open_page: Open
) -> None:
    show_id = await grid_hall(server)
    async with passage(server.url) as way:
        page = await open_page(f"{way.url}/shows/{show_id}")
        await live(page)
        await unheard(page)
        await way.close()
        await expect(page.locator("#state")).to_have_text("Connecting again …")
        await way.open()
        await page.wait_for_url(HELD)
        for seat in ("S-2-2", "S-2-3"):
            await page.get_by_text(seat).first.wait_for()


async def test_the_keyboard_is_enough(server: LocalServer, open_page: Open) -> None:
    show_id = await grid_hall(server, max_per_order=1)
    page = await seat_map(server, open_page, show_id)
    spoken = page.locator("#spoken")
    await page.locator("#map canvas").focus()
    await page.keyboard.press("ArrowUp")
    await expect(spoken).to_have_text(re.compile(r"S, row [23], seat 5, A, €50\.00, available"))
    for _ in range(ROWS):
        await page.keyboard.press("ArrowUp")
    await page.keyboard.press("ArrowRight")
    await expect(spoken).to_have_text("S, row 1, seat 6, A, €50.00, available")
    await page.keyboard.press("Enter")
    await expect(spoken).to_have_text("S, row 1, seat 6, A, €50.00, chosen by you")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Space")
    await expect(spoken).to_have_text("One order may have 1 tickets.")
    await page.keyboard.press("Escape")
    assert await chosen(page) == []
    await page.keyboard.press("Enter")
    assert await chosen(page) == ["S, row 2, seat 6, €50.00"]
    await page.get_by_role("button", name="Hold these seats").press("Enter")
    await page.wait_for_url(HELD)


async def test_two_pages_see_each_others_holds(server: LocalServer, open_page: Open) -> None:
    show_id = await grid_hall(server)
    first = await seat_map(server, open_page, show_id)
    second = await seat_map(server, open_page, show_id, locale="de-DE", color_scheme="dark")
    await click(first, 1, 1)
    await first.get_by_role("button", name="Hold these seats").click()
    await first.wait_for_url(HELD)
    await free(second, ROWS * SEATS - 1)
    await click(second, 1, 1)
    await expect(second.locator("[data-part=told]")).to_have_text(
        "S, Reihe 1, Platz 1 ist vergeben."
    )
    await first.go_back()
    await click(second, 4, 9)
    await second.get_by_role("button", name="Diese Plätze zurücklegen").click()
    await second.wait_for_url(HELD)
    await free(first, ROWS * SEATS - 2)


async def test_the_stream_goes_on_after_the_server_was_away(
    server: LocalServer, open_page: Open
) -> None:
    show_id = await grid_hall(server)
    async with passage(server.url) as way:
        page = await open_page(f"{way.url}/shows/{show_id}")
        await live(page)
        await way.close()
        await expect(page.locator("#state")).to_have_text("Connecting again …")
        await click(page, 4, 1)
        await held(server, show_id, "S-1-1", "S-4-1")
        await way.open()
        await free(page, ROWS * SEATS - 2)
        assert await chosen(page) == []
        await live(page)
        await held(server, show_id, "S-1-3")
        await free(page, ROWS * SEATS - 3)
