"""The page of an order: what was bought, how it stands, the payment, and then the tickets."""

from __future__ import annotations

from starlette.requests import Request

from actors.domain import ordering
from actors.domain.order import Order, State
from cluster.orders.tickets import WITH_TICKETS, tickets_of
from serve_app.api.shows import existing_show
from serve_app.order_changes import change_order, order_of
from serve_app.runtime import runtime_of
from serve_app.web.forms import form_of
from serve_app.web.order_words import OF_PAYING, OF_REFUNDS, SAME_AS, of_problem, words_of
from serve_app.web.page import Page, SeeOther, page
from serve_app.web.paying import AtBank, CardForm, card_form_of
from serve_app.web.signed_in import account_of


@page
async def order(request: Request) -> Page:
    """GET /orders/{order_id}"""
    runtime = runtime_of(request)
    found = await order_of(runtime, request.path_params["order_id"])
    show = await existing_show(runtime, found.show_id)
    found, payment = await card_form_of(runtime, found, show.name)
    card = payment if isinstance(payment, CardForm) else None
    context = {
        "account": await account_of(request),
        "order": found,
        "show": show,
        "words": words_of(found),
        "places": _places(found),
        "tickets": tickets_of(found, runtime.ticket_keys) if found.state in WITH_TICKETS else (),
        "refund_words": OF_REFUNDS,
        "now": runtime.clock(),
        "unpaid": found.state is State.AWAITING_PAYMENT,
        "underway": found.state is State.AUTHORISED,
        "card": card,
        "declined": of_problem(card.problem) if card and card.problem else "",
        "at_bank": payment.said if isinstance(payment, AtBank) else "",
        "paying": OF_PAYING,
        "same_as": SAME_AS,
    }
    return Page("order.html", context, payments="" if card is None else card.origin)


def _places(order: Order) -> list[dict[str, object]]:
    """The seats of an order with category and price (minor units)."""
    return [
        {"seat": seat, "category": category, "price": price}
        for line in order.lines
        for seat, category, price in zip(line.seats, line.categories, line.prices, strict=True)
    ]


@page
async def cancel(request: Request) -> SeeOther:
    """POST /orders/{order_id}/cancel"""
    runtime, order_id = runtime_of(request), request.path_params["order_id"]
    await form_of(request)
    await change_order(runtime, order_id, ordering.cancelled)
    return SeeOther(f"/orders/{order_id}")
