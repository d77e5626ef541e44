"""Seats become blocks: every seat once, rows whole, the order of the file kept."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.domain.cutting import area_layouts, cut_blocks, register_layout
from actors.domain.layout import Category
from actors.domain.seat_rows import SeatRow

PRICES = {"gold": 5000, "silver": 3000}


@st.composite
def files(draw: st.DrawFn) -> list[SeatRow]:
    """Seats of up to three sections with up to four rows each, rows not contiguous, with or without positions."""
    picked = draw(
        st.lists(
            st.tuples(st.sampled_from("ABC"), st.sampled_from("1234")), min_size=1, max_size=40
        )
    )
    placed = draw(st.booleans())
    return [
        SeatRow(
            line,
            section,
            row,
            str(line),
            draw(st.sampled_from(sorted(PRICES))),
            float(line) if placed else None,
            2.0 if placed else None,
        )
        for line, (section, row) in enumerate(picked)
    ]


@given(files(), st.integers(1, 12))
def test_every_seat_is_in_one_block_with_its_own_price_and_name(
    file: list[SeatRow], tickets_max: int
) -> None:
    layouts = cut_blocks(file, PRICES, tickets_max)
    labels = [label for layout in layouts for label in layout.labels()]
    assert sorted(labels) == sorted(seat.seat_id for seat in file)
    by_id = {seat.seat_id: seat for seat in file}
    for layout in layouts:
        assert 1 <= layout.size <= tickets_max
        assert len(layout.category_of) == len(layout.x) == len(layout.y) == layout.size
        for ticket, label in enumerate(layout.labels()):
            assert layout.label(ticket) == label
            assert layout.price(ticket) == PRICES[by_id[label].category]
        assert layout.amount(tuple(range(layout.size))) == sum(
            map(layout.price, range(layout.size))
        )


@given(files(), st.integers(1, 12))
def test_rows_stay_whole_where_they_fit_and_in_the_order_of_the_file(
    file: list[SeatRow], tickets_max: int
) -> None:
    seen: dict[tuple[str, str], list[list[int]]] = {}
    for layout in cut_blocks(file, PRICES, tickets_max):
        for row in layout.rows:
            seen.setdefault((layout.section, row.name), []).append([int(n) for n in row.numbers])
    for (section, name), pieces in seen.items():
        whole = [s.row for s in file if (s.section, s.row_name) == (section, name)]
        assert [number for piece in pieces for number in piece] == whole
        assert len(pieces) == -(-len(whole) // tickets_max)


def test_the_focal_point_is_the_middle_of_a_sections_first_row() -> None:
    file = [SeatRow(n, "A", "1" if n < 3 else "2", str(n), "gold", n * 2.0, 7.0) for n in range(6)]
    (layout,) = cut_blocks(file, PRICES)
    assert layout.focal == (2.0, 7.0)
    assert layout.distance(1) == 0.0
    assert layout.distance(0) == 4.0


def test_a_section_without_positions_becomes_a_centred_grid() -> None:
    file = [SeatRow(n, "A", str(n // 3), str(n), "gold", None, None) for n in range(6)]
    (layout,) = cut_blocks(file, PRICES)
    assert layout.x == (-1.0, 0.0, 1.0) * 2
    assert layout.y == (0.0, 0.0, 0.0, 1.0, 1.0, 1.0)
    assert layout.focal == (0.0, 0.0)


def test_no_seats_are_no_blocks() -> None:
    assert cut_blocks([], PRICES) == []
    assert area_layouts("Floor", Category("gold", 1), 0) == []


@given(st.integers(1, 300), st.integers(1, 40))
def test_the_pools_of_an_area_are_even_and_number_every_unit_once(
    capacity: int, tickets_max: int
) -> None:
    pools = area_layouts("Floor", Category("gold", 2500), capacity, tickets_max)
    sizes = [pool.size for pool in pools]
    assert len(pools) == -(-capacity // tickets_max)
    assert max(sizes) - min(sizes) <= 1
    labels = [label for pool in pools for label in pool.labels()]
    assert labels == [f"Floor-{n}" for n in range(1, capacity + 1)]
    assert all(pool.label(0) == pool.labels()[0] for pool in pools)
    assert all(a.first_unit + a.size == b.first_unit for a, b in pairwise(pools))


@pytest.mark.parametrize("name", ["gold", "none such"])
def test_a_category_is_found_by_name_or_is_minus_one(name: str) -> None:
    (layout,) = cut_blocks([SeatRow(1, "A", "1", "1", "gold", None, None)], PRICES)
    assert layout.category_index(name) == (0 if name == "gold" else -1)


def test_a_register_has_no_tickets() -> None:
    assert (register_layout().size, register_layout().labels()) == (0, [])
