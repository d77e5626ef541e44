"""The view of a show for a request, or the problem that says why not."""

from __future__ import annotations

from actors.journal import JournalUnavailable
from cluster.bootstrap import Runtime
from cluster.reads.show_view import ShowView
from serve_app.problems import Problem, unavailable


async def view_of(runtime: Runtime, show_id: str) -> ShowView:
    """404 `show_not_found`, or 503 while the journal cannot be read."""
    try:
        view = await runtime.views.view(show_id)
    except JournalUnavailable as error:
        raise unavailable(error.told) from error
    if view is None:
        raise Problem("show_not_found")
    return view
