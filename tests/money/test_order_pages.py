"""The page of an order without a browser: how it stands in words, what it lets do, and what it keeps to itself."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from serve_app.web import paying
from tests.fakes.stripe_proxy import Fault
from tests.paying import Answer, Till

pytestmark = pytest.mark.asyncio(loop_scope="session")

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(shop: Till) -> AsyncIterator[httpx.AsyncClient]:
    """Not the shop's own client: that one takes every error for one of the API."""
    async with httpx.AsyncClient(base_url=shop.server.url, timeout=60) as http:
        yield http


def address(order: Answer) -> str:
    return f"/orders/{order['order_id']}"


def heading(page: httpx.Response) -> str:
    found = re.search(r"<h1>(.*?)</h1>", page.text)
    assert found is not None, page.text
    return found[1]


async def test_the_form_of_a_hold_leads_to_the_payment(
    shop: Till, visitor: httpx.AsyncClient
) -> None:
    held = await shop.hold(await shop.hall(), "S-1-1", "S-1-2")
    sent = await visitor.post(
        f"/holds/{held['hold_id']}/order", data={"email": "a@example.com", "name": "Ada"}
    )
    assert sent.status_code == 303
    page = await visitor.get(sent.headers["location"])
    assert (page.status_code, heading(page)) == (200, "Pay for your seats")
    assert page.headers["cache-control"] == "no-store"
    for shown in ("S-1-1", "S-1-2", "€50.00", "€100.00", "Pay €100.00", "a@example.com", "Ada"):
        assert shown in page.text
    assert "When the time is up they are free for everybody" in page.text
    assert re.search(
        r"<div data-scriptless>.*needs JavaScript.*Look again.*?</div>", page.text, re.S
    )
    policy = page.headers["content-security-policy"]
    assert f"script-src 'nonce-{policy.partition('nonce-')[2][:22]}' {shop.proxy.url};" in policy
    assert f"connect-src 'self' {shop.proxy.url};" in policy
    script = re.search(r'data-script="([^"]+)"', page.text)
    assert script is not None
    loaded = await visitor.get(script[1])
    assert loaded.status_code == 200
    assert "confirmPayment" in loaded.text


async def test_an_address_that_is_corrected_too_late_leads_to_the_order_that_has_the_wrong_one(
    shop: Till, visitor: httpx.AsyncClient
) -> None:
    held = await shop.hold(await shop.hall(), "S-1-1")
    form = f"/holds/{held['hold_id']}"
    sent = await visitor.post(f"{form}/order", data={"email": "adda@example.com"})
    order_page = sent.headers["location"]
    back = await visitor.get(form)
    assert (back.status_code, back.headers["location"]) == (303, order_page)
    corrected = await visitor.post(f"{form}/order", data={"email": "ada@example.com"})
    assert (corrected.status_code, corrected.headers["location"]) == (303, f"{order_page}#goes-to")
    page = await visitor.get(order_page)
    assert re.search(r'<p id="goes-to">.*adda@example\.com.*\n.*cancel it, and choose', page.text)
    await visitor.post(f"{order_page}/cancel", headers=FORM)
    assert "cancel it, and choose" not in (await visitor.get(order_page)).text


async def test_the_hold_of_a_paid_order_shows_its_tickets_to_nobody(
    shop: Till, visitor: httpx.AsyncClient
) -> None:
    held = await shop.hold(await shop.hall(), "S-1-1")
    order = (await shop.order(held["hold_id"])).json()
    await shop.pay(order)
    await shop.becomes(order, "paid")
    page = await visitor.get(f"/holds/{held['hold_id']}")
    assert (page.status_code, heading(page)) == (409, "These seats are sold")
    assert order["order_id"] not in page.text
    assert '<a href="/orders">My orders</a>' in page.text.partition("<main")[2]


async def test_a_paid_order_has_its_tickets(shop: Till, visitor: httpx.AsyncClient) -> None:
    order = await shop.ordered(await shop.hall(), "S-1-1", "S-1-2")
    await shop.pay(order)
    await shop.becomes(order, "paid")
    page = await visitor.get(address(order))
    assert heading(page) == "Paid: here are your tickets"
    codes = re.findall(
        r'<img src="([^"]+)"[^>]*alt="QR code of the ticket for (S-1-\d)"', page.text
    )
    assert [seat for _, seat in codes] == ["S-1-1", "S-1-2"]
    files = [f"/v1{address(order)}/tickets.pdf", f"/v1{address(order)}/calendar.ics"]
    for link in files:
        assert f'href="{link}"' in page.text
    for link in [*files, *(source for source, _ in codes)]:
        assert (await visitor.get(link)).status_code == 200
    assert 'id="pay"' not in page.text
    assert "/cancel" not in page.text
    refused = await visitor.post(f"{address(order)}/cancel", headers=FORM)
    assert (refused.status_code, heading(refused)) == (409, "This order is paid already")


async def test_a_refund_is_shown(shop: Till, visitor: httpx.AsyncClient) -> None:
    order = await shop.ordered(await shop.hall(), "S-1-1", "S-1-2")
    await shop.pay(order)
    await shop.becomes(order, "paid")
    assert (await shop.refund(order, seats=["S-1-1"])).status_code == 202
    await shop.becomes(order, "partially_refunded")
    page = await visitor.get(address(order))
    assert heading(page) == "A part of this order is refunded"
    assert "€50.00, S-1-1: given back" in page.text
    assert len(re.findall("qr.svg", page.text)) == 1


async def test_an_order_is_cancelled_with_a_form(shop: Till, visitor: httpx.AsyncClient) -> None:
    order = await shop.ordered(await shop.hall(), "S-1-1")
    sent = await visitor.post(f"{address(order)}/cancel", headers=FORM)
    assert (sent.status_code, sent.headers["location"]) == (303, address(order))
    page = await visitor.get(address(order))
    assert heading(page) == "You have cancelled this order"
    assert 'id="pay"' not in page.text


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil"}])
async def test_another_site_cancels_nothing(
    shop: Till, visitor: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    order = await shop.ordered(await shop.hall(), "S-1-1")
    refused = await visitor.post(f"{address(order)}/cancel", headers={**FORM, **headers})
    assert (refused.status_code, heading(refused)) == (403, "This form came from another site")
    assert (await shop.see(order["order_id"]))["state"] == "awaiting_payment"


async def test_a_machine_that_fills_in_everything_cancels_nothing(
    shop: Till, visitor: httpx.AsyncClient
) -> None:
    order = await shop.ordered(await shop.hall(), "S-1-1")
    refused = await visitor.post(f"{address(order)}/cancel", data={"website": "http://spam"})
    assert (refused.status_code, heading(refused)) == (422, "A program has filled in this form")
    assert "turn that off" in refused.text
    assert (await shop.see(order["order_id"]))["state"] == "awaiting_payment"


async def test_a_payment_service_that_is_away_keeps_the_seats(
    shop: Till, visitor: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paying, "CARD_SECONDS_MAX", 1.0)
    order = await shop.ordered(await shop.hall(), "S-1-1")
    shop.proxy.always = Fault.DROP_BEFORE
    try:
        page = await visitor.get(address(order))
    finally:
        shop.proxy.always = None
    assert (page.status_code, heading(page)) == (200, "Pay for your seats")
    assert "Payments cannot be made at the moment." in page.text
    assert 'class="countdown"' in page.text
    assert shop.proxy.url not in page.headers["content-security-policy"]


async def test_a_german_reads_german(shop: Till, visitor: httpx.AsyncClient) -> None:
    order = await shop.ordered(await shop.hall(), "S-1-1")
    page = await visitor.get(address(order), headers={"Accept-Language": "de"})
    assert heading(page) == "Bezahlen Sie Ihre Plätze"
    assert 'lang="de"' in page.text
    assert "Ihre Bank hat die Karte abgelehnt." in page.text
    assert "50,00" in page.text


async def test_no_such_order_is_a_page(visitor: httpx.AsyncClient) -> None:
    for order_id in ("o1", "x" * 500, "<b>"):
        page = await visitor.get(f"/orders/{order_id}")
        assert (page.status_code, heading(page)) == (404, "There is no such order")
