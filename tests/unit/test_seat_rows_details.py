"""What is said about a row that is refused, word for word, and the limits of names in figures."""

from __future__ import annotations

import pytest

from actors.domain.seat_rows import (
    RowError,
    RowErrorCode,
    SeatFile,
    SeatRow,
    check_file,
    check_rows,
    is_printable,
    quoted,
)


def seat(row: int = 2, /, **changes: str) -> SeatRow:
    fields = {"section": "S", "row_name": "A", "number": "1", "category": "G", **changes}
    return SeatRow(row, **fields, x=None, y=None)  # type: ignore[arg-type]


def refused(*rows: SeatRow, known: frozenset[str] = frozenset()) -> tuple[RowError, ...]:
    categories = {"G", *(row.category for row in rows if row.category != "unknown")}
    return check_rows(rows, categories, known)[1]


@pytest.mark.parametrize(
    ("changes", "code", "detail"),
    [
        ({"section": ""}, RowErrorCode.EMPTY_FIELD, "section is empty"),
        ({"row_name": ""}, RowErrorCode.EMPTY_FIELD, "row is empty"),
        ({"number": ""}, RowErrorCode.EMPTY_FIELD, "seat is empty"),
        ({"category": ""}, RowErrorCode.EMPTY_FIELD, "category is empty"),
        (
            {"section": "x" * 65},
            RowErrorCode.FIELD_TOO_LONG,
            "section has 65 characters; the limit is 64",
        ),
        (
            {"row_name": "x" * 33},
            RowErrorCode.FIELD_TOO_LONG,
            "row has 33 characters; the limit is 32",
        ),
        (
            {"number": "x" * 17},
            RowErrorCode.FIELD_TOO_LONG,
            "seat has 17 characters; the limit is 16",
        ),
        (
            {"category": "x" * 65},
            RowErrorCode.FIELD_TOO_LONG,
            "category has 65 characters; the limit is 64",
        ),
        (
            {"section": "\t", "number": "\n"},
            RowErrorCode.CONTROL_CHARACTER,
            "section and seat holds a control character: '\\t-A-\\n'",
        ),
        (
            {"category": "\x7f"},
            RowErrorCode.CONTROL_CHARACTER,
            "category holds a control character: 'S-A-1'",
        ),
        (
            {"category": "unknown"},
            RowErrorCode.UNKNOWN_CATEGORY,
            "the show has no price for the category 'unknown'",
        ),
    ],
)
def test_a_row_that_is_refused_is_told_why(
    changes: dict[str, str], code: RowErrorCode, detail: str
) -> None:
    assert refused(seat(7, **changes)) == (RowError(7, code, detail),)


@pytest.mark.parametrize(
    ("field", "limit"), [("section", 64), ("row_name", 32), ("number", 16), ("category", 64)]
)
def test_a_name_may_be_this_long(field: str, limit: int) -> None:
    assert refused(seat(**{field: "x"})) == refused(seat(**{field: "x" * limit})) == ()


def test_the_name_that_is_too_long_is_told_apart_from_one_that_is_just_not() -> None:
    (error,) = refused(seat(section="x" * 64, row_name="x" * 32, number="x" * 17))
    assert error.detail == "seat has 17 characters; the limit is 16"


def test_a_seat_that_is_there_twice_names_the_first_row_or_the_show() -> None:
    assert refused(seat(3), seat(5), seat(6)) == (
        RowError(5, RowErrorCode.DUPLICATE_SEAT, "the seat S-A-1 was already given by row 3"),
        RowError(6, RowErrorCode.DUPLICATE_SEAT, "the seat S-A-1 was already given by row 3"),
    )
    known = frozenset({"S-A-1"})
    assert refused(seat(3), seat(4), known=known) == (
        RowError(3, RowErrorCode.DUPLICATE_SEAT, "the show has S-A-1 already"),
        RowError(4, RowErrorCode.DUPLICATE_SEAT, "the show has S-A-1 already"),
    )


def test_an_unprintable_category_does_not_make_its_neighbours_wrong() -> None:
    accepted, errors = check_rows((seat(2, category="\0"), seat(3)), {"G", "\0"}, frozenset())
    assert [row.row for row in accepted] == [3]
    assert [error.row for error in errors] == [2]


@pytest.mark.parametrize(
    "border",
    [
        *("\x00", "\x1f", "\x7f", "\x9f", "\u2028", "\u2029", "\u202a", "\u202e"),
        *("\u2066", "\u2069", "\ufeff", "\ud800", "\udfff"),
    ],
)
def test_what_cannot_be_printed(border: str) -> None:
    assert not is_printable(f"A{border}")


@pytest.mark.parametrize(
    "border", [" ", "~", "\xa0", "\u2027", "\u202f", "\u2065", "\u206a", "\ud7ff", "\ue000", "[X]"]
)
def test_what_can_be_printed(border: str) -> None:
    assert is_printable(f"A{border}")


def test_a_quotation_is_forty_characters_long_at_most() -> None:
    assert quoted("x" * 40) == f"'{'x' * 40}'"
    assert quoted("x" * 41) == f"'{'x' * 40}'..."


def test_errors_of_one_row_keep_their_order_and_only_duplicates_are_counted() -> None:
    first, second = RowError(2, "invalid_row", "a"), RowError(1, "duplicate_seat", "b")
    file = check_file(SeatFile((seat(2, section=""),), (first, second), 3), {"G"}, frozenset())
    assert file == SeatFile(
        (), (second, first, RowError(2, RowErrorCode.EMPTY_FIELD, "section is empty")), 3
    )
    assert file.duplicates == 1
