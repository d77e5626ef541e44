"""Operators: what a known on-sale needs is there before it begins."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from actors.domain.identity import SHOW_ID_PATTERN
from cluster.elasticity.preparing import Prepared
from cluster.elasticity.rush import BUYERS_MAX
from cluster.journal.fact import FactConflict
from serve_app.auth import require_admin
from serve_app.bodies import json_body
from serve_app.in_flight import undisturbed
from serve_app.openapi import json_request, problems
from serve_app.problems import Problem, unavailable
from serve_app.runtime import runtime_of
from serve_app.times import rfc3339

router = APIRouter(prefix="/v1/operator", tags=["operators"], dependencies=[Depends(require_admin)])

HOURS_MAX = 48
HOURS = 4


class Rush(BaseModel):
    """`buyers` are expected; for so many `hours` the policy takes none of the hosts away."""

    model_config = ConfigDict(extra="forbid")

    buyers: Annotated[int, Field(strict=True, ge=1, le=BUYERS_MAX)]
    hours: Annotated[int, Field(strict=True, ge=1, le=HOURS_MAX)] = HOURS


class Preparation(BaseModel):
    """What was planned, and what there is now.

    `peak` are the holds a second that are expected; `replicas_planned` is what FRONTROW_REPLICAS should be before the
    on-sale. `kept_until` is null when no policy takes hosts away.
    """

    show_id: str
    buyers: int
    peak: int
    hosts_planned: int
    replicas_planned: int
    hosts_before: int
    hosts: int
    blocks: int
    blocks_warm: int
    replicas: int
    replicas_warm: int
    kept_until: str | None


@router.post(
    "/shows/{show_id}/preparation",
    operation_id="prepareShow",
    responses=problems(401, 403, 404, 413, 415, 422, 503),
    openapi_extra=json_request(Rush),
)
async def prepare(
    request: Request, show_id: str, body: Annotated[Rush, Depends(json_body(Rush))]
) -> Preparation:
    """Have hosts for a rush, and the show in the memory of hosts and replicas. Safe at any time, and again."""
    runtime = runtime_of(request)
    if runtime.placement().dedicated:
        raise Problem("invalid_request", "every ticket has a host of its own here")
    if SHOW_ID_PATTERN.match(show_id) is None:
        raise Problem("show_not_found")
    try:
        preparing = runtime.preparing.prepare(show_id, body.buyers, body.hours)
        prepared = await undisturbed(runtime, preparing)
    except TimeoutError as error:
        raise unavailable("the new hosts do not answer yet: ask again") from error
    except FactConflict as error:
        raise unavailable("another change of the hosts is under way") from error
    if prepared is None:
        raise Problem("show_not_found")
    return _told(show_id, body, prepared)


def _told(show_id: str, rush: Rush, prepared: Prepared) -> Preparation:
    until = prepared.floor_until
    return Preparation(
        show_id=show_id,
        buyers=rush.buyers,
        peak=prepared.plan.peak,
        hosts_planned=prepared.plan.hosts,
        replicas_planned=prepared.plan.replicas,
        hosts_before=prepared.hosts_before,
        hosts=prepared.hosts,
        blocks=prepared.blocks,
        blocks_warm=prepared.blocks_warm,
        replicas=prepared.replicas,
        replicas_warm=prepared.replicas_warm,
        kept_until=None if until is None else rfc3339(until),
    )
