from __future__ import annotations

import pytest

from actors.domain.seat_rows import (
    CATEGORY_CHARS_MAX,
    NUMBER_CHARS_MAX,
    QUOTED_CHARS_MAX,
    ROW_NAME_CHARS_MAX,
    SECTION_CHARS_MAX,
    RowError,
    SeatFile,
    SeatRow,
    check_file,
    check_rows,
    quoted,
)

CATEGORIES = frozenset({"Gold", "Silver"})


def seat(
    row: int,
    section: str = "Stalls",
    row_name: str = "A",
    number: str = "1",
    category: str = "Gold",
) -> SeatRow:
    return SeatRow(row, section, row_name, number, category, None, None)


def codes(errors: tuple[RowError, ...]) -> list[tuple[int, str]]:
    return [(error.row, error.code) for error in errors]


def test_a_seat_id_joins_section_row_and_number() -> None:
    assert seat(2, "Stalls", "A", "14").seat_id == "Stalls-A-14"


def test_good_rows_are_accepted_in_file_order_even_when_a_row_is_not_contiguous() -> None:
    rows = (seat(2, number="9"), seat(3, row_name="B"), seat(4, number="1"), seat(5, number="4"))
    accepted, errors = check_rows(rows, CATEGORIES, frozenset())
    assert accepted == rows
    assert errors == ()


def test_names_may_hold_spaces_commas_dashes_quotes_and_any_letters() -> None:
    rows = (seat(2, "Rang, Mitte", "Reihe-É", '1"a'), seat(3, "二階席", "あ", "١٢"))
    accepted, errors = check_rows(rows, CATEGORIES, frozenset())
    assert accepted == rows
    assert errors == ()


def test_two_rows_that_give_one_id_are_an_error_of_the_second() -> None:
    rows = (seat(2, "A-B", "C"), seat(3, "A", "B-C"))
    accepted, errors = check_rows(rows, CATEGORIES, frozenset())
    assert accepted == rows[:1]
    assert codes(errors) == [(3, "duplicate_seat")]
    assert "A-B-C-1" in errors[0].detail
    assert "row 2" in errors[0].detail


def test_a_seat_that_the_show_has_already_is_a_duplicate() -> None:
    accepted, errors = check_rows((seat(2), seat(3, number="2")), CATEGORIES, {"Stalls-A-1"})
    assert [row.seat_id for row in accepted] == ["Stalls-A-2"]
    assert codes(errors) == [(2, "duplicate_seat")]


def test_a_refused_row_does_not_take_its_id() -> None:
    rows = (seat(2, category="Bronze"), seat(3), seat(4))
    accepted, errors = check_rows(rows, CATEGORIES, frozenset())
    assert [row.row for row in accepted] == [3]
    assert codes(errors) == [(2, "unknown_category"), (4, "duplicate_seat")]
    assert "row 3" in errors[1].detail


def test_categories_are_compared_exactly() -> None:
    _, errors = check_rows((seat(2, category="gold"),), CATEGORIES, frozenset())
    assert codes(errors) == [(2, "unknown_category")]


@pytest.mark.parametrize("field", ["section", "row_name", "number", "category"])
def test_an_empty_field_is_refused_by_its_name(field: str) -> None:
    _, errors = check_rows((seat(2, **{field: ""}),), CATEGORIES, frozenset())
    assert codes(errors) == [(2, "empty_field")]
    shown = {"row_name": "row", "number": "seat"}.get(field, field)
    assert errors[0].detail == f"{shown} is empty"


@pytest.mark.parametrize(
    ("field", "chars_max"),
    [
        ("section", SECTION_CHARS_MAX),
        ("row_name", ROW_NAME_CHARS_MAX),
        ("number", NUMBER_CHARS_MAX),
        ("category", CATEGORY_CHARS_MAX),
    ],
)
def test_a_field_may_reach_its_limit_and_not_pass_it(field: str, chars_max: int) -> None:
    longest = seat(2, **{field: "é" * chars_max})
    too_long = seat(3, **{field: "é" * (chars_max + 1)})
    accepted, errors = check_rows((longest, too_long), CATEGORIES | {"é" * 64}, frozenset())
    assert accepted == (longest,)
    assert codes(errors) == [(3, "field_too_long")]
    assert str(chars_max) in errors[0].detail


@pytest.mark.parametrize(
    "character",
    ["\0", "\t", "\n", "\x1b", "\x7f", "\x85", "\u2028", "\u202e", "\u2067", "\ufeff", "\ud800"],
)
@pytest.mark.parametrize("field", ["section", "row_name", "number", "category"])
def test_control_characters_are_refused_and_quoted_safely(field: str, character: str) -> None:
    row = seat(2, **{field: f"A{character}B"})
    accepted, errors = check_rows((row,), CATEGORIES | {row.category}, frozenset())
    assert accepted == ()
    assert codes(errors) == [(2, "control_character")]
    # An error is stored and sent: it must be text that UTF-8 can encode, on one line.
    assert errors[0].detail.encode()
    assert character not in errors[0].detail


def test_joiners_that_some_scripts_need_are_no_control_characters() -> None:
    row = seat(2, "\u0644\u200c\u0627")
    assert check_rows((row,), CATEGORIES, frozenset()) == ((row,), ())


def test_a_row_gets_the_first_error_in_the_documented_order() -> None:
    everything = seat(2, section="", row_name="x" * 99, number="\0", category="Bronze")
    long_and_worse = seat(3, row_name="x" * 99, number="\0", category="Bronze")
    control_and_worse = seat(4, number="\0", category="Bronze")
    category_and_worse = seat(5, category="Bronze")
    rows = (everything, long_and_worse, control_and_worse, category_and_worse)
    _, errors = check_rows(rows, CATEGORIES, {"Stalls-A-1"})
    assert [error.code for error in errors] == [
        "empty_field",
        "field_too_long",
        "control_character",
        "unknown_category",
    ]


def test_a_checked_file_lists_the_errors_of_reader_and_rules_in_file_order() -> None:
    file = SeatFile(
        rows=(seat(2), seat(4), seat(6, number="2")),
        errors=(RowError(3, "invalid_row", "?"), RowError(5, "invalid_row", "?")),
        rows_read=5,
    )
    checked = check_file(file, CATEGORIES, frozenset())
    assert [row.row for row in checked.rows] == [2, 6]
    assert [error.row for error in checked.errors] == [3, 4, 5]
    assert checked.rows_read == 5
    assert checked.duplicates == 1


def test_quoted_text_is_cut_at_its_limit() -> None:
    assert quoted("short") == "'short'"
    assert quoted("x" * 1_000) == f"'{'x' * QUOTED_CHARS_MAX}'..."
