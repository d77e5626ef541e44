"""Fingers on the seat map: two of them zoom, one of them pans, chooses, or scrolls the page."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from playwright.async_api import CDPSession, Locator, Page, expect

from tests.browser.conftest import Open
from tests.browser.seat_map import chosen, seat_map
from tests.e2e.venue import grid, hall
from tests.local_server import LocalServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
ROWS, SEATS = 30, 40
STEPS = 12

Point = tuple[float, float]


class Hand:
    """Fingers on a part of the page, about its middle (pixels)."""

    def __init__(self, session: CDPSession, middle: Point) -> None:
        self._session = session
        self._middle = middle

    async def moves(self, *ways: tuple[Point, Point]) -> None:
        """One finger for each way, from its beginning to its end."""
        for step in range(STEPS + 1):
            share = step / STEPS
            at = [(a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share) for a, b in ways]
            await self._touch("touchMove" if step else "touchStart", at)
        await self._touch("touchEnd", [])

    async def _touch(self, kind: str, at: Sequence[Point]) -> None:
        x, y = self._middle
        points = [{"x": x + at_x, "y": y + at_y, "id": n} for n, (at_x, at_y) in enumerate(at)]
        await self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


async def hand_on(page: Page, place: Locator) -> Hand:
    box = await place.bounding_box()
    assert box is not None
    session = await page.context.new_cdp_session(page)
    return Hand(session, (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2))


async def seat_at(page: Page, x: float, y: float) -> tuple[int, int]:
    """The row and the number of the seat that a finger finds there (pixels from the middle of the canvas)."""
    canvas = page.locator("#map canvas")
    box = await canvas.bounding_box()
    assert box is not None
    await page.touchscreen.tap(box["x"] + box["width"] / 2 + x, box["y"] + box["height"] / 2 + y)
    await expect(page.locator("#chosen li")).to_have_count(1)
    found = re.search(r"row (\d+), seat (\d+)", (await chosen(page))[0])
    assert found is not None
    await page.locator("#chosen li button").tap()
    await expect(page.locator("#chosen li")).to_have_count(0)
    await canvas.scroll_into_view_if_needed()
    return int(found[1]), int(found[2])


async def test_fingers_zoom_and_pan_and_choose(server: LocalServer, open_page: Open) -> None:
    show_id = await hall(server, grid(ROWS, SEATS))
    page = await seat_map(server, open_page, show_id, **PHONE)
    canvas = page.locator("#map canvas")
    await canvas.scroll_into_view_if_needed()
    hand = await hand_on(page, canvas)
    await expect(canvas).to_have_class("whole")
    await hand.moves(((-30, 0), (-150, 0)), ((30, 0), (150, 0)))
    await expect(canvas).not_to_have_class("whole")
    row, seat = await seat_at(page, 0, 0)
    assert abs(seat - SEATS / 2) <= 2, "what was between the fingers is still there"
    assert abs(row - ROWS / 2) <= 2
    hand = await hand_on(page, canvas)
    await hand.moves(((100, 60), (-60, 60)))
    row_after, seat_after = await seat_at(page, 0, 0)
    assert row_after == row
    assert seat_after - seat >= 3, "the hall goes where the finger goes"
    await page.get_by_role("button", name="Whole hall").tap()
    await expect(canvas).to_have_class("whole")


async def test_a_finger_on_the_whole_hall_scrolls_the_page_and_chooses_nothing(
    server: LocalServer, open_page: Open
) -> None:
    show_id = await hall(server, grid(ROWS, SEATS))
    page = await seat_map(server, open_page, show_id, **PHONE)
    canvas = page.locator("#map canvas")
    await canvas.scroll_into_view_if_needed()
    before = await page.evaluate("scrollY")
    await (await hand_on(page, canvas)).moves(((0, 100), (0, -100)))
    await expect(canvas).to_have_class("whole")
    await page.wait_for_function("(before) => scrollY > before + 50", arg=before)
    assert await chosen(page) == []
