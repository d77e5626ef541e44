"""The operators' view of the shows: their numbers, and which of their blocks are frozen."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel

from actors.domain.block import Status
from actors.journal import JournalUnavailable
from cluster.bootstrap import Runtime
from cluster.reads.show_view import STATUS_NAMES, ShowView
from cluster.store.show import Show
from cluster.store.shows import InvalidCursor
from serve_app.auth import require_admin
from serve_app.openapi import problems
from serve_app.problems import Problem
from serve_app.runtime import runtime_of

SHOWS_MAX = 20
"""The newest shows; each costs a view, which is built when it is first asked for."""

COUNTS_SECONDS_MAX = 2.0

router = APIRouter(prefix="/v1/operator", tags=["operators"], dependencies=[Depends(require_admin)])


class Frozen(BaseModel):
    block: int
    reason: str
    by: str


class ShowOverview(BaseModel):
    """`counts` is null while the numbers cannot be had; `blocks` are those with tickets."""

    show_id: str
    name: str
    blocks: list[int]
    counts: dict[str, int] | None
    frozen: list[Frozen]


class Overview(BaseModel):
    items: list[ShowOverview]
    next_cursor: str | None


@router.get("/shows", operation_id="overviewShows", responses=problems(401, 403, 422, 503))
async def overview(
    request: Request, cursor: Annotated[str | None, Query(max_length=200)] = None
) -> Overview:
    """The shows, newest first, with their numbers in all and their frozen blocks."""
    runtime = runtime_of(request)
    try:
        page = await runtime.shows.page(cursor, SHOWS_MAX)
    except InvalidCursor as error:
        raise Problem("invalid_cursor") from error
    items = await asyncio.gather(*[_overview(runtime, show) for show in page.items])
    return Overview(items=list(items), next_cursor=page.next_cursor)


async def _overview(runtime: Runtime, show: Show) -> ShowOverview:
    try:
        view = await asyncio.wait_for(runtime.views.view(show.show_id), COUNTS_SECONDS_MAX)
    except (JournalUnavailable, TimeoutError):  # it goes on being built, for the next time
        view = None
    frozen = [
        Frozen(block=block, reason=event.reason, by=event.by)
        for block, event in sorted(view.frozen.items() if view is not None else ())
    ]
    return ShowOverview(
        show_id=show.show_id,
        name=show.name,
        blocks=[] if view is None else [number for number, _ in view.seat_blocks()],
        counts=None if view is None else _counts(view),
        frozen=frozen,
    )


def _counts(view: ShowView) -> dict[str, int]:
    return {
        STATUS_NAMES[status]: sum(counts[status] for counts in view.counts.values())
        for status in Status
    }
