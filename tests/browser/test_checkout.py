"""A buyer in a real browser: from the hold to a ticket that a scanner can read, and what stands in the way."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
import zxingcpp
from PIL import Image
from playwright.async_api import Page, expect

from cluster.embedded.nats import NatsServer
from cluster.embedded.stripe import LocalStripe
from tests.browser.conftest import Open
from tests.fakes.stripe_proxy import StripeProxy
from tests.paying import Till, till

pytestmark = pytest.mark.asyncio(loop_scope="session")

GOOD = "4242 4242 4242 4242"
DECLINED = "4000 0000 0000 0002"
NOT_ENOUGH = "4000 0000 0000 9995"
ASKS = "4000 0025 0000 3155"
SEEN_MS_MAX = 60_000


@pytest.fixture(scope="module")
def paying_nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    server = NatsServer.start(tmp_path_factory.mktemp("browser-nats"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def paying_stripe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStripe]:
    local = LocalStripe(tmp_path_factory.mktemp("browser-stripe"))
    local.wait_ready()
    yield local
    local.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(
    paying_nats: NatsServer,
    paying_stripe: LocalStripe,
    mongodb_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Till]:
    async with (
        StripeProxy(paying_stripe) as proxy,
        till(paying_nats.url, mongodb_url, proxy, tmp_path_factory.mktemp("till")) as running,
    ):
        yield running


async def ordering(shop: Till, open_page: Open, *seats: str, **options: object) -> Page:
    """The page of an order that was made of a hold with the form of its page."""
    held = await shop.hold(await shop.hall(), *seats)
    page = await open_page(f"{shop.server.url}/holds/{held['hold_id']}", **options)
    await page.fill("input[name=email]", "ada@example.com")
    await page.fill("input[name=name]", "Ada")
    await page.click("form[action$='/order'] button")
    await page.wait_for_url("**/orders/*")
    return page


async def pay(page: Page, number: str) -> None:
    await page.get_by_label("Card number").fill(number)
    await page.get_by_label("Expiry").fill("12/34")
    await page.get_by_label("Security code").fill("123")
    await page.click("#pay button")


async def becomes(page: Page, heading: str) -> None:
    await expect(page.locator("h1")).to_have_text(heading, timeout=SEEN_MS_MAX)


async def says(page: Page, text: str) -> None:
    await expect(page.locator("#said")).to_contain_text(text, timeout=SEEN_MS_MAX)


async def test_from_the_hold_to_a_ticket_that_is_read(shop: Till, open_page: Open) -> None:
    page = await ordering(shop, open_page, "S-1-1", "S-1-2")
    await becomes(page, "Pay for your seats")
    await expect(page.locator(".clock")).to_be_visible()
    await expect(page.locator("[data-scriptless]")).to_have_count(0)
    await pay(page, GOOD)
    await becomes(page, "Paid: here are your tickets")
    stored = await shop.see(page.url.rpartition("/")[2])
    codes = {ticket["code"] for ticket in stored["tickets"]}
    read = set[str]()
    for picture in await page.locator(".tickets img").all():
        await picture.scroll_into_view_if_needed()
        shot = Image.open(io.BytesIO(await picture.screenshot()))
        read |= {found.text for found in zxingcpp.read_barcodes(shot)}
    assert read == codes
    assert len(codes) == 2


async def test_after_a_decline_another_card_pays(shop: Till, open_page: Open) -> None:
    page = await ordering(shop, open_page, "S-1-1")
    await pay(page, DECLINED)
    await says(page, "Your bank has declined the card. Nothing was charged.")
    await pay(page, NOT_ENOUGH)
    await says(page, "There is not enough money on this card.")
    await pay(page, GOOD)
    await becomes(page, "Paid: here are your tickets")


async def test_a_wrong_number_is_marked_and_sent_nowhere(shop: Till, open_page: Open) -> None:
    page = await ordering(shop, open_page, "S-1-1")
    await pay(page, "4242 4242 4242 4241")
    await says(page, "Look at the fields that are marked.")
    number = page.get_by_label("Card number")
    await expect(number).to_have_attribute("aria-invalid", "true")
    await expect(number).to_be_focused()


async def test_a_bank_that_asks_is_answered(shop: Till, open_page: Open) -> None:
    page = await ordering(shop, open_page, "S-1-1")
    page.once("dialog", lambda dialog: dialog.dismiss())
    await pay(page, ASKS)
    await says(page, "Your bank could not make sure that it is you.")
    page.once("dialog", lambda dialog: dialog.accept())
    await pay(page, ASKS)
    await becomes(page, "Paid: here are your tickets")


async def test_the_end_of_the_time_is_said_on_the_page(shop: Till, open_page: Open) -> None:
    show_id = await shop.hall(hold_seconds=8)
    order = await shop.ordered(show_id, "S-1-1")
    page = await open_page(f"{shop.server.url}/orders/{order['order_id']}")
    await becomes(page, "The time was up")
    await expect(page.locator("#pay")).to_have_count(0)


async def test_without_javascript_the_page_says_what_it_takes(shop: Till, open_page: Open) -> None:
    page = await ordering(shop, open_page, "S-1-1", java_script_enabled=False)
    await becomes(page, "Pay for your seats")
    await expect(page.get_by_text("Paying with a card needs JavaScript")).to_be_visible()
    await expect(page.locator("#pay")).to_be_hidden()
    await page.get_by_role("link", name="Look again").click()
    await becomes(page, "Pay for your seats")


async def test_a_cancelled_order_is_seen_by_whoever_looks_at_it(
    shop: Till, open_page: Open
) -> None:
    page = await ordering(shop, open_page, "S-1-1")
    await shop.http.delete(f"/v1{page.url.removeprefix(shop.server.url)}")
    await becomes(page, "You have cancelled this order")
