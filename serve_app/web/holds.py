"""The page of a hold: what is kept, until when, what happens then, and the form that makes an order of it."""

from __future__ import annotations

from starlette.requests import Request

from actors import holding
from actors.domain.block import Ending, Hold
from actors.domain.identity import HoldId
from cluster.bootstrap import Runtime
from cluster.reads.show_view import ShowView
from serve_app.api.shows import existing_show
from serve_app.hold_making import addressed_hold, hold_of, to_the_end
from serve_app.idempotency import keyed_identity
from serve_app.order_making import WrongBuyer, buyer_of, make_order
from serve_app.problems import Problem
from serve_app.runtime import runtime_of
from serve_app.shows import view_of
from serve_app.web.forms import form_of
from serve_app.web.page import Page, SeeOther, page
from serve_app.web.signed_in import account_of


@page
async def hold(request: Request) -> Page | SeeOther:
    """GET /holds/{hold_id}"""
    return await _hold_page(request)


async def _hold_page(request: Request, status: int = 200, **told: object) -> Page | SeeOther:
    hold_id, runtime = await _addressed(request)
    found = hold_of(await holding.find(runtime.client.ask, hold_id))
    if found.ending is Ending.SOLD:
        raise Problem("hold_sold")
    if (ordered := await _order_page(runtime, hold_id)) is not None:
        return ordered
    show = await existing_show(runtime, hold_id.show_id)
    view = await view_of(runtime, hold_id.show_id)
    account = await account_of(request)
    context = {
        "hold_id": str(hold_id),
        "show": show,
        "hold": found,
        "places": await _places(runtime, view, hold_id, found),
        "now": runtime.clock(),
        "extendable": not found.extended_by,
        "problem": "",
        "account": account,
        "email": account.address if account else "",
        "name": "",
        **told,
    }
    return Page("hold.html", context, status)


async def _places(
    runtime: Runtime, view: ShowView, hold_id: HoldId, found: Hold
) -> list[dict[str, object]]:
    """The seats of a hold with category and price (minor units)."""
    parts = sorted([(hold_id.primary, found.tickets), *((p.block, p.tickets) for p in found.parts)])
    if any(block not in view.blocks for block, _ in parts):  # loaded a moment ago
        await runtime.views.catch_up(hold_id.show_id)
    return [
        {
            "seat": view.label(block, ticket),
            "category": layout.categories[layout.category_of[ticket]].name,
            "price": layout.price(ticket),
        }
        for block, tickets in parts
        for layout in (view.blocks[block].layout,)
        for ticket in tickets
    ]


@page
async def extend(request: Request) -> SeeOther:
    """POST /holds/{hold_id}/extend"""
    hold_id, runtime = await _addressed(request)
    await form_of(request)
    # Sent twice it is one extension.
    token = keyed_identity(runtime, "form-extend", str(hold_id), fingerprint="form").token
    hold_of(await to_the_end(runtime, holding.extend(runtime.client.ask, hold_id, token)))
    return SeeOther(f"/holds/{hold_id}")


@page
async def release(request: Request) -> SeeOther:
    """POST /holds/{hold_id}/release"""
    hold_id, runtime = await _addressed(request)
    await form_of(request)
    hold_of(await to_the_end(runtime, holding.release(runtime.client.ask, hold_id)))
    return SeeOther(f"/shows/{hold_id.show_id}")


@page
async def order(request: Request) -> Page | SeeOther:
    """POST /holds/{hold_id}/order"""
    hold_id, runtime = await _addressed(request)
    form = await form_of(request)
    email, name = form.one("email"), form.one("name")
    try:
        buyer = buyer_of(email, name)
    except WrongBuyer as wrong:
        return await _hold_page(request, 422, problem=wrong.field, email=email, name=name)
    # Sent twice it is one order: the same person asks for the same hold.
    key = f"{hold_id} {buyer.email} {buyer.name}"
    identity = keyed_identity(runtime, "form-orders", key, fingerprint="form")
    try:
        made = await make_order(runtime, hold_id, buyer, identity)
    except Problem as problem:
        # Back from the payment to correct the address: the order says which one it has, and how to have another.
        exists = problem.code == "order_exists"
        ordered = await _order_page(runtime, hold_id, part="#goes-to") if exists else None
        if ordered is None:
            raise
        return ordered
    return SeeOther(f"/orders/{made.order.order_id}")


async def _order_page(runtime: Runtime, hold_id: HoldId, part: str = "") -> SeeOther | None:
    """Where the order of a hold is, when there is one already."""
    orders = await runtime.orders.of_holds([hold_id.token])
    return SeeOther(f"/orders/{orders[0].order_id}{part}") if orders else None


async def _addressed(request: Request) -> tuple[HoldId, Runtime]:
    runtime = runtime_of(request)
    return await addressed_hold(runtime, request.path_params["hold_id"]), runtime
