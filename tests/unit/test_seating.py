"""Best available and the smallest split, against oracles that try everything."""

from __future__ import annotations

from array import array
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from actors.domain.seating import (
    Hall,
    adjacent_seats,
    hall_of,
    longest_run,
    smallest_split,
    wanted_places,
)
from tests.unit.halls import seats


@st.composite
def halls(draw: st.DrawFn) -> tuple[Hall, bytes, bytes]:
    """Up to 18 places in rows, some taken, two categories; distances from a few values, so that there are ties."""
    lengths = draw(st.lists(st.integers(0, 7), min_size=1, max_size=4))
    size = sum(lengths)
    distances = draw(st.lists(st.sampled_from([0.0, 1.0, 2.5, 9.0]), min_size=size, max_size=size))
    status = bytes(draw(st.lists(st.sampled_from([0, 0, 0, 1, 2]), min_size=size, max_size=size)))
    category_of = bytes(draw(st.lists(st.integers(0, 1), min_size=size, max_size=size)))
    rows, first = [], 0
    for length in lengths:
        rows.append((first, first + length))
        first += length
    category = draw(st.sampled_from([None, 0, 1]))
    return (
        Hall.of(rows, array("d", distances)),
        status,
        wanted_places(status, category_of, category),
    )


def windows(hall: Hall, wanted: bytes, quantity: int) -> list[tuple[int, int]]:
    return [
        (start, start + quantity)
        for first, end in hall.rows
        for start in range(first, end - quantity + 1)
        if not any(wanted[start : start + quantity])
    ]


def orphans(hall: Hall, status: bytes, start: int, stop: int) -> int:
    """Free seats that have no free neighbour once [start, stop) is taken, and had one before or were next to it."""
    first, end = next((a, b) for a, b in hall.rows if a <= start < b)
    taken = set(range(start, stop))
    free = {place for place in range(first, end) if status[place] == 0} - taken
    return sum(place in free and not {place - 1, place + 1} & free for place in {start - 1, stop})


@settings(max_examples=400)
@given(halls(), st.integers(1, 5))
def test_neighbours_are_the_best_of_all_windows(
    case: tuple[Hall, bytes, bytes], quantity: int
) -> None:
    hall, status, wanted = case
    candidates = [
        (orphans(hall, status, a, b), sum(hall.distances[a:b]) / quantity, a)
        for a, b in windows(hall, wanted, quantity)
    ]
    found = adjacent_seats(hall, status, wanted, quantity)
    if not candidates:
        assert found == ()
        return
    best = min(candidates)
    assert found == tuple(range(best[2], best[2] + quantity))


@settings(max_examples=300)
@given(halls())
def test_the_longest_run_is_the_longest_window(case: tuple[Hall, bytes, bytes]) -> None:
    hall, _, wanted = case
    assert longest_run(hall, wanted) == max(
        (n for n in range(1, 8) if windows(hall, wanted, n)), default=0
    )


def groups(hall: Hall, tickets: tuple[int, ...]) -> list[int]:
    """The sizes of the groups that sit together."""
    breaks = {first for first, _ in hall.rows}
    sizes = [1]
    for left, right in pairwise(tickets):
        if right == left + 1 and right not in breaks:
            sizes[-1] += 1
        else:
            sizes.append(1)
    return sizes


def fewest(hall: Hall, wanted: bytes, quantity: int, size_min: int) -> int | None:
    """The least number of groups of at least `size_min`, at most one to a run, by trying all; None if there is none."""
    runs = [0]
    for first, end in hall.rows:
        for place in range(first, end):
            if wanted[place] == 0:
                runs[-1] += 1
            else:
                runs.append(0)
        runs.append(0)
    best: dict[int, int] = {0: 0}
    for run in runs:
        grown = dict(best)
        for seated, count in best.items():
            for more in range(size_min, run + 1):
                total = seated + more
                if total <= quantity and grown.get(total, 99) > count + 1:
                    grown[total] = count + 1
        best = grown
    return best.get(quantity)


@settings(max_examples=600)
@given(halls(), st.integers(1, 10))
def test_a_split_has_the_fewest_groups_and_nobody_alone_without_need(
    case: tuple[Hall, bytes, bytes], quantity: int
) -> None:
    hall, status, wanted = case
    found = smallest_split(hall, status, wanted, quantity)
    least = fewest(hall, wanted, quantity, 1)
    if least is None:
        assert found == ()
        return
    assert len(set(found)) == quantity
    assert not any(wanted[place] for place in found)
    sizes = groups(hall, found)
    assert len(sizes) == least
    if quantity > 1 and fewest(hall, wanted, quantity, 2) == least:
        assert 1 not in sizes


def test_places_of_other_categories_are_not_wanted() -> None:
    status = bytes([0, 1, 0, 2])
    assert wanted_places(status, bytes([0, 0, 1, 1]), None) == status
    assert [bool(b) for b in wanted_places(status, bytes([0, 0, 1, 1]), 1)] == [
        True,
        True,
        False,
        True,
    ]
    assert 0 not in wanted_places(status, bytes([0, 0, 1, 1]), -1)


def test_an_aisle_of_another_category_is_no_orphan_but_a_free_seat_is() -> None:
    """Two of five: taking places 0-1 or 3-4 leaves three together, 1-2 and 2-3 leave one alone."""
    layout = seats("aaaaa")
    hall = hall_of(layout)
    status = bytes(5)
    assert adjacent_seats(hall, status, status, 2) in ((0, 1), (3, 4))
    assert adjacent_seats(hall, status, status, 1) == (2,)
    assert adjacent_seats(hall, status, status, 6) == ()


def test_the_nearest_row_wins_when_no_seat_is_orphaned() -> None:
    hall = hall_of(seats("aaaa", "aaaa"))
    assert adjacent_seats(hall, bytes(8), bytes(8), 4) == (0, 1, 2, 3)
    front_taken = bytes([0, 1, 0, 0, 0, 0, 0, 0])
    assert adjacent_seats(hall, front_taken, front_taken, 4) == (4, 5, 6, 7)


def test_fewer_orphans_count_for_more_than_any_distance() -> None:
    """Three of five whose ends are of another category leave two alone; three of four leave one, a little farther."""
    hall = Hall.of([(0, 5), (5, 9)], array("d", [0.1] * 5 + [0.2] * 4))
    wanted = bytes([0x80, 0, 0, 0, 0x80, 0, 0, 0, 0])
    assert adjacent_seats(hall, bytes(9), wanted, 3) == (5, 6, 7)
