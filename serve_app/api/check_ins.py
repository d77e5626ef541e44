"""Check-ins: a scanner at the door shows the code of a ticket, which lets one person in."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from cluster.bootstrap import Runtime
from cluster.store.admissions import Admission, AlreadyCheckedIn, NotValid
from cluster.ticketing.codes import TicketClaim
from serve_app.auth import require_scanner
from serve_app.bodies import json_body
from serve_app.idempotency import REPLAYED, RequestIdentity, identify
from serve_app.openapi import creating, json_request, problems
from serve_app.problems import Problem
from serve_app.runtime import runtime_of
from serve_app.times import rfc3339

router = APIRouter(prefix="/v1", tags=["check-ins"])


class CheckInBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    code: Annotated[str, Field(description="what the QR code of the ticket says")]


class CheckInAnswer(BaseModel):
    """The holder may go in."""

    ticket_id: str
    seat: str
    show_id: str
    category: str
    checked_in_at: str


@router.post(
    "/check-ins",
    operation_id="checkIn",
    dependencies=[Depends(require_scanner)],
    responses=problems(401, 403, 409, 413, 415, 422, 503),
    openapi_extra=creating(json_request(CheckInBody)),
)
async def check_in(
    request: Request,
    response: Response,
    body: Annotated[CheckInBody, Depends(json_body(CheckInBody))],
) -> CheckInAnswer:
    """Let the holder of a ticket in, once. A scanner that lost an answer asks again with the same Idempotency-Key."""
    runtime = runtime_of(request)
    claim = runtime.ticket_keys.verify(body.code)
    if claim is None:
        raise Problem("invalid_code", "the code is not of a ticket from here")
    identity = identify(request, runtime, "check-ins", body.code.encode())
    await _refuse_reuse(runtime, identity, claim)
    outcome = await runtime.admissions.check_in(
        claim.ticket_id, claim.show_id, identity.token, runtime.clock()
    )
    match outcome:
        case NotValid(reason=None):
            raise Problem("invalid_code", "no such ticket was issued")
        case NotValid(reason=reason):
            void = f"the ticket is void: {reason}" if reason else "the ticket is void"
            raise Problem("invalid_code", void)
        case AlreadyCheckedIn(at=at):
            moment = rfc3339(at)
            shown = f"the ticket was shown before, at {moment}"
            raise Problem("already_checked_in", shown, checked_in_at=moment)
    if outcome.replayed:
        response.headers.update(REPLAYED)
    return _answer(outcome.admission)


async def _refuse_reuse(runtime: Runtime, identity: RequestIdentity, claim: TicketClaim) -> None:
    """A key stands for one ticket: it cannot let in the holder of another one."""
    if identity.keyed:
        before = await runtime.admissions.checked_in_by(identity.token)
        if before is not None and before.ticket_id != claim.ticket_id:
            raise Problem("idempotency_key_reused")


def _answer(admission: Admission) -> CheckInAnswer:
    assert admission.checked_in_at is not None
    return CheckInAnswer(
        ticket_id=admission.ticket_id,
        seat=admission.seat,
        show_id=admission.show_id,
        category=admission.category,
        checked_in_at=rfc3339(admission.checked_in_at),
    )
