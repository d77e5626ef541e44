"""Choosing without a map: a section's seats row by row, the best that are left, or so many of an area.

The forms ask for what the API's holds ask for, and a refusal shows the same page again, with what was chosen.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

import msgspec
from starlette.requests import Request

from actors.domain.block import Ending, Hold
from actors.domain.identity import token_of
from actors.holding import Placed
from cluster.bootstrap import Runtime
from cluster.holds import Buyer, Wish
from cluster.reads.choosing import AreaQuantity, BestAvailable
from cluster.reads.show_view import ShowView
from cluster.store.show import Show
from serve_app.api.shows import existing_show
from serve_app.hold_making import make_hold
from serve_app.idempotency import keyed_identity
from serve_app.problems import Problem
from serve_app.runtime import runtime_of
from serve_app.shows import view_of
from serve_app.web.forms import Form, form_of
from serve_app.web.offer import SeatRow, rows_of, sale_of
from serve_app.web.page import PRIVATE, PUBLIC, Page, SeeOther, page
from serve_app.web.refusals import refusal_of
from serve_app.web.shows import show_page

PLACES_PER_PAGE_MAX = 500
"""Seats on one page of a section; the rows after them are on the next one."""

ROW_CHARS_MAX = 6

HOLDS_PER_FORM_MAX = 10
"""Holds that one page's form makes one after the other; then every sending is new."""

SENT_AGAIN_MS = 60_000
"""After so long "the best that are left" is meant anew: somebody else may sit there by now, before the same page."""

_SHOWN_AGAIN = ("seats_unavailable", "block_frozen", "no_adjacent_seats", "too_many_seats")
"""Refusals after which another choice is to be made: the page of the choice says so itself."""


@page
async def section(request: Request) -> Page:
    """GET /shows/{show_id}/sections/{section}"""
    runtime = runtime_of(request)
    show = await existing_show(runtime, request.path_params["show_id"])
    view = await view_of(runtime, show.show_id)
    first = request.query_params.get("row", "0")
    if not (first.isascii() and first.isdigit() and len(first) <= ROW_CHARS_MAX):
        raise Problem("not_found")
    return _section_page(
        show, view, request.path_params["section"], int(first), runtime.clock(), ()
    )


def _section_page(
    show: Show,
    view: ShowView,
    name: str,
    first: int,
    now: int,
    chosen: tuple[str, ...],
    **told: object,
) -> Page:
    rows = rows_of(view, name, now)
    if not rows or first >= len(rows):
        raise Problem("not_found")
    shown = _rows_of_page(rows, first)
    address = f"/shows/{show.show_id}/sections/{quote(name, safe='')}"
    after = first + len(shown)
    context = {
        "show": show,
        "sale": sale_of(show, view.counts, now),
        "section": name,
        "first": first,
        "rows": shown,
        "before": f"{address}?row={_first_before(rows, first)}" if first else None,
        "after": f"{address}?row={after}" if after < len(rows) else None,
        "chosen": frozenset(chosen),
        "conflicts": (),
        "refusal": None,
        **told,
    }
    return Page("section.html", context, kept=PUBLIC)


def _rows_of_page(rows: list[SeatRow], first: int) -> list[SeatRow]:
    """At least one row, and as many more as there is room for."""
    shown, size = list[SeatRow](), 0
    for row in rows[first:]:
        size += len(row.places)
        if shown and size > PLACES_PER_PAGE_MAX:
            break
        shown.append(row)
    return shown


def _first_before(rows: list[SeatRow], first: int) -> int:
    """Where the page begins that ends before this row."""
    begin, size = first, 0
    while begin > 0 and size + len(rows[begin - 1].places) <= PLACES_PER_PAGE_MAX:
        begin -= 1
        size += len(rows[begin].places)
    return min(begin, first - 1)


@page
async def choose(request: Request) -> Page | SeeOther:
    """POST /shows/{show_id}/holds: a form of the show's page or of a section's."""
    runtime = runtime_of(request)
    show = await existing_show(runtime, request.path_params["show_id"])
    form = await form_of(request)
    view = await view_of(runtime, show.show_id)
    try:
        placed = await _placed(runtime, view, form)
    except Problem as problem:
        if problem.code not in _SHOWN_AGAIN:
            raise
        return await _again(request, show, form, problem)
    return SeeOther(f"/holds/{placed.hold_id}")


async def _placed(runtime: Runtime, view: ShowView, form: Form) -> Placed:
    """The hold of a form. Sent twice it is one hold: the browser drops the first answer, and the server does not."""
    wish, once, by_seat = _wish(form, view), form.one("once"), form.one("choice") == "seats"
    scope, wanted = f"form-holds/{view.show_id}", msgspec.json.encode(wish).decode()
    for number in range(HOLDS_PER_FORM_MAX if once else 0):
        identity = keyed_identity(runtime, scope, f"{once} {number} {wanted}", fingerprint="form")
        buyer = Buyer(identity.token, identity.fingerprint, identity.keyed)
        placed = await make_hold(runtime, view, wish, buyer)
        if not placed.replayed or _is_meant(placed.hold, runtime.clock(), by_seat):
            return placed
    return await make_hold(
        runtime, view, wish, Buyer(token_of(runtime.entropy(16)), "", keyed=False)
    )


def _is_meant(hold: Hold, now: int, by_seat: bool) -> bool:
    """Whether a form that is sent once more means the hold that it has: one of these very seats, or just made."""
    if hold.ending is not Ending.LIVE or now >= hold.deadline:
        return False
    return by_seat or now < hold.held_at + SENT_AGAIN_MS


def _wish(form: Form, view: ShowView) -> Wish:
    match form.one("choice"):
        case "seats" if seats := list(dict.fromkeys(form.every("seat"))):
            return seats
        case "best" if quantity := form.number("quantity"):
            category, part = form.one("category") or None, form.one("section") or None
            return BestAvailable(quantity, category, part, bool(form.one("accessible")))
        case "areas":
            wanted = [(area, Form([("n", text)]).number("n")) for area, text in form.named("area.")]
            if wishes := [AreaQuantity(area, number) for area, number in wanted if number]:
                return wishes
    raise Problem("invalid_request", "nothing was chosen")


async def _again(request: Request, show: Show, form: Form, problem: Problem) -> Page:
    """The page of the choice as it is now, saying who was faster where."""
    runtime = runtime_of(request)
    view, now = await view_of(runtime, show.show_id), runtime.clock()
    conflicts = tuple(problem.extensions.get("conflicts", ()))
    told = {"refusal": refusal_of(problem), "conflicts": conflicts}
    lost = {conflict["seat"] for conflict in conflicts}
    chosen = tuple(seat for seat in form.every("seat") if seat not in lost)
    if name := form.one("in"):
        made = _section_page(show, view, name, form.number("first"), now, chosen, **told)
    else:
        made = show_page(request, show, view, now, **told)
    return replace(made, status=told["refusal"].status, kept=PRIVATE)
