"""The product's endpoints as a client calls them: which one a request is for, and how it looks to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from actors.journal import JournalUnavailable
from cluster.store.mongo import StoreUnavailable
from serve_app.api import holds, orders, refunds, webhooks
from serve_app.problems import Problem, problem_response, unavailable
from tests import history

Answered = tuple[int, dict[str, Any]]
Endpoint = Callable[[Request], Awaitable[Response]]

EMAIL = "buyer@example.com"


async def answer(runtime: Any, asked: history.Request | history.OrderRequest) -> Answered:
    """What the endpoint says to a request: the status and the body."""
    if isinstance(asked, history.Request):
        endpoint, path, body = _of_hold(asked)
        names = {"show_id": asked.show_id, "hold_id": asked.hold_id}
    else:
        endpoint, path, body = _of_order(asked)
        names = {"order_id": asked.order_id}
    response = await _answered(endpoint(_request(runtime, path, names, asked.key, body)), path)
    told = bytes(response.body)
    return response.status_code, msgspec.json.decode(told) if told else {}


async def take_notice(runtime: Any, event_id: str, payload: bytes) -> int:
    """What the provider hears of a webhook that is signed well: a status."""
    work = webhooks.acknowledge(runtime, event_id, payload)
    return (await _answered(work, "/webhooks/stripe")).status_code


async def _answered(work: Awaitable[Response], path: str) -> Response:
    """With what the application makes of exceptions."""
    try:
        return await work
    except Problem as problem:
        return problem_response(problem, path)
    except (StoreUnavailable, JournalUnavailable) as error:
        return problem_response(unavailable(str(error)), path)


def _of_hold(asked: history.Request) -> tuple[Endpoint, str, dict[str, Any]]:
    match asked.kind:
        case "hold":
            wish: dict[str, Any] = {"best_available": {"quantity": asked.quantity}}
            wish = {"seats": asked.seats} if asked.seats else wish
            return holds.create_hold, f"/v1/shows/{asked.show_id}/holds", wish
        case "find":
            return holds.get_hold, f"/v1/holds/{asked.hold_id}", {}
        case "release":
            return holds.delete_hold, f"/v1/holds/{asked.hold_id}", {}
        case "extend":
            return holds.extend_hold, f"/v1/holds/{asked.hold_id}/extend", {}


def _of_order(asked: history.OrderRequest) -> tuple[Endpoint, str, dict[str, Any]]:
    path = f"/v1/orders/{asked.order_id}"
    match asked.kind:
        case "order":
            return orders.create_order, "/v1/orders", {"hold_id": asked.hold_id, "email": EMAIL}
        case "look":
            return orders.get_order, path, {}
        case "cancel":
            return orders.cancel_order, path, {}
        case "refund":
            seats = list(asked.seats) or None
            body = refunds.RefundBody(seats=seats, withhold=asked.withhold, reason="test")

            async def refund(request: Request) -> Response:
                return await refunds.create_refund(asked.order_id, request, body)

            return refund, f"{path}/refunds", {}


def _request(
    runtime: Any, path: str, names: dict[str, str], key: str, body: dict[str, Any]
) -> Request:
    headers = [(b"idempotency-key", key.encode())] if key else []
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "headers": headers,
        "path_params": names,
        "app": SimpleNamespace(state=SimpleNamespace(runtime=runtime)),
    }
    sent = msgspec.json.encode(body)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": sent, "more_body": False}

    return Request(scope, receive)
