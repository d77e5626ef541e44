"""The way of a buyer from a hold to the tickets, as somebody takes it who reads what stands on the pages."""

from __future__ import annotations

import io
import itertools

import zxingcpp
from PIL import Image
from playwright.async_api import Page, expect

from tests.browser.conftest import Open
from tests.paying import Till

GOOD = "4242 4242 4242 4242"
AMERICAN_EXPRESS = "3782 822463 10005"
DECLINED = "4000 0000 0000 0002"
NOT_ENOUGH = "4000 0000 0000 9995"
ASKS = "4000 0025 0000 3155"
SEEN_MS_MAX = 60_000

PAID = "Paid: here are your tickets"

_numbers = itertools.count(1)


def show_name() -> str:
    """Found by a search that finds nothing else; the letters of a number, for words are searched, not numbers."""
    return f"Quartet {next(_numbers):03}".translate(str.maketrans("0123456789", "abcdefghij"))


async def ordering(shop: Till, open_page: Open, *seats: str, **options: object) -> Page:
    """The page of an order that was made of a hold with the form of its page."""
    held = await shop.hold(await shop.hall(), *seats)
    page = await open_page(f"{shop.server.url}/holds/{held['hold_id']}", **options)
    await order(page)
    return page


async def order(page: Page) -> None:
    """Fill in and send the form of a hold's page."""
    await page.get_by_label("E-mail address").fill("ada@example.com")
    await page.get_by_label("Name on the tickets").fill("Ada")
    await page.locator("form[action$='/order'] button").click()
    await page.wait_for_url("**/orders/*")


async def pay(page: Page, number: str, code: str = "123") -> None:
    await page.get_by_label("Card number").fill(number)
    await page.get_by_label("Expiry").fill("12/34")
    await page.get_by_label("Security code").fill(code)
    await page.locator("#pay button").click()


async def becomes(page: Page, heading: str) -> None:
    await expect(page.locator("h1")).to_have_text(heading, timeout=SEEN_MS_MAX)


async def says(page: Page, text: str) -> None:
    await expect(page.locator("#said")).to_contain_text(text, timeout=SEEN_MS_MAX)


async def read_tickets(page: Page) -> set[str]:
    """What a scanner reads on the screen."""
    read = set[str]()
    for picture in await page.locator(".tickets img").all():
        await picture.scroll_into_view_if_needed()
        shot = Image.open(io.BytesIO(await picture.screenshot()))
        read |= {found.text for found in zxingcpp.read_barcodes(shot)}
    return read


async def tickets_of(shop: Till, page: Page) -> set[str]:
    """The codes of the order whose page this is, as the API has them."""
    stored = await shop.see(page.url.rpartition("/")[2])
    return {ticket["code"] for ticket in stored["tickets"]}
