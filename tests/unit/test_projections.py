from __future__ import annotations

import pytest

from actors.codec import Commit
from actors.domain.cutting import area_layouts, register_layout
from actors.domain.events import (
    BlockOpened,
    Event,
    HoldAbandoned,
    HoldExpired,
    HoldExtended,
    HoldReleased,
    TicketsHeld,
    TicketsRestored,
    TicketsSold,
    TicketsWithheld,
)
from actors.domain.identity import BlockKey
from actors.domain.layout import Category, Rules
from cluster.services.projections import project
from cluster.store.block_change import BlockChange, BlockOpening
from cluster.store.ticket import Deadline, TicketState, digest
from cluster.store.tickets import Round

BLOCK = BlockKey("saaaaaaaaaaaa", 7)
OPENED = BlockOpened(area_layouts("Pit", Category("c", 100), 3)[0], Rules("EUR"), "test")


def held(token: str, *tickets: int, deadline: int = 1_000) -> TicketsHeld:
    return TicketsHeld(token, "f", tickets, 100, 0, deadline, 7)


def round_of(*commits: tuple[int, list[Event]]) -> Round:
    history = [(BLOCK, sequence, Commit(0, "w", tuple(events))) for sequence, events in commits]
    return project(history, commits[-1][0])


def change_of(*commits: tuple[int, list[Event]]) -> BlockChange:
    """The one change of a round of one block."""
    (change,) = round_of(*commits).blocks
    assert BlockKey(change.show_id, change.block) == BLOCK
    assert change.sequence <= commits[-1][0]
    return change


def test_an_opened_block_becomes_its_columns() -> None:
    change = change_of((5, [OPENED]))
    assert change.opening == BlockOpening(
        "Pit", ("Pit-1", "Pit-2", "Pit-3"), ("c",), bytes(3), sequence=5
    )
    assert (change.sequence, change.tickets, change.deadlines) == (5, {}, {})


@pytest.mark.parametrize(
    ("event", "tickets", "deadlines"),
    [
        (
            held("t", 1),
            {1: TicketState("held", digest("t"), None, 2)},
            {digest("t"): Deadline(1_000, 2)},
        ),
        (
            TicketsSold("t", "order", (1,)),
            {1: TicketState("sold", digest("t"), digest("order"), 2)},
            {digest("t"): None},
        ),
        (
            HoldExpired("t", (1, 2)),
            {n: TicketState("available", None, None, 2) for n in (1, 2)},
            {digest("t"): None},
        ),
        (
            HoldReleased("t", (1,)),
            {1: TicketState("available", None, None, 2)},
            {digest("t"): None},
        ),
        (TicketsWithheld((1,), "r"), {1: TicketState("withheld", None, None, 2)}, {}),
        (TicketsRestored((1,), "r"), {1: TicketState("available", None, None, 2)}, {}),
        (HoldExtended("t", 2_000, "r"), {}, {digest("t"): Deadline(2_000, 2)}),
    ],
)
def test_each_event_says_what_its_tickets_and_its_hold_are_now(
    event: Event, tickets: dict[int, TicketState], deadlines: dict[str, Deadline | None]
) -> None:
    change = change_of((2, [event]))
    assert (change.tickets, change.deadlines, change.sequence) == (tickets, deadlines, 2)


def test_what_changes_no_ticket_changes_no_block() -> None:
    assert round_of((2, [HoldAbandoned("t", 0)])) == Round([], 2)


def test_a_register_is_not_in_the_read_model() -> None:
    opened = BlockOpened(register_layout(), Rules("EUR"), "test")
    done = round_of((2, [opened]), (3, [held("t")]), (4, [TicketsSold("t", "order", ())]))
    assert done == Round([], 4)


def test_a_round_has_the_last_state_of_a_ticket_only() -> None:
    change = change_of((2, [held("a", 1)]), (3, [HoldExpired("a", (1,)), held("b", 1)]))
    assert change.tickets == {1: TicketState("held", digest("b"), None, 3)}
    assert change.deadlines == {digest("a"): None, digest("b"): Deadline(1_000, 3)}
    assert change.sequence == 3


def test_what_happens_to_tickets_opened_in_the_round_is_part_of_the_same_change() -> None:
    change = change_of((2, [OPENED]), (3, [held("a", 1)]))
    assert change.opening is not None
    assert (change.opening.sequence, change.sequence) == (2, 3)
    assert change.tickets == {1: TicketState("held", digest("a"), None, 3)}


def test_each_block_has_one_change_with_its_own_last_sequence() -> None:
    other = BlockKey(BLOCK.show_id, 8)
    done = project(
        [
            (BLOCK, 2, Commit(0, "w", (held("a", 1),))),
            (other, 3, Commit(0, "w", (held("b", 1),))),
            (BLOCK, 4, Commit(0, "w", (held("c", 2),))),
            (other, 5, Commit(0, "w", (HoldAbandoned("d", 0),))),
        ],
        6,
    )
    assert [(change.block, change.sequence) for change in done.blocks] == [(7, 4), (8, 3)]
    assert done.sequence == 6


def test_a_moved_deadline_is_one_field_for_tickets_of_this_round_and_of_earlier_ones() -> None:
    change = change_of((2, [held("a", 1, 2)]), (3, [HoldExtended("a", 2_000, "r")]))
    assert change.deadlines == {digest("a"): Deadline(2_000, 3)}
    assert change.sequence == 3
    earlier = change_of((3, [HoldExtended("a", 2_000, "r")]))
    assert (earlier.tickets, earlier.deadlines) == ({}, change.deadlines)


def test_a_deadline_that_moved_before_the_ticket_changed_hands_does_not_come_back() -> None:
    change = change_of(
        (2, [held("a", 1)]),
        (3, [HoldExtended("a", 2_000, "r")]),
        (4, [HoldExpired("a", (1,)), held("b", 1, deadline=9_000)]),
    )
    assert change.tickets == {1: TicketState("held", digest("b"), None, 4)}
    assert change.deadlines == {digest("a"): None, digest("b"): Deadline(9_000, 4)}


def test_no_token_and_no_order_id_is_in_the_read_model() -> None:
    done = round_of(
        (2, [held("secrettoken", 1)]), (3, [TicketsSold("secrettoken", "secretorder", (1,))])
    )
    assert "secret" not in repr(done)
