"""The orders of an address: for the account that is signed in, or for whoever has opened a link in a mail."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.requests import Request

from actors.domain.order import Order
from cluster.accounts.address import InvalidAddress, mailbox_of
from cluster.accounts.links import VIEWING_SECONDS, Purpose
from cluster.bootstrap import Runtime
from cluster.store.show import Show
from serve_app.problems import Problem
from serve_app.runtime import runtime_of
from serve_app.web.cookies import Cookie, cookie_of, dropped, kept
from serve_app.web.forms import form_of
from serve_app.web.letters import send_letter
from serve_app.web.order_words import Words, words_of
from serve_app.web.page import Page, SeeOther, page
from serve_app.web.signed_in import account_of, client_of

PAGE_ORDERS = 20

QUIET = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
"""Of the answer to a link: its address is a secret, and stays nowhere."""


@dataclass(frozen=True, slots=True)
class Card:
    """One order in the list. The show may be gone from the catalogue."""

    order: Order
    show: Show | None
    words: Words


@page
async def my_orders(request: Request) -> Page:
    """GET /orders"""
    return await _list(request)


async def _list(request: Request, status: int = 200, **told: object) -> Page:
    runtime, account = runtime_of(request), await account_of(request)
    viewed = _viewed(request, runtime)
    address = viewed or (account.address if account else None)
    cards, older = list[Card](), None
    if address is not None:
        cards, older = await _page_of(request, runtime, address)
    context = {
        "account": account,
        "viewed": viewed,
        "address": address,
        "cards": cards,
        "older": older,
        "problem": "",
        "email": "",
        **told,
    }
    return Page("my_orders.html", context, status)


def _viewed(request: Request, runtime: Runtime) -> str | None:
    """The address whose link this browser has opened."""
    token = cookie_of(request, Cookie.ORDERS)
    return token and runtime.links.subject(Purpose.VIEWING, token, runtime.clock())


async def _page_of(
    request: Request, runtime: Runtime, address: str
) -> tuple[list[Card], str | None]:
    """Orders, and the address of the page with older ones. Its place names an order, so it is sealed."""
    place, after = request.query_params.get("after"), None
    if place is not None:
        found = runtime.links.subject(Purpose.PAGE, place, runtime.clock())
        at, _, order_id = (found or "").partition(" ")
        if not order_id:
            raise Problem("invalid_cursor")
        after = int(at), order_id
    orders = await runtime.orders.of_mailbox(mailbox_of(address), PAGE_ORDERS + 1, after)
    shown = orders[:PAGE_ORDERS]
    show_ids = {order.show_id for order in shown}
    shows = await asyncio.gather(*[runtime.shows.get(show_id) for show_id in show_ids])
    known = {show.show_id: show for show in shows if show is not None}
    cards = [Card(order, known.get(order.show_id), words_of(order)) for order in shown]
    if len(orders) == len(shown):
        return cards, None
    last = f"{shown[-1].created_at} {shown[-1].order_id}"
    return cards, f"/orders?after={runtime.links.token(Purpose.PAGE, last, runtime.clock())}"


@page
async def mail_link(request: Request) -> Page | SeeOther:
    """POST /orders/link: the same answer whether there are orders or not."""
    form = await form_of(request)
    try:
        await send_letter(request, form, client_of(request), _orders_of)
    except InvalidAddress:
        return await _list(request, 422, problem="email", email=form.one("email"))
    return SeeOther("/orders/mailed")


async def _orders_of(runtime: Runtime, address: str) -> tuple[Purpose, str] | None:
    found = await runtime.orders.of_mailbox(mailbox_of(address), 1)
    return (Purpose.ORDERS, address) if found else None


@page
async def mailed(request: Request) -> Page:
    """GET /orders/mailed"""
    return Page("mailed.html", {"account": await account_of(request), "kind": "orders"})


@page
async def open_link(request: Request) -> SeeOther:
    """GET /orders/links/{token}: the token leaves the address bar, and a cookie shows the orders for a while."""
    runtime, now = runtime_of(request), runtime_of(request).clock()
    address = runtime.links.subject(Purpose.ORDERS, request.path_params["token"], now)
    if address is None:
        raise Problem("link_over")
    viewing = runtime.links.token(Purpose.VIEWING, address, now)
    cookies = (kept(request, Cookie.ORDERS, viewing, VIEWING_SECONDS),)
    return SeeOther("/orders", QUIET, cookies)


@page
async def close(request: Request) -> SeeOther:
    """POST /orders/close: this browser shows the orders of the link no longer."""
    await form_of(request)
    return SeeOther("/orders", cookies=(dropped(request, Cookie.ORDERS),))
