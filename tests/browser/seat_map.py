"""The seat map of a page, as somebody sees it who clicks on seats by their names."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.browser.conftest import PAGE_MS_MAX, Open
from tests.local_server import LocalServer


async def seat_map(server: LocalServer, open_page: Open, show_id: str, **options: object) -> Page:
    """The page of a show with its map drawn and the stream open."""
    page = await open_page(f"{server.url}/shows/{show_id}", **options)
    await live(page)
    return page


async def live(page: Page) -> None:
    """Wait until the page hears of changes."""
    await expect(page.locator("#state")).to_have_text("Live", timeout=PAGE_MS_MAX)


async def click_seat(page: Page, column: int, columns: int, row: int, rows: int) -> None:
    """Click on a seat of a grid that the canvas shows as a whole, by its place (from 0) in it."""
    box = await page.locator("#map canvas").bounding_box()
    assert box is not None
    x, y = await page.evaluate(
        """([column, columns, row, rows, width, height]) => {
            const scale = Math.min((width - 28) / columns, (height - 28) / rows, 46);
            return [(column - (columns - 1) / 2) * scale, (row - (rows - 1) / 2) * scale];
        }""",
        [column, columns, row, rows, box["width"] - 2, box["height"] - 2],
    )
    await page.locator("#map canvas").click(
        position={"x": box["width"] / 2 + x, "y": box["height"] / 2 + y}
    )


async def chosen(page: Page) -> list[str]:
    """The seats in the list of what is chosen, with their prices."""
    texts = await page.locator("#chosen [data-part=list] li").all_inner_texts()
    return [text.removesuffix("Give up").strip() for text in texts]
