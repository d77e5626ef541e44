"""Makes the pictures of docs/shop.md: `make screenshots`. Every page at the size of a telephone and of a desk."""

from __future__ import annotations

import io
from pathlib import Path
from zlib import crc32

import pytest
import pytest_asyncio
from PIL import Image
from playwright.async_api import Page

from cluster.operate.load import media_type_of
from cluster.operate.sale import Offer, house_offers
from tests.browser.checkout import GOOD, PAID, becomes, order, pay
from tests.browser.conftest import Open
from tests.browser.seat_map import chosen, live
from tests.local_server import AUTH
from tests.paying import Till

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]

PICTURES = Path(__file__).parents[2] / "docs/pictures"
BYTES_MAX = 150_000
COLOURS = 256
SIZES = {"phone": {"width": 390, "height": 844}, "desk": {"width": 1280, "height": 900}}

PER_ORDER = (10, 50)
HOLD_SECONDS = 600


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(shop: Till, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The house's own venues, on sale and partly taken: the ids of the theatre's show and of the stadium's."""
    offers = house_offers(tmp_path_factory.mktemp("venues"))
    theatre, stadium = [await _on_sale(shop, *one) for one in zip(offers, PER_ORDER, strict=True)]
    return theatre, stadium


async def _on_sale(shop: Till, offer: Offer, most: int) -> str:
    body = {**offer.show, "max_per_order": most, "hold_seconds": HOLD_SECONDS}
    made = await shop.http.post("/v1/shows", json=body, headers=AUTH)
    assert made.status_code == 201, made.text
    show_id = made.json()["show_id"]
    kind = {**AUTH, "Content-Type": media_type_of(offer.file)}
    content = offer.file.read_bytes()
    job = await shop.http.post(f"/v1/shows/{show_id}/seats", content=content, headers=kind)
    assert (await shop.server.job(job.json()["job_id"]))["state"] == "done"
    view = await shop.runtime.views.view(show_id)
    assert view is not None
    await shop.runtime.views.catch_up(show_id)
    for _, block in view.seat_blocks():
        layout = block.layout
        share = 20 + crc32(layout.section.encode()) % 80
        labels = [one for one in layout.labels() if crc32(one.encode()) % 100 < share]
        for taken in batched(labels if not layout.is_area else [], most):
            await shop.hold(show_id, *taken)
    await shop.runtime.views.catch_up(show_id)
    return show_id


def batched(labels: list[str], size: int) -> list[list[str]]:
    return [labels[n : n + size] for n in range(0, len(labels), size)]


async def keep(page: Page, name: str, size: str) -> None:
    """The picture of what is to be seen, with few colours: small, and as sharp as it was."""
    shot = Image.open(io.BytesIO(await page.screenshot()))
    path = PICTURES / f"{name}-{size}.png"
    path.parent.mkdir(exist_ok=True)
    few = shot.convert("RGB").quantize(
        COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
    )
    few.save(path, optimize=True)
    assert path.stat().st_size <= BYTES_MAX, path


async def top(page: Page, selector: str) -> None:
    """Scroll until a part of the page is at the top."""
    await page.locator(selector).first.evaluate("(one) => one.scrollIntoView()")


async def choose(page: Page, seats: int) -> None:
    """So many seats of those that are free, near each other, with the keyboard."""
    await page.locator("#map canvas").focus()
    for key in ("+", "+", *("ArrowUp", "ArrowRight", "ArrowUp", "ArrowLeft") * 6):
        await page.keyboard.press(key)
        if (await page.locator("#spoken").inner_text()).endswith("available"):
            await page.keyboard.press("Enter")
        if len(await chosen(page)) == seats:
            return


@pytest.mark.parametrize("size", SIZES)
async def test_pictures(shop: Till, open_page: Open, house: tuple[str, str], size: str) -> None:
    theatre, stadium = house
    page = await open_page(shop.server.url, viewport=SIZES[size])
    await keep(page, "shows", size)
    await page.goto(f"{shop.server.url}/shows/{theatre}")
    await live(page)
    await keep(page, "show", size)
    await page.goto(f"{shop.server.url}/shows/{stadium}")
    await live(page)
    await top(page, "#map")
    await page.wait_for_function("performance.getEntriesByName('seatmap-painted').length")
    await keep(page, "stadium", size)
    await page.goto(f"{shop.server.url}/shows/{theatre}")
    await live(page)
    await top(page, "#map")
    await choose(page, 3)
    await page.mouse.move(0, 0)
    await keep(page, "seats", size)
    await page.get_by_role("button", name="Hold these seats").click()
    await page.locator(".clock").wait_for()
    await keep(page, "hold", size)
    await order(page)
    await page.get_by_label("Card number").wait_for()
    await keep(page, "order", size)
    await pay(page, GOOD)
    await becomes(page, PAID)
    await page.locator(".tickets img").first.scroll_into_view_if_needed()
    await page.evaluate("scrollTo(0, 0)")
    await page.wait_for_function("[...document.images].every((one) => one.complete)")
    await keep(page, "tickets", size)
