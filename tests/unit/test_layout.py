"""A layout in figures: names, rows, prices, distances; and when a show is on sale."""

from __future__ import annotations

import pytest

from actors.domain.layout import BLOCK_TICKETS_MAX, Category, Layout, Row, Rules

SEATS = Layout(
    "Stalls",
    (Row("A", 0, ("1", "2")), Row("B", 2, ("7",)), Row("C", 3, ("x", "y"))),
    5,
    (Category("gold", 5000), Category("silver", 3000)),
    bytes([0, 1, 1, 0, 1]),
    (0.0, 1.0, 2.0, 3.0, 4.0),
    (0.0, 0.0, 5.0, 7.0, 7.0),
    focal=(1.0, 2.0),
)
UNITS = Layout("Floor", (), 3, (Category("g", 2500),), bytes(3), (0.0,) * 3, (0.0,) * 3, (0, 0), 11)


def test_seats_are_named_by_section_row_and_number() -> None:
    names = ["Stalls-A-1", "Stalls-A-2", "Stalls-B-7", "Stalls-C-x", "Stalls-C-y"]
    assert SEATS.labels() == names
    assert [SEATS.label(ticket) for ticket in range(5)] == names
    assert not SEATS.is_area


def test_units_are_numbered_from_the_first_of_their_pool() -> None:
    assert UNITS.labels() == ["Floor-11", "Floor-12", "Floor-13"]
    assert [UNITS.label(ticket) for ticket in range(3)] == UNITS.labels()
    assert UNITS.is_area


def test_a_row_ends_where_the_next_one_begins() -> None:
    assert [SEATS.row_of(ticket).name for ticket in range(5)] == ["A", "A", "B", "C", "C"]
    assert [row.end for row in SEATS.rows] == [2, 3, 5]


def test_prices_are_those_of_the_categories() -> None:
    assert [SEATS.price(ticket) for ticket in range(5)] == [5000, 3000, 3000, 5000, 3000]
    assert SEATS.amount((0, 1, 4)) == 11_000
    assert SEATS.amount(()) == 0


def test_the_distance_is_squared_and_from_the_focal_point() -> None:
    assert [SEATS.distance(ticket) for ticket in range(5)] == [5.0, 4.0, 10.0, 29.0, 34.0]


def test_a_category_that_the_block_does_not_have_has_the_index_of_none() -> None:
    assert [SEATS.category_index(name) for name in ("gold", "silver", "lead")] == [0, 1, -1]


def test_a_block_has_two_thousand_tickets_at_most() -> None:
    assert BLOCK_TICKETS_MAX == 2000, "what the documents say"


@pytest.mark.parametrize(
    ("opens_at", "closes_at", "open_at"),
    [
        (None, None, [0, 1, 2, 3, 4]),
        (2, None, [2, 3, 4]),
        (None, 2, [0, 1]),
        (1, 3, [1, 2]),
        (0, 0, []),
    ],
)
def test_a_show_is_on_sale_from_its_opening_to_before_its_closing(
    opens_at: int | None, closes_at: int | None, open_at: list[int]
) -> None:
    rules = Rules("EUR", opens_at=opens_at, closes_at=closes_at)
    assert [rules.on_sale(now) for now in range(5)] == [now in open_at for now in range(5)]
