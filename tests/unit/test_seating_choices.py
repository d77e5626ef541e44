"""Which seats are chosen where several choices are as good at first sight: small halls, worked out by hand."""

from __future__ import annotations

from array import array

import pytest

from actors.domain.seating import (
    Hall,
    adjacent_seats,
    longest_run,
    smallest_split,
    wanted_places,
)

FREE, TAKEN = 0, 1


def hall(*rows: str, distances: list[float] | None = None) -> tuple[Hall, bytes]:
    """A string per row, `.` a free place and `x` one that is taken; by default the front is nearer."""
    spans, first = list[tuple[int, int]](), 0
    for row in rows:
        spans.append((first, first + len(row)))
        first += len(row)
    far = distances or [float(line) for line, row in enumerate(rows) for _ in row]
    status = bytes(TAKEN if place == "x" else FREE for row in rows for place in row)
    return Hall.of(spans, array("d", far)), status


@pytest.mark.parametrize(
    ("rows", "quantity", "split"),
    [
        (["...", "....."], 3, (0, 1, 2)),  # neighbours near the front, not the longest run
        (["x.", "..."], 4, (1, 2, 3, 4)),  # the longest run first
        (["..", "..."], 4, (0, 1, 2, 3)),  # and gives a seat to the lone one
        (["..x..", "..x.."], 4, (0, 1, 3, 4)),  # of equal runs the nearest
        (["...", "xx..."], 4, (0, 1, 5, 6)),  # nobody alone: the longest run gives a seat
        ([".x.", "..."], 5, (0, 2, 3, 4, 5)),  # somebody has to sit alone
        (["..", ".."], 3, (0, 1, 2)),  # a pair gives nobody away
        (["x..", "x.."], 3, (1, 2, 4)),
        (["....", "...."], 5, (0, 1, 2, 4, 5)),
        (["x.x", ".x."], 3, (1, 3, 5)),
        (["..x", ".xx"], 4, ()),
        (["xx"], 1, ()),
        (["...x....x...."], 10, (0, 1, 4, 5, 6, 7, 9, 10, 11, 12)),
        (["...x....x..."], 8, (0, 1, 2, 4, 5, 6, 9, 10)),
    ],
)
def test_the_split_is_this(rows: list[str], quantity: int, split: tuple[int, ...]) -> None:
    place, status = hall(*rows)
    assert smallest_split(place, status, status, quantity) == split


def test_of_equal_runs_the_nearest_is_filled_first() -> None:
    place, status = hall("..", "..", distances=[9.0, 9.0, 1.0, 1.0])
    assert smallest_split(place, status, status, 3) == (0, 2, 3)


@pytest.mark.parametrize(
    ("rows", "quantity", "chosen"),
    [
        (["....."], 2, (0, 1)),  # no seat left alone, then the first
        (["....", "...."], 4, (0, 1, 2, 3)),
        (["...", "...."], 2, (3, 4)),  # the front would leave one alone
        ([".x.", "..x"], 1, (0,)),
        (["....x"], 3, (0, 1, 2)),
        (["x...x", "xx.x."], 3, (1, 2, 3)),
        (["....."], 5, (0, 1, 2, 3, 4)),
        (["....."], 6, ()),
        (["..x.."], 3, ()),
        (["..", ".."], 3, ()),  # a group does not go around a corner
    ],
)
def test_these_neighbours_are_chosen(
    rows: list[str], quantity: int, chosen: tuple[int, ...]
) -> None:
    place, status = hall(*rows)
    assert adjacent_seats(place, status, status, quantity) == chosen


def test_a_farther_row_wins_only_if_it_is_better() -> None:
    place, status = hall("....", "....", distances=[5.0, 5.0, 5.0, 5.0, 1.0, 9.0, 9.0, 9.0])
    assert adjacent_seats(place, status, status, 4) == (0, 1, 2, 3)
    assert adjacent_seats(place, status, status, 2) == (0, 1)
    assert adjacent_seats(place, status, status, 1) == (4,)


def test_an_equal_choice_in_a_row_that_seems_nearer_does_not_beat_the_first_place() -> None:
    place, status = hall("..", "..", distances=[2.0, 2.0, 1.0, 3.0])
    assert adjacent_seats(place, status, status, 2) == (0, 1)


def test_a_row_without_places_is_no_row() -> None:
    assert Hall.of([(0, 0), (0, 2), (2, 2)], array("d", [4.0, 3.0])) == Hall(
        ((0, 2),), array("d", [4.0, 3.0]), ((3.0, (0, 2)),)
    )


@pytest.mark.parametrize(
    ("rows", "longest"),
    [([], 0), (["xx"], 0), (["."], 1), ([".x.."], 2), ([".", "x..", ".."], 2), (["...."], 4)],
)
def test_the_longest_run_is_this_long(rows: list[str], longest: int) -> None:
    place, status = hall(*rows)
    assert longest_run(place, status) == longest


@pytest.mark.parametrize("size", [0, 1, 9])
def test_wanted_places_keep_their_number_and_their_state(size: int) -> None:
    status = bytes(n % 3 for n in range(size))
    of = bytes(n % 2 for n in range(size))
    assert wanted_places(bytearray(status), of, None) == status
    assert [bool(byte) for byte in wanted_places(status, of, 1)] == [
        n % 3 > 0 or n % 2 == 0 for n in range(size)
    ]
    assert all(wanted_places(status, bytes([255]) * size, 0))
    assert wanted_places(status, bytes([255]) * size, 255) == status
