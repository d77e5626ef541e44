"""Cutting at its borders: a block that is just full, focal points, and positions that are not whole."""

from __future__ import annotations

from actors.domain.cutting import REGISTERS, area_layouts, cut_blocks, register_layout
from actors.domain.layout import Category, Layout, Row
from actors.domain.seat_rows import SeatRow

PRICES = {"gold": 5000, "silver": 3000}


def seats(*rows: int, section: str = "A", x: float | None = None) -> list[SeatRow]:
    """Rows of so many seats; row and place count from 0."""
    return [
        SeatRow(100 * row + place, section, f"R{row}", str(place), "gold", x, x)
        for row, size in enumerate(rows)
        for place in range(size)
    ]


def sizes(*rows: int, tickets_max: int) -> list[list[int]]:
    """The lengths of the rows of each block."""
    cut = cut_blocks(seats(*rows), PRICES, tickets_max)
    return [[len(row.numbers) for row in layout.rows] for layout in cut]


def test_a_block_is_filled_to_the_last_ticket() -> None:
    assert sizes(2, 2, tickets_max=4) == [[2, 2]]
    assert sizes(2, 2, 1, tickets_max=4) == [[2, 2], [1]]
    assert sizes(4, 2, 2, tickets_max=4) == [[4], [2, 2]]
    assert sizes(2, 3, tickets_max=4) == [[2], [3]]


def test_a_row_that_is_too_long_is_cut_into_pieces_and_its_rest_shares_a_block() -> None:
    assert sizes(5, 1, tickets_max=2) == [[2], [2], [1, 1]]


def test_every_block_of_a_section_has_the_focal_point_of_the_section() -> None:
    cut = cut_blocks(seats(3, 3, 3), PRICES, 3)
    assert [layout.focal for layout in cut] == [(0.0, 0.0)] * 3
    assert [layout.y[0] for layout in cut] == [0.0, 1.0, 2.0]


def test_one_seat_without_a_whole_position_makes_its_section_a_grid() -> None:
    placed = seats(2, x=7.0)
    for half in ((7.0, None), (None, 7.0), (None, None)):
        odd = SeatRow(50, "A", "R0", "9", "gold", *half)
        (layout,) = cut_blocks([*placed, odd], PRICES)
        assert (layout.x, layout.y) == ((-1.0, 0.0, 1.0), (0.0, 0.0, 0.0))
    (layout,) = cut_blocks(placed, PRICES)
    assert (layout.x, layout.y, layout.focal) == ((7.0, 7.0), (7.0, 7.0), (7.0, 7.0))


def test_a_block_lists_its_own_categories_in_the_order_of_the_file() -> None:
    rows = [
        SeatRow(1, "A", "1", "1", "silver", None, None),
        SeatRow(2, "A", "1", "2", "gold", None, None),
        SeatRow(3, "A", "2", "1", "gold", None, None),
    ]
    first, second = cut_blocks(rows, PRICES, 2)
    assert first == Layout(
        "A",
        (Row("1", 0, ("1", "2")),),
        2,
        (Category("silver", 3000), Category("gold", 5000)),
        bytes([0, 1]),
        (-0.5, 0.5),
        (0.0, 0.0),
        (0.0, 0.0),
    )
    assert second.categories == (Category("gold", 5000),)


def test_a_register_is_an_empty_layout() -> None:
    assert register_layout() == Layout("", (), 0, (), b"", (), ())
    assert REGISTERS == 4, "what the documents say"


def test_pools_stand_nowhere_and_number_on() -> None:
    category = Category("g", 2500)
    assert area_layouts("Floor", category, 5, 2) == [
        Layout("Floor", (), 2, (category,), b"\0\0", (0.0, 0.0), (0.0, 0.0), first_unit=1),
        Layout("Floor", (), 2, (category,), b"\0\0", (0.0, 0.0), (0.0, 0.0), first_unit=3),
        Layout("Floor", (), 1, (category,), b"\0", (0.0,), (0.0,), first_unit=5),
    ]


def test_a_block_has_two_thousand_tickets_if_nothing_else_is_said() -> None:
    assert [layout.size for layout in cut_blocks(seats(1999, 2), PRICES)] == [1999, 2]
    assert [layout.size for layout in cut_blocks(seats(1999, 1), PRICES)] == [2000]
    assert [pool.size for pool in area_layouts("F", Category("g", 1), 2001)] == [1001, 1000]
