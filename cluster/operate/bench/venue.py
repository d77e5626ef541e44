"""The bench's shows: stadiums as large as a run needs, and the requests that buy them."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
from rich.console import Console

from cluster.operate.client import Client
from cluster.operate.command import CommandError
from cluster.operate.crowd.show_map import ShowMap
from cluster.operate.load import load_file, progress_bar
from cluster.operate.sale import show_body
from cluster.venues.stadium import STADIUM_CATEGORIES, stadium_csv

HOLD_SECONDS = 3_600
"""No hold of a run expires within it."""

POLL_SECONDS = 0.01
LOAD_SECONDS_MAX = 120.0
SEED = 7


@dataclass(frozen=True, slots=True)
class Venue:
    """A show with its seat map."""

    show: ShowMap

    @property
    def holds_path(self) -> str:
        return f"/v1/shows/{self.show.show_id}/holds"

    def pairs(self, spread: bool = True) -> list[str]:
        """A request body for every two neighbours of one row, all distinct; `spread`: shuffled over the whole house."""
        pairs = [
            row.seats(start, 2)
            for row in self.show.rows
            for start in range(0, len(row.numbers) - 1, 2)
        ]
        if spread:
            random.Random(SEED).shuffle(pairs)
        return [body_of(seats) for seats in pairs]

    def singles(self) -> list[str]:
        """Every seat of the house by itself, in a random order."""
        seats = [seat for row in self.show.rows for seat in row.seats(0, len(row.numbers))]
        random.Random(SEED).shuffle(seats)
        return [body_of([seat]) for seat in seats]


def body_of(seats: list[str]) -> str:
    return msgspec.json.encode({"seats": seats}).decode()


def new_show(client: Client, name: str) -> str:
    """An empty show; its id."""
    prices: dict[str, int] = {category: 1_000 for category in STADIUM_CATEGORIES}
    body = show_body(name, "The Frontrow Stadium", prices)
    body["hold_seconds"] = HOLD_SECONDS
    created: str = client.post("/v1/shows", body)["show_id"]
    return created


def loaded_venue(client: Client, name: str, seats: int, directory: Path) -> Venue:
    """A show of so many seats, on sale."""
    show_id = new_show(client, name)
    file = directory / f"{seats}.csv"
    if not file.exists():
        file.write_text(stadium_csv(seats))
    with progress_bar(Console(stderr=True), quiet=True) as progress:
        job = load_file(client, show_id, file, progress).job
    if job["seats_loaded"] != seats:
        raise CommandError(f"only {job['seats_loaded']} of {seats} seats were loaded")
    show = ShowMap(show_id, name, 10)
    show.draw(client.get(f"/v1/shows/{show_id}/seatmap"))
    return Venue(show)


def seconds_until_first_hold(client: Client, seats: int) -> tuple[float, float]:
    """From the beginning of an upload until a hold succeeds: on the file's first seat, and on its last one."""
    text = stadium_csv(seats)
    lines = text.splitlines()
    first, last = ("-".join(line.split(",")[:3]) for line in (lines[1], lines[-1]))
    show_id = new_show(client, "load")
    began = time.perf_counter()
    with httpx.Client(base_url=client.url, timeout=30.0) as buyer:
        client.request(
            "POST",
            f"/v1/shows/{show_id}/seats",
            content=lambda: iter([text.encode()]),
            headers={"Content-Type": "text/csv", "Content-Length": str(len(text.encode()))},
        )
        return _held_at(buyer, show_id, first, began), _held_at(buyer, show_id, last, began)


def _held_at(buyer: httpx.Client, show_id: str, seat: str, began: float) -> float:
    body: dict[str, Any] = {"seats": [seat]}
    while time.perf_counter() - began < LOAD_SECONDS_MAX:
        if buyer.post(f"/v1/shows/{show_id}/holds", json=body).status_code == httpx.codes.CREATED:
            return time.perf_counter() - began
        time.sleep(POLL_SECONDS)
    raise CommandError(f"no hold succeeded in {LOAD_SECONDS_MAX:.0f} s after the upload")
