"""Best available: adjacent seats in one row first, nearest to the focal point, without leaving a single seat alone
where that can be avoided; then the smallest split.

Works on a `Hall`: places in hall order with the spans of their rows. A block is a hall; so is a section, or a show,
whose statuses somebody has laid end to end.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from actors.domain.layout import Layout

Span = tuple[int, int]
"""The places of a row: from the first to before the second."""

_WALL = b"\x01\x01"
"""Taken places at both ends of a row, so that its border needs no check of its own."""


@dataclass(frozen=True, slots=True)
class Hall:
    """Rows as spans of places, the squared distance of every place, and the rows from nearest to farthest."""

    rows: tuple[Span, ...]
    distances: array[float]
    nearest: tuple[tuple[float, Span], ...]

    @staticmethod
    def of(rows: Sequence[Span], distances: array[float]) -> Hall:
        spans = tuple(row for row in rows if row[1] > row[0])
        nearest = sorted((min(distances[first:end]), (first, end)) for first, end in spans)
        return Hall(spans, distances, tuple(nearest))


def hall_of(layout: Layout) -> Hall:
    """The hall of one block."""
    distances = array("d", (layout.distance(ticket) for ticket in range(layout.size)))
    return Hall.of([(row.first, row.end) for row in layout.rows], distances)


def wanted_places(status: bytes | bytearray, category_of: bytes, category: int | None) -> bytes:
    """The statuses with the places of other categories made unavailable (any byte but 0)."""
    if category is None:
        return bytes(status)
    table = bytes(0 if value == category else 0x80 for value in range(256))
    others = int.from_bytes(category_of.translate(table))
    return (int.from_bytes(status) | others).to_bytes(len(status))


def without_places(wanted: bytes, places: Sequence[int]) -> bytes:
    """The statuses with these places made unavailable."""
    if not places:
        return wanted
    changed = bytearray(wanted)
    for place in places:
        changed[place] = 0x80
    return bytes(changed)


def adjacent_seats(
    hall: Hall,
    status: bytes | bytearray,
    wanted: bytes,
    quantity: int,
    one_of: Sequence[int] = (),
) -> tuple[int, ...]:
    """`quantity` neighbours in one row, or nothing.

    `status` has 0 where a place is free, `wanted` where it is free and in the category asked for. Fewest orphans
    first, then the least mean squared distance, then the order of places. `one_of`: places (ascending) of which one
    at least is to be among them, and before all else no more than need be: they are for others too; none: any will do.
    """
    needle, best = bytes(quantity), (quantity + 1, 3, 0.0, -1)
    distances = hall.distances
    for bound, (first, end) in hall.nearest:
        if best[0] <= 1 and best[1] == 0 and bound > best[2]:
            break
        start = wanted.find(needle, first, end)
        row = _WALL + status[first:end] + _WALL if start >= 0 else _WALL
        while start >= 0:
            used = _number_between(one_of, start, start + quantity)
            if one_of and not used:
                start = wanted.find(needle, start + 1, end)
                continue
            before = start - first + 1  # the places beside the run, as `row` counts
            behind = before + quantity + 1
            left = row[before] == 0 and row[before - 1] != 0
            right = row[behind] == 0 and row[behind + 1] != 0
            orphans = left + right
            if orphans <= best[1] or used < best[0]:
                mean = sum(distances[start : start + quantity]) / quantity
                best = min(best, (used, orphans, mean, start))
            start = wanted.find(needle, start + 1, end)
    return tuple(range(best[3], best[3] + quantity)) if best[3] >= 0 else ()


def accessible_seats(
    hall: Hall,
    status: bytes | bytearray,
    wanted: bytes,
    quantity: int,
    accessible: Sequence[int],
) -> tuple[int, ...]:
    """As `adjacent_seats`, with one of the `accessible` places among them."""
    return adjacent_seats(hall, status, wanted, quantity, accessible) if accessible else ()


def _number_between(places: Sequence[int], first: int, end: int) -> int:
    return bisect_left(places, end) - bisect_left(places, first) if places else 0


def longest_run(hall: Hall, wanted: bytes) -> int:
    """The most neighbours that are free in one row."""
    longest = 0
    for first, end in hall.rows:
        while wanted.find(bytes(longest + 1), first, end) >= 0:
            longest += 1
    return longest


def smallest_split(
    hall: Hall, status: bytes | bytearray, wanted: bytes, quantity: int
) -> tuple[int, ...]:
    """`quantity` free seats in as few groups as can be, nobody sitting alone if that costs no further group.

    The longest runs first (that makes the number of groups least), of equal ones the nearest. Nothing when there
    are not enough.
    """
    together = adjacent_seats(hall, status, wanted, quantity)
    if together:
        return together
    runs = sorted(_runs(hall, wanted), key=lambda run: (run[0] - run[1], hall.distances[run[0]]))
    chosen, missing = list[Span](), quantity
    for first, end in runs:
        length = min(end - first, missing)
        chosen.append((first, first + length))
        missing -= length
        if missing == 0:
            break
    if missing:
        return ()
    _seat_nobody_alone(chosen, runs)
    return tuple(sorted(place for first, end in chosen for place in range(first, end)))


def _seat_nobody_alone(chosen: list[Span], runs: list[Span]) -> None:
    """Give a lone last seat a neighbour from the longest group, where both groups then have two or more."""
    first, end = chosen[-1]
    run_first, run_end = runs[len(chosen) - 1]
    giver_first, giver_end = chosen[0]  # the longest: if it cannot spare a seat, no group can
    if end - first == 1 and run_end - run_first >= 2 and giver_end - giver_first >= 3:
        chosen[0], chosen[-1] = (giver_first, giver_end - 1), (first, end + 1)


def _runs(hall: Hall, wanted: bytes) -> list[Span]:
    """The maximal spans of free places, row by row."""
    runs = list[Span]()
    for first, end in hall.rows:
        start = wanted.find(0, first, end)
        while start >= 0:
            stop = start + 1
            while stop < end and wanted[stop] == 0:
                stop += 1
            runs.append((start, stop))
            start = wanted.find(0, stop, end)
    return runs
