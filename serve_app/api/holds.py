"""Holds: the hot path. Plain Starlette endpoints, decoded by msgspec; `serve_app.schemas` describes them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response

from actors import holding
from actors.domain.block import Ending, Hold
from actors.domain.identity import HoldId
from actors.domain.rejections import Code, Rejection
from actors.journal import JournalUnavailable
from actors.outcomes import Accepted, Outcome, Unavailable
from cluster.bootstrap import Runtime
from cluster.holds import Buyer, Held, HoldDesk, NotHeld, Wish, hold
from cluster.reads.choosing import AreaQuantity, BestAvailable
from cluster.reads.show_view import ShowView
from serve_app.bodies import decode, read_json
from serve_app.idempotency import REPLAYED, identify
from serve_app.problems import Problem, busy, rejection_problem, unavailable
from serve_app.runtime import runtime_of
from serve_app.shows import view_of
from serve_app.times import rfc3339

HOLDS_IN_FLIGHT_MAX = 4_000
"""Requests that one replica takes to hosts at a time; one more is answered 429 with Retry-After."""

_log = structlog.get_logger()

T = TypeVar("T")
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Quantity = Annotated[int, msgspec.Meta(ge=1)]


class Best(msgspec.Struct, forbid_unknown_fields=True):
    quantity: Quantity
    category: Name | None = None
    section: Name | None = None


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
    _limit(view, wish)
    buyer = Buyer(identity.token, identity.fingerprint, identity.keyed)
    desk = HoldDesk(
        runtime.client.ask, view, lambda: runtime.views.catch_up(show_id), runtime.clock, buyer
    )
    held: Held = await to_the_end(runtime, hold(desk, wish))
    if isinstance(held, Unavailable):
        raise unavailable(held.detail, held.retry_after_seconds)
    if isinstance(held, NotHeld):
        raise _refusal(held)
    headers = dict(REPLAYED) if held.replayed and identity.keyed else {}
    headers["Location"] = f"/v1/holds/{held.hold_id}"
    return await _hold_response(runtime, held.hold_id, held.hold, 201, headers)


async def to_the_end(runtime: Runtime, work: Coroutine[Any, Any, T]) -> T:
    """In a task of its own: a buyer who hangs up must not leave work on several blocks half done."""
    if len(runtime.in_flight) >= HOLDS_IN_FLIGHT_MAX:
        work.close()
        raise busy("too many requests for holds at once")
    task = asyncio.create_task(work)
    runtime.in_flight.add(task)
    task.add_done_callback(runtime.in_flight.discard)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(_abandoned)
        raise


def _abandoned(task: asyncio.Task[Any]) -> None:
    """Its client has hung up: nobody else will hear of what went wrong."""
    error = None if task.cancelled() else task.exception()
    if error is not None:
        _log.warning("request.abandoned", reason=repr(error))


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
    return BestAvailable(best.quantity, best.category, best.section)


def _first_repeated(names: list[str]) -> str | None:
    seen = set[str]()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def _limit(view: ShowView, wish: Wish) -> None:
    """The blocks see parts of a hold; how large the whole may be is said here at once."""
    if isinstance(wish, BestAvailable):
        size = wish.quantity
    else:
        size = sum(one.quantity if isinstance(one, AreaQuantity) else 1 for one in wish)
    limit = view.rules.max_per_order if view.rules else 0
    if size > limit:
        raise rejection_problem(Code.TOO_MANY_SEATS, f"at most {limit} in one order")


def _refusal(refused: NotHeld) -> Problem:
    rejection = refused.rejection
    extensions: dict[str, Any] = {}
    if rejection.code in (Code.SEATS_UNAVAILABLE, Code.BLOCK_FROZEN):
        extensions["conflicts"] = [
            {"seat": conflict.seat, "reason": conflict.reason} for conflict in refused.conflicts
        ]
    return rejection_problem(rejection.code, rejection.detail, **extensions)


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
    return Response(msgspec.json.encode(body), status, headers, "application/json")


async def get_hold(request: Request) -> Response:
    """GET /v1/holds/{hold_id}"""
    hold_id, runtime = await _addressed(request)
    found = _hold_of(await holding.find(runtime.client.ask, hold_id))
    return await _hold_response(runtime, hold_id, found, 200)


async def delete_hold(request: Request) -> Response:
    """DELETE /v1/holds/{hold_id}"""
    hold_id, runtime = await _addressed(request)
    _hold_of(await to_the_end(runtime, holding.release(runtime.client.ask, hold_id)))
    return Response(status_code=204)


async def extend_hold(request: Request) -> Response:
    """POST /v1/holds/{hold_id}/extend"""
    hold_id, runtime = await _addressed(request)
    identity = identify(request, runtime, f"extend/{hold_id}")
    outcome = await to_the_end(runtime, holding.extend(runtime.client.ask, hold_id, identity.token))
    replayed = identity.keyed and isinstance(outcome, Accepted) and outcome.replayed
    return await _hold_response(
        runtime, hold_id, _hold_of(outcome), 200, REPLAYED if replayed else None
    )


async def _addressed(request: Request) -> tuple[HoldId, Runtime]:
    runtime = runtime_of(request)
    return await addressed_hold(runtime, request.path_params["hold_id"]), runtime


async def addressed_hold(runtime: Runtime, text: str) -> HoldId:
    """The hold id in a text, if its show and block exist: one that was made up must not wake an actor."""
    hold_id = HoldId.parse(text)
    if hold_id is None:
        raise rejection_problem(Code.HOLD_NOT_FOUND)
    try:
        view = await runtime.views.view(hold_id.show_id)
        if view is not None and hold_id.primary not in view.blocks:
            await runtime.views.catch_up(hold_id.show_id)
    except JournalUnavailable as error:
        raise unavailable(str(error)) from error
    if view is None or hold_id.primary not in view.blocks:
        raise rejection_problem(Code.HOLD_NOT_FOUND)
    return hold_id


def _hold_of(outcome: Outcome) -> Hold:
    match outcome:
        case Accepted(hold) if hold is not None:
            return hold
        case Rejection(code) if code is not Code.BLOCK_NOT_OPEN:
            raise rejection_problem(code, outcome.detail)
        case Unavailable(detail, seconds):
            raise unavailable(detail, seconds)
        case _:
            raise rejection_problem(Code.HOLD_NOT_FOUND)
