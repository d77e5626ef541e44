from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from itertools import pairwise

import pytest

from actors.domain.seat_files import plan_categories, read_csv, read_plan
from actors.domain.seat_rows import SeatFile, SeatRow, check_file
from cluster.venues.stadium import (
    SECTIONS_PER_TIER,
    STADIUM_CATEGORIES,
    STADIUM_SEATS,
    stadium_csv,
)
from cluster.venues.theatre import ACCESSIBLE, THEATRE_SEATS, theatre_plan


@pytest.fixture(scope="module")
def theatre() -> SeatFile:
    body = json.dumps(theatre_plan()).encode()
    categories = {category.name for category in plan_categories(body)}
    return check_file(read_plan(body), categories, frozenset())


@pytest.fixture(scope="module")
def stadium() -> SeatFile:
    return check_file(read_csv(stadium_csv().encode()), set(STADIUM_CATEGORIES), frozenset())


def place(row: SeatRow) -> tuple[float, float]:
    assert row.x is not None
    assert row.y is not None
    return row.x, row.y


def seat_rows(file: SeatFile) -> dict[tuple[str, str], list[SeatRow]]:
    grouped: dict[tuple[str, str], list[SeatRow]] = defaultdict(list)
    for row in file.rows:
        grouped[row.section, row.row_name].append(row)
    return grouped


def nearest_distance_min(file: SeatFile, cell: float) -> float:
    """The least distance between two seats, if it is below `cell`; looks at near seats only."""
    cells: dict[tuple[int, int], list[tuple[float, float]]] = defaultdict(list)
    nearest = cell
    for row in file.rows:
        x, y = place(row)
        column, line = int(x // cell), int(y // cell)
        around = ((column + i, line + j) for i in (-1, 0, 1) for j in (-1, 0, 1))
        for other in (point for key in around for point in cells[key]):
            nearest = min(nearest, math.dist(other, (x, y)))
        cells[column, line].append((x, y))
    return nearest


def test_the_theatre_is_the_same_in_every_run() -> None:
    assert theatre_plan() == theatre_plan()


def test_every_seat_of_the_theatre_loads(theatre: SeatFile) -> None:
    assert theatre.errors == ()
    assert len(theatre.rows) == theatre.rows_read == THEATRE_SEATS
    assert len({row.seat_id for row in theatre.rows}) == THEATRE_SEATS


def test_the_theatre_has_four_coloured_categories_and_all_are_used(theatre: SeatFile) -> None:
    categories = plan_categories(json.dumps(theatre_plan()).encode())
    assert len(categories) == 4
    assert all(category.color for category in categories)
    assert Counter(row.category for row in theatre.rows).keys() == {c.name for c in categories}
    assert sum(row.category == ACCESSIBLE for row in theatre.rows) == 8


def test_the_stalls_are_odd_on_the_left_and_even_on_the_right(theatre: SeatFile) -> None:
    for (section, row_name), row in seat_rows(theatre).items():
        if section.startswith("Stalls") and row_name != "W":
            numbers = [int(seat.number) for seat in row]
            remainder = 1 if section == "Stalls Left" else 0
            assert all(number % 2 == remainder for number in numbers)
            assert numbers == sorted(numbers, reverse=section == "Stalls Left")


def test_neighbours_in_the_theatre_plan_are_neighbours_in_the_hall(theatre: SeatFile) -> None:
    for (section, _), row in seat_rows(theatre).items():
        if not section.startswith("Boxes"):
            for left, right in pairwise(row):
                assert 18 <= math.dist(place(left), place(right)) <= 23
                assert place(left)[0] < place(right)[0]


def test_no_two_seats_of_the_theatre_overlap_and_all_are_on_the_plan(theatre: SeatFile) -> None:
    assert nearest_distance_min(theatre, 40.0) >= 18
    size = theatre_plan()["size"]
    assert isinstance(size, dict)
    for row in theatre.rows:
        x, y = place(row)
        assert 0 < x < size["width"]
        assert 130 < y < size["height"]


def test_the_theatre_keeps_to_the_fields_of_the_format() -> None:
    plan = json.loads(json.dumps(theatre_plan()))
    assert plan.keys() == {"name", "size", "categories", "zones"}
    guids: list[str] = []
    for zone in plan["zones"]:
        assert zone.keys() <= {"name", "position", "rows", "areas"}
        for row in zone["rows"]:
            assert row.keys() == {"row_number", "position", "seats"}
            for seat in row["seats"]:
                ours = {"accessible"} if seat["category"] == ACCESSIBLE else set()
                known = {"seat_guid", "seat_number", "position", "category"}
                assert known <= seat.keys() <= known | ours
                assert all(type(value) is int for value in seat["position"].values())
                guids.append(seat["seat_guid"])
    assert len(set(guids)) == len(guids) == THEATRE_SEATS


def test_both_have_places_for_wheelchairs_each_with_one_for_a_companion(
    theatre: SeatFile, stadium: SeatFile
) -> None:
    for venue, places in ((theatre, 4), (stadium, 2 * SECTIONS_PER_TIER)):
        accessible = [row for row in venue.rows if row.accessible]
        others = {(r.section, r.row_name, int(r.number)) for r in venue.rows if not r.accessible}
        assert len(accessible) == places
        for row in accessible:
            number = int(row.number)
            beside = {(row.section, row.row_name, n) for n in (number - 1, number + 1)}
            assert beside & others


def test_the_stadium_is_the_same_in_every_run() -> None:
    assert stadium_csv(2_000) == stadium_csv(2_000)


def test_every_seat_of_the_stadium_loads(stadium: SeatFile) -> None:
    assert stadium.errors == ()
    assert len(stadium.rows) == STADIUM_SEATS == 50_000
    assert len({row.section for row in stadium.rows}) == 3 * SECTIONS_PER_TIER
    assert {row.category for row in stadium.rows} == set(STADIUM_CATEGORIES)


@pytest.mark.parametrize("seats", [1, 2, 107, 108, 109, 1_000, 12_345, 80_000])
def test_a_stadium_has_exactly_the_seats_asked_for(seats: int) -> None:
    assert read_csv(stadium_csv(seats).encode()).rows_read == seats


def test_a_stadium_without_seats_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one seat"):
        stadium_csv(0)


def test_neighbours_in_the_stadium_file_are_neighbours_in_the_stands(stadium: SeatFile) -> None:
    for row in seat_rows(stadium).values():
        assert [int(seat.number) for seat in row] == list(range(1, len(row) + 1))
        for left, right in pairwise(row):
            assert 0.4 <= math.dist(place(left), place(right)) <= 0.6


def test_no_two_seats_of_the_stadium_overlap_and_none_is_on_the_pitch(stadium: SeatFile) -> None:
    assert nearest_distance_min(stadium, 1.0) >= 0.4
    for row in stadium.rows:
        x, y = place(row)
        assert abs(x) > 52.5 or abs(y) > 34
