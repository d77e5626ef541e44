"""Paying in a real browser, with every card and every bank, and what stands in the way."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, Route, expect

from cluster.payments.memory_provider import Card
from tests.browser.checkout import (
    AMERICAN_EXPRESS,
    ASKS,
    DECLINED,
    GOOD,
    NOT_ENOUGH,
    PAID,
    SEEN_MS_MAX,
    becomes,
    ordering,
    pay,
    says,
)
from tests.browser.conftest import Open
from tests.paying import Till

pytestmark = pytest.mark.asyncio(loop_scope="session")

WAITING = "Your bank takes its time."
LOOK_MS = 10_000
"""After that a page looks whether the bank has answered (checkout.js)."""


async def test_after_a_decline_another_card_pays(shop: Till, open_page: Open) -> None:
    page = await ordering(shop, open_page, "S-1-1")
    await pay(page, DECLINED)
    await says(page, "Your bank has declined the card. Nothing was charged.")
    await pay(page, NOT_ENOUGH)
    await says(page, "There is not enough money on this card.")
    await page.reload()
    await says(page, "There is not enough money on this card.")
    await pay(page, GOOD)
    await becomes(page, PAID)


async def test_a_card_of_another_length_pays(shop: Till, open_page: Open) -> None:
    page = await ordering(shop, open_page, "S-1-1")
    await pay(page, AMERICAN_EXPRESS, "123")
    await says(page, "Look at the fields that are marked.")
    await expect(page.get_by_text("four of an American Express card")).to_be_visible()
    await pay(page, AMERICAN_EXPRESS, "1234")
    await becomes(page, PAID)


CHANGED = """;{
    const Whole = window.Stripe;
    window.Stripe = (...given) => {
        const stripe = Whole(...given);
        (%s)(stripe);
        return stripe;
    };
}"""

FAILS_ONCE = """(stripe) => {
    const { confirmPayment } = stripe;
    stripe.confirmPayment = async () => {
        stripe.confirmPayment = confirmPayment;
        throw new Error("IntegrationError");
    };
}"""

SLOW = """(stripe) => {
    const { elements } = stripe;
    stripe.elements = (given) => {
        const made = elements(given), { create } = made;
        made.create = (kind) => {
            const element = create.call(made, kind), { on } = element;
            element.on = (event, handler) => on.call(element, event, () => { window.readied = handler; });
            return element;
        };
        return made;
    };
}"""


async def with_script(shop: Till, open_page: Open, change: str) -> Page:
    """The page of an order where the provider's script is not what it was."""

    async def changed(route: Route) -> None:
        answer = await route.fetch()
        await route.fulfill(response=answer, body=await answer.text() + CHANGED % change)

    order = await shop.ordered(await shop.hall(), "S-1-1")
    page = await open_page("about:blank")
    await page.route("**/elements.js", changed)
    await page.goto(f"{shop.server.url}/orders/{order['order_id']}")
    return page


async def test_a_provider_that_throws_can_be_asked_again(shop: Till, open_page: Open) -> None:
    page = await with_script(shop, open_page, FAILS_ONCE)
    await pay(page, GOOD)
    await says(page, "The payment service did not answer.")
    await page.locator("#pay button").click()
    await becomes(page, PAID)


async def test_nobody_pays_before_the_card_form_is_ready(shop: Till, open_page: Open) -> None:
    page = await with_script(shop, open_page, SLOW)
    await page.get_by_label("Card number").wait_for()
    await expect(page.locator("#pay button")).to_be_hidden()
    await page.evaluate("window.readied()")
    await pay(page, GOOD)
    await becomes(page, PAID)


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
    await becomes(page, PAID)


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
async def test_a_bank_that_takes_its_time_is_waited_for_after_a_reload(
    shop: Till, open_page: Open, scripts: bool
) -> None:
    order = await shop.ordered(await shop.hall(), "S-1-1")
    await shop.pay(order, Card.SLOW_DECLINED)
    page = await open_page("about:blank", java_script_enabled=scripts)
    if scripts:
        await page.clock.install()
    await page.goto(f"{shop.server.url}/orders/{order['order_id']}")
    for _ in range(2):
        await says(page, WAITING)
        await expect(page.locator("#pay")).to_have_count(0)
        await page.reload()
    payment_id = (await shop.stored(order["order_id"])).payment_id
    shop.proxy.local.settle(payment_id)
    if scripts:
        await page.clock.fast_forward(LOOK_MS)
    else:
        await page.get_by_role("link", name="Look again").click()
    await says(page, "Your bank has declined the card. Nothing was charged.")
    await expect(page.locator("#pay")).to_have_count(1)
    if scripts:
        await pay(page, GOOD)
        await becomes(page, PAID)


HEARS = """() => {
    window.heard = 0;
    new EventSource(document.querySelector("#order").dataset.stream).addEventListener("order", ({ data }) => {
        window.heard = Date.parse(JSON.parse(data).payment_deadline);
    });
}"""


async def test_a_page_at_the_bank_stays_while_the_seats_are_kept_longer(
    shop: Till, open_page: Open
) -> None:
    order = await shop.ordered(await shop.hall(), "S-1-1")
    await shop.pay(order, Card.SLOW)
    page = await open_page(f"{shop.server.url}/orders/{order['order_id']}")
    await says(page, WAITING)
    await page.evaluate(HEARS)
    before = (await shop.stored(order["order_id"])).deadline
    await page.wait_for_function("(before) => window.heard > before", arg=before)
    await says(page, WAITING)
    assert await page.evaluate("window.heard"), "it was shown anew"
    shop.proxy.local.settle((await shop.stored(order["order_id"])).payment_id)
    await becomes(page, PAID)


async def test_the_end_of_the_time_is_said_before_it_comes(shop: Till, open_page: Open) -> None:
    held = await shop.hold(await shop.hall(hold_seconds=3_600), "S-1-1")
    page = await open_page("about:blank")
    await page.clock.install()
    await page.goto(f"{shop.server.url}/holds/{held['hold_id']}")
    await page.get_by_text("When the time is up they are free for everybody").wait_for()
    spoken = page.locator(".countdown [role=status]")
    await expect(spoken).to_have_text("")
    await page.clock.fast_forward(3_600_000 - 400_000)
    await expect(spoken).to_have_text("")
    until = await page.evaluate("Date.parse(document.querySelector('.countdown').dataset.until)")
    for left, said in (
        (299, "5 minutes"),
        (119, "2 minutes"),
        (45, r"4\d seconds"),
        (15, r"1\d seconds"),
    ):
        await page.clock.fast_forward(until - await page.evaluate("Date.now()") - left * 1000)
        sentence = f"^Your seats are kept for another {said}. Then they are free for everybody"
        await expect(spoken).to_have_text(re.compile(sentence))


async def test_the_end_of_the_time_is_said_on_the_page(shop: Till, open_page: Open) -> None:
    show_id = await shop.hall(hold_seconds=8)
    order, held = await shop.ordered(show_id, "S-1-1"), await shop.hold(show_id, "S-1-2")
    ordered = await open_page(f"{shop.server.url}/orders/{order['order_id']}")
    kept = await open_page(f"{shop.server.url}/holds/{held['hold_id']}")
    await becomes(kept, "Your time is up, and the seats are free again")
    await becomes(ordered, "The time was up")
    await expect(ordered.locator("#pay")).to_have_count(0)


async def test_a_cancelled_order_is_seen_by_whoever_looks_at_it(
    shop: Till, open_page: Open
) -> None:
    page = await ordering(shop, open_page, "S-1-1")
    await shop.http.delete(f"/v1{page.url.removeprefix(shop.server.url)}")
    await becomes(page, "You have cancelled this order")
    await expect(page.locator("#pay")).to_have_count(0, timeout=SEEN_MS_MAX)
