"""The Frontrow Theatre, 1,311 seats, as a seating plan in pretix's format.

A house of the usual kind: stalls either side of a centre aisle, with odd numbers on the left and
even ones on the right, both counted from the aisle; a cross aisle with wheelchair places; a dress
circle and an upper circle in three parts each; boxes along the walls. Seats that an aisle divides
are no neighbours, so each side of an aisle is a section of its own. The units are pixels of a plan
seen from above, 20 to a seat, the stage at the top; rows are listed from left to right.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

# A plan is JSON: the shape is that of the format, and the reader of plans checks it.
Json = dict[str, object]

PREMIUM: Final = "Premium"
STANDARD: Final = "Standard"
VALUE: Final = "Value"
ACCESSIBLE: Final = "Accessible"

THEATRE_SEATS: Final = 1311
_WIDTH: Final = 1400
_HEIGHT: Final = 1160
_CENTRE: Final = _WIDTH / 2
_PITCH: Final = 20.0
_ROW_PITCH: Final = 26.0

# Theatres leave out I and O: they read as 1 and 0.
_STALLS_FRONT: Final = "ABCDEFGHJK"
_STALLS_REAR: Final = "LMNPQRST"
_STALLS_TOP: Final = 190.0
_CROSS_AISLE: Final = 44.0
_CENTRE_AISLE: Final = 44.0
# The rows of the stalls bend towards the stage along a circle of this radius.
_STALLS_RADIUS: Final = 1500.0
# Seats either side of the centre aisle, front row to back row.
_STALLS_SEATS: Final = (11, 12, 12, 13, 13, 14, 14, 15, 15, 15, 15, 16, 16, 16, 16, 16, 16, 16)

# Both circles bend around this point, far enough upstage that the horseshoes stay shallow.
_FOCUS_Y: Final = 60.0
_CIRCLE_AISLE_SEATS: Final = 2.0


def theatre_plan() -> Json:
    """The plan, ready for `json.dumps`; valid by pretix's own schema."""
    return {
        "name": "The Frontrow Theatre",
        "size": {"width": _WIDTH, "height": _HEIGHT},
        "categories": [
            {"name": PREMIUM, "color": "#b3261e"},
            {"name": STANDARD, "color": "#1f5fa8"},
            {"name": VALUE, "color": "#2e7d4f"},
            {"name": ACCESSIBLE, "color": "#8a5a00"},
        ],
        "zones": [
            _stage(),
            _stalls("Stalls Left"),
            _stalls("Stalls Right"),
            *_circle("Dress Circle", radius=690, rows="ABCDEF", seats=(13, 24), dear_rows=3),
            *_circle("Upper Circle", radius=888, rows="ABCDEFG", seats=(14, 26), dear_rows=0),
            _boxes("Boxes Left"),
            _boxes("Boxes Right"),
        ],
    }


def _stage() -> Json:
    area = {
        "color": "#444444",
        "border_color": "#222222",
        "position": _point(_CENTRE - 260, 30),
        "rotation": 0,
        "width": 520,
        "height": 90,
        "text": "Stage",
    }
    return {"name": "Stage", "position": _point(0, 0), "rows": [], "areas": [area]}


def _stalls(section: str) -> Json:
    """Half of the stalls. Numbers grow outwards, so the left half is listed from high to low."""
    left = section.endswith("Left")
    rows: list[Json] = []
    for index, name in enumerate(_STALLS_FRONT + _STALLS_REAR):
        rear = index >= len(_STALLS_FRONT)
        top = _STALLS_TOP + index * _ROW_PITCH + (_CROSS_AISLE if rear else 0)
        category = STANDARD if rear or name == "A" else PREMIUM
        seats = [
            (2 * place + (1 if left else 2), *_stalls_point(place, top, left))
            for place in range(_STALLS_SEATS[index])
        ]
        rows.append(_row(section, name, seats[::-1] if left else seats, category))
        if name == _STALLS_FRONT[-1]:
            # The cross aisle: level access at its outer end, each place with one for a companion.
            aisle_top = top + (_ROW_PITCH + _CROSS_AISLE) / 2
            outer = range(10, 14)
            places_w = [(n, *_stalls_point(p, aisle_top, left)) for n, p in enumerate(outer, 1)]
            places_w = places_w[::-1] if left else places_w
            rows.append(_row(section, "W", places_w, ACCESSIBLE, lambda number: number % 2 == 1))
    return {"name": section, "position": _point(0, 0), "rows": rows}


def _stalls_point(place: int, top: float, left: bool) -> tuple[float, float]:
    """Where the n-th seat from the centre aisle stands, in a row whose middle is at `top`."""
    aside = _CENTRE_AISLE / 2 + (place + 0.5) * _PITCH
    return _CENTRE + (-aside if left else aside), top - aside * aside / (2 * _STALLS_RADIUS)


def _circle(
    level: str, *, radius: float, rows: str, seats: tuple[int, int], dear_rows: int
) -> list[Json]:
    """A curved level in three parts. Numbers run on from left to right through the whole row.

    `seats` are those of the front row in a side part and in the centre part; every second row
    further back has room for one more in each part.
    """
    sections = (f"{level} Left", f"{level} Centre", f"{level} Right")
    zones: list[list[Json]] = [[], [], []]
    for index, name in enumerate(rows):
        arc = radius + index * _ROW_PITCH
        more = (index + 1) // 2
        parts = (seats[0] + more, seats[1] + more, seats[0] + more)
        step = _PITCH / arc
        width = (sum(parts) + 2 * _CIRCLE_AISLE_SEATS) * step
        angle, number = -width / 2, 1
        for part, count in enumerate(parts):
            places: list[tuple[int, float, float]] = []
            for _ in range(count):
                middle = angle + step / 2
                x, y = _CENTRE + arc * math.sin(middle), _FOCUS_Y + arc * math.cos(middle)
                places.append((number, x, y))
                angle, number = angle + step, number + 1
            angle += _CIRCLE_AISLE_SEATS * step
            dear = part == 1 and index < dear_rows
            cheap = level == "Upper Circle" and (part != 1 or index >= 3)
            category = PREMIUM if dear else VALUE if cheap else STANDARD
            zones[part].append(_row(sections[part], name, places, category))
    return [
        {"name": section, "position": _point(0, 0), "rows": zone_rows}
        for section, zone_rows in zip(sections, zones, strict=True)
    ]


def _boxes(section: str) -> Json:
    """Five boxes of four along one wall: a box is a row of seats."""
    left = section.endswith("Left")
    rows: list[Json] = []
    for box in range(5):
        seats: list[tuple[int, float, float]] = []
        for place in range(4):
            aside = 400 + 12 * box + (place % 2) * 24
            y = 170 + 62 * box + (place // 2) * _PITCH
            seats.append((place + 1, _CENTRE + (-aside if left else aside), y))
        rows.append(_row(section, f"Box {box + 1}", seats, STANDARD if box > 1 else VALUE))
    return {"name": section, "position": _point(0, 0), "rows": rows}


def _row(
    section: str,
    name: str,
    seats: list[tuple[int, float, float]],
    category: str,
    accessible: Callable[[int], bool] = lambda _: False,
) -> Json:
    """A row of the plan from (number, x, y) in plan units. It stands at its first seat."""
    _, left, top = seats[0]
    origin_x, origin_y = round(left), round(top)
    return {
        "row_number": name,
        "position": _point(origin_x, origin_y),
        "seats": [
            {
                "seat_guid": f"{section}-{name}-{number}".lower().replace(" ", "-"),
                "seat_number": str(number),
                "position": _point(x - origin_x, y - origin_y),
                "category": category,
                **({"accessible": True} if accessible(number) else {}),
            }
            for number, x, y in seats
        ],
    }


def _point(x: float, y: float) -> Json:
    # The format's positions are whole numbers.
    return {"x": round(x), "y": round(y)}
