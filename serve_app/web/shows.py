"""The list of shows, and the page of one: what it costs, what is left, and the ways to choose."""

from __future__ import annotations

import asyncio
from urllib.parse import urlencode

from starlette.requests import Request

from actors.domain.money import MINOR_DIGITS
from actors.journal import JournalUnavailable
from cluster.bootstrap import Runtime
from cluster.reads.show_view import ShowView
from cluster.store.show import Show
from cluster.store.shows import InvalidCursor
from serve_app.api.shows import PAGE_SHOWS_DEFAULT, existing_show
from serve_app.problems import Problem
from serve_app.runtime import runtime_of
from serve_app.web.offer import Sale, offers_of, parts_of, sale_of
from serve_app.web.page import PUBLIC, Page, page
from serve_app.web.search_engines import event_of, origin_of

VIEW_SECONDS_MAX = 1.5
"""How long a page waits for numbers; the views that take longer are built nevertheless, for the next time."""

CURSOR_CHARS_MAX = 200
SEARCH_CHARS_MAX = 100


@page
async def shows(request: Request) -> Page:
    """GET /"""
    runtime, cursor = runtime_of(request), request.query_params.get("cursor")
    if cursor is not None and len(cursor) > CURSOR_CHARS_MAX:
        raise Problem("invalid_cursor")
    words = request.query_params.get("q", "").strip()[:SEARCH_CHARS_MAX]
    try:
        found = await runtime.shows.page(cursor, PAGE_SHOWS_DEFAULT, words)
    except InvalidCursor as error:
        raise Problem("invalid_cursor") from error
    views = await views_of(runtime, [show.show_id for show in found.items])
    now = runtime.clock()
    cards = [_card(show, views.get(show.show_id), now) for show in found.items]
    kept = {"q": words} if words else {}
    older = found.next_cursor and f"/?{urlencode({**kept, 'cursor': found.next_cursor})}"
    canonical = f"{origin_of(request)}/"
    context = {"cards": cards, "older": older, "words": words, "canonical": canonical}
    return Page("shows.html", context, kept=PUBLIC)


def _card(show: Show, view: ShowView | None, now: int) -> dict[str, object]:
    offers = [] if view is None else offers_of(show, view.counts)
    return {
        "show": show,
        "sale": sale_of(show, None if view is None else view.counts, now),
        "available": sum(offer.available for offer in offers),
        "cheapest": min(show.prices.values(), default=0),
    }


@page
async def show(request: Request) -> Page:
    """GET /shows/{show_id}"""
    runtime = runtime_of(request)
    found = await existing_show(runtime, request.path_params["show_id"])
    view = (await views_of(runtime, [found.show_id])).get(found.show_id)
    return show_page(request, found, view, runtime.clock())


def show_page(
    request: Request, found: Show, view: ShowView | None, now: int, **told: object
) -> Page:
    """The page of a show; `told` is what a form that was refused has to say."""
    counts = None if view is None else view.counts
    sale, offers = sale_of(found, counts, now), offers_of(found, counts or {})
    address = f"{origin_of(request)}/shows/{found.show_id}"
    picture = f"{address}/picture.png"
    context = {
        "canonical": address,
        "picture": picture,
        "event": event_of(found, offers, sale, address, picture),
        "show": found,
        "digits": MINOR_DIGITS.get(found.currency, 2),
        "sale": sale,
        "buyable": sale in (Sale.OPEN, Sale.FEW),
        "offers": offers,
        "numbers": counts is not None,
        "sections": [] if view is None else parts_of(view, now, areas=False),
        "accessible": view is not None and view.has_accessible,
        "areas": [] if view is None else parts_of(view, now, areas=True),
        "conflicts": (),
        "refusal": None,
        **told,
    }
    return Page("show.html", context, kept=PUBLIC)


async def views_of(runtime: Runtime, show_ids: list[str]) -> dict[str, ShowView]:
    """The views of those shows that are there in time."""
    if not show_ids:
        return {}
    asking = {show_id: asyncio.create_task(_view(runtime, show_id)) for show_id in show_ids}
    try:
        done, _ = await asyncio.wait(asking.values(), timeout=VIEW_SECONDS_MAX)
    finally:
        for task in asking.values():
            task.cancel()
    answers = {show_id: task.result() for show_id, task in asking.items() if task in done}
    return {show_id: view for show_id, view in answers.items() if view is not None}


async def _view(runtime: Runtime, show_id: str) -> ShowView | None:
    try:
        return await runtime.views.view(show_id)
    except JournalUnavailable:
        return None
