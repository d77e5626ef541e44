"""The simulated buyers: what they want follows from the map that they see and from their generator."""

from __future__ import annotations

import base64
import math
import random
from typing import Any

import pytest

from cluster.operate.crowd.behaviour import (
    LATE_SECONDS_MAX,
    THINK_SECONDS_MAX,
    After,
    Kind,
    Way,
    after_hold,
    late_seconds,
    think_seconds,
    way_to_pay,
    wish,
)
from cluster.operate.crowd.buyers import missing, shared_seats
from cluster.operate.crowd.shop import Purchase, Refusal
from cluster.operate.crowd.show_map import STATUSES, ShowMap, unpacked
from cluster.operate.crowd.tally import percentile

SEATMAP: dict[str, Any] = {
    "show_id": "s1",
    "categories": [
        {"name": "Standing", "price": 1},
        {"name": "Gold", "price": 9},
        {"name": "Grey", "price": 2},
    ],
    "blocks": [
        {
            "block": 4,
            "section": "Stalls",
            "rows": [
                {"row": "A", "numbers": ["1", "2", "3", "4"]},
                {"row": "B", "numbers": ["1", "2"]},
            ],
            "category": [1, 1, 1, 1, 2, 2],
        },
        {"block": 5, "area": "Pitch", "first_unit": 1, "tickets": 3, "category": 0},
    ],
}


def drawn(max_per_order: int = 10) -> ShowMap:
    show = ShowMap("s1", "A show", max_per_order)
    show.draw(SEATMAP)
    return show


def all_held(show: ShowMap) -> ShowMap:
    for block in show.status.values():
        block[:] = bytes([STATUSES["held"]] * len(block))
    return show


def test_a_seat_map_is_drawn_with_rows_sections_categories_and_areas() -> None:
    show = drawn()
    assert [(row.section, row.name, row.first) for row in show.rows] == [
        ("Stalls", "A", 0),
        ("Stalls", "B", 4),
    ]
    assert show.sections == ("Stalls",)
    assert show.categories == ("Gold", "Grey")
    assert show.areas == ("Pitch",)
    assert show.total() == {"available": 9, "held": 0, "sold": 0, "withheld": 0}


def test_packed_statuses_are_two_bits_a_ticket_from_the_lowest() -> None:
    packed = base64.b64encode(bytes([0b11_10_01_00, 0b01])).decode()
    assert list(unpacked(packed, 5)) == [0, 1, 2, 3, 1]


def test_live_changes_reach_seats_and_units_and_ignore_what_is_not_on_the_map() -> None:
    show = drawn()
    show.hear(
        [
            {"seat": "Stalls-B-2", "status": "held"},
            {"seat": "Pitch-3", "status": "sold"},
            {"seat": "Balcony-A-1", "status": "sold"},
        ]
    )
    assert list(show.status[4]) == [0, 0, 0, 0, 0, 1]
    assert list(show.status[5]) == [0, 0, 2]


def test_a_picker_takes_free_neighbours_nearest_to_the_middle_of_the_row() -> None:
    show = drawn()
    assert show.free_run(show.rows[0], 2) == ["Stalls-A-2", "Stalls-A-3"]
    show.hear([{"seat": "Stalls-A-2", "status": "held"}])
    assert show.free_run(show.rows[0], 2) == ["Stalls-A-3", "Stalls-A-4"]
    assert show.free_run(show.rows[0], 3) == []


def test_every_wish_is_one_kind_of_hold_within_the_limit_and_names_only_free_seats() -> None:
    show = drawn(max_per_order=2)
    show.hear([{"seat": "Stalls-A-1", "status": "held"}])
    rng = random.Random(7)
    kinds = set[Kind]()
    for _ in range(500):
        wanted = wish(rng, show)
        kinds.add(wanted.kind)
        assert len(wanted.body) == 1
        assert 1 <= wanted.quantity <= 2
        assert "Stalls-A-1" not in wanted.body.get("seats", [])
    assert kinds == set(Kind)


def test_a_picker_who_sees_nothing_free_asks_for_the_best_available() -> None:
    show, rng = all_held(drawn()), random.Random(7)
    kinds = {wish(rng, show).kind for _ in range(200)}
    assert Kind.SEATS not in kinds
    assert Kind.BEST in kinds


def test_a_show_of_areas_only_is_bought_by_area() -> None:
    show = ShowMap("s1", "A show", 10)
    show.draw({"categories": SEATMAP["categories"], "blocks": SEATMAP["blocks"][1:]})
    rng = random.Random(7)
    assert {wish(rng, show).kind for _ in range(50)} == {Kind.AREA}


def test_buyers_do_all_sorts_of_things_with_a_hold_and_think_for_a_bounded_time() -> None:
    rng = random.Random(7)
    assert {after_hold(rng) for _ in range(300)} == set(After)
    assert {way_to_pay(rng) for _ in range(300)} == set(Way)
    assert all(0 < late_seconds(rng) <= LATE_SECONDS_MAX for _ in range(300))
    assert all(0 <= think_seconds(rng) <= THINK_SECONDS_MAX for _ in range(300))


@pytest.mark.parametrize(("percent", "expected"), [(50, 50), (99, 99), (100, 100), (0, 1)])
def test_percentiles_are_nearest_rank(percent: float, expected: float) -> None:
    assert percentile(list(range(1, 101)), percent) == expected


def test_the_percentile_of_nothing_is_no_number() -> None:
    assert math.isnan(percentile([], 50))


PROMISED = Purchase("s1-4-token", ("Stalls-A-1",), "1970-01-01T00:01:00Z", False)


def test_a_promised_hold_that_the_server_has_with_its_seats_is_not_missing() -> None:
    assert missing(PROMISED, {"seats": ["Stalls-A-1"]}, now=10.0) == ""


def test_a_promised_hold_is_lost_when_it_is_unknown_has_other_seats_or_expired_early() -> None:
    assert missing(PROMISED, Refusal(404, "hold_not_found"), now=10.0)
    assert missing(PROMISED, Refusal(404, "hold_not_found"), now=99.0)
    assert missing(PROMISED, {"seats": ["Stalls-A-2"]}, now=10.0)
    assert missing(PROMISED, Refusal(410, "hold_expired"), now=59.0)


def test_a_hold_whose_time_ran_out_while_it_was_looked_for_proves_nothing() -> None:
    assert missing(PROMISED, Refusal(410, "hold_expired"), now=60.0) is None


def test_a_seat_in_two_promised_holds_is_found() -> None:
    show = drawn()
    others = ("Stalls-A-2", "Stalls-A-1")
    assert shared_seats([(show, PROMISED.seats), (show, others)]) == ("Stalls-A-1",)
    assert shared_seats([(show, PROMISED.seats)]) == ()
