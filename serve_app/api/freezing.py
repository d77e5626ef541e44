"""The operators' side of a block: nothing is granted there for a while."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from actors.domain.commands import FreezeBlock, ThawBlock
from actors.domain.rejections import Rejection
from actors.outcomes import Unavailable
from serve_app.api.hosts import open_block
from serve_app.auth import require_admin
from serve_app.bodies import json_body
from serve_app.openapi import json_request, problems
from serve_app.problems import rejection_problem, unavailable
from serve_app.runtime import runtime_of

REASON_CHARS_MAX = 200
NAME_CHARS_MAX = 100

router = APIRouter(prefix="/v1/operator", tags=["operators"], dependencies=[Depends(require_admin)])


class Freezing(BaseModel):
    """`by` is who wants it, as he calls himself; both texts stay in the journal for ever."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    frozen: Annotated[bool, Field(strict=True)]
    reason: Annotated[str, Field(min_length=1, max_length=REASON_CHARS_MAX)]
    by: Annotated[str, Field(max_length=NAME_CHARS_MAX)] = ""


class FrozenBlock(BaseModel):
    """`changed`: it was not so before."""

    show_id: str
    block: int
    frozen: bool
    changed: bool


@router.put(
    "/shows/{show_id}/blocks/{block}/frozen",
    operation_id="freezeBlock",
    responses=problems(401, 403, 404, 413, 415, 422, 503),
    openapi_extra=json_request(Freezing),
)
async def freeze(
    request: Request,
    show_id: str,
    block: int,
    body: Annotated[Freezing, Depends(json_body(Freezing))],
) -> FrozenBlock:
    """Begin no hold in a block, or begin them again. What is held there can be paid, given back, and expires."""
    runtime = runtime_of(request)
    key = await open_block(runtime, show_id, block)
    command = FreezeBlock if body.frozen else ThawBlock
    outcome = await runtime.client.ask(key, command(body.reason, body.by))
    if isinstance(outcome, Rejection):
        raise rejection_problem(outcome.code, outcome.detail)
    if isinstance(outcome, Unavailable):
        raise unavailable(outcome.detail, outcome.retry_after_seconds)
    changed = not outcome.replayed
    return FrozenBlock(show_id=show_id, block=block, frozen=body.frozen, changed=changed)
