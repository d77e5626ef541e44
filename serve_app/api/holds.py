"""Holds: the hot path. Plain Starlette endpoints, decoded by msgspec; `serve_app.schemas` describes them."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from actors import holding
from actors.domain.block import Ending, Hold
from actors.domain.identity import HoldId
from actors.domain.rejections import Code, Rejection
from actors.outcomes import Accepted, Outcome, Unavailable
from cluster.holds import (
    AreaQuantity,
    BestAvailable,
    Buyer,
    Held,
    NotHeld,
    hold_areas,
    hold_best,
    hold_seats,
)
from cluster.reads.show_view import ShowView
from serve_app.bodies import JSON_BYTES_MAX, decode, read_body
from serve_app.idempotency import REPLAYED, identify
from serve_app.problems import Problem, rejection_problem, unavailable
from serve_app.runtime import runtime_of
from serve_app.shows import view_of
from serve_app.times import rfc3339

HOLDS_IN_FLIGHT_MAX = 4_000
"""Hold requests that one replica works on at a time; one more is answered 429 with Retry-After."""

SEATS_NAMED_MAX = 1_000
"""Seat ids that a request may name at all, before the show's own limit is looked at."""

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Best(msgspec.Struct, forbid_unknown_fields=True):
    quantity: Annotated[int, msgspec.Meta(ge=1, le=SEATS_NAMED_MAX)]
    category: Name | None = None
    section: Name | None = None


class Area(msgspec.Struct, forbid_unknown_fields=True):
    area: Name
    quantity: Annotated[int, msgspec.Meta(ge=1, le=SEATS_NAMED_MAX)]


class HoldBody(msgspec.Struct, forbid_unknown_fields=True):
    """Exactly one of the three."""

    seats: Annotated[list[Name], msgspec.Meta(min_length=1, max_length=SEATS_NAMED_MAX)] | None = (
        None
    )
    best_available: Best | None = None
    areas: Annotated[list[Area], msgspec.Meta(min_length=1, max_length=100)] | None = None


_decoder = msgspec.json.Decoder(HoldBody)
_in_flight: set[asyncio.Task[Held]] = set()


async def create_hold(request: Request) -> Response:
    """POST /v1/shows/{show_id}/holds"""
    runtime = runtime_of(request)
    show_id = request.path_params["show_id"]
    body = decode(_decoder, await read_body(request, JSON_BYTES_MAX))
    _check(body)
    view = await view_of(runtime, show_id)
    identity = identify(
        request, runtime.settings, f"holds/{show_id}", msgspec.json.encode(body, order="sorted")
    )
    buyer = Buyer(identity.token, identity.fingerprint, identity.keyed)
    if len(_in_flight) >= HOLDS_IN_FLIGHT_MAX:
        raise Problem("too_many_requests", headers={"Retry-After": "1"})
    # A task of its own: a buyer who hangs up must not leave a hold over several blocks half done.
    task = asyncio.create_task(_hold(runtime.client.ask, view, buyer, body))
    _in_flight.add(task)
    task.add_done_callback(_in_flight.discard)
    held = await asyncio.shield(task)
    if isinstance(held, Unavailable):
        raise unavailable(held.detail, held.retry_after_seconds)
    if isinstance(held, NotHeld):
        raise _refusal(held)
    headers = dict(REPLAYED) if held.replayed and identity.keyed else {}
    headers["Location"] = f"/v1/holds/{held.hold_id}"
    return _hold_response(view, held.hold_id, held.hold, 201, headers)


def _check(body: HoldBody) -> None:
    kinds = [body.seats, body.best_available, body.areas]
    if sum(kind is not None for kind in kinds) != 1:
        raise Problem("invalid_request", "give exactly one of seats, best_available, areas")
    if body.seats is not None and len(set(body.seats)) < len(body.seats):
        twice = next(seat for seat in body.seats if body.seats.count(seat) > 1)
        raise Problem("duplicate_seats", f"asked for twice: {twice}")
    if body.areas is not None and len({wish.area for wish in body.areas}) < len(body.areas):
        raise Problem("invalid_request", "an area is named twice")


async def _hold(ask: holding.Ask, view: ShowView, buyer: Buyer, body: HoldBody) -> Held:
    if body.seats is not None:
        size = len(body.seats)
    elif body.areas is not None:
        size = sum(wish.quantity for wish in body.areas)
    else:
        size = body.best_available.quantity if body.best_available else 0
    limit = view.rules.max_per_order if view.rules else 0
    if size > limit:
        return NotHeld(Rejection(Code.TOO_MANY_SEATS, detail=f"at most {limit}"))
    if body.seats is not None:
        return await hold_seats(ask, view, buyer, body.seats)
    if body.areas is not None:
        wishes = [AreaQuantity(wish.area, wish.quantity) for wish in body.areas]
        return await hold_areas(ask, view, buyer, wishes)
    best = body.best_available
    assert best is not None  # checked
    return await hold_best(
        ask, view, buyer, BestAvailable(best.quantity, best.category, best.section)
    )


def _refusal(refused: NotHeld) -> Problem:
    rejection = refused.rejection
    extensions: dict[str, Any] = {}
    if rejection.code is Code.SEATS_UNAVAILABLE:
        extensions["conflicts"] = [
            {"seat": conflict.seat, "reason": conflict.reason} for conflict in refused.conflicts
        ]
    return rejection_problem(rejection.code, rejection.detail, **extensions)


def _hold_response(
    view: ShowView, hold_id: HoldId, hold: Hold, status: int, headers: dict[str, str] | None = None
) -> Response:
    assert view.rules is not None  # a view is not handed out before its registers are open
    parts = sorted([(hold_id.primary, hold.tickets), *((p.block, p.tickets) for p in hold.parts)])
    seats = [view.label(block, ticket) for block, tickets in parts for ticket in tickets]
    body = {
        "hold_id": str(hold_id),
        "show_id": hold_id.show_id,
        "seats": seats,
        "amount": hold.amount,
        "currency": view.rules.currency,
        "expires_at": rfc3339(hold.deadline),
        "state": "sold" if hold.ending is Ending.SOLD else "held",
        "extended": bool(hold.extended_by),
    }
    return Response(msgspec.json.encode(body), status, headers, "application/json")


async def get_hold(request: Request) -> Response:
    """GET /v1/holds/{hold_id}"""
    hold_id = _hold_id(request)
    runtime = runtime_of(request)
    hold = _accepted(await holding.find(runtime.client.ask, hold_id))
    return _hold_response(await view_of(runtime, hold_id.show_id), hold_id, hold, 200)


async def delete_hold(request: Request) -> Response:
    """DELETE /v1/holds/{hold_id}"""
    hold_id = _hold_id(request)
    task = asyncio.ensure_future(holding.release(runtime_of(request).client.ask, hold_id))
    _accepted(await asyncio.shield(task))
    return Response(status_code=204)


async def extend_hold(request: Request) -> Response:
    """POST /v1/holds/{hold_id}/extend"""
    hold_id = _hold_id(request)
    runtime = runtime_of(request)
    identity = identify(request, runtime.settings, f"extend/{hold_id}", b"")
    task = asyncio.ensure_future(holding.extend(runtime.client.ask, hold_id, identity.token))
    hold = _accepted(await asyncio.shield(task))
    return _hold_response(await view_of(runtime, hold_id.show_id), hold_id, hold, 200)


def _hold_id(request: Request) -> HoldId:
    hold_id = HoldId.parse(request.path_params["hold_id"])
    if hold_id is None:
        raise rejection_problem(Code.HOLD_NOT_FOUND)
    return hold_id


def _accepted(outcome: Outcome) -> Hold:
    match outcome:
        case Accepted(hold) if hold is not None:
            return hold
        case Rejection(code) if code is not Code.BLOCK_NOT_OPEN:
            raise rejection_problem(code, outcome.detail)
        case Unavailable(detail, seconds):
            raise unavailable(detail, seconds)
        case _:
            raise rejection_problem(Code.HOLD_NOT_FOUND)
