"""Refunds: the organizer gives money back, and says what becomes of the seats."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from actors.domain import repaying
from actors.domain.order import Order
from actors.domain.rejections import Rejection
from serve_app.auth import require_admin
from serve_app.bodies import json_body
from serve_app.conditional import NO_STORE
from serve_app.idempotency import REPLAYED, identify
from serve_app.openapi import creating, json_request, problems
from serve_app.order_answers import order_answer
from serve_app.order_changes import change_order
from serve_app.runtime import runtime_of

SEATS_MAX = 100
REASON_CHARS_MAX = 500

router = APIRouter(prefix="/v1/orders", tags=["orders"])


class RefundBody(BaseModel):
    """Which seats are refunded (without any: all that are left), and whether they go back on sale."""

    model_config = ConfigDict(extra="forbid")

    seats: Annotated[list[str], Field(min_length=1, max_length=SEATS_MAX)] | None = None
    withhold: bool = False
    reason: Annotated[str, Field(max_length=REASON_CHARS_MAX)] = ""


@router.post(
    "/{order_id}/refunds",
    status_code=202,
    operation_id="createRefund",
    dependencies=[Depends(require_admin)],
    responses=problems(401, 403, 404, 409, 413, 415, 422, 503),
    openapi_extra=creating(json_request(RefundBody)),
)
async def create_refund(
    order_id: str, request: Request, body: Annotated[RefundBody, Depends(json_body(RefundBody))]
) -> Any:
    """Give the money for some seats, or for all, back to the buyer. The answer is the order; its `refunds` say how
    each stands."""
    runtime = runtime_of(request)
    canonical = msgspec.json.encode(body.model_dump(), order="sorted")
    identity = identify(request, runtime, f"refunds/{order_id}", canonical)

    def decide(order: Order, now: int) -> Order | Rejection | None:
        return repaying.refund_requested(
            order,
            "r" + identity.token,
            tuple(body.seats or ()),
            now,
            fingerprint=identity.fingerprint,
            withhold=body.withhold,
            reason=body.reason,
        )

    order, replayed = await change_order(runtime, order_id, decide)
    return _answer(order_answer(order, runtime.ticket_keys), REPLAYED if replayed else None)


def _answer(body: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    told = {**NO_STORE, **(headers or {})}
    return Response(msgspec.json.encode(body), 202, told, "application/json")
