"""The copy of a show that is rehearsed with: same seats, rules and prices; another id, and on no list.

Its sale closes by itself, a while after the rehearsal was to end, also when the command is killed. Its blocks stay in
the journal, from which nothing is ever deleted: so they cost what they cost there, and nobody can buy them any more.
"""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

NAME = "REHEARSAL"
NAME_CHARS_MAX = 200
LOADING_SECONDS = 300
"""How long loading the seats may take before the buyers come: the sale of the copy closes so much later."""

COPIED = (
    "venue",
    "starts_at",
    "time_zone",
    "currency",
    "prices",
    "areas",
    "hold_seconds",
    "max_per_order",
)


def shadow_body(
    show: dict[str, Any], seconds: float, now: datetime | None = None
) -> dict[str, Any]:
    """The body of POST /v1/shows for a copy of `show` (as GET /v1/shows/SHOW_ID has it), to rehearse for so long."""
    closes = (now or datetime.now(UTC)) + timedelta(seconds=seconds + LOADING_SECONDS)
    return {
        **{name: show[name] for name in COPIED},
        "name": f"{NAME} of {show['name']}"[:NAME_CHARS_MAX],
        "sale_closes_at": closes.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "unlisted": True,
    }


def shadow_csv(seatmap: dict[str, Any]) -> str:
    """A seat file with the seats of a map (as GET .../seatmap has it); empty for a show that has areas only."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("section", "row", "seat", "category", "x", "y"))
    names, count = [category["name"] for category in seatmap["categories"]], 0
    for block in seatmap["blocks"]:
        if "area" in block:
            continue
        places = iter(zip(block["category"], block["x"], block["y"], strict=True))
        for row in block["rows"]:
            for number in row["numbers"]:
                category, x, y = next(places)
                writer.writerow((block["section"], row["row"], number, names[category], x, y))
                count += 1
    return text.getvalue() if count else ""
