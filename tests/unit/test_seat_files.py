from __future__ import annotations

import csv
import io
import json
from contextlib import suppress
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.domain.seat_files import (
    SEAT_FILE_READERS,
    SEATS_PER_FILE_MAX,
    SeatFileError,
    read_csv,
    read_ndjson,
)
from actors.domain.seat_files.coordinate import COORDINATE_MAX
from actors.domain.seat_rows import NUMBER_CHARS_MAX, SeatFile, SeatRow, check_file

HEADER = "section,row,seat,category\n"
HEADER_XY = "section,row,seat,category,x,y\n"

# Every character that a name may hold: all but controls, separators and unpaired surrogates.
names = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp")),
    min_size=1,
    max_size=NUMBER_CHARS_MAX,
).filter(lambda name: name == name.strip())
coordinates = st.one_of(st.none(), st.floats(-COORDINATE_MAX, COORDINATE_MAX))


def only_errors(file: SeatFile) -> list[tuple[int, str]]:
    return [(error.row, error.code) for error in file.errors]


def fatal_code(media_type: str, body: bytes) -> str:
    with pytest.raises(SeatFileError) as caught:
        SEAT_FILE_READERS[media_type](body)
    assert caught.value.detail
    return caught.value.code


def test_a_csv_file_gives_its_rows_with_their_line_numbers() -> None:
    file = read_csv((HEADER_XY + "Stalls,A,1,Gold,1.5,-2\nStalls,A,2,Gold,,\n").encode())
    assert file.rows == (
        SeatRow(2, "Stalls", "A", "1", "Gold", 1.5, -2.0),
        SeatRow(3, "Stalls", "A", "2", "Gold", None, None),
    )
    assert file.errors == ()
    assert file.rows_read == 2


def test_columns_may_come_in_any_order_and_case() -> None:
    file = read_csv(b" Seat , CATEGORY,y,x,Row,Section\n7,Gold,2,1,B,Stalls\n")
    assert file.rows == (SeatRow(2, "Stalls", "B", "7", "Gold", 1.0, 2.0),)


def test_a_byte_order_mark_is_tolerated() -> None:
    assert read_csv(b"\xef\xbb\xbf" + HEADER.encode() + b"S,A,1,Gold").rows_read == 1


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_lines_may_end_as_they_do_anywhere(ending: str) -> None:
    text = ending.join(["section,row,seat,category", "S,A,1,Gold", "", "S,A,2,Gold", ""])
    assert [row.row for row in read_csv(text.encode()).rows] == [2, 4]


def test_blank_lines_are_skipped_and_counted() -> None:
    file = read_csv(("\n \n" + HEADER + "\n   \nS,A,1,Gold\n\n").encode())
    assert [row.row for row in file.rows] == [6]
    assert file.rows_read == 1


def test_surrounding_white_space_is_dropped() -> None:
    file = read_csv((HEADER + " Stalls\u00a0, A ,1 , Gold \n").encode())
    assert file.rows[0].seat_id == "Stalls-A-1"
    assert file.rows[0].category == "Gold"


@given(
    st.lists(st.tuples(names, names, names, names, coordinates, coordinates), min_size=1),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_whatever_names_a_csv_file_holds_they_come_back(
    seats: list[tuple[str, str, str, str, float | None, float | None]], quoting: Literal[0, 1]
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, quoting=quoting)
    writer.writerow(["section", "row", "seat", "category", "x", "y"])
    expected: list[SeatRow] = []
    for line, (section, row, number, category, x, y) in enumerate(seats, start=2):
        here = None if x is None or y is None else (x, y)
        writer.writerow([section, row, number, category, *(here or ("", ""))])
        expected.append(SeatRow(line, section, row, number, category, *(here or (None, None))))
    file = read_csv(text.getvalue().encode())
    assert list(file.rows) == expected
    assert file.errors == ()
    # Whatever the names are, the only thing that can still be wrong with them is a repeated id.
    checked = check_file(file, {row.category for row in expected}, frozenset())
    assert len(checked.rows) == len({row.seat_id for row in expected})
    assert checked.duplicates == len(checked.errors)


@given(st.lists(st.tuples(names, names, names, names, coordinates, coordinates), min_size=1))
def test_whatever_names_an_ndjson_file_holds_they_come_back(
    seats: list[tuple[str, str, str, str, float | None, float | None]],
) -> None:
    lines: list[str] = []
    expected: list[SeatRow] = []
    for line, (section, row, number, category, x, y) in enumerate(seats, start=1):
        x, y = (None, None) if x is None or y is None else (x, y)
        fields = {"section": section, "row": row, "seat": number, "category": category}
        lines.append(json.dumps({**fields, "x": x, "y": y}, ensure_ascii=line % 2 == 0))
        expected.append(SeatRow(line, section, row, number, category, x, y))
    file = read_ndjson("\n".join(lines).encode())
    assert list(file.rows) == expected
    assert file.errors == ()


@given(st.binary(max_size=200))
def test_no_bytes_make_a_reader_fail_in_an_undeclared_way(body: bytes) -> None:
    for reader in SEAT_FILE_READERS.values():
        with suppress(SeatFileError):
            reader(body)


@pytest.mark.parametrize(
    "line",
    [
        "S,A,1",
        "S,A,1,Gold,9",
        'S,A,"1,Gold',
        'S,A,"1"2,Gold',
    ],
)
def test_a_csv_line_of_the_wrong_form_costs_its_own_row_only(line: str) -> None:
    file = read_csv((HEADER + "S,A,1,Gold\n" + line + "\nS,A,3,Gold\n").encode())
    assert [row.row for row in file.rows] == [2, 4]
    assert only_errors(file) == [(3, "invalid_row")]
    assert file.rows_read == 3


@pytest.mark.parametrize(
    "numbers",
    ["nan,1", "1,inf", "-Infinity,1", "1e999,1", "1_000,1", "a,1", "1,", ",1", "1e7,0", "٣,1"],
)
def test_csv_coordinates_must_be_two_finite_numbers(numbers: str) -> None:
    file = read_csv((HEADER_XY + f"S,A,1,Gold,{numbers}\nS,A,2,Gold,1,1\n").encode())
    assert only_errors(file) == [(2, "invalid_coordinate")]
    assert [row.row for row in file.rows] == [3]


@pytest.mark.parametrize("number", ["1", "+1.5", "-.5", "5.", "2.5e3", "1E-2"])
def test_coordinates_may_be_written_as_decimals_are(number: str) -> None:
    assert read_csv((HEADER_XY + f"S,A,1,G,{number},0").encode()).rows[0].x == float(number)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "empty_file"),
        (b"\xef\xbb\xbf\r\n  \n", "empty_file"),
        (HEADER.encode(), "empty_file"),
        (b"Stalls,A,1,Gold\n", "missing_column"),
        (b"section,row,seat\nS,A,1\n", "missing_column"),
        (b"section;row;seat;category\nS;A;1;Gold\n", "missing_column"),
        (b'section,row,seat,"category\nS,A,1,Gold\n', "missing_column"),
        (b"section,row,seat,category,x\nS,A,1,Gold,1\n", "missing_column"),
        (b"section,row,seat,category,price\nS,A,1,Gold,5\n", "unknown_column"),
        (b"section,row,seat,category,\nS,A,1,Gold,\n", "unknown_column"),
        (b"section,row,seat,category,Row\nS,A,1,Gold,2\n", "unknown_column"),
        (HEADER.encode() + b"S,A,1,Gold\nPar\xe9,A,1,Gold\n", "invalid_encoding"),
        ((HEADER + "S,A,1,Gold\n").encode("utf-16"), "invalid_encoding"),
        ((HEADER + "S,A,1,Gold\n").encode("utf-16-le"), "invalid_encoding"),
    ],
)
def test_a_csv_file_that_cannot_be_read_is_refused_as_a_whole(body: bytes, code: str) -> None:
    assert fatal_code("text/csv", body) == code


def test_a_wrong_encoding_is_reported_with_its_line() -> None:
    with pytest.raises(SeatFileError, match="on line 3"):
        read_csv(HEADER.encode() + b"S,A,1,Gold\nPar\xe9,A,1,Gold\n")


def test_semicolons_are_answered_with_a_hint() -> None:
    with pytest.raises(SeatFileError, match="separated by commas"):
        read_csv(b"section;row;seat;category\nS;A;1;Gold\n")


def test_a_csv_file_may_reach_the_limit_of_seats_and_not_pass_it() -> None:
    line = "S,A,1,G\n"
    assert read_csv((HEADER + line * SEATS_PER_FILE_MAX).encode()).rows_read == SEATS_PER_FILE_MAX
    over = (HEADER + line * (SEATS_PER_FILE_MAX + 1)).encode()
    assert fatal_code("text/csv", over) == "too_many_rows"


def test_bad_rows_count_against_the_limit_too() -> None:
    over = (HEADER + "?\n" * (SEATS_PER_FILE_MAX + 1)).encode()
    assert fatal_code("text/csv", over) == "too_many_rows"
    assert fatal_code("application/x-ndjson", over) == "too_many_rows"


def test_an_ndjson_file_gives_its_rows_with_their_line_numbers() -> None:
    body = (
        b'{"section":"Stalls","row":"A","seat":"1","category":"Gold"}\n\n'
        b'{"category":"Gold","seat":2,"row":3,"section":" Stalls ","x":1,"y":2.5}\n'
    )
    file = read_ndjson(body)
    assert file.rows == (
        SeatRow(1, "Stalls", "A", "1", "Gold", None, None),
        SeatRow(3, "Stalls", "3", "2", "Gold", 1.0, 2.5),
    )
    assert file.rows_read == 2


def ndjson_seat(**changes: object) -> str:
    fields = {"section": "S", "row": "A", "seat": "1", "category": "Gold", **changes}
    return json.dumps(fields)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("{", "invalid_row"),
        ("[]", "invalid_row"),
        ('"S"', "invalid_row"),
        ("[" * 100_000, "invalid_row"),
        ('{"seat":' + "1" * 10_000 + "}", "invalid_row"),
        (ndjson_seat(price=5), "unknown_field"),
        ('{"section":"S","row":"A","seat":"1"}', "missing_field"),
        (ndjson_seat(row=None), "missing_field"),
        (ndjson_seat(seat=1.5), "invalid_type"),
        (ndjson_seat(seat=True), "invalid_type"),
        (ndjson_seat(section=["S"]), "invalid_type"),
        (ndjson_seat(x=1), "invalid_coordinate"),
        (ndjson_seat(x=float("nan"), y=1), "invalid_coordinate"),
        (ndjson_seat(x=1, y=float("inf")), "invalid_coordinate"),
        (ndjson_seat(x="1", y="2"), "invalid_coordinate"),
        (ndjson_seat(x=True, y=1), "invalid_coordinate"),
        (ndjson_seat(x=10**400, y=1), "invalid_coordinate"),
    ],
)
def test_a_bad_ndjson_line_costs_its_own_row_only(line: str, code: str) -> None:
    file = read_ndjson(f"{ndjson_seat()}\n{line}\n{ndjson_seat(seat='3')}".encode())
    assert [row.row for row in file.rows] == [1, 3]
    assert only_errors(file) == [(2, code)]


def test_an_unknown_field_is_quoted_safely() -> None:
    file = read_ndjson(b'{"\\ud800\\n":1}')
    assert file.errors[0].detail.encode()
    assert "\n" not in file.errors[0].detail


def test_an_unpaired_surrogate_that_json_can_spell_never_becomes_a_seat() -> None:
    file = read_ndjson(b'{"section":"\\ud800","row":"A","seat":"1","category":"Gold"}')
    assert only_errors(check_file(file, {"Gold"}, frozenset())) == [(1, "control_character")]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "empty_file"),
        (b"\n \n", "empty_file"),
        (b'{"section":"\xff"}', "invalid_encoding"),
    ],
)
def test_an_ndjson_file_that_cannot_be_read_is_refused_as_a_whole(body: bytes, code: str) -> None:
    assert fatal_code("application/x-ndjson", body) == code
