"""The pages as HTML: pure functions. Names come from organizers, so every text goes through `html.escape`.

They work without JavaScript; the script adds the seat map and keeps the numbers current.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from urllib.parse import quote

from actors.domain.block import Status
from actors.domain.money import Money
from cluster.reads.show_view import STATUS_NAMES, Counts
from cluster.store.show import Show
from serve_app.times import rfc3339
from serve_app.web.assets import ASSETS

TITLE = "Frontrow"
LISTED = (Status.AVAILABLE, Status.HELD, Status.SOLD)
EMPTY = (0,) * len(Status)


def shows_page(
    shows: Sequence[Show], counts: dict[str, Counts], next_cursor: str | None = None
) -> str:
    """What is on sale. `counts` has the shows whose numbers could be had in time."""
    if not shows:
        return page("Shows", "<h1>Shows</h1>\n<p>There are no shows yet.</p>")
    cards = "\n".join(_card(show, counts.get(show.show_id)) for show in shows)
    older = ""
    if next_cursor is not None:
        older = f'\n<p><a href="/?cursor={quote(next_cursor)}" rel="next">Older shows</a></p>'
    return page("Shows", f'<h1>Shows</h1>\n<ul class="shows">\n{cards}\n</ul>{older}')


def show_page(show: Show, counts: Counts | None) -> str:
    """One show. Without `counts` the script still tries to fill them in."""
    cells = "".join(
        f'<th scope="col">{STATUS_NAMES[status].capitalize()}</th>' for status in Status
    )
    rows = "\n".join(
        _row(show, category, None if counts is None else counts.get(category, EMPTY))
        for category in show.prices
    )
    total = _cells(None if counts is None else _total(counts))
    missing = "" if counts is not None else "The numbers cannot be had at the moment."
    return page(
        show.name,
        f"""<h1>{escape(show.name)}</h1>
<p class="where">{escape(show.venue)}, {_when(show.starts_at)}</p>
<p id="state" role="status">{missing}</p>
<div class="wide"><table id="counts">
<caption>Prices and seats</caption>
<thead><tr><th scope="col">Category</th><th scope="col">Price</th>{cells}</tr></thead>
<tbody>
{rows}
</tbody>
<tfoot><tr><th scope="row">Total</th><td></td>{total}</tr></tfoot>
</table></div>
<noscript><p>The seat map needs JavaScript. The table has the numbers as of now.</p></noscript>
<figure id="map" data-show="{escape(show.show_id)}" hidden>
<canvas role="img" aria-label="Seat map" aria-describedby="counts">The table has the numbers.</canvas>
<figcaption>{_legend()}</figcaption>
</figure>
<script type="module" src="{escape(ASSETS["seatmap.js"].href)}"></script>""",
    )


def message_page(title: str, text: str) -> str:
    """Something that went another way than hoped."""
    return page(title, f"<h1>{escape(title)}</h1>\n<p>{escape(text)}</p>")


def page(title: str, main: str) -> str:
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)} - {TITLE}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{escape(ASSETS["page.css"].href)}">
</head>
<body>
<header><a href="/">{TITLE}</a></header>
<main>
{main}
</main>
<footer><a href="/openapi.json">The API as OpenAPI</a></footer>
</body>
</html>
"""


def _card(show: Show, counts: Counts | None) -> str:
    numbers = "the numbers cannot be had at the moment"
    if counts is not None:
        total = _total(counts)
        numbers = ", ".join(f"{total[status]:,} {STATUS_NAMES[status]}" for status in LISTED)
    return (
        f'<li><h2><a href="/shows/{escape(show.show_id)}">{escape(show.name)}</a></h2>'
        f'<p class="where">{escape(show.venue)}, {_when(show.starts_at)}</p>'
        f'<p class="numbers">{numbers}</p></li>'
    )


def _row(show: Show, category: str, counts: Sequence[int] | None) -> str:
    price = Money(show.prices[category], show.currency)
    return (
        f'<tr data-category="{escape(category)}"><th scope="row">{escape(category)}</th>'
        f"<td>{escape(str(price))}</td>{_cells(counts)}</tr>"
    )


def _cells(counts: Sequence[int] | None) -> str:
    """One cell per status, which the script finds by its name."""
    return "".join(
        f'<td data-status="{STATUS_NAMES[status]}">{"" if counts is None else f"{counts[status]:,}"}</td>'
        for status in Status
    )


def _total(counts: Counts) -> list[int]:
    return [sum(of_category[status] for of_category in counts.values()) for status in Status]


def _legend() -> str:
    return "".join(
        f'<span><i class="seat {STATUS_NAMES[status]}"></i>{STATUS_NAMES[status]}</span>'
        for status in Status
    )


def _when(milliseconds: int) -> str:
    """`Sun 22 Nov 2026, 19:30 UTC`"""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    text = f"{moment:%a} {moment.day} {moment:%b} {moment.year}, {moment:%H:%M} UTC"
    return f'<time datetime="{rfc3339(milliseconds)}">{text}</time>'
