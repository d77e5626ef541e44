"""Sections of a single row, of two seats, and of one: seen from afar with their names, and opened like all others."""

from __future__ import annotations

import pytest
from playwright.async_api import Page

from tests.browser.conftest import Open
from tests.browser.seat_map import chosen, live
from tests.e2e.venue import hall
from tests.local_server import LocalServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

RIGHT, BOTTOM = 250, 60
PLACES = [
    *(("Stalls", row, seat, seat, row) for row in range(20) for seat in range(30)),
    *(("Gallery", 1, seat, seat, BOTTOM) for seat in range(30)),
    *(("Slope", 1, seat, 100 + seat, 10 + seat / 7) for seat in range(20)),
    *(("Pair", 1, seat, RIGHT - 1 + seat, BOTTOM) for seat in range(2)),
    ("Box", 1, 0, RIGHT, 0),
]
CSV = "section,row,seat,category,x,y\n" + "\n".join(
    f"{section},{row},{seat},A,{x:.2f},{y:.2f}" for section, row, seat, x, y in PLACES
)
LISTEN = """
    window.written = [];
    const { fillText } = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.fillText = function (text, ...where) {
        window.written.push(text);
        return fillText.call(this, text, ...where);
    };
"""


async def click(page: Page, x: float, y: float) -> None:
    """Click on a point of the plan, which the canvas shows as a whole."""
    box = await page.locator("#map canvas").bounding_box()
    assert box is not None
    scale = min((box["width"] - 30) / (RIGHT + 1), (box["height"] - 30) / (BOTTOM + 1))
    place = {
        "x": box["width"] / 2 + (x - RIGHT / 2) * scale,
        "y": box["height"] / 2 + (y - BOTTOM / 2) * scale,
    }
    await page.locator("#map canvas").click(position=place)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("section", "x", "y"),
    [("Gallery", 15, BOTTOM), ("Slope", 109.5, 11.4), ("Pair", RIGHT, BOTTOM), ("Box", RIGHT, 0)],
)
async def test_a_small_section_has_its_name_and_is_opened(
    server: LocalServer, open_page: Open, section: str, x: float, y: float
) -> None:
    show_id = await hall(server, CSV)
    page = await open_page("about:blank", viewport={"width": 1280, "height": 900})
    await page.add_init_script(LISTEN)
    await page.goto(f"{server.url}/shows/{show_id}")
    await live(page)
    assert section in await page.evaluate("window.written")
    await click(page, x, y)
    assert await chosen(page) == [], "from afar nobody means a single seat"
    await page.locator("#map canvas").click()
    [seat] = await chosen(page)
    assert seat.startswith(f"{section}, row 1, seat ")
