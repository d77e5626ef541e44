from __future__ import annotations

from actors.codec import Commit
from actors.domain.cutting import area_layouts
from actors.domain.events import (
    BlockOpened,
    Event,
    HoldAbandoned,
    HoldExpired,
    HoldExtended,
    TicketsHeld,
    TicketsRestored,
    TicketsSold,
    TicketsWithheld,
)
from actors.domain.identity import BlockKey
from actors.domain.layout import Category, Rules
from cluster.services.projections import coalesce, project
from cluster.store.ticket import DeadlineMove, TicketChange, TicketRecord, digest
from cluster.store.tickets import Round

BLOCK = BlockKey("saaaaaaaaaaaa", 7)
OPENED = BlockOpened(area_layouts("Pit", Category("c", 100), 3)[0], Rules("EUR"), "test")


def held(token: str, *tickets: int, deadline: int = 1_000) -> TicketsHeld:
    return TicketsHeld(token, "f", tickets, 100, 0, deadline, 7)


def round_of(*commits: tuple[int, list[Event]]) -> Round:
    changes = [
        change
        for sequence, events in commits
        for change in project(BLOCK, sequence, Commit(0, "w", tuple(events)))
    ]
    return coalesce(changes, commits[-1][0])


def change(ticket: int, status: str, sequence: int, **fields: object) -> TicketChange:
    state: dict[str, object] = {"hold": None, "order": None, "deadline": None, **fields}
    return TicketChange("saaaaaaaaaaaa", 7, ticket, status, sequence=sequence, **state)  # type: ignore[arg-type]


def test_an_opened_block_becomes_one_record_per_ticket() -> None:
    done = round_of((5, [OPENED]))
    assert [record.seat for record in done.opened] == ["Pit-1", "Pit-2", "Pit-3"]
    assert {record.status for record in done.opened} == {"available"}
    assert {record.sequence for record in done.opened} == {5}


def test_each_event_says_what_its_tickets_are_now() -> None:
    token, order = digest("t"), digest("order")
    assert round_of((2, [held("t", 1)])).changed == [
        change(1, "held", 2, hold=token, deadline=1_000)
    ]
    assert round_of((2, [TicketsSold("t", "order", (1,))])).changed == [
        change(1, "sold", 2, hold=token, order=order)
    ]
    assert round_of((2, [HoldExpired("t", (1, 2))])).changed == [
        change(1, "available", 2),
        change(2, "available", 2),
    ]
    assert round_of((2, [TicketsWithheld((1,), "r")])).changed == [change(1, "withheld", 2)]
    assert round_of((2, [TicketsRestored((1,), "r")])).changed == [change(1, "available", 2)]
    assert round_of((2, [HoldAbandoned("t", 0)])) == Round([], [], [], 2)


def test_a_round_has_the_last_state_of_a_ticket_only() -> None:
    done = round_of((2, [held("a", 1)]), (3, [HoldExpired("a", (1,)), held("b", 1)]))
    assert done.changed == [change(1, "held", 3, hold=digest("b"), deadline=1_000)]


def test_what_happens_to_tickets_opened_in_the_round_is_part_of_their_record() -> None:
    done = round_of((2, [OPENED]), (3, [held("a", 1)]))
    assert done.changed == []
    assert [(record.status, record.sequence) for record in done.opened] == [
        ("available", 2),
        ("held", 3),
        ("available", 2),
    ]
    assert isinstance(done.opened[1], TicketRecord)
    assert done.opened[1].hold == digest("a")


def test_a_moved_deadline_reaches_tickets_of_this_round_and_of_earlier_ones() -> None:
    done = round_of((2, [held("a", 1, 2)]), (3, [HoldExtended("a", 2_000, "r")]))
    assert [(c.deadline, c.sequence) for c in done.changed] == [(2_000, 3), (2_000, 3)]
    move = DeadlineMove("saaaaaaaaaaaa", 7, digest("a"), 2_000, 3)
    assert done.moved == [move]
    assert round_of((3, [HoldExtended("a", 2_000, "r")])).moved == [move]


def test_a_deadline_that_moved_before_the_ticket_changed_hands_does_not_come_back() -> None:
    done = round_of(
        (2, [held("a", 1)]),
        (3, [HoldExtended("a", 2_000, "r")]),
        (4, [HoldExpired("a", (1,)), held("b", 1, deadline=9_000)]),
    )
    assert done.changed == [change(1, "held", 4, hold=digest("b"), deadline=9_000)]


def test_no_token_and_no_order_id_is_in_the_read_model() -> None:
    done = round_of(
        (2, [held("secrettoken", 1)]), (3, [TicketsSold("secrettoken", "secretorder", (1,))])
    )
    assert "secret" not in repr(done)
