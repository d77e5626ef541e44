"""Operators: how one show stands, block by block."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from cluster.examining import BlockCondition, examine
from serve_app.api.overview import Frozen
from serve_app.auth import require_admin
from serve_app.openapi import problems
from serve_app.problems import Problem
from serve_app.runtime import runtime_of
from serve_app.shows import view_of
from serve_app.times import rfc3339

router = APIRouter(prefix="/v1/operator", tags=["operators"], dependencies=[Depends(require_admin)])


class Block(BaseModel):
    """`detail` says why a block does not answer. A block without tickets is a register: no hold of the show with an
    Idempotency-Key can be made while it does not answer."""

    block: int
    section: str
    tickets: int
    available: int
    host: str
    pinned: bool
    frozen: Frozen | None
    answers: bool
    detail: str


class Condition(BaseModel):
    """`behind`: this replica shows something older than the journal has, or cannot know."""

    show_id: str
    sale: Literal["not_yet", "open", "over"]
    sale_opens_at: str | None
    sale_closes_at: str | None
    behind: bool
    blocks: list[Block]


@router.get(
    "/shows/{show_id}", operation_id="examineShow", responses=problems(401, 403, 404, 422, 503)
)
async def condition(request: Request, show_id: str) -> Condition:
    """Ask every block of a show: may it be sold now, does each block answer, what is frozen, what is pinned where."""
    runtime = runtime_of(request)
    placement = runtime.placement()
    if placement.dedicated:
        raise Problem("invalid_request", "every ticket has a host of its own here")
    view = await view_of(runtime, show_id)
    found = await examine(
        view, placement, runtime.client.ask, runtime.views.catch_up, runtime.clock()
    )
    opens, closes = found.rules.opens_at, found.rules.closes_at
    return Condition(
        show_id=show_id,
        sale=found.sale.value,
        sale_opens_at=None if opens is None else rfc3339(opens),
        sale_closes_at=None if closes is None else rfc3339(closes),
        behind=found.behind,
        blocks=[_block(one) for one in found.blocks],
    )


def _block(found: BlockCondition) -> Block:
    frozen = found.frozen
    return Block(
        block=found.block,
        section=found.section,
        tickets=found.tickets,
        available=found.available,
        host=found.host,
        pinned=found.pinned,
        frozen=frozen and Frozen(block=found.block, reason=frozen.reason, by=frozen.by),
        answers=not found.why,
        detail=found.why,
    )
