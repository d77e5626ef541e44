"""Places for wheelchairs: read from every format, carried to the map, and left for those who need them."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.codec import Commit, decode_commit, encode_commit
from actors.domain.block import Status
from actors.domain.commands import HoldQuantity
from actors.domain.cutting import cut_blocks
from actors.domain.events import BlockOpened, TicketsHeld
from actors.domain.layout import Layout, Rules
from actors.domain.rejections import Code, Rejection
from actors.domain.seat_files import read_csv, read_ndjson, read_plan
from actors.domain.seat_rows import RowError, RowErrorCode, SeatRow
from actors.domain.seating import accessible_seats, hall_of, without_places
from actors.domain.tickets import decide
from cluster.reads.choosing import BestAvailable, blocks_with_a_run, split_picks
from cluster.reads.show_view import ShowView
from cluster.store.plans import _document, _layout
from serve_app.seat_maps import Geometry, json_seat_map
from tests.unit.halls import NOW, opened, terms

FLAGS = st.lists(st.booleans(), min_size=1, max_size=30)
PRICES = {"A": 1000}


def rows(*flags: str, section: str = "S", first: int = 0) -> list[SeatRow]:
    """One string per row; `w` is a place for a wheelchair."""
    return [
        SeatRow(first + 100 * line + n, section, f"R{line}", str(n), "A", None, None, flag == "w")
        for line, row in enumerate(flags)
        for n, flag in enumerate(row)
    ]


def layout(*flags: str) -> Layout:
    (made,) = cut_blocks(rows(*flags), PRICES)
    return made


def view_of(*layouts: Layout, sold: dict[int, tuple[int, ...]] | None = None) -> ShowView:
    view = ShowView("s")
    for block, one in enumerate(layouts, 1):
        view.apply(block, block, Commit(NOW, "t", (BlockOpened(one, Rules("EUR"), "t"),)))
    for block, tickets in (sold or {}).items():
        taken = TicketsHeld("t", "f", tickets, 0, NOW, NOW + 10**9, block)
        view.apply(block, 100 + block, Commit(NOW, "t", (taken,)))
    return view


@given(FLAGS, st.sampled_from([("yes", "no"), ("TRUE", "False"), ("1", "0"), (" yes ", "")]))
def test_every_format_says_which_seats_are_accessible(
    flags: list[bool], words: tuple[str, str]
) -> None:
    lines = [f"{words[not flag]},S,R,{n},A" for n, flag in enumerate(flags)]
    csv = "\n".join(["Accessible,section,row,seat,category", *lines])
    seats = [
        {"section": "S", "row": "R", "seat": n, "category": "A", "accessible": flag}
        for n, flag in enumerate(flags)
    ]
    ndjson = "\n".join(json.dumps(seat) for seat in seats)
    places = [
        {"seat_number": str(n), "category": "A", "accessible": flag} for n, flag in enumerate(flags)
    ]
    plan = {"zones": [{"name": "S", "rows": [{"row_number": "R", "seats": places}]}]}
    for file in (
        read_csv(csv.encode()),
        read_ndjson(ndjson.encode()),
        read_plan(json.dumps(plan).encode()),
    ):
        assert file.errors == ()
        assert [row.accessible for row in file.rows] == flags


def test_a_seat_that_does_not_say_is_not() -> None:
    seat: dict[str, Any] = {"section": "S", "row": "R", "seat": "1", "category": "A"}
    for fields in (seat, {**seat, "accessible": None}):
        (row,) = read_ndjson(json.dumps(fields).encode()).rows
        assert not row.accessible
    (row,) = read_csv(b"section,row,seat,category\nS,R,1,A").rows
    assert not row.accessible


@pytest.mark.parametrize("word", ["y", "maybe", "2", "accessible"])
def test_what_is_neither_yes_nor_no_is_an_error_of_its_row(word: str) -> None:
    csv = f"section,row,seat,category,accessible\nS,R,1,A,{word}\nS,R,2,A,yes"
    plan = {"zones": [{"rows": [{"seats": [{"category": "A", "accessible": word}, {}]}]}]}
    line = {"section": "S", "row": "R", "seat": "1", "category": "A", "accessible": word}
    flag = "accessible must be true or false"
    for file, number, detail in (
        (read_csv(csv.encode()), 2, f"accessible is yes, no or empty: '{word}'"),
        (read_ndjson(f"{json.dumps(line)}\n".encode()), 1, flag),
        (read_plan(json.dumps(plan).encode()), 1, flag),
    ):
        assert file.errors == (RowError(number, RowErrorCode.INVALID_ACCESSIBLE, detail),)
        assert len(file.rows) == file.rows_read - 1


@given(st.lists(FLAGS, min_size=1, max_size=4), st.integers(1, 12))
def test_no_flag_is_lost_on_the_way_to_the_map(flags: list[list[bool]], tickets_max: int) -> None:
    listed = rows(*("".join("w" if flag else "." for flag in row) for row in flags))
    wanted = {row.seat_id for row in listed if row.accessible}
    layouts = cut_blocks(listed, PRICES, tickets_max)
    stored = [_layout(_document("s", "j", n, one)) for n, one in enumerate(layouts)]
    assert stored == layouts
    event = [BlockOpened(one, Rules("EUR"), "t") for one in layouts]
    journalled = decode_commit(encode_commit(NOW, "t", list(event))).events
    assert journalled == tuple(event)
    blocks = json.loads(json_seat_map(Geometry("s", "EUR", ["A"], list(enumerate(layouts))))[1])[
        "blocks"
    ]
    shown = {
        layouts[block["block"]].label(ticket)
        for block in blocks
        for ticket in block.get("accessible", ())
    }
    assert shown == wanted


def test_what_was_written_before_there_were_any_is_read() -> None:
    one = layout("....")
    assert "accessible" not in json.loads(json_seat_map(Geometry("s", "EUR", ["A"], [(1, one)]))[1])
    document = _document("s", "j", 1, one)
    del document["accessible"]
    assert _layout(document) == one
    event = msgspec.to_builtins(BlockOpened(one, Rules("EUR"), "t"))
    del event["layout"]["accessible"]
    assert msgspec.convert(event, BlockOpened).layout == one
    command = msgspec.to_builtins(HoldQuantity(terms(), 2))
    del command["accessible"]
    assert msgspec.convert(command, HoldQuantity) == HoldQuantity(terms(), 2, accessible=False)


def _is_end(status: bytes, place: int) -> bool:
    return not 0 <= place < len(status) or bool(status[place])


@given(FLAGS, st.sets(st.integers(0, 29)), st.integers(1, 5))
def test_neighbours_have_one_that_is_accessible_if_it_is_needed_and_none_if_not(
    flags: list[bool], taken: set[int], quantity: int
) -> None:
    (one,) = cut_blocks(rows("".join("w" if flag else "." for flag in flags)), PRICES)
    hall, size = hall_of(one), len(flags)
    status = bytes(Status.SOLD if n in taken else Status.AVAILABLE for n in range(size))
    windows = [
        range(first, first + quantity)
        for first in range(size - quantity + 1)
        if not any(status[n] for n in range(first, first + quantity))
    ]
    needed = accessible_seats(hall, status, status, quantity, one.accessible)
    assert bool(needed) == any(any(flags[n] for n in window) for window in windows)
    assert not needed or (range(needed[0], needed[-1] + 1) in windows)
    assert not needed or any(flags[n] for n in needed)
    alone = {
        window.start: sum(
            0 <= beside < size and not status[beside] and _is_end(status, beyond)
            for beside, beyond in ((window[0] - 1, window[0] - 2), (window[-1] + 1, window[-1] + 2))
        )
        for window in windows
        if any(flags[n] for n in window)
    }
    used = {first: sum(flags[first : first + quantity]) for first in alone}
    if needed:
        chosen = needed[0]
        assert (used[chosen], alone[chosen]) == min((used[n], alone[n]) for n in alone)
    left = without_places(status, one.accessible)
    assert [not byte for byte in left] == [not status[n] and not flags[n] for n in range(size)]


def held(one: Layout, quantity: int, *, accessible: bool) -> tuple[int, ...] | Code:
    command = HoldQuantity(terms(size=quantity), quantity, accessible=accessible)
    decision = decide(opened(one), command, NOW)
    if isinstance(decision, Rejection):
        return decision.code
    (event,) = decision
    assert isinstance(event, TicketsHeld)
    return event.tickets


def test_a_block_leaves_them_for_those_who_need_one() -> None:
    assert held(layout("..w.."), 1, accessible=True) == (2,)
    assert held(layout("..w.."), 1, accessible=False) in ((0,), (1,), (3,), (4,))
    assert held(layout("..w.."), 2, accessible=True) in ((1, 2), (2, 3))
    assert held(layout("www.", "w..."), 2, accessible=True) == (2, 3)
    assert held(layout("ww", "w."), 2, accessible=True) == (2, 3), (
        "farther, and the nearer are left"
    )
    assert held(layout("...", "w.."), 2, accessible=True) == (3, 4), "never across rows"
    assert held(layout("ww...."), 2, accessible=True) == (1, 2), "one place is left for the next"
    assert held(layout("..w.."), 3, accessible=False) is Code.NO_ADJACENT_SEATS
    assert held(layout("w"), 1, accessible=False) is Code.NO_ADJACENT_SEATS
    assert held(layout("...."), 1, accessible=True) is Code.NO_ADJACENT_SEATS


def test_a_view_proposes_blocks_and_splits_by_the_same_rule() -> None:
    view = view_of(layout("w.w"), layout("..."), layout(".ww"))
    anybody, needing = BestAvailable(2, None, None), BestAvailable(2, None, None, accessible=True)
    assert blocks_with_a_run(view, anybody, NOW) == [2]
    assert blocks_with_a_run(view, needing, NOW) == [1, 3]
    full = view_of(layout("w.w"), layout("..."), layout(".ww"), sold={2: (0, 1, 2)})
    assert blocks_with_a_run(full, anybody, NOW) == []
    picks = split_picks(full, anybody, NOW)
    assert {(pick.block, pick.tickets) for pick in picks} == {(1, (1,)), (3, (0,))}
    assert split_picks(full, BestAvailable(3, None, None), NOW) == []
    apart = view_of(layout("w.w"), sold={1: (1,)})
    assert split_picks(apart, needing, NOW) == []
    assert apart.has_accessible
    assert not view_of(layout("...")).has_accessible


def test_a_row_that_two_blocks_share_is_one_row() -> None:
    cut = cut_blocks(rows("..w."), PRICES, tickets_max=2)
    view = view_of(*cut, sold={2: (1,)})
    wish = BestAvailable(2, None, None, accessible=True)
    assert blocks_with_a_run(view, wish, NOW) == []
    assert [(pick.block, pick.tickets) for pick in split_picks(view, wish, NOW)] == [
        (1, (1,)),
        (2, (0,)),
    ]
