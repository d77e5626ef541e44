"""A show as a buyer's browser has it: the seat map, and the statuses as they were when it last heard. Pure."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

AVAILABLE = 0
STATUSES = {"available": 0, "held": 1, "sold": 2, "withheld": 3}


@dataclass(frozen=True, slots=True)
class MapRow:
    """A row of seats: places `first` and up of a block, neighbours in this order."""

    block: int
    section: str
    name: str
    first: int
    numbers: tuple[str, ...]

    def seats(self, start: int, count: int) -> list[str]:
        """The ids of `count` seats from the `start`-th of the row."""
        return [
            f"{self.section}-{self.name}-{number}" for number in self.numbers[start : start + count]
        ]


@dataclass(slots=True)
class ShowMap:
    """`status` has one byte per ticket of each block; seat blocks and area pools alike."""

    show_id: str
    name: str
    max_per_order: int
    rows: tuple[MapRow, ...] = ()
    sections: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    status: dict[int, bytearray] = field(default_factory=dict[int, bytearray])
    counts: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])
    _places: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])

    def draw(self, seatmap: dict[str, Any]) -> None:
        """Take in `GET .../seatmap`; all seats count as available until `see`."""
        rows, seat_categories = list[MapRow](), set[int]()
        for block in seatmap["blocks"]:
            if "area" in block:
                self._draw_pool(block)
                continue
            seat_categories.update(block["category"])
            first = 0
            for row in block["rows"]:
                rows.append(
                    MapRow(
                        block["block"], block["section"], row["row"], first, tuple(row["numbers"])
                    )
                )
                first += len(row["numbers"])
            self.status[block["block"]] = bytearray(first)
        self.rows = tuple(rows)
        self.sections = tuple(dict.fromkeys(row.section for row in rows))
        self.categories = tuple(
            seatmap["categories"][index]["name"] for index in sorted(seat_categories)
        )
        for row in rows:
            for place, seat in enumerate(row.seats(0, len(row.numbers)), start=row.first):
                self._places[seat] = (row.block, place)

    def _draw_pool(self, block: dict[str, Any]) -> None:
        self.status[block["block"]] = bytearray(block["tickets"])
        if block["area"] not in self.areas:
            self.areas = (*self.areas, block["area"])
        for unit in range(block["tickets"]):
            self._places[f"{block['area']}-{block['first_unit'] + unit}"] = (block["block"], unit)

    def see(self, availability: dict[str, Any]) -> None:
        """Take in `GET .../availability`: every status."""
        self.counts = availability["counts"]
        for block in availability["blocks"]:
            self.status[block["block"]] = unpacked(block["status"], block["tickets"])

    def hear(self, changes: list[dict[str, str]]) -> None:
        """Take in the changes of one `seats` event of `GET .../stream`."""
        for change in changes:
            if (place := self._places.get(change["seat"])) is not None:
                self.status[place[0]][place[1]] = STATUSES[change["status"]]

    def free_run(self, row: MapRow, quantity: int) -> list[str]:
        """The free neighbours of a row that are nearest to its middle; empty when there are not so many."""
        places = len(row.numbers)
        status = self.status[row.block][row.first : row.first + places]
        starts = [
            start
            for start in range(places - quantity + 1)
            if not any(status[start : start + quantity])
        ]
        if not starts:
            return []
        middle = (places - quantity) / 2
        return row.seats(min(starts, key=lambda start: abs(start - middle)), quantity)

    def block_of(self, seat: str) -> int | None:
        place = self._places.get(seat)
        return None if place is None else place[0]

    def total(self) -> dict[str, int]:
        """Tickets by status, over all categories, counted here: no question to the server."""
        return {
            name: sum(block.count(code) for block in self.status.values())
            for name, code in STATUSES.items()
        }


def unpacked(status: str, tickets: int) -> bytearray:
    """Two bits per ticket, the first in the lowest bits (see the seat map's description), as one byte per ticket."""
    whole = bytearray()
    for byte in base64.b64decode(status):
        whole += bytes((byte & 3, byte >> 2 & 3, byte >> 4 & 3, byte >> 6))
    return whole[:tickets]
