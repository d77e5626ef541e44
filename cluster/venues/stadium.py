"""The Frontrow Stadium: any number of seats around an oval pitch, as CSV. Metres from the spot.

Three tiers of 36 sections, cut by stairs. A row is as long as its part of the oval, so rows grow
outwards; how deep a tier gets follows from the number of seats asked for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, NamedTuple

STADIUM_SEATS: Final = 50_000
SECTIONS_PER_TIER: Final = 36

# The first row: an oval that leaves 3 m around the corners of a pitch of 105 by 68 m.
_HALF_LENGTH: Final = 78.0
_HALF_WIDTH: Final = 53.0
_SEAT_PITCH: Final = 0.5
_ROW_DEPTH: Final = 0.8
_STAIRS: Final = 1.2
# Between two tiers: a walkway, and the front of the tier above.
_TIER_GAP: Final = 4.0
_OVAL_STEPS: Final = 3_600


class _Tier(NamedTuple):
    """`share` is the tier's part of all seats; `side` and `end` are its two categories."""

    first_section: int
    share: float
    side: str
    end: str


_TIERS: Final = (
    _Tier(101, 0.45, "Lower Side", "Lower End"),
    _Tier(201, 0.15, "Club", "Club"),
    _Tier(301, 0.40, "Upper Side", "Upper End"),
)
ACCESSIBLE_ROW: Final = 1
ACCESSIBLE_SEATS: Final = (2, 4)
"""Of each section of the lower tier: on the level of the pitch, beside the stairs, each next to a companion's seat."""

STADIUM_CATEGORIES: Final = ("Lower Side", "Lower End", "Club", "Upper Side", "Upper End")


def stadium_csv(seats: int = STADIUM_SEATS) -> str:
    """A CSV file of exactly `seats` seats, section by section, row by row, along the row."""
    if seats < 1:
        raise ValueError("a stadium has at least one seat")
    bounds = _section_bounds()
    lines = ["section,row,seat,category,x,y,accessible"]
    distance, first_seat, share = 0.0, 0, 0.0
    for tier in _TIERS:
        share += tier.share
        last_seat = round(seats * share)
        depth = 0
        for section in range(SECTIONS_PER_TIER):
            count = _part(last_seat - first_seat, section)
            start, end = bounds[section], bounds[section + 1]
            category = tier.end if _faces_an_end((start + end) / 2) else tier.side
            name = tier.first_section + section
            for row, number, x, y in _section_seats(count, start, end, distance):
                flat = tier is _TIERS[0] and row == ACCESSIBLE_ROW and number in ACCESSIBLE_SEATS
                place = f"{name},{row},{number},{category},{x:.2f},{y:.2f}"
                lines.append(f"{place},{'yes' if flat else ''}")
                depth = max(depth, row)
        distance += depth * _ROW_DEPTH + _TIER_GAP
        first_seat = last_seat
    return "\n".join(lines) + "\n"


def _part(total: int, section: int) -> int:
    """The section's part of a tier: all are equal, but for what does not divide."""
    return total * (section + 1) // SECTIONS_PER_TIER - total * section // SECTIONS_PER_TIER


def _section_seats(
    count: int, start: float, end: float, distance: float
) -> Iterator[tuple[int, int, float, float]]:
    """(row, number, x, y) of a section between two angles, from its front row outwards."""
    row = 0
    while count > 0:
        row += 1
        half_length, half_width = _HALF_LENGTH + distance, _HALF_WIDTH + distance
        middle = (start + end) / 2
        # The speed of the oval at the middle of the section, in metres per radian.
        speed = math.hypot(half_length * math.sin(middle), half_width * math.cos(middle))
        places = max(1, int((speed * (end - start) - _STAIRS) / _SEAT_PITCH))
        places = min(places, count)
        step = _SEAT_PITCH / speed
        angle = middle - step * (places - 1) / 2
        for number in range(1, places + 1):
            yield row, number, half_length * math.cos(angle), half_width * math.sin(angle)
            angle += step
        count -= places
        distance += _ROW_DEPTH


def _section_bounds() -> list[float]:
    """The angles that cut the oval into sections of one length at the front row."""
    lengths = [0.0]
    step = 2 * math.pi / _OVAL_STEPS
    for index in range(_OVAL_STEPS):
        angle = (index + 0.5) * step
        speed = math.hypot(_HALF_LENGTH * math.sin(angle), _HALF_WIDTH * math.cos(angle))
        lengths.append(lengths[-1] + speed * step)
    bounds: list[float] = []
    index = 0
    for section in range(SECTIONS_PER_TIER):
        while lengths[index] < lengths[-1] * section / SECTIONS_PER_TIER:
            index += 1
        bounds.append(index * step)
    return [*bounds, 2 * math.pi]


def _faces_an_end(angle: float) -> bool:
    """Whether a section looks along the pitch: behind a goal or in a corner near one."""
    return abs(math.cos(angle)) > math.cos(math.pi / 4)
