"""Shows: the catalogue that organizers fill and buyers browse."""

from __future__ import annotations

import re
import time
from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from actors.domain.cutting import REGISTERS
from actors.domain.identity import SHOW_ID_PATTERN, show_id_of
from actors.domain.layout import BLOCK_TICKETS_MAX
from actors.domain.money import AMOUNT_MAX, CURRENCIES
from actors.domain.seat_rows import CATEGORY_CHARS_MAX, is_printable
from cluster.bootstrap import Runtime
from cluster.settings import Settings
from cluster.store.creation import IdTaken
from cluster.store.show import Area, Show
from cluster.store.shows import PAGE_SHOWS_MAX, InvalidCursor
from cluster.time_zones import DEFAULT, zones
from serve_app.auth import require_admin
from serve_app.bodies import json_body
from serve_app.idempotency import REPLAYED, RequestIdentity, identify
from serve_app.openapi import creating, json_request, problems
from serve_app.problems import Problem
from serve_app.runtime import runtime_of
from serve_app.times import milliseconds, rfc3339

PAGE_SHOWS_DEFAULT = 20
CATEGORIES_MAX = 64
AREAS_MAX = 100
AREA_CAPACITY_MAX = 100_000
AREAS_CAPACITY_MAX = 500_000
"""Tickets of all areas of a show together: every one of them is in the memory of hosts and replicas."""

ORDER_SEATS_MAX = 100
YEAR_MIN, YEAR_MAX = 1970, 9999
_RFC3339 = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]")

router = APIRouter(prefix="/v1/shows", tags=["shows"])


def _printable(name: str) -> str:
    if not name.strip() or not is_printable(name):
        raise ValueError("a name has something to read and no control characters")
    return name


def _exact(name: str) -> str:
    if name != name.strip():  # the names in a seat file lose theirs, and so would never match
        raise ValueError("a name has no white space around it")
    return _printable(name)


def _text_only(value: object) -> object:
    if (
        not isinstance(value, str) or _RFC3339.match(value) is None
    ):  # pydantic takes a number for a Unix time
        raise ValueError("a time is a text such as 2030-01-31T20:00:00Z")
    return value


def _in_range(moment: datetime) -> datetime:
    if not YEAR_MIN < moment.year < YEAR_MAX:  # a day in from either end: an offset may cross it
        raise ValueError(f"a time lies between the years {YEAR_MIN} and {YEAR_MAX}")
    return moment


def _known_zone(name: str) -> str:
    if name not in zones():
        raise ValueError("a time zone is a name such as Europe/Berlin (IANA)")
    return name


Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_printable)]
CategoryName = Annotated[
    str, Field(min_length=1, max_length=CATEGORY_CHARS_MAX), AfterValidator(_exact)
]
Moment = Annotated[AwareDatetime, BeforeValidator(_text_only), AfterValidator(_in_range)]
TimeZone = Annotated[str, Field(max_length=64), AfterValidator(_known_zone)]
Price = Annotated[int, Field(strict=True, ge=0, le=AMOUNT_MAX)]


class AreaBody(BaseModel):
    """General admission: so many tickets, counted and not numbered."""

    model_config = ConfigDict(extra="forbid")

    area: CategoryName
    category: CategoryName
    capacity: Annotated[int, Field(strict=True, ge=1, le=AREA_CAPACITY_MAX)]


class ShowBody(BaseModel):
    """A show to create. Prices are integers in minor units of the currency, by category.

    `time_zone` is that of the venue (an IANA name): pages, tickets and mails tell its times by these clocks.
    """

    model_config = ConfigDict(extra="forbid")

    name: Name
    venue: Name
    starts_at: Moment
    currency: Annotated[str, Field(description="ISO 4217")]
    prices: Annotated[dict[CategoryName, Price], Field(min_length=1, max_length=CATEGORIES_MAX)]
    areas: Annotated[list[AreaBody], Field(max_length=AREAS_MAX)] = []
    hold_seconds: Annotated[int, Field(strict=True, ge=1, le=3600)] | None = None
    max_per_order: Annotated[int, Field(strict=True, ge=1, le=ORDER_SEATS_MAX)] = 10
    sale_opens_at: Moment | None = None
    sale_closes_at: Moment | None = None
    unlisted: Annotated[bool, Field(strict=True)] = False
    time_zone: TimeZone = DEFAULT

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.currency not in CURRENCIES:
            raise ValueError("currency is not an ISO 4217 code")
        names = [area.area for area in self.areas]
        if len(set(names)) < len(names):
            raise ValueError("an area is named twice")
        if unknown := {area.category for area in self.areas} - self.prices.keys():
            raise ValueError(f"an area's category has no price: {', '.join(sorted(unknown))}")
        if sum(area.capacity for area in self.areas) > AREAS_CAPACITY_MAX:
            raise ValueError(f"the areas have more than {AREAS_CAPACITY_MAX} tickets together")
        opens, closes = self.sale_opens_at, self.sale_closes_at
        if opens is not None and closes is not None and closes <= opens:
            raise ValueError("sale_closes_at is not after sale_opens_at")
        return self


_ADDED = ("unlisted", "time_zone")
"""Fields that older clients do not know."""


class AreaAnswer(BaseModel):
    area: str
    category: str
    capacity: int


class ShowAnswer(BaseModel):
    """A show as it stands."""

    show_id: str
    name: str
    venue: str
    starts_at: str
    time_zone: str
    currency: str
    prices: dict[str, int]
    areas: list[AreaAnswer]
    hold_seconds: int
    max_per_order: int
    sale_opens_at: str | None
    sale_closes_at: str | None
    created_at: str


class ShowPage(BaseModel):
    items: list[ShowAnswer]
    next_cursor: str | None


@router.post(
    "",
    status_code=201,
    operation_id="createShow",
    dependencies=[Depends(require_admin)],
    responses=problems(401, 403, 413, 415, 422, 503),
    openapi_extra=creating(json_request(ShowBody)),
)
async def create_show(
    request: Request, response: Response, body: Annotated[ShowBody, Depends(json_body(ShowBody))]
) -> ShowAnswer:
    """Create a show; its areas are on sale at once, its seats as soon as they are loaded."""
    runtime = runtime_of(request)
    # What says nothing new is no part of the request: it has the fingerprint that it always had.
    silent = {name for name in _ADDED if getattr(body, name) == ShowBody.model_fields[name].default}
    said = body.model_dump_json(exclude=silent)
    identity = identify(request, runtime, "shows", said.encode())
    created = await runtime.shows.create(_show(body, identity, runtime.settings))
    if isinstance(created, IdTaken):
        raise Problem("idempotency_key_reused")
    await runtime.open_show(created.record)
    if created.replayed:
        response.headers.update(REPLAYED)
    response.headers["Location"] = f"/v1/shows/{created.record.show_id}"
    return _answer(created.record)


@router.get("", operation_id="listShows", responses=problems(422, 503))
async def list_shows(
    request: Request,
    response: Response,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_SHOWS_MAX)] = PAGE_SHOWS_DEFAULT,
) -> ShowPage:
    """The shows, newest first; `next_cursor` leads to the next page."""
    try:
        page = await runtime_of(request).shows.page(cursor, limit)
    except InvalidCursor as error:
        raise Problem("invalid_cursor") from error
    if page.next_cursor is not None:
        link = f"/v1/shows?cursor={page.next_cursor}&limit={limit}"
        response.headers["Link"] = f'<{link}>; rel="next"'
    return ShowPage(items=[_answer(show) for show in page.items], next_cursor=page.next_cursor)


@router.get("/{show_id}", operation_id="getShow", responses=problems(404, 503))
async def get_show(request: Request, show_id: str) -> ShowAnswer:
    """One show."""
    return _answer(await existing_show(runtime_of(request), show_id))


async def existing_show(runtime: Runtime, show_id: str) -> Show:
    """404 `show_not_found` for an id that no show has."""
    show = await runtime.shows.get(show_id) if SHOW_ID_PATTERN.match(show_id) else None
    if show is None:
        raise Problem("show_not_found")
    return show


def _show(body: ShowBody, identity: RequestIdentity, settings: Settings) -> Show:
    return Show(
        show_id=show_id_of(identity.token.encode()),
        name=body.name,
        venue=body.venue,
        starts_at=milliseconds(body.starts_at),
        currency=body.currency,
        prices=body.prices,
        areas=tuple(Area(area.area, area.category, area.capacity) for area in body.areas),
        hold_seconds=body.hold_seconds or settings.hold_seconds,
        max_per_order=body.max_per_order,
        sale_opens_at=_optional(body.sale_opens_at),
        sale_closes_at=_optional(body.sale_closes_at),
        created_at=time.time_ns() // 1_000_000,
        fingerprint=identity.fingerprint,
        tickets_max=settings.tickets_per_actor or BLOCK_TICKETS_MAX,
        registers=1 if settings.tickets_per_actor else REGISTERS,
        unlisted=body.unlisted,
        time_zone=body.time_zone,
    )


def _optional(moment: datetime | None) -> int | None:
    return None if moment is None else milliseconds(moment)


def _answer(show: Show) -> ShowAnswer:
    return ShowAnswer(
        show_id=show.show_id,
        name=show.name,
        venue=show.venue,
        starts_at=rfc3339(show.starts_at),
        time_zone=show.time_zone,
        currency=show.currency,
        prices=show.prices,
        areas=[
            AreaAnswer(area=a.area, category=a.category, capacity=a.capacity) for a in show.areas
        ],
        hold_seconds=show.hold_seconds,
        max_per_order=show.max_per_order,
        sale_opens_at=None if show.sale_opens_at is None else rfc3339(show.sale_opens_at),
        sale_closes_at=None if show.sale_closes_at is None else rfc3339(show.sale_closes_at),
        created_at=rfc3339(show.created_at),
    )
