from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.domain.seat_files import (
    SEATS_PER_FILE_MAX,
    PlanCategory,
    SeatFileError,
    plan_categories,
    read_plan,
)
from actors.domain.seat_rows import SeatFile, SeatRow, check_file

HALL_PLAN = Path(__file__).parents[2].parent / "shared" / "data" / "hall-plan.pretix.json"

Json = dict[str, object]


def a_seat(number: object, guid: object = None, **changes: object) -> Json:
    fields: Json = {"seat_number": number, "category": "Gold", "position": {"x": 1, "y": 2}}
    return {**fields, "seat_guid": guid if guid is not None else f"guid-{number}", **changes}


def a_row(name: object, *seats: object, **changes: object) -> Json:
    return {"row_number": name, "position": {"x": 10, "y": 20}, "seats": list(seats), **changes}


def a_zone(name: object, *rows: object, **changes: object) -> Json:
    return {"name": name, "position": {"x": 100, "y": 200}, "rows": list(rows), **changes}


def a_plan(*zones: object, **changes: object) -> bytes:
    plan: Json = {"name": "Hall", "categories": [{"name": "Gold"}], "zones": list(zones)}
    return json.dumps({**plan, **changes}).encode()


def only_errors(file: SeatFile) -> list[tuple[int, str]]:
    return [(error.row, error.code) for error in file.errors]


def test_positions_of_zone_row_and_seat_add_up() -> None:
    file = read_plan(a_plan(a_zone("Stalls", a_row("A", a_seat("1"), a_seat("2")))))
    assert file.rows == (
        SeatRow(1, "Stalls", "A", "1", "Gold", 111.0, 222.0),
        SeatRow(2, "Stalls", "A", "2", "Gold", 111.0, 222.0),
    )
    assert file.errors == ()
    assert file.rows_read == 2


def test_rows_count_seats_through_all_zones() -> None:
    zones = (a_zone("L", a_row("A", a_seat(1, "a")), a_row("B", a_seat(1, "b"))), a_zone("Bar"))
    file = read_plan(a_plan(*zones, a_zone("R", a_row("A", a_seat(1, "c")))))
    assert [(row.row, row.seat_id) for row in file.rows] == [
        (1, "L-A-1"),
        (2, "L-B-1"),
        (3, "R-A-1"),
    ]


def test_fields_that_concern_the_drawing_are_ignored() -> None:
    seat = a_seat("1", uuid="u", radius=5)
    row = a_row("A", seat, uuid="u", row_number_position="start")
    plan = a_plan(a_zone("Stalls", row, zone_id="z", uuid="u", areas=[{}]), size={"width": "?"})
    assert [row.seat_id for row in read_plan(plan).rows] == ["Stalls-A-1"]


def test_a_seat_without_a_position_has_no_coordinates() -> None:
    file = read_plan(a_plan(a_zone("S", a_row("A", a_seat("1", position=None)))))
    assert (file.rows[0].x, file.rows[0].y) == (None, None)


def test_zones_and_rows_without_a_position_stand_at_the_origin_of_their_parent() -> None:
    file = read_plan(a_plan(a_zone("S", a_row("A", a_seat("1"), position=None), position=None)))
    assert (file.rows[0].x, file.rows[0].y) == (1.0, 2.0)


def test_unnamed_zones_rows_and_seats_get_stable_names() -> None:
    zones = (
        a_zone(None, a_row("", a_seat("", "a"), a_seat(None, "b")), zone_id="Balcony"),
        a_zone(" ", a_row(None, a_seat("7", "c")), a_row(None, a_seat("7", "d"))),
    )
    file = read_plan(a_plan(*zones))
    assert [row.seat_id for row in file.rows] == [
        "Balcony-Row 1-1",
        "Balcony-Row 1-2",
        "Zone 2-Row 1-7",
        "Zone 2-Row 2-7",
    ]


def test_names_may_be_integers() -> None:
    assert read_plan(a_plan(a_zone(1, a_row(2, a_seat(3))))).rows[0].seat_id == "1-2-3"


def test_row_objects_that_share_a_name_are_one_row_in_plan_order() -> None:
    rows = (a_row("A", a_seat("2")), a_row("B", a_seat("1", "x")), a_row("A", a_seat("1")))
    file = read_plan(a_plan(a_zone("S", *rows)))
    assert [row.number for row in file.rows if row.row_name == "A"] == ["2", "1"]


def test_a_repeated_seat_guid_is_an_error_that_names_the_first_row() -> None:
    row = a_row("A", a_seat("1", "g"), a_seat("2", "h"), a_seat("3", "g"))
    file = read_plan(a_plan(a_zone("S", row)))
    assert [row.number for row in file.rows] == ["1", "2"]
    assert only_errors(file) == [(3, "duplicate_seat")]
    assert "'g'" in file.errors[0].detail
    assert "row 1" in file.errors[0].detail


def test_a_refused_seat_does_not_take_its_guid() -> None:
    row = a_row("A", a_seat("1", "g", position={"x": "?", "y": 0}), a_seat("1", "g"))
    file = read_plan(a_plan(a_zone("S", row)))
    assert [row.row for row in file.rows] == [2]
    assert only_errors(file) == [(1, "invalid_coordinate")]


def test_seats_without_a_guid_are_told_apart_by_their_ids_alone() -> None:
    row = a_row("A", a_seat("1", ""), a_seat("2", ""), a_seat("1", ""))
    file = check_file(read_plan(a_plan(a_zone("S", row))), {"Gold"}, frozenset())
    assert [row.number for row in file.rows] == ["1", "2"]
    assert only_errors(file) == [(3, "duplicate_seat")]


def test_two_guids_with_one_seat_id_are_an_error_too() -> None:
    row = a_row("A", a_seat("1", "g"), a_seat("1", "h"))
    file = check_file(read_plan(a_plan(a_zone("S", row))), {"Gold"}, frozenset())
    assert only_errors(file) == [(2, "duplicate_seat")]


@pytest.mark.parametrize(
    ("seat", "code"),
    [
        (5, "invalid_row"),
        (None, "invalid_row"),
        (a_seat(1.5), "invalid_type"),
        (a_seat("1", guid=[]), "invalid_type"),
        (a_seat("1", category={}), "invalid_type"),
        (a_seat("1", category=None), "empty_field"),
        (a_seat("1", category="Bronze"), "unknown_category"),
        (a_seat("1", position=5), "invalid_coordinate"),
        (a_seat("1", position={"x": 1}), "invalid_coordinate"),
        (a_seat("1", position={"x": float("nan"), "y": 1}), "invalid_coordinate"),
        (a_seat("1", position={"x": 1, "y": float("-inf")}), "invalid_coordinate"),
        (a_seat("1", position={"x": 1e308, "y": 1}), "invalid_coordinate"),
    ],
)
def test_a_bad_seat_costs_itself_only(seat: object, code: str) -> None:
    row = a_row("A", a_seat("8"), seat, a_seat("9"))
    file = check_file(read_plan(a_plan(a_zone("S", row))), {"Gold"}, frozenset())
    assert [row.row for row in file.rows] == [1, 3]
    assert only_errors(file) == [(2, code)]


def test_a_row_that_stands_nowhere_refuses_each_of_its_seats() -> None:
    rows = (a_row("A", a_seat("1"), a_seat("2"), position="left"), a_row("B", a_seat("3")))
    file = read_plan(a_plan(a_zone("S", *rows)))
    assert only_errors(file) == [(1, "invalid_coordinate"), (2, "invalid_coordinate")]
    assert [row.number for row in file.rows] == ["3"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "empty_file"),
        (b" \n", "empty_file"),
        (b"{", "invalid_json"),
        (b"section,row,seat,category\n", "invalid_json"),
        (b"[" * 100_000, "invalid_json"),
        (b"[" + b"9" * 10_000 + b"]", "invalid_json"),
        (b'{"name":"\xff"}', "invalid_encoding"),
        (a_plan().decode().encode("utf-16"), "invalid_encoding"),
        (b"[]", "invalid_plan"),
        (b'{"name":"Hall"}', "invalid_plan"),
        (b'{"zones":{}}', "invalid_plan"),
        (a_plan(5), "invalid_plan"),
        (a_plan({"rows": 5}), "invalid_plan"),
        (a_plan(a_zone("S", "A")), "invalid_plan"),
        (a_plan(a_zone("S", {"seats": {}})), "invalid_plan"),
        (a_plan(a_zone(True, a_row("A", a_seat("1")))), "invalid_plan"),
        (a_plan(a_zone("S", a_row(1.5, a_seat("1")))), "invalid_plan"),
        (a_plan(), "empty_file"),
        (a_plan(a_zone("S", a_row("A"))), "empty_file"),
    ],
)
def test_a_plan_that_cannot_be_read_is_refused_as_a_whole(body: bytes, code: str) -> None:
    with pytest.raises(SeatFileError) as caught:
        read_plan(body)
    assert caught.value.code == code


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
anything = scalars | st.lists(scalars, max_size=2) | st.dictionaries(st.text(), scalars, max_size=2)
points = anything | st.fixed_dictionaries({"x": scalars, "y": scalars})
SEAT_FIELDS = {"seat_guid": anything, "seat_number": anything, "category": anything}
seats = anything | st.fixed_dictionaries({}, optional={**SEAT_FIELDS, "position": points})
rows = anything | st.fixed_dictionaries(
    {"seats": st.lists(seats, max_size=4) | anything},
    optional={"row_number": anything, "position": points},
)
zones = anything | st.fixed_dictionaries(
    {"rows": st.lists(rows, max_size=3) | anything}, optional={"name": anything, "position": points}
)


@given(st.fixed_dictionaries({"zones": st.lists(zones, max_size=3)}))
def test_whatever_a_plan_holds_it_is_read_or_refused_and_each_seat_is_accounted_for(
    plan: Json,
) -> None:
    body = json.dumps(plan).encode()
    try:
        file = check_file(read_plan(body), {c.name for c in plan_categories(body)}, frozenset())
    except SeatFileError:
        return
    ordinals = [row.row for row in file.rows] + [error.row for error in file.errors]
    assert sorted(ordinals) == list(range(1, file.rows_read + 1))
    assert len({row.seat_id for row in file.rows}) == len(file.rows)
    assert all(error.detail.encode() for error in file.errors)
    assert all(row.seat_id.encode() for row in file.rows)


def test_a_plan_over_the_limit_of_seats_is_refused() -> None:
    body = '{"zones":[{"rows":[{"seats":[' + "0," * SEATS_PER_FILE_MAX + "0]}]}]}"
    with pytest.raises(SeatFileError) as caught:
        read_plan(body.encode())
    assert caught.value.code == "too_many_rows"


def test_the_categories_of_a_plan_are_the_declared_ones_and_then_those_of_seats() -> None:
    row = a_row("A", a_seat("1"), a_seat("2", category="Box"), 5, a_seat("3", category=None))
    declared = [{"name": "Gold", "color": "#fc0"}, {"name": "Unused"}, {"name": "Gold"}]
    assert plan_categories(a_plan(a_zone("S", row), categories=declared)) == (
        PlanCategory("Gold", "#fc0"),
        PlanCategory("Unused", None),
        PlanCategory("Box", None),
    )


def test_categories_that_are_no_list_of_objects_make_a_plan_invalid() -> None:
    for categories in (5, [5]):
        with pytest.raises(SeatFileError) as caught:
            plan_categories(a_plan(categories=categories))
        assert caught.value.code == "invalid_plan"


@pytest.mark.skipif(not HALL_PLAN.exists(), reason="../shared/data/hall-plan.pretix.json is absent")
def test_the_hall_plan_from_the_wild_loads_each_distinct_seat_once() -> None:
    body = HALL_PLAN.read_bytes()
    plan = json.loads(body)
    guids = [s["seat_guid"] for z in plan["zones"] for r in z["rows"] for s in r["seats"]]
    categories = {category.name for category in plan_categories(body)}
    assert categories == {f"Category {roman}" for roman in ("I", "II", "III", "IV", "V")}

    file = check_file(read_plan(body), categories, frozenset())
    assert file.rows_read == len(guids) == 738
    assert len(file.rows) == len(set(guids)) == 318
    assert len(file.errors) == file.duplicates == 420

    # What is loaded is the first occurrence of each guid, and each error names that occurrence.
    assert [guids[row.row - 1] for row in file.rows] == list(dict.fromkeys(guids))
    for error in file.errors:
        guid = guids[error.row - 1]
        assert error.detail.endswith(f"{guid!r} was already given by row {guids.index(guid) + 1}")

    assert Counter(row.section for row in file.rows) == {"Ground floor": 198, "First Floor": 120}
    assert len({row.seat_id for row in file.rows}) == 318
    assert all(row.x is not None and 0 < row.x < plan["size"]["width"] for row in file.rows)
