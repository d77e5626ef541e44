"""The addresses that people open in a browser. They are not part of the API and not in its document."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import wraps

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from actors.journal import JournalUnavailable
from cluster.bootstrap import Runtime
from cluster.reads.show_view import Counts
from cluster.store.mongo import StoreUnavailable
from cluster.store.shows import InvalidCursor
from serve_app.api.shows import PAGE_SHOWS_DEFAULT, existing_show
from serve_app.problems import PROBLEMS, RETRY_AFTER_SECONDS, Problem
from serve_app.runtime import runtime_of
from serve_app.web.assets import static
from serve_app.web.console import console_page
from serve_app.web.pages import message_page, show_page, shows_page

COUNTS_SECONDS_MAX = 1.5
"""How long a page waits for numbers; the views that take longer are built nevertheless, for the next time."""

CURSOR_CHARS_MAX = 200

HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

CONSOLE_HEADERS = {
    **HEADERS,
    "Cache-Control": "no-store",
    "Content-Security-Policy": HEADERS["Content-Security-Policy"].replace(
        "img-src 'self' data:", "img-src data:"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
}

Endpoint = Callable[[Request], Awaitable[Response]]


def _page(build: Callable[[Request], Awaitable[str]]) -> Endpoint:
    """An endpoint that answers people: what went wrong is a page as well."""

    @wraps(build)
    async def endpoint(request: Request) -> Response:
        try:
            return HTMLResponse(await build(request), 200, HEADERS)
        except Problem as problem:
            kind = PROBLEMS[problem.code]
            page = message_page(kind.title, "Start again from the list of shows.")
            return HTMLResponse(page, kind.status, {**HEADERS, **problem.headers})
        except StoreUnavailable:
            page = message_page("Not now", "The shows cannot be read. Try again in a moment.")
            return HTMLResponse(page, 503, {**HEADERS, "Retry-After": str(RETRY_AFTER_SECONDS)})

    return endpoint


@_page
async def shows(request: Request) -> str:
    """GET /"""
    runtime, cursor = runtime_of(request), request.query_params.get("cursor")
    if cursor is not None and len(cursor) > CURSOR_CHARS_MAX:
        raise Problem("invalid_cursor")
    try:
        page = await runtime.shows.page(cursor, PAGE_SHOWS_DEFAULT)
    except InvalidCursor as error:
        raise Problem("invalid_cursor") from error
    counts = await _counts(runtime, [show.show_id for show in page.items])
    return shows_page(page.items, counts, page.next_cursor)


@_page
async def show(request: Request) -> str:
    """GET /shows/{show_id}"""
    runtime = runtime_of(request)
    found = await existing_show(runtime, request.path_params["show_id"])
    counts = await _counts(runtime, [found.show_id])
    return show_page(found, counts.get(found.show_id))


async def _counts(runtime: Runtime, show_ids: list[str]) -> dict[str, Counts]:
    """The counts of those shows whose views are there in time."""
    if not show_ids:
        return {}
    asking = {show_id: asyncio.create_task(_counts_of(runtime, show_id)) for show_id in show_ids}
    try:
        done, _ = await asyncio.wait(asking.values(), timeout=COUNTS_SECONDS_MAX)
    finally:
        for task in asking.values():
            task.cancel()
    answers = {show_id: task.result() for show_id, task in asking.items() if task in done}
    return {show_id: counts for show_id, counts in answers.items() if counts is not None}


async def _counts_of(runtime: Runtime, show_id: str) -> Counts | None:
    try:
        view = await runtime.views.view(show_id)
    except JournalUnavailable:
        return None
    return None if view is None else view.counts


async def console(_: Request) -> Response:
    """GET /operator: empty, for everybody; its script asks for the key."""
    return HTMLResponse(console_page(), 200, CONSOLE_HEADERS)


WEB_ROUTES = [
    Route("/", shows, methods=["GET"]),
    Route("/shows/{show_id}", show, methods=["GET"]),
    Route("/operator", console, methods=["GET"]),
    Route("/static/{name}", static, methods=["GET"]),
]
