"""The seat map and the availability as bytes: read back, they say what the JSON says."""

from __future__ import annotations

import json
import struct
from array import array
from itertools import accumulate
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from actors.codec import Commit
from actors.domain.cutting import cut_blocks
from actors.domain.events import BlockOpened, TicketsHeld
from actors.domain.layout import Layout, Rules
from actors.domain.seat_rows import SeatRow
from cluster.reads.show_view import ShowView
from serve_app.packed import packed_availability, packed_seat_map
from serve_app.seat_maps import Geometry, json_seat_map

PRICES = {"A": 5000, "B": 3000}
COORDINATES = st.floats(-1e6, 1e6) | st.floats(-50, 50)
NUMBERS = st.lists(
    st.integers(0, 200).map(str) | st.sampled_from(["007", "1a", "12345678901234567890"]),
    min_size=1,
    max_size=6,
    unique=True,
)
ROWS = st.dictionaries(st.sampled_from(["1", "B", "Ä"]), NUMBERS, min_size=1)


@st.composite
def halls(draw: st.DrawFn) -> Geometry:
    """Two sections of odd rows, one of them with coordinates, and an area."""
    seats = list[SeatRow]()
    for section, placed in (("Left", True), ("Right", False)):
        for row, numbers in draw(ROWS).items():
            for number in numbers:
                x, y = (draw(COORDINATES), draw(COORDINATES)) if placed else (None, None)
                category = draw(st.sampled_from(["A", "B"]))
                accessible = draw(st.booleans())
                seats.append(SeatRow(len(seats), section, row, number, category, x, y, accessible))
    layouts = list(cut_blocks(seats, PRICES))
    area = Layout("Floor", (), 7, (layouts[0].categories[0],), bytes(7), (), ())
    names = {category.name for layout in layouts for category in layout.categories}
    return Geometry("s1", "EUR", sorted(names), list(enumerate([area, *layouts], 3)))


def unpacked_seat_map(packed: bytes) -> dict[str, Any]:
    """`seatmap.bin` as the JSON map without its hash, read by the layout in docs/api.md."""
    assert packed[:4] == b"FRM1"
    (length,) = struct.unpack_from("<I", packed, 4)
    seatmap = json.loads(packed[8 : 8 + length])
    seats = (len(packed) - 8 - length) // 10
    x, y = array("i"), array("i")
    x.frombytes(packed[8 + length :][: 4 * seats])
    y.frombytes(packed[8 + length + 4 * seats :][: 4 * seats])
    category = array("H", packed[8 + length + 8 * seats :])
    across, down, first = list(accumulate(x)), list(accumulate(y)), 0
    for block in seatmap["blocks"]:
        if "area" in block:
            continue
        block["rows"] = [{"row": row["row"], "numbers": _numbers(row)} for row in block["rows"]]
        end = first + sum(len(row["numbers"]) for row in block["rows"])
        block["category"] = list(category[first:end])
        block["x"] = [value / 100 for value in across[first:end]]
        block["y"] = [value / 100 for value in down[first:end]]
        first = end
    assert first == seats
    return seatmap


def _numbers(row: dict[str, Any]) -> list[str]:
    if "numbers" in row:
        return row["numbers"]
    return [str(row["from"] + row["step"] * place) for place in range(row["seats"])]


@settings(deadline=None)
@given(halls())
def test_the_packed_seat_map_says_what_the_json_says(geometry: Geometry) -> None:
    _, body = json_seat_map(geometry)
    expected = json.loads(body)
    del expected["hash"]
    assert unpacked_seat_map(packed_seat_map(geometry)[1]) == expected


def test_rows_that_count_evenly_take_no_list() -> None:
    rows = {"up": "123", "down": "864", "one": "5", "odd": "124", "same": ["01", "02"]}
    seats = [
        SeatRow(0, "S", row, number, "A", None, None)
        for row, numbers in rows.items()
        for number in numbers
    ]
    geometry = Geometry("s1", "EUR", ["A"], list(enumerate(cut_blocks(seats, PRICES))))
    packed = packed_seat_map(geometry)[1]
    (length,) = struct.unpack_from("<I", packed, 4)
    assert length % 4 == 0
    assert json.loads(packed[8 : 8 + length])["blocks"][0]["rows"] == [
        {"row": "up", "from": 1, "step": 1, "seats": 3},
        {"row": "down", "from": 8, "step": -2, "seats": 3},
        {"row": "one", "from": 5, "step": 0, "seats": 1},
        {"row": "odd", "numbers": ["1", "2", "4"]},
        {"row": "same", "numbers": ["01", "02"]},
    ]


@given(st.sets(st.integers(0, 8)))
def test_the_packed_availability_has_every_status(held: set[int]) -> None:
    seats = [SeatRow(n, "S", "1", str(n), "A", None, None) for n in range(9)]
    view = ShowView("s1")
    (layout,) = cut_blocks(seats, PRICES)
    view.apply(5, 7, Commit(0, "w", (BlockOpened(layout, Rules("EUR"), "j1"),)))
    if held:
        taken = TicketsHeld("t1", "", tuple(sorted(held)), 0, 0, 10, 5)
        view.apply(5, 2**40, Commit(0, "w", (taken,)))
    packed = packed_availability(view)
    assert struct.unpack_from("<4sIQII", packed) == (b"FRA1", 1, view.version, 5, 9)
    bits = packed[24:]
    assert len(bits) == 3
    assert {n for n in range(12) if bits[n // 4] >> 2 * (n % 4) & 3} == held
