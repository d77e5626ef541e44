"""Holds: the hot path. Plain Starlette endpoints, decoded by msgspec; `serve_app.schemas` describes them."""

from __future__ import annotations

from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from actors import holding
from actors.domain.block import Ending, Hold
from actors.domain.identity import HoldId
from actors.outcomes import Accepted
from cluster.bootstrap import Runtime
from cluster.holds import Buyer, Wish
from cluster.reads.choosing import AreaQuantity, BestAvailable
from serve_app.bodies import decode, read_json
from serve_app.conditional import NO_STORE
from serve_app.hold_making import addressed_hold, hold_of, make_hold, to_the_end
from serve_app.idempotency import REPLAYED, identify
from serve_app.problems import Problem
from serve_app.runtime import runtime_of
from serve_app.shows import view_of
from serve_app.times import rfc3339

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Quantity = Annotated[int, msgspec.Meta(ge=1)]


class Best(msgspec.Struct, forbid_unknown_fields=True):
    quantity: Quantity
    category: Name | None = None
    section: Name | None = None
    accessible: bool | msgspec.UnsetType = (
        msgspec.UNSET
    )  # an older client's key gets its old answer


class Area(msgspec.Struct, forbid_unknown_fields=True):
    area: Name
    quantity: Quantity


class HoldBody(msgspec.Struct, forbid_unknown_fields=True):
    """Exactly one of the three. How long the lists may be is the show's limit, and that of the body."""

    seats: Annotated[list[Name], msgspec.Meta(min_length=1)] | None = None
    best_available: Best | None = None
    areas: Annotated[list[Area], msgspec.Meta(min_length=1)] | None = None


_decoder = msgspec.json.Decoder(HoldBody)


async def create_hold(request: Request) -> Response:
    """POST /v1/shows/{show_id}/holds"""
    runtime = runtime_of(request)
    show_id = request.path_params["show_id"]
    body = decode(_decoder, await read_json(request))
    wish = _wish(body)
    view = await view_of(runtime, show_id)
    canonical = msgspec.json.encode(body, order="sorted")
    identity = identify(request, runtime, f"holds/{show_id}", canonical)
    buyer = Buyer(identity.token, identity.fingerprint, identity.keyed)
    held = await make_hold(runtime, view, wish, buyer)
    headers = dict(REPLAYED) if held.replayed and identity.keyed else {}
    headers["Location"] = f"/v1/holds/{held.hold_id}"
    return await _hold_response(runtime, held.hold_id, held.hold, 201, headers)


def _wish(body: HoldBody) -> Wish:
    kinds = [body.seats, body.best_available, body.areas]
    if sum(kind is not None for kind in kinds) != 1:
        raise Problem("invalid_request", "give exactly one of seats, best_available, areas")
    if body.seats is not None:
        if twice := _first_repeated(body.seats):
            raise Problem("duplicate_seats", f"asked for twice: {twice}")
        return body.seats
    if body.areas is not None:
        if twice := _first_repeated([one.area for one in body.areas]):
            raise Problem("invalid_request", f"an area is named twice: {twice}")
        return [AreaQuantity(one.area, one.quantity) for one in body.areas]
    best = body.best_available
    assert best is not None  # counted above
    return BestAvailable(best.quantity, best.category, best.section, best.accessible is True)


def _first_repeated(names: list[str]) -> str | None:
    seen = set[str]()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


async def _hold_response(
    runtime: Runtime,
    hold_id: HoldId,
    hold: Hold,
    status: int,
    headers: dict[str, str] | None = None,
) -> Response:
    view = await view_of(runtime, hold_id.show_id)
    parts = sorted([(hold_id.primary, hold.tickets), *((p.block, p.tickets) for p in hold.parts)])
    if any(
        block not in view.blocks for block, _ in parts
    ):  # held through another replica, just after a load
        await runtime.views.catch_up(hold_id.show_id)
    assert view.rules is not None  # a view is not handed out before its registers are open
    body = {
        "hold_id": str(hold_id),
        "show_id": hold_id.show_id,
        "seats": [view.label(block, ticket) for block, tickets in parts for ticket in tickets],
        "amount": hold.amount,
        "currency": view.rules.currency,
        "expires_at": rfc3339(hold.deadline),
        "state": "sold" if hold.ending is Ending.SOLD else "held",
        "extended": bool(hold.extended_by),
    }
    told = {**NO_STORE, **(headers or {})}
    return Response(msgspec.json.encode(body), status, told, "application/json")


async def get_hold(request: Request) -> Response:
    """GET /v1/holds/{hold_id}"""
    hold_id, runtime = await _addressed(request)
    found = hold_of(await holding.find(runtime.client.ask, hold_id))
    return await _hold_response(runtime, hold_id, found, 200)


async def delete_hold(request: Request) -> Response:
    """DELETE /v1/holds/{hold_id}"""
    hold_id, runtime = await _addressed(request)
    hold_of(await to_the_end(runtime, holding.release(runtime.client.ask, hold_id)))
    return Response(status_code=204)


async def extend_hold(request: Request) -> Response:
    """POST /v1/holds/{hold_id}/extend"""
    hold_id, runtime = await _addressed(request)
    identity = identify(request, runtime, f"extend/{hold_id}")
    outcome = await to_the_end(runtime, holding.extend(runtime.client.ask, hold_id, identity.token))
    replayed = identity.keyed and isinstance(outcome, Accepted) and outcome.replayed
    return await _hold_response(
        runtime, hold_id, hold_of(outcome), 200, REPLAYED if replayed else None
    )


async def _addressed(request: Request) -> tuple[HoldId, Runtime]:
    runtime = runtime_of(request)
    return await addressed_hold(runtime, request.path_params["hold_id"]), runtime
