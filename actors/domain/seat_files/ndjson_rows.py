"""NDJSON: an object per line, with the fields of the CSV format under the same names.

A bad line is an error of its own row. Names may be integers (`"seat": 14`).
"""

from __future__ import annotations

from typing import Final

from actors.domain.seat_files.coordinate import coordinate_of_number
from actors.domain.seat_files.file_error import decoded, lines_of, require_room
from actors.domain.seat_files.json_value import NotJson, flag_of, name_of, object_of, parsed
from actors.domain.seat_rows import RowError, RowErrorCode, SeatFile, SeatRow, quoted

FIELDS_REQUIRED: Final = ("section", "row", "seat", "category")
FIELDS: Final = frozenset((*FIELDS_REQUIRED, "x", "y", "accessible"))


def read_ndjson(body: bytes) -> SeatFile:
    """Read an NDJSON file; `row` is the line. Raises `SeatFileError` for the file as a whole."""
    rows: list[SeatRow] = []
    errors: list[RowError] = []
    for line_number, line in enumerate(lines_of(decoded(body)), start=1):
        if not line or line.isspace():
            continue
        require_room(len(rows) + len(errors) + 1)
        row = _row(line_number, line)
        if isinstance(row, SeatRow):
            rows.append(row)
        else:
            errors.append(row)
    return SeatFile(tuple(rows), tuple(errors), len(rows) + len(errors))


def _row(line_number: int, line: str) -> SeatRow | RowError:
    try:
        fields = object_of(parsed(line))
    except NotJson as error:
        return RowError(line_number, RowErrorCode.INVALID_ROW, f"the line is no JSON: {error}")
    if fields is None:
        return RowError(line_number, RowErrorCode.INVALID_ROW, "the line is no JSON object")
    unknown = next((name for name in fields if name not in FIELDS), None)
    if unknown is not None:
        detail = f"{quoted(unknown)} is no field of a seat"
        return RowError(line_number, RowErrorCode.UNKNOWN_FIELD, detail)
    names: list[str] = []
    for field in FIELDS_REQUIRED:
        if fields.get(field) is None:
            return RowError(line_number, RowErrorCode.MISSING_FIELD, f"{field} is missing")
        name = name_of(fields[field])
        if name is None:
            detail = f"{field} must be a text or an integer"
            return RowError(line_number, RowErrorCode.INVALID_TYPE, detail)
        names.append(name)
    x = y = None
    if fields.get("x") is not None or fields.get("y") is not None:
        x, y = coordinate_of_number(fields.get("x")), coordinate_of_number(fields.get("y"))
        if x is None or y is None:
            detail = "x and y must be two finite numbers"
            return RowError(line_number, RowErrorCode.INVALID_COORDINATE, detail)
    accessible = flag_of(fields.get("accessible"))
    if accessible is None:
        detail = "accessible must be true or false"
        return RowError(line_number, RowErrorCode.INVALID_ACCESSIBLE, detail)
    section, row_name, number, category = names
    return SeatRow(line_number, section, row_name, number, category, x, y, accessible)
