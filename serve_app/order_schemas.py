"""How the routes of orders, and the provider's webhook, are described in the OpenAPI document."""

from __future__ import annotations

from actors.domain.order import Actor, Cause, State
from actors.domain.payment import RefundStatus
from serve_app.describing import (
    IDEMPOTENCY_KEY,
    INTEGER,
    STRING,
    TIME,
    Schema,
    header,
    json_answer,
    listing,
    operation,
    path_parameter,
    record,
    reference,
)

_AMOUNT: Schema = {**INTEGER, "description": "minor units"}
_STATE: Schema = {"type": "string", "enum": [state.value for state in State]}
_CAUSE: Schema = {"type": "string", "enum": [cause.value for cause in Cause]}

_ORDER: dict[str, Schema] = {
    "order_id": {**STRING, "description": "unguessable: the buyer's authority over the order"},
    "hold_id": STRING,
    "show_id": STRING,
    "state": _STATE,
    "reason": {**_CAUSE, "description": "why the order stands as it does"},
    "amount": _AMOUNT,
    "currency": {**STRING, "description": "ISO 4217"},
    "email": STRING,
    "name": STRING,
    "seats": listing(STRING),
    "created_at": TIME,
    "payment_deadline": TIME,
    "tickets": listing(reference("OrderTicket")),
    "refunds": listing(reference("OrderRefund")),
    "history": listing(reference("OrderTransition")),
}

ORDER_SCHEMAS: Schema = {
    "OrderRequest": {
        **record(
            ["hold_id", "email"],
            hold_id=STRING,
            email={"type": "string", "format": "email", "maxLength": 254},
            name={"type": "string", "maxLength": 200},
        ),
        "additionalProperties": False,
    },
    "OrderTicket": record(
        ["ticket_id", "seat", "code"],
        ticket_id=STRING,
        seat=STRING,
        code={**STRING, "description": "admits whoever shows it"},
    ),
    "OrderRefund": record(
        ["refund_id", "state", "amount", "seats", "reason", "requested_at"],
        refund_id=STRING,
        state={"type": "string", "enum": [status.value for status in RefundStatus]},
        amount=_AMOUNT,
        seats=listing(STRING),
        reason=STRING,
        requested_at=TIME,
    ),
    "OrderTransition": record(
        ["state", "at", "cause", "actor"],
        state=_STATE,
        at=TIME,
        cause=_CAUSE,
        actor={"type": "string", "enum": [actor.value for actor in Actor]},
    ),
    "Order": record(list(_ORDER), **_ORDER),
    "OrderState": {
        **record(
            ["state", "reason", "payment_deadline"],
            state=_STATE,
            reason=_CAUSE,
            payment_deadline=TIME,
        ),
        "description": "the data of an `order` event",
    },
    "NewOrder": record(
        [*_ORDER, "client_secret"],
        **_ORDER,
        client_secret={
            "type": ["string", "null"],
            "description": "with it the buyer's browser pays; null when there is nothing (more) to pay",
        },
    ),
}

_ORDER_ID = path_parameter("order_id")

ORDER_OPERATIONS: list[tuple[str, str, Schema, tuple[int, ...]]] = [
    (
        "/v1/orders",
        "post",
        operation(
            "createOrder",
            "Order what a hold has, and open its payment.",
            "orders",
            [IDEMPOTENCY_KEY],
            {"201": json_answer("NewOrder", "the order")},
            "OrderRequest",
        ),
        (404, 409, 410, 413, 415, 422, 429, 503),
    ),
    (
        "/v1/orders/{order_id}",
        "get",
        operation(
            "getOrder",
            "The order as it stands; with its tickets once it is paid.",
            "orders",
            [_ORDER_ID],
            {"200": json_answer("Order", "the order")},
        ),
        (404, 503),
    ),
    (
        "/v1/orders/{order_id}",
        "delete",
        operation(
            "cancelOrder",
            "Cancel an order that is not paid: its seats and its payment are given up.",
            "orders",
            [_ORDER_ID],
            {"204": {"description": "it is cancelled"}},
        ),
        (404, 409, 410, 503),
    ),
    (
        "/v1/orders/{order_id}/stream",
        "get",
        operation(
            "streamOrder",
            "The order's state as server-sent events: `order` with an OrderState, now and whenever it changes.",
            "orders",
            [_ORDER_ID],
            {
                "200": {
                    "description": "a stream",
                    "content": {"text/event-stream": {"schema": STRING}},
                }
            },
        ),
        (404, 503),
    ),
    (
        "/webhooks/stripe",
        "post",
        {
            **operation(
                "stripeWebhook",
                "Stripe's signed events, answered once they are stored.",
                "webhooks",
                [header("Stripe-Signature", "over the raw body, at most 300 s old")],
                {"204": {"description": "stored"}},
            ),
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": {"type": "object"}}},
            },
        },
        (400, 413, 503),
    ),
]
