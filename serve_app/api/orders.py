"""Orders: from a hold to tickets. Plain Starlette endpoints, like those of holds."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from email_validator import EmailNotValidError, validate_email
from starlette.requests import Request
from starlette.responses import Response

from actors.domain import ordering
from actors.domain.rejections import Rejection
from actors.outcomes import Unavailable
from cluster.orders.checkout import Ordered, Refused, Wanted
from serve_app.api.holds import addressed_hold, to_the_end
from serve_app.bodies import decode, read_json
from serve_app.idempotency import REPLAYED, identify
from serve_app.order_answers import order_answer
from serve_app.order_changes import change_order, order_of
from serve_app.problems import Problem, rejection_problem, unavailable
from serve_app.runtime import runtime_of
from serve_app.shows import view_of

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
    email, name = _email(body.email), _name(body.name)
    hold_id = await addressed_hold(runtime, body.hold_id)
    canonical = msgspec.json.encode(body, order="sorted")
    identity = identify(request, runtime, "orders", canonical)
    view = await view_of(runtime, hold_id.show_id)
    wanted = Wanted(
        "o" + identity.token, identity.fingerprint, identity.keyed, hold_id, email, name
    )
    show_name = await runtime.show_names.of(hold_id.show_id)
    placed = await to_the_end(runtime, runtime.checkout.order(wanted, view, show_name))
    match placed:
        case Ordered(order, client_secret, replayed):
            if order.amount == 0 and not replayed:
                await runtime.poke_payment()
            headers = dict(REPLAYED) if replayed and identity.keyed else {}
            headers["Location"] = f"/v1/orders/{order.order_id}"
            answer = order_answer(order, runtime.ticket_keys)
            return _json({**answer, "client_secret": client_secret or None}, 201, headers)
        case Refused(code):
            raise Problem("payment_refused", f"the payment provider says {code}", reason=code)
        case Rejection(code, detail=detail):
            raise rejection_problem(code, detail)
        case Unavailable(detail, seconds):
            raise unavailable(detail, seconds)


async def get_order(request: Request) -> Response:
    """GET /v1/orders/{order_id}"""
    runtime = runtime_of(request)
    order = await order_of(runtime, request.path_params["order_id"])
    return _json(order_answer(order, runtime.ticket_keys), 200)


async def cancel_order(request: Request) -> Response:
    """DELETE /v1/orders/{order_id}"""
    await change_order(runtime_of(request), request.path_params["order_id"], ordering.cancelled)
    return Response(status_code=204)


def _email(text: str) -> str:
    """The address in its normal form. Whether anybody reads mail there only a mail can tell."""
    try:
        return validate_email(text, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise Problem("invalid_request", f"email: {error}") from None


def _name(text: str) -> str:
    name = text.strip()
    if any(not char.isprintable() for char in name):
        raise Problem("invalid_request", "name: a name has no control characters")
    return name


def _json(body: dict[str, Any], status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(body), status, headers, "application/json")
