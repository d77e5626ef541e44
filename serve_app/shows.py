"""The view of a show for a request, or the problem that says why not."""

from __future__ import annotations

from actors.domain.identity import SHOW_ID_PATTERN
from actors.journal import JournalUnavailable
from cluster.bootstrap import Runtime
from cluster.reads.show_view import ShowView
from serve_app.problems import Problem, unavailable


async def view_of(runtime: Runtime, show_id: str) -> ShowView:
    """404 `show_not_found`, or 503 while the journal cannot be read; for an unknown show, the catalogue."""
    try:
        view = await runtime.views.view(show_id) or await _opened(runtime, show_id)
    except JournalUnavailable as error:
        raise unavailable(error.told) from error
    if view is None:
        raise Problem("show_not_found")
    return view


async def _opened(runtime: Runtime, show_id: str) -> ShowView | None:
    """The view of a show that only the catalogue has: whoever made it was answered 503 before it was on sale, and may
    never ask again, but everybody sees it in the list. Raises JournalUnavailable."""
    show = await runtime.shows.get(show_id) if SHOW_ID_PATTERN.match(show_id) else None
    if show is None:
        return None
    await runtime.open_show(show)
    return await runtime.views.view(show_id)
