"""The whole way of a buyer in a real browser, from the list to the ticket: with a pointer, and without scripts."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.browser.checkout import (
    GOOD,
    PAID,
    SEEN_MS_MAX,
    becomes,
    order,
    pay,
    read_tickets,
    show_name,
    tickets_of,
)
from tests.browser.conftest import PAGE_MS_MAX, Open
from tests.browser.seat_map import chosen, click_seat, live
from tests.e2e.venue import grid, hall, held
from tests.paying import Till

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

ROWS, SEATS = 4, 9
FLOOR = [{"area": "Floor", "category": "Standing", "capacity": 40}]


async def found(page: Page, name: str) -> None:
    """From the list to the page of a show, by searching for it."""
    await page.get_by_label("Name or place").fill(name)
    await page.get_by_role("button", name="Search").click()
    await expect(page.locator(".shows h2")).to_have_text([name])
    await page.get_by_role("link", name=name).click()
    await expect(page.locator("h1")).to_have_text(name)


async def has_seats(page: Page, *seats: str) -> None:
    await expect(page.locator("h1")).to_have_text("Your seats")
    await expect(page.locator(".seats tbody th")).to_have_text(list(seats))


async def test_from_the_list_to_tickets_that_are_read(shop: Till, open_page: Open) -> None:
    name = show_name()
    show_id = await hall(shop.server, grid(ROWS, SEATS), name=name)
    page = await open_page(shop.server.url)
    await found(page, name)
    await live(page)
    for seat in (2, 3, 4):
        await click_seat(page, seat - 1, SEATS, 1, ROWS)
    assert len(await chosen(page)) == 3
    await held(shop.server, show_id, "S-2-3")
    told = page.locator("[data-part=told]")
    await expect(told).to_contain_text("Somebody was faster", timeout=PAGE_MS_MAX)
    await click_seat(page, 4, SEATS, 1, ROWS)
    await page.get_by_role("button", name="Hold these seats").click()
    await has_seats(page, "S-2-2", "S-2-4", "S-2-5")
    await expect(page.locator(".clock")).to_be_visible()
    await order(page)
    await becomes(page, "Pay for your seats")
    await expect(page.locator(".clock")).to_be_visible()
    await expect(page.locator("[data-scriptless]")).to_have_count(0)
    await pay(page, GOOD)
    await becomes(page, PAID)
    codes = await tickets_of(shop, page)
    assert len(codes) == 3
    assert await read_tickets(page) == codes


async def test_without_scripts_up_to_the_payment(shop: Till, open_page: Open) -> None:
    name, prices = show_name(), {"A": 5000, "Standing": 1500}
    show_id = await hall(shop.server, grid(ROWS, SEATS), name=name, prices=prices, areas=FLOOR)
    page = await open_page(shop.server.url, java_script_enabled=False)
    await found(page, name)
    await expect(page.locator("#map")).to_be_hidden()
    await page.get_by_role("link", name="S", exact=True).click()
    for seat in (3, 4):
        await page.get_by_label(f"Row 2, seat {seat}, A, €50.00").check()
    await held(shop.server, show_id, "S-2-4")
    await page.get_by_role("button", name="Take these seats").click()
    refusal = page.get_by_role("alert")
    await expect(refusal).to_contain_text("Somebody was faster")
    await expect(refusal.locator("li")).to_have_text(["S-2-4: held"])
    await expect(page.get_by_label("Row 2, seat 3, A")).to_be_checked()
    await expect(page.get_by_label("Row 2, seat 4, A, €50.00, held")).to_be_disabled()
    await page.get_by_label("Row 2, seat 5, A").check()
    await page.get_by_role("button", name="Take these seats").click()
    await has_seats(page, "S-2-3", "S-2-5")
    await expect(
        page.get_by_text("When the time is up they are free for everybody")
    ).to_be_visible()
    more = page.get_by_role("button", name="I need more time")
    until = await page.locator(".countdown time").get_attribute("datetime")
    await more.click()
    await expect(more).to_have_count(0)
    assert await page.locator(".countdown time").get_attribute("datetime") != until
    await page.get_by_role("button", name="Give the seats back").click()

    await page.get_by_label("Tickets", exact=True).fill("3")
    await page.get_by_label("Category").select_option(label="A, €50.00")
    await page.get_by_role("button", name="Find seats").click()
    await expect(page.locator(".seats tbody tr")).to_have_count(3)
    await page.get_by_role("button", name="Give the seats back").click()

    await page.get_by_label("Floor, 40 free, €15.00").fill("2")
    await page.get_by_role("button", name="Take these tickets").click()
    await has_seats(page, "Floor-1", "Floor-2")
    await expect(page.locator(".seats tfoot td")).to_have_text("€30.00")
    await order(page)
    await becomes(page, "Pay for your seats")
    await expect(page.get_by_text("Paying with a card needs JavaScript")).to_be_visible()
    await expect(page.locator("#pay")).to_be_hidden()
    await page.get_by_role("link", name="Look again").click()
    await becomes(page, "Pay for your seats")


async def test_without_scripts_up_to_tickets_that_cost_nothing(shop: Till, open_page: Open) -> None:
    show_id = await hall(shop.server, grid(1, 4), name=show_name(), prices={"A": 0})
    page = await open_page(f"{shop.server.url}/shows/{show_id}", java_script_enabled=False)
    await page.get_by_role("button", name="Find seats").click()
    await page.get_by_label("E-mail address").fill("ada@example.com")
    await page.get_by_role("button", name="Take the tickets").click()
    heading, again = page.locator("h1"), page.get_by_role("link", name="Look again")
    while await heading.inner_text() == "Your tickets are being made":
        await again.click()
    await becomes(page, "Here are your tickets")
    assert await read_tickets(page) == await tickets_of(shop, page)


async def test_seats_that_come_back_can_be_had_at_once(shop: Till, open_page: Open) -> None:
    show_id = await hall(shop.server, grid(1, 3))
    rest = await held(shop.server, show_id, "S-1-1", "S-1-2")
    page = await open_page(f"{shop.server.url}/shows/{show_id}")
    await live(page)
    sale, note = page.locator("#sale"), page.get_by_text("All tickets are held or sold")
    await expect(sale).to_have_text("On sale")
    await expect(note).to_be_hidden()
    await held(shop.server, show_id, "S-1-3")
    await expect(sale).to_have_text("Sold out", timeout=SEEN_MS_MAX)
    await expect(note).to_be_visible()
    await page.reload()
    await live(page)
    await expect(note).to_be_visible()
    assert (await shop.http.delete(f"/v1/holds/{rest['hold_id']}")).status_code == 204
    await expect(sale).to_have_text("Tickets are free again: 2", timeout=SEEN_MS_MAX)
    await expect(note).to_be_hidden()
    await click_seat(page, 0, 3, 0, 1)
    await page.get_by_role("button", name="Hold these seats").click()
    await has_seats(page, "S-1-1")
