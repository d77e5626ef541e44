"""What an organizer is told about a file, word for word, and what is at the borders of the formats."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from actors.domain.seat_files import (
    SEAT_FILE_READERS,
    SEATS_PER_FILE_MAX,
    PlanCategory,
    SeatFileError,
    SeatFileErrorCode,
    file_error,
    plan_categories,
    read_csv,
    read_ndjson,
    read_plan,
)
from actors.domain.seat_files.coordinate import (
    COORDINATE_MAX,
    coordinate_of_number,
    coordinate_of_text,
)
from actors.domain.seat_files.json_value import NotJson, name_of, parsed
from actors.domain.seat_rows import RowError, RowErrorCode, SeatFile, SeatRow

HEADER = "section,row,seat,category\n"
HEADER_XY = "section,row,seat,category,x,y\n"
SEAT = '"section":"S","row":"A","seat":"1","category":"G"'

Reader = Callable[[bytes], object]


def rows_of(seats: str, rows: str = "") -> str:
    """A plan with one zone and one row of these seats."""
    return f'{{"zones":[{{"name":"Z","rows":[{{"row_number":"1",{rows}"seats":[{seats}]}}]}}]}}'


@pytest.mark.parametrize(
    ("reader", "text", "code", "detail"),
    [
        (read_csv, "", "empty_file", "the file is empty"),
        (read_csv, HEADER, "empty_file", "the file holds no seats"),
        (
            read_csv,
            "S,A,1,G\n",
            "missing_column",
            "the header has no column section, row, seat, category: 'S,A,1,G'",
        ),
        (
            read_csv,
            "section;row\n",
            "missing_column",
            "the header has no column section, row, seat, category: 'section;row'"
            " (columns are separated by commas)",
        ),
        (
            read_csv,
            "seat,section\n",
            "missing_column",
            "the header has no column row, category: 'seat,section'",
        ),
        (
            read_csv,
            '"section\n',
            "missing_column",
            "the header is not a line of CSV: unexpected end of data",
        ),
        (
            read_csv,
            "section,row,seat,category,x\n",
            "missing_column",
            "the columns x and y come together or not at all",
        ),
        (
            read_csv,
            "section,row,seat,category,y\n",
            "missing_column",
            "the columns x and y come together or not at all",
        ),
        (
            read_csv,
            "section,row,price,seat,category\n",
            "unknown_column",
            "column 3, 'price', is none of section, row, seat, category, x, y, accessible",
        ),
        (
            read_csv,
            "section,Row,seat,row,category\n",
            "unknown_column",
            "column 4 is a second row",
        ),
        (
            read_csv,
            "s\0e\0\n",
            "invalid_encoding",
            "the file is not UTF-8 (it looks like UTF-16)",
        ),
        (read_ndjson, " \n", "empty_file", "the file is empty"),
        (read_plan, "[", "invalid_json", "no JSON: Expecting value, line 1 column 2"),
        (read_plan, "\n[,", "invalid_json", "no JSON: Expecting value, line 2 column 2"),
        (read_plan, "[" * 100_000, "invalid_json", "no JSON: nested too deeply"),
        (read_plan, "1" * 10_000, "invalid_json", "no JSON: a number has too many digits"),
        (read_plan, "[]", "invalid_plan", "the plan is no JSON object"),
        (read_plan, "{}", "invalid_plan", "the plan has no zones"),
        (read_plan, '{"zones":{}}', "invalid_plan", "zones of the plan is no array"),
        (read_plan, '{"zones":[{},1]}', "invalid_plan", "zone 2 is no JSON object"),
        (
            read_plan,
            '{"zones":[{"name":1.5}]}',
            "invalid_plan",
            "name of zone 1 is neither a text nor an integer",
        ),
        (
            read_plan,
            '{"zones":[{},{"zone_id":1.5}]}',
            "invalid_plan",
            "zone_id of zone 2 is neither a text nor an integer",
        ),
        (
            read_plan,
            '{"zones":[{"rows":{}}]}',
            "invalid_plan",
            "rows of zone 1 is no array",
        ),
        (
            read_plan,
            '{"zones":[{},{"rows":[{},2]}]}',
            "invalid_plan",
            "zone 2, row 2 is no JSON object",
        ),
        (
            read_plan,
            '{"zones":[{"rows":[{"row_number":[]}]}]}',
            "invalid_plan",
            "row_number of zone 1, row 1 is neither a text nor an integer",
        ),
        (
            read_plan,
            '{"zones":[{"rows":[{"seats":3}]}]}',
            "invalid_plan",
            "seats of zone 1, row 1 is no array",
        ),
        (read_plan, '{"zones":null}', "empty_file", "the file holds no seats"),
        (
            plan_categories,
            '{"zones":[],"categories":{}}',
            "invalid_plan",
            "categories of the plan is no array",
        ),
        (
            plan_categories,
            '{"zones":[],"categories":[{},1]}',
            "invalid_plan",
            "category 2 is no JSON object",
        ),
    ],
)
def test_a_file_that_is_refused_is_told_why(
    reader: Reader, text: str, code: str, detail: str
) -> None:
    with pytest.raises(SeatFileError) as caught:
        reader(text.encode())
    assert (caught.value.code, caught.value.detail) == (code, detail)
    assert str(caught.value) == f"{code}: {detail}"


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b"\xff", "byte 1, on line 1"),
        (b"a\n\xe9\n", "byte 3, on line 2"),
        (b"\n\nab\xe9", "byte 5, on line 3"),
    ],
)
def test_a_wrong_byte_is_found(body: bytes, place: str) -> None:
    for reader in SEAT_FILE_READERS.values():
        with pytest.raises(SeatFileError) as caught:
            reader(body)
        assert caught.value.code is SeatFileErrorCode.INVALID_ENCODING
        assert caught.value.detail == f"the file is not UTF-8: {place}"


@pytest.mark.parametrize(
    ("reader", "text", "error"),
    [
        (
            read_csv,
            f"{HEADER}S,A,1\n",
            RowError(2, RowErrorCode.INVALID_ROW, "the line has 3 fields, the header has 4"),
        ),
        (
            read_csv,
            f'\n{HEADER}S,A,"1,G\n',
            RowError(3, RowErrorCode.INVALID_ROW, "not a line of CSV: unexpected end of data"),
        ),
        *(
            (
                read_csv,
                f"{HEADER_XY}S,A,1,G, {x} ,{y}\n",
                RowError(
                    2,
                    RowErrorCode.INVALID_COORDINATE,
                    f"x and y must be two finite numbers: {x!r}, {y!r}",
                ),
            )
            for x, y in (("a", ""), ("", "2"), ("1", ""), ("1", "a"))
        ),
        (
            read_ndjson,
            "\n[[[",
            RowError(
                2,
                RowErrorCode.INVALID_ROW,
                "the line is no JSON: Expecting value, line 1 column 4",
            ),
        ),
        (read_ndjson, "[]", RowError(1, RowErrorCode.INVALID_ROW, "the line is no JSON object")),
        (
            read_ndjson,
            '{"price":5}',
            RowError(1, RowErrorCode.UNKNOWN_FIELD, "'price' is no field of a seat"),
        ),
        (
            read_ndjson,
            '{"section":"S","row":"A","seat":null,"category":"G"}',
            RowError(1, RowErrorCode.MISSING_FIELD, "seat is missing"),
        ),
        (
            read_ndjson,
            '{"section":"S","row":1.5,"seat":"1","category":"G"}',
            RowError(1, RowErrorCode.INVALID_TYPE, "row must be a text or an integer"),
        ),
        *(
            (
                read_ndjson,
                f"{{{SEAT},{point}}}",
                RowError(1, RowErrorCode.INVALID_COORDINATE, "x and y must be two finite numbers"),
            )
            for point in ('"x":1', '"y":1', '"x":1,"y":null', '"x":"1","y":1', '"x":1,"y":"1"')
        ),
        (
            read_plan,
            rows_of("5"),
            RowError(1, RowErrorCode.INVALID_ROW, "the seat is no JSON object"),
        ),
        *(
            (
                read_plan,
                rows_of(f'{{"{field}":true}}'),
                RowError(1, RowErrorCode.INVALID_TYPE, f"{field} must be a text or an integer"),
            )
            for field in ("seat_guid", "seat_number", "category")
        ),
        *(
            (
                read_plan,
                rows_of(f'{{"position":{position}}}'),
                RowError(
                    1,
                    RowErrorCode.INVALID_COORDINATE,
                    "the positions of zone, row and seat do not add up to two finite numbers",
                ),
            )
            for position in ("5", "{}", '{"x":1}', '{"y":1}', '{"x":1,"y":1e9}', '{"x":1e9,"y":1}')
        ),
    ],
)
def test_a_row_that_is_refused_is_told_why(
    reader: Callable[[bytes], SeatFile], text: str, error: RowError
) -> None:
    assert reader(text.encode()) == SeatFile((), (error,), 1)


def test_a_repeated_guid_names_the_row_that_took_it() -> None:
    seats = ",".join(f'{{"seat_guid":"g{n % 2}","seat_number":{n}}}' for n in range(3))
    assert read_plan(rows_of(seats).encode()).errors == (
        RowError(3, RowErrorCode.DUPLICATE_SEAT, "the seat_guid 'g0' was already given by row 1"),
    )


@pytest.mark.parametrize("axis", ["x", "y"])
def test_only_the_sum_of_the_positions_has_to_be_a_sane_number(axis: str) -> None:
    position = '"position":{"x":-999999,"y":-999999},'
    seat = '{"position":{"x":1000000,"y":1000000}}'
    file = read_plan(rows_of(seat, position).encode())
    assert [getattr(row, axis) for row in file.rows] == [1.0]
    file = read_plan(rows_of(seat, f'"position":{{"{axis}":1,"{"yx"[axis == "y"]}":0}},').encode())
    assert [error.code for error in file.errors] == ["invalid_coordinate"]


def test_null_coordinates_are_none() -> None:
    file = read_ndjson(f'{{{SEAT},"x":null,"y":null}}'.encode())
    assert file.rows == (SeatRow(1, "S", "A", "1", "G", None, None),)


def test_a_csv_file_is_split_at_line_ends_only_and_at_every_comma_outside_of_quotes() -> None:
    body = f'{HEADER}S\x0cT,A,1,G\n"S, T","A ""x""",1,G\nS\u2028T,A,2,G\n'.encode()
    assert [(row.row, row.section, row.row_name) for row in read_csv(body).rows] == [
        (2, "S\x0cT", "A"),
        (3, "S, T", 'A "x"'),
        (4, "S\u2028T", "A"),
    ]


@pytest.mark.parametrize(
    ("value", "coordinate"),
    [
        (0, 0.0),
        (1_000_000, 1_000_000.0),
        (-1_000_000, -1_000_000.0),
        (1_000_000.5, None),
        (-1_000_000.5, None),
        (True, None),
        ("1", None),
        (None, None),
        (float("nan"), None),
    ],
)
def test_a_coordinate_is_a_number_of_at_most_a_million(
    value: object, coordinate: float | None
) -> None:
    assert coordinate_of_number(value) == coordinate
    assert type(coordinate_of_number(value)) is type(coordinate)
    assert COORDINATE_MAX == 1e6


@pytest.mark.parametrize(
    ("text", "coordinate"),
    [("+0.5", 0.5), ("5.", 5.0), (".5", 0.5), ("-1e+3", -1000.0), ("1E-3", 0.001), ("09", 9.0)],
)
def test_a_coordinate_may_be_spelled_as_a_decimal(text: str, coordinate: float) -> None:
    assert coordinate_of_text(text) == coordinate


@pytest.mark.parametrize("text", ["", ".", "e5", "1e", "1.2.3", "--1", "1 ", "1x", "0x1", "1_0"])
def test_nothing_else_spells_a_coordinate(text: str) -> None:
    assert coordinate_of_text(text) is None


@pytest.mark.parametrize(
    ("value", "name"),
    [(" A ", "A"), (14, "14"), (0, "0"), (True, None), (1.0, None), (None, None), ([], None)],
)
def test_a_name_is_a_text_or_an_integer(value: object, name: str | None) -> None:
    assert name_of(value) == name


def test_what_is_no_json_says_where() -> None:
    with pytest.raises(NotJson, match=r"^Expecting value, line 2 column 3$"):
        parsed("[1,\n  ")
    assert parsed("[1, NaN]") != [1]


def test_a_category_that_only_a_seat_names_has_no_color() -> None:
    declared = '{"name":" Gold ","color":"#fc0"},{"name":"Box","color":5},{"color":"#000"}'
    seats = '{"category":"Gold"},{"category":" Stall "},{"category":7},{"category":true},3'
    body = rows_of(seats)[:-1] + f',"categories":[{declared}]}}'
    assert plan_categories(body.encode()) == (
        PlanCategory("Gold", "#fc0"),
        PlanCategory("Box", None),
        PlanCategory("Stall", None),
        PlanCategory("7", None),
    )


def test_each_media_type_has_its_reader() -> None:
    assert dict(SEAT_FILE_READERS) == {
        "text/csv": read_csv,
        "application/x-ndjson": read_ndjson,
        "application/json": read_plan,
    }


@pytest.mark.parametrize("seats", [3, 4])
@pytest.mark.parametrize("good", [True, False])
def test_a_file_may_reach_the_limit_of_seats_and_not_pass_it(
    monkeypatch: pytest.MonkeyPatch, seats: int, good: bool
) -> None:
    monkeypatch.setattr(file_error, "SEATS_PER_FILE_MAX", 3)
    for reader, body in (
        (read_csv, HEADER + seats * ("S,A,1,G\n" if good else "?\n")),
        (read_ndjson, seats * (f"{{{SEAT}}}\n" if good else "?\n")),
        (read_plan, rows_of(",".join(seats * ["{}" if good else "0"]))),
    ):
        if seats == 3:
            assert reader(body.encode()).rows_read == 3
            continue
        with pytest.raises(SeatFileError) as caught:
            reader(body.encode())
        assert caught.value.code is SeatFileErrorCode.TOO_MANY_ROWS
        assert caught.value.detail == "the file holds more than 3 seats; send it in parts"


def test_the_limit_is_two_hundred_thousand_seats() -> None:
    assert SEATS_PER_FILE_MAX == 200_000, "what the documents say"
