"""Seating plans in pretix's JSON format: zones of rows of seats, each placed inside the other.

How a plan's names become seat ids (`SECTION-ROW-SEAT`):
- the section is the zone's name, else its `zone_id`, else `Zone n` (the n-th zone of the plan);
- the row is its `row_number`, else `Row n` (the n-th row of the zone);
- the seat is its `seat_number`, else n (the n-th seat of the row).

Row objects of one zone that share a name are one row of seats, in plan order. A `seat_guid` that
was given before is an error of the later seat. A seat may have `accessible` (true or false), which pretix's
own format does not know and its readers pass over. Fields that are not named here (`uuid`, `areas`,
`radius`, ...) concern the drawing and are ignored: plans in the wild carry many.

Format: pretix, src/pretix/static/seating/seating-plan.schema.json.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from actors.domain.seat_files.coordinate import coordinate_of_number
from actors.domain.seat_files.file_error import (
    SeatFileError,
    SeatFileErrorCode,
    decoded,
    require_room,
    require_seats,
)
from actors.domain.seat_files.json_value import (
    NotJson,
    array_of,
    flag_of,
    name_of,
    object_of,
    parsed,
)
from actors.domain.seat_rows import RowError, RowErrorCode, SeatFile, SeatRow, quoted


@dataclass(frozen=True, slots=True)
class PlanCategory:
    """A category that a plan declares; `color` is what a drawing of the plan uses, if given."""

    name: str
    color: str | None


class _Point(NamedTuple):
    x: float
    y: float

    def plus(self, other: _Point) -> _Point:
        return _Point(self.x + other.x, self.y + other.y)


class _Place(NamedTuple):
    """A seat of the plan, not yet looked at, and where it stands; `number` counts in its row."""

    section: str
    row_name: str
    number: int
    origin: _Point
    seat: object


_ORIGIN: Final = _Point(0.0, 0.0)
# Not a point: whatever is added to it stays no point, and so each seat below it is refused.
_NOWHERE: Final = _Point(math.nan, math.nan)


def read_plan(body: bytes) -> SeatFile:
    """Read a plan; `row` counts its seats. Raises `SeatFileError` for the plan as a whole."""
    rows: list[SeatRow] = []
    errors: list[RowError] = []
    first_rows: dict[str, int] = {}
    for ordinal, place in enumerate(_places(_plan(body)), start=1):
        require_room(ordinal)
        row = _row(ordinal, place, first_rows)
        if isinstance(row, SeatRow):
            rows.append(row)
        else:
            errors.append(row)
    rows_read = len(rows) + len(errors)
    require_seats(rows_read)
    return SeatFile(tuple(rows), tuple(errors), rows_read)


def plan_categories(body: bytes) -> tuple[PlanCategory, ...]:
    """The categories of a plan, so that a show can be priced before its seats are loaded.

    The declared ones in their order, then those that only seats name, in the order of the seats.
    """
    plan = _plan(body)
    found: dict[str, PlanCategory] = {}
    for number, value in enumerate(_array(plan, "categories", "the plan"), start=1):
        declared = _object(value, f"category {number}")
        name, color = name_of(declared.get("name")), declared.get("color")
        if name:
            found.setdefault(name, PlanCategory(name, color if isinstance(color, str) else None))
    for place in _places(plan):
        seat = object_of(place.seat)
        name = None if seat is None else name_of(seat.get("category"))
        if name:
            found.setdefault(name, PlanCategory(name, None))
    return tuple(found.values())


def _plan(body: bytes) -> Mapping[str, object]:
    text = decoded(body)
    try:
        value = parsed(text)
    except NotJson as error:
        raise SeatFileError(SeatFileErrorCode.INVALID_JSON, f"no JSON: {error}") from error
    plan = _object(value, "the plan")
    if "zones" not in plan:
        raise SeatFileError(SeatFileErrorCode.INVALID_PLAN, "the plan has no zones")
    return plan


def _places(plan: Mapping[str, object]) -> Iterator[_Place]:
    """Walk zones, rows and seats, adding up positions. The frame of a plan must be sound."""
    for zone_number, zone_value in enumerate(_array(plan, "zones", "the plan"), start=1):
        zone_path = f"zone {zone_number}"
        zone = _object(zone_value, zone_path)
        section = (
            _name(zone, "name", zone_path)
            or _name(zone, "zone_id", zone_path)
            or f"Zone {zone_number}"
        )
        zone_origin = _position(zone) or _ORIGIN
        for row_number, row_value in enumerate(_array(zone, "rows", zone_path), start=1):
            row_path = f"{zone_path}, row {row_number}"
            row = _object(row_value, row_path)
            row_name = _name(row, "row_number", row_path) or f"Row {row_number}"
            origin = zone_origin.plus(_position(row) or _ORIGIN)
            for number, seat in enumerate(_array(row, "seats", row_path), start=1):
                yield _Place(section, row_name, number, origin, seat)


def _row(ordinal: int, place: _Place, first_rows: dict[str, int]) -> SeatRow | RowError:
    """Look at one seat. `first_rows` remembers which row took a guid, and is added to."""
    seat = object_of(place.seat)
    if seat is None:
        return RowError(ordinal, RowErrorCode.INVALID_ROW, "the seat is no JSON object")
    names: list[str] = []
    for field in ("seat_guid", "seat_number", "category"):
        name = "" if seat.get(field) is None else name_of(seat[field])
        if name is None:
            detail = f"{field} must be a text or an integer"
            return RowError(ordinal, RowErrorCode.INVALID_TYPE, detail)
        names.append(name)
    guid, number, category = names
    if guid and guid in first_rows:
        detail = f"the seat_guid {quoted(guid)} was already given by row {first_rows[guid]}"
        return RowError(ordinal, RowErrorCode.DUPLICATE_SEAT, detail)
    x = y = None
    position = _position(seat)
    if position is not None:
        point = place.origin.plus(position)
        x, y = coordinate_of_number(point.x), coordinate_of_number(point.y)
        if x is None or y is None:
            detail = "the positions of zone, row and seat do not add up to two finite numbers"
            return RowError(ordinal, RowErrorCode.INVALID_COORDINATE, detail)
    accessible = flag_of(seat.get("accessible"))
    if accessible is None:
        detail = "accessible must be true or false"
        return RowError(ordinal, RowErrorCode.INVALID_ACCESSIBLE, detail)
    if guid:
        first_rows[guid] = ordinal
    number = number or str(place.number)
    return SeatRow(ordinal, place.section, place.row_name, number, category, x, y, accessible)


def _position(owner: Mapping[str, object]) -> _Point | None:
    """Where a zone, a row or a seat stands inside its parent; None when it does not say."""
    value = owner.get("position")
    if value is None:
        return None
    fields = object_of(value)
    if fields is None:
        return _NOWHERE
    x, y = coordinate_of_number(fields.get("x")), coordinate_of_number(fields.get("y"))
    return _NOWHERE if x is None or y is None else _Point(x, y)


def _object(value: object, path: str) -> Mapping[str, object]:
    fields = object_of(value)
    if fields is None:
        raise SeatFileError(SeatFileErrorCode.INVALID_PLAN, f"{path} is no JSON object")
    return fields


def _name(owner: Mapping[str, object], field: str, path: str) -> str:
    """A name in the frame of the plan; one that is absent, null or blank is the empty text."""
    name = "" if owner.get(field) is None else name_of(owner[field])
    if name is None:
        detail = f"{field} of {path} is neither a text nor an integer"
        raise SeatFileError(SeatFileErrorCode.INVALID_PLAN, detail)
    return name


def _array(owner: Mapping[str, object], field: str, path: str) -> Sequence[object]:
    """An array of the plan; one that is absent or null is empty."""
    if owner.get(field) is None:
        return ()
    values = array_of(owner[field])
    if values is None:
        raise SeatFileError(SeatFileErrorCode.INVALID_PLAN, f"{field} of {path} is no array")
    return values
