"""Every page that the shop has, in every state that it can be in, for those who look at all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import httpx
from playwright.async_api import Page

from actors.domain.order import State
from cluster.payments.memory_provider import Card
from tests.e2e.venue import csv_of, grid, hall, held
from tests.local_server import AUTH
from tests.paying import Answer, Till, until

AREAS = [{"area": "Floor", "category": "Standing", "capacity": 40}]
PRICES = {"A": 5000, "B": 3000, "Standing": 1500}

SEND = """([address, fields]) => {
    const form = Object.assign(document.createElement("form"), { method: "post", action: address });
    for (const [name, value] of Object.entries(fields)) {
        form.append(Object.assign(document.createElement("input"), { name, value }));
    }
    document.body.append(form);
    form.submit();
}"""


@dataclass(frozen=True)
class Stop:
    """A page: its address on the server, the status that it answers with, and the form that it answers, if any."""

    address: str
    status: int = 200
    form: Mapping[str, str] | None = None

    async def asked(self, http: httpx.AsyncClient) -> httpx.Response:
        """The page as it is sent."""
        if self.form is None:
            answer = await http.get(self.address)
        else:
            answer = await http.post(self.address, data=dict(self.form))
        assert answer.status_code == self.status, (self.address, answer.status_code)
        return answer

    async def shown(self, page: Page, url: str) -> None:
        """The page in a browser, at rest."""
        if self.form is None:
            await page.goto(url + self.address)
            return
        await page.goto(f"{url}/robots.txt")
        async with page.expect_navigation():
            await page.evaluate(SEND, [url + self.address, dict(self.form)])


NOBODY = {"email": "nobody@example.com", "password": "a wrong password"}

ACCOUNTS = {
    "my orders": Stop("/orders"),
    "my orders, no address": Stop("/orders/link", 422, {"email": "nobody"}),
    "link to orders mailed": Stop("/orders/mailed"),
    "link over": Stop("/orders/links/made-up", 410),
    "sign in": Stop("/account/sign-in"),
    "sign in, wrong": Stop("/account/sign-in", 401, NOBODY),
    "sign up": Stop("/account/sign-up"),
    "password forgotten": Stop("/account/forgotten"),
    "sign up, no address": Stop("/account/link", 422, {"email": "nobody"}),
    "link to account mailed": Stop("/account/mailed"),
    "not signed in": Stop("/account/delete", 401, {"sure": "yes"}),
}


async def every_page(shop: Till) -> dict[str, Stop]:
    """The pages by their names. What is bought for them is bought here."""
    expiring = await _expiring(shop)
    pages = {
        "shows": Stop("/"),
        "nothing found": Stop("/?q=xyzzy"),
        "nothing there": Stop("/orders/o1", 404),
        "no such show": Stop("/shows/snothing", 404),
        "no such page": Stop("/?cursor=x", 422),
        "console": Stop("/operator"),
        **ACCOUNTS,
        **await _shows(shop),
        **await _holds(shop),
        **await _orders(shop),
    }
    order, hold_id = expiring
    await until(partial(_is_expired, shop, order), "the order is expired")
    pages["order expired"] = _page_of(order)
    pages["hold expired"] = Stop(f"/holds/{hold_id}", 410)
    return pages


async def _expiring(shop: Till) -> tuple[Answer, str]:
    """An order that nobody pays, and a hold that nobody orders."""
    show_id = await shop.hall(hold_seconds=8, name="Soon over")
    order, kept = await shop.ordered(show_id, "S-1-1"), await shop.hold(show_id, "S-1-2")
    return order, kept["hold_id"]


async def _shows(shop: Till) -> dict[str, Stop]:
    rows = csv_of(
        ("Stalls", "1", range(1, 13), "A"),
        ("Stalls", "2", range(1, 13), "A"),
        ("Balcony", "1", range(1, 9), "B"),
    )
    server = shop.server
    both = await hall(server, rows, name="Seats and a floor", prices=PRICES, areas=AREAS)
    floor = await server.show(name="A floor", prices={"Standing": 1500}, areas=AREAS)
    await server.runtime.views.view(floor)
    gone = await hall(server, grid(1, 3), name="All gone")
    await held(server, gone, "S-1-1", "S-1-2", "S-1-3")
    later = await hall(server, grid(1, 3), name="Later", sale_opens_at="2029-01-01T00:00:00Z")
    over = await hall(server, grid(1, 3), name="Over", sale_closes_at="2026-01-01T00:00:00Z")
    empty = await server.show(name="Without seats")
    await held(server, both, "Stalls-1-1")
    for show_id in (floor, gone, both):
        await server.runtime.views.catch_up(show_id)
    taken = {"choice": "seats", "in": "Stalls", "first": "0", "seat": "Stalls-1-1"}
    many = {"choice": "best", "quantity": "9", "category": "B"}
    return {
        "show": Stop(f"/shows/{both}"),
        "section": Stop(f"/shows/{both}/sections/Stalls"),
        "general admission": Stop(f"/shows/{floor}"),
        "sold out": Stop(f"/shows/{gone}"),
        "not yet on sale": Stop(f"/shows/{later}"),
        "no longer on sale": Stop(f"/shows/{over}"),
        "show without seats": Stop(f"/shows/{empty}"),
        "no such section": Stop(f"/shows/{both}/sections/Nowhere", 404),
        "seat taken": Stop(f"/shows/{both}/holds", 409, taken),
        "not together": Stop(f"/shows/{both}/holds", 409, many),
        "nothing chosen": Stop(f"/shows/{both}/holds", 422, {"choice": "seats"}),
    }


async def _holds(shop: Till) -> dict[str, Stop]:
    show_id = await shop.hall(name="A hold")
    kept = await shop.hold(show_id, "S-1-1", "S-1-2")
    address = f"/holds/{kept['hold_id']}"
    return {
        "hold": Stop(address),
        "wrong address": Stop(f"{address}/order", 422, {"email": "nobody", "name": ""}),
        "wrong name": Stop(f"{address}/order", 422, {"email": "a@example.com", "name": "a\tb"}),
    }


async def _orders(shop: Till) -> dict[str, Stop]:
    show_id = await shop.hall(name="Orders")
    names = ("awaiting", "waiting", "declined", "paid", "refunded", "cancelled")
    orders = {
        name: await shop.ordered(show_id, f"S-1-{number}") for number, name in enumerate(names, 1)
    }
    orders["partly"] = await shop.ordered(show_id, "S-1-7", "S-1-8")
    await shop.pay(orders["waiting"], Card.SLOW)
    await shop.pay(orders["declined"], Card.DECLINED)
    for name in ("paid", "refunded", "partly"):
        await shop.pay(orders[name])
    for name in ("paid", "refunded", "partly"):
        await shop.becomes(orders[name], "paid")
    await asyncio.gather(
        shop.refund(orders["refunded"]), shop.refund(orders["partly"], seats=["S-1-7"])
    )
    cancelled = await shop.http.delete(
        f"/v1/orders/{orders['cancelled']['order_id']}", headers=AUTH
    )
    assert cancelled.status_code == 204, cancelled.text
    await shop.becomes(orders["refunded"], "refunded")
    await shop.becomes(orders["partly"], "partially_refunded")
    paid = _page_of(orders["paid"])
    return {
        "order awaiting payment": _page_of(orders["awaiting"]),
        "order at the bank": _page_of(orders["waiting"]),
        "order declined": _page_of(orders["declined"]),
        "order paid": paid,
        "order refunded": _page_of(orders["refunded"]),
        "order refunded in part": _page_of(orders["partly"]),
        "order cancelled": _page_of(orders["cancelled"]),
        "paid already": Stop(f"{paid.address}/cancel", 409, {"website": ""}),
    }


async def _is_expired(shop: Till, order: Answer) -> bool:
    return (await shop.stored(order["order_id"])).state is State.EXPIRED


def _page_of(order: Answer) -> Stop:
    return Stop(f"/orders/{order['order_id']}")
