"""Orders: from a hold to tickets. Plain Starlette endpoints, like those of holds."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from actors.domain import ordering
from serve_app.bodies import decode, read_json
from serve_app.conditional import NO_STORE
from serve_app.hold_making import addressed_hold
from serve_app.idempotency import REPLAYED, identify
from serve_app.order_answers import order_answer
from serve_app.order_changes import change_order, order_of
from serve_app.order_making import buyer_of, make_order
from serve_app.runtime import runtime_of

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=254)]


class OrderBody(msgspec.Struct, forbid_unknown_fields=True):
    hold_id: Text
    email: Text
    name: Annotated[str, msgspec.Meta(max_length=200)] = ""


_decoder = msgspec.json.Decoder(OrderBody)


async def create_order(request: Request) -> Response:
    """POST /v1/orders"""
    runtime = runtime_of(request)
    body = decode(_decoder, await read_json(request))
    buyer = buyer_of(body.email, body.name)
    hold_id = await addressed_hold(runtime, body.hold_id)
    canonical = msgspec.json.encode(body, order="sorted")
    identity = identify(request, runtime, "orders", canonical)
    made = await make_order(runtime, hold_id, buyer, identity)
    headers = dict(REPLAYED) if made.replayed and identity.keyed else {}
    headers["Location"] = f"/v1/orders/{made.order.order_id}"
    answer = order_answer(made.order, runtime.ticket_keys)
    return _json({**answer, "client_secret": made.client_secret or None}, 201, headers)


async def get_order(request: Request) -> Response:
    """GET /v1/orders/{order_id}"""
    runtime = runtime_of(request)
    order = await order_of(runtime, request.path_params["order_id"])
    return _json(order_answer(order, runtime.ticket_keys), 200)


async def cancel_order(request: Request) -> Response:
    """DELETE /v1/orders/{order_id}"""
    await change_order(runtime_of(request), request.path_params["order_id"], ordering.cancelled)
    return Response(status_code=204)


def _json(body: dict[str, Any], status: int, headers: dict[str, str] | None = None) -> Response:
    told = {**NO_STORE, **(headers or {})}
    return Response(msgspec.json.encode(body), status, told, "application/json")
