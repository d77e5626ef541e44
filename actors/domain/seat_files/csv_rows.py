"""CSV with a header: `section,row,seat,category` and optionally `x,y` and `accessible`, columns in any order.

Every line is a row of its own. Quotes work as in RFC 4180, except that a quoted field cannot hold a
line break: no name may hold one anyway, and so an unclosed quote costs its own row only instead of
swallowing the rest of the file.
"""

from __future__ import annotations

import csv
from typing import Final, NamedTuple

from actors.domain.seat_files.coordinate import coordinate_of_text
from actors.domain.seat_files.file_error import (
    SeatFileError,
    SeatFileErrorCode,
    decoded,
    lines_of,
    require_room,
    require_seats,
)
from actors.domain.seat_rows import RowError, RowErrorCode, SeatFile, SeatRow, quoted

COLUMNS_REQUIRED: Final = ("section", "row", "seat", "category")
COLUMNS_OPTIONAL: Final = ("x", "y", "accessible")
ACCESSIBLE_WORDS: Final = {
    "yes": True,
    "true": True,
    "1": True,
    "no": False,
    "false": False,
    "0": False,
    "": False,
}


class _Columns(NamedTuple):
    """Where each column stands in a line."""

    section: int
    row: int
    seat: int
    category: int
    x: int | None
    y: int | None
    accessible: int | None
    width: int


def read_csv(body: bytes) -> SeatFile:
    """Read a CSV file; `row` is the line number. Raises `SeatFileError` for the file as a whole."""
    lines = lines_of(decoded(body))
    # Blank lines above the header are skipped but counted: line numbers are those of an editor.
    start = next(index for index, line in enumerate(lines) if line.strip())
    columns = _columns(lines[start])
    rows: list[SeatRow] = []
    errors: list[RowError] = []
    for line_number, line in enumerate(lines[start + 1 :], start=start + 2):
        if not line or line.isspace():
            continue
        require_room(len(rows) + len(errors) + 1)
        row = _row(line_number, line, columns)
        if isinstance(row, SeatRow):
            rows.append(row)
        else:
            errors.append(row)
    rows_read = len(rows) + len(errors)
    require_seats(rows_read)
    return SeatFile(tuple(rows), tuple(errors), rows_read)


def _row(line_number: int, line: str, columns: _Columns) -> SeatRow | RowError:
    # Splitting is exact where there is no quote, and many times as fast.
    if '"' in line:
        try:
            fields = next(csv.reader((line,), strict=True))
        except csv.Error as error:
            return RowError(line_number, RowErrorCode.INVALID_ROW, f"not a line of CSV: {error}")
    else:
        fields = line.split(",")
    if len(fields) != columns.width:
        detail = f"the line has {len(fields)} fields, the header has {columns.width}"
        return RowError(line_number, RowErrorCode.INVALID_ROW, detail)
    x_text = "" if columns.x is None else fields[columns.x].strip()
    y_text = "" if columns.y is None else fields[columns.y].strip()
    x = y = None
    if x_text or y_text:
        x, y = coordinate_of_text(x_text), coordinate_of_text(y_text)
        if x is None or y is None:
            detail = f"x and y must be two finite numbers: {quoted(x_text)}, {quoted(y_text)}"
            return RowError(line_number, RowErrorCode.INVALID_COORDINATE, detail)
    accessible = False
    if columns.accessible is not None:
        word = fields[columns.accessible].strip()
        accessible = ACCESSIBLE_WORDS.get(word.lower())
        if accessible is None:
            detail = f"accessible is yes, no or empty: {quoted(word)}"
            return RowError(line_number, RowErrorCode.INVALID_ACCESSIBLE, detail)
    return SeatRow(
        line_number,
        fields[columns.section].strip(),
        fields[columns.row].strip(),
        fields[columns.seat].strip(),
        fields[columns.category].strip(),
        x,
        y,
        accessible,
    )


def _columns(header: str) -> _Columns:
    """Find the columns by name. A column that nobody would read is refused: it is a mistake."""
    if "\0" in header:
        detail = "the file is not UTF-8 (it looks like UTF-16)"
        raise SeatFileError(SeatFileErrorCode.INVALID_ENCODING, detail)
    try:
        names = [name.strip().lower() for name in next(csv.reader((header,), strict=True))]
    except csv.Error as error:
        detail = f"the header is not a line of CSV: {error}"
        raise SeatFileError(SeatFileErrorCode.MISSING_COLUMN, detail) from error
    missing = [name for name in COLUMNS_REQUIRED if name not in names]
    if missing:
        hint = "" if len(names) > 1 else " (columns are separated by commas)"
        detail = f"the header has no column {', '.join(missing)}: {quoted(header)}{hint}"
        raise SeatFileError(SeatFileErrorCode.MISSING_COLUMN, detail)
    if ("x" in names) != ("y" in names):
        detail = "the columns x and y come together or not at all"
        raise SeatFileError(SeatFileErrorCode.MISSING_COLUMN, detail)
    known = (*COLUMNS_REQUIRED, *COLUMNS_OPTIONAL)
    for index, name in enumerate(names):
        if name not in known:
            detail = f"column {index + 1}, {quoted(name)}, is none of {', '.join(known)}"
            raise SeatFileError(SeatFileErrorCode.UNKNOWN_COLUMN, detail)
        if name in names[:index]:
            detail = f"column {index + 1} is a second {name}"
            raise SeatFileError(SeatFileErrorCode.UNKNOWN_COLUMN, detail)
    x, y, accessible = (names.index(n) if n in names else None for n in COLUMNS_OPTIONAL)
    section, row, seat, category = (names.index(name) for name in COLUMNS_REQUIRED)
    return _Columns(section, row, seat, category, x, y, accessible, len(names))
