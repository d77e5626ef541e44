"""The rows of a seat file, and the one gate that every row passes before it may become a ticket.

Whatever the format was, a reader in `actors.domain.seat_files` turns a file into `SeatRow`s; what a
row may say is decided here, once, for all formats. A refused row is a value that names its place in
the file, never an exception: the rest of the file still loads.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from actors.domain.identity import seat_id

SECTION_CHARS_MAX: Final = 64
ROW_NAME_CHARS_MAX: Final = 32
NUMBER_CHARS_MAX: Final = 16
CATEGORY_CHARS_MAX: Final = 64
# A detail quotes what the file said, and a file may say a megabyte.
QUOTED_CHARS_MAX: Final = 40

# Characters that a name on a ticket cannot show or that a journal cannot store: controls, line
# separators, overrides of the writing direction (they make one id look like another), the byte
# order mark, and lone surrogates, which JSON can spell but UTF-8 cannot.
_UNPRINTABLE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


class RowErrorCode(StrEnum):
    """Why one row was refused. Clients see these words: they are never renamed."""

    EMPTY_FIELD = "empty_field"
    FIELD_TOO_LONG = "field_too_long"
    CONTROL_CHARACTER = "control_character"
    UNKNOWN_CATEGORY = "unknown_category"
    DUPLICATE_SEAT = "duplicate_seat"
    # The six below are about the form of a row, and come from the readers.
    INVALID_ROW = "invalid_row"
    MISSING_FIELD = "missing_field"
    UNKNOWN_FIELD = "unknown_field"
    INVALID_TYPE = "invalid_type"
    INVALID_COORDINATE = "invalid_coordinate"
    INVALID_ACCESSIBLE = "invalid_accessible"


@dataclass(frozen=True, slots=True)
class SeatRow:
    """One seat as its file gave it.

    `row` is the place in the file, counted from 1: the line of a CSV file (the header is line 1) or
    of an NDJSON file, the n-th seat of a plan. `x` and `y` are finite, in the file's own unit, and
    come together or not at all. `accessible`: a wheelchair can stand there.
    """

    row: int
    section: str
    row_name: str
    number: str
    category: str
    x: float | None
    y: float | None
    accessible: bool = False

    @property
    def seat_id(self) -> str:
        """The public name of the seat, compared as a whole: the parts may hold dashes."""
        return seat_id(self.section, self.row_name, self.number)


@dataclass(frozen=True, slots=True)
class RowError:
    """A row that was not loaded, where it stands in its file, and why."""

    row: int
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class SeatFile:
    """What a file held: its rows in file order, the refused ones, and how many were read in all.

    File order is meaningful: neighbours in a file are neighbours in the hall. Rows of one section
    and row name need not be contiguous; they are one row of seats, in file order.
    """

    rows: tuple[SeatRow, ...]
    errors: tuple[RowError, ...]
    rows_read: int

    @property
    def duplicates(self) -> int:
        return sum(error.code == RowErrorCode.DUPLICATE_SEAT for error in self.errors)


def check_file(file: SeatFile, categories: Set[str], known_ids: Set[str]) -> SeatFile:
    """The file after `check_rows`: acceptable rows only, all errors in file order."""
    rows, errors = check_rows(file.rows, categories, known_ids)
    merged = sorted((*file.errors, *errors), key=lambda error: error.row)
    return SeatFile(rows, tuple(merged), file.rows_read)


def check_rows(
    rows: Iterable[SeatRow], categories: Set[str], known_ids: Set[str]
) -> tuple[tuple[SeatRow, ...], tuple[RowError, ...]]:
    """Divide rows into those that may be loaded, in their order, and an error for each other one.

    `categories` are those that the show has prices for; `known_ids` are the ids that exist already:
    seats loaded before, and the `AREA-n` of areas. A row gets the first error of this order: empty
    field, field too long, control character, unknown category, duplicate seat. Only an accepted row
    takes its id: a good row is not refused for repeating a bad one.
    """
    accepted: list[SeatRow] = []
    errors: list[RowError] = []
    first_rows: dict[str, int] = {}
    for row in rows:
        seat_id = row.seat_id
        error = _field_error(row, seat_id)
        if error is None and row.category not in categories:
            detail = f"the show has no price for the category {quoted(row.category)}"
            error = RowError(row.row, RowErrorCode.UNKNOWN_CATEGORY, detail)
        if error is None and seat_id in first_rows:
            detail = f"the seat {seat_id} was already given by row {first_rows[seat_id]}"
            error = RowError(row.row, RowErrorCode.DUPLICATE_SEAT, detail)
        if error is None and seat_id in known_ids:
            detail = f"the show has {seat_id} already"
            error = RowError(row.row, RowErrorCode.DUPLICATE_SEAT, detail)
        if error is None:
            first_rows[seat_id] = row.row
            accepted.append(row)
        else:
            errors.append(error)
    return tuple(accepted), tuple(errors)


def is_printable(text: str) -> bool:
    """Whether a name can be shown on a ticket and stored in the journal."""
    return _UNPRINTABLE.search(text) is None


def quoted(text: str) -> str:
    """Text from a file in a form that is short and safe to store, log and encode."""
    shown = repr(text[:QUOTED_CHARS_MAX])
    return shown if len(text) <= QUOTED_CHARS_MAX else f"{shown}..."


def _field_error(row: SeatRow, seat_id: str) -> RowError | None:
    """What is wrong with the names in a row. Most rows are good: that path is the short one."""
    if (
        0 < len(row.section) <= SECTION_CHARS_MAX
        and 0 < len(row.row_name) <= ROW_NAME_CHARS_MAX
        and 0 < len(row.number) <= NUMBER_CHARS_MAX
        and 0 < len(row.category) <= CATEGORY_CHARS_MAX
        and _UNPRINTABLE.search(seat_id) is None
        and _UNPRINTABLE.search(row.category) is None
    ):
        return None
    fields = (
        ("section", row.section, SECTION_CHARS_MAX),
        ("row", row.row_name, ROW_NAME_CHARS_MAX),
        ("seat", row.number, NUMBER_CHARS_MAX),
        ("category", row.category, CATEGORY_CHARS_MAX),
    )
    for name, text, _ in fields:
        if not text:
            return RowError(row.row, RowErrorCode.EMPTY_FIELD, f"{name} is empty")
    for name, text, chars_max in fields:
        if len(text) > chars_max:
            detail = f"{name} has {len(text)} characters; the limit is {chars_max}"
            return RowError(row.row, RowErrorCode.FIELD_TOO_LONG, detail)
    unprintable = [name for name, text, _ in fields if _UNPRINTABLE.search(text)]
    detail = f"{' and '.join(unprintable)} holds a control character: {quoted(seat_id)}"
    return RowError(row.row, RowErrorCode.CONTROL_CHARACTER, detail)
