"""The organizer takes seats off sale, and puts them back."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from actors.domain.commands import RestoreTickets, WithholdTickets
from actors.domain.rejections import Code
from actors.outcomes import Unavailable
from cluster.bootstrap import Runtime
from cluster.reads.choosing import unknown_seats
from cluster.store.creation import IdTaken
from cluster.withholding import Order, SeatAnswer, change_seats
from serve_app.auth import require_admin
from serve_app.bodies import json_body
from serve_app.hold_making import to_the_end
from serve_app.idempotency import REPLAYED, RequestIdentity, identify
from serve_app.openapi import creating, json_request, problems
from serve_app.problems import Problem, rejection_problem, unavailable
from serve_app.runtime import runtime_of
from serve_app.shows import view_of

SEATS_MAX = 10_000
SEAT_CHARS_MAX = 200
REASON_CHARS_MAX = 200
BODY_BYTES_MAX = 4 * 1024 * 1024

WITHHELD, RESTORED, REFUSED = "withheld", "restored", "refused"

router = APIRouter(prefix="/v1/shows", tags=["shows"], dependencies=[Depends(require_admin)])


class SeatsBody(BaseModel):
    """Seat ids, those of an area's units as well (`Floor-7`); the reason stays in the journal."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=False)

    seats: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=SEAT_CHARS_MAX)]],
        Field(min_length=1, max_length=SEATS_MAX),
    ]
    reason: Annotated[str, Field(min_length=1, max_length=REASON_CHARS_MAX)]


class SeatResult(BaseModel):
    """`withheld` or `restored` (also if it was so before), or `refused` with the reason: `held`, `sold`, `unknown`."""

    seat: str
    result: str
    reason: str | None = None


class SeatResults(BaseModel):
    """One answer per seat, in the order of the request."""

    show_id: str
    results: list[SeatResult]


_OPENAPI = creating(json_request(SeatsBody))
_PROBLEMS = problems(401, 403, 404, 409, 413, 415, 422, 429, 503)
_Body = Annotated[SeatsBody, Depends(json_body(SeatsBody, BODY_BYTES_MAX))]


@router.post(
    "/{show_id}/withhold",
    operation_id="withholdSeats",
    response_model=SeatResults,
    responses=_PROBLEMS,
    openapi_extra=_OPENAPI,
)
async def withhold(show_id: str, request: Request, body: _Body) -> Any:
    """Take seats off sale. Those that are held or sold are refused (409), and all the others are done nevertheless."""
    return await _change(request, show_id, body, WithholdTickets, WITHHELD)


@router.post(
    "/{show_id}/restore",
    operation_id="restoreSeats",
    response_model=SeatResults,
    responses=_PROBLEMS,
    openapi_extra=_OPENAPI,
)
async def restore(show_id: str, request: Request, body: _Body) -> Any:
    """Put seats that were withheld back on sale; otherwise as withholding."""
    return await _change(request, show_id, body, RestoreTickets, RESTORED)


async def _change(
    request: Request, show_id: str, body: SeatsBody, order: Order, done: str
) -> Response:
    runtime = runtime_of(request)
    if len(set(body.seats)) < len(body.seats):
        raise Problem("duplicate_seats")
    view = await view_of(runtime, show_id)
    canonical = msgspec.json.encode(body.model_dump(), order="sorted")
    identity = identify(request, runtime, f"{done}/{show_id}", canonical)
    before = await _remembered(runtime, identity, show_id)
    if before is not None:
        return _answer(before, REPLAYED)
    if unknown_seats(view, body.seats):
        await runtime.views.catch_up(show_id)
    work = change_seats(runtime.client.ask, view, body.seats, order, body.reason)
    answers = await to_the_end(runtime, work)
    if isinstance(answers, Unavailable):
        raise unavailable(answers.detail, answers.retry_after_seconds)
    results = [_result(answer, done) for answer in answers]
    refused = [result for result in results if result["result"] == REFUSED]
    if refused:
        raise rejection_problem(
            Code.SEATS_UNAVAILABLE,
            f"{len(refused)} of {len(results)} seats were refused, the others are {done}",
            conflicts=[{"seat": one["seat"], "reason": one["reason"]} for one in refused],
            results=results,
        )
    answer = {"show_id": show_id, "results": results}
    if identity.keyed:
        await runtime.answers.give(identity.token, answer)
    return _answer(answer)


async def _remembered(runtime: Runtime, identity: RequestIdentity, show_id: str) -> Any | None:
    if not identity.keyed:
        return None
    before = await runtime.answers.begin(identity.token, identity.fingerprint, show_id)
    if isinstance(before, IdTaken):
        raise rejection_problem(Code.IDEMPOTENCY_KEY_REUSED)
    return before


def _result(answer: SeatAnswer, done: str) -> dict[str, Any]:
    if answer.refused is None:
        return {"seat": answer.seat, "result": done, "reason": None}
    return {"seat": answer.seat, "result": REFUSED, "reason": answer.refused.value}


def _answer(body: Any, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(body), 200, headers, "application/json")
