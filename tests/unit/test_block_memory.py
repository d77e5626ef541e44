"""What a block remembers and for how long, with its real limits."""

from __future__ import annotations

from dataclasses import replace

from actors.domain.block import Block, Ending, Hold, Status, apply
from actors.domain.commands import Part
from actors.domain.events import (
    BlockOpened,
    Event,
    HoldAbandoned,
    HoldExpired,
    HoldReleased,
    TicketsHeld,
    TicketsSold,
)
from tests.unit.halls import RULES, register, seats


def folded(*events: Event) -> Block:
    block = Block()
    apply(block, BlockOpened(seats("aaaa"), RULES, "test"))
    for event in events:
        apply(block, event)
    return block


def held(token: str, *tickets: int) -> TicketsHeld:
    return TicketsHeld(token, "f", tickets, 7, 10, 20, 3, 2, (Part(1, (5,)),))


def test_four_thousand_ended_holds_are_remembered_and_the_oldest_forgotten() -> None:
    block = folded()
    for n in range(4_001):
        apply(block, held(f"t{n}", 0))
        apply(block, HoldReleased(f"t{n}", (0,)) if n % 2 else HoldExpired(f"t{n}", (0,)))
    assert len(block.ended) == 4_000
    assert block.hold("t0") is None
    assert block.hold("t1") is not None
    assert block.hold("t4000") is not None


def test_two_thousand_abandoned_attempts_are_remembered_and_the_oldest_forgotten() -> None:
    block = Block()
    apply(block, BlockOpened(register(), RULES, "test"))
    for n in range(2_001):
        apply(block, HoldAbandoned(f"t{n}", n))
    assert len(block.abandoned) == 2_000
    assert "t0" not in block.abandoned
    assert block.abandoned["t1"] == 1


def test_a_hold_is_remembered_as_it_was_committed() -> None:
    block = folded(held("t", 1, 2))
    assert block.holds == {"t": Hold("t", "f", (1, 2), 7, 10, 20, 3, 2, (Part(1, (5,)),))}
    assert block.owner == {1: "t", 2: "t"}
    assert list(block.status) == [Status.AVAILABLE, Status.HELD, Status.HELD, Status.AVAILABLE]


def test_a_token_that_holds_again_is_no_ended_hold_any_more() -> None:
    block = folded(held("t", 1), HoldReleased("t", (1,)), held("t", 2))
    assert block.ended == {}
    assert block.hold("t") is block.holds["t"]


def test_a_sale_keeps_its_owner_and_its_order() -> None:
    block = folded(held("t", 1), TicketsSold("t", "order", (1,)))
    assert block.owner == {1: "t"}
    assert block.holds == {}
    sale = block.hold("t")
    assert sale is not None
    assert (sale.ending, sale.order_id, sale.tickets) == (Ending.SOLD, "order", (1,))


def test_a_draft_shares_nothing_that_may_change() -> None:
    block = folded(held("t", 1), held("u", 2), HoldReleased("u", (2,)), HoldAbandoned("v", 1))
    apply(block, held("w", 3))
    apply(block, TicketsSold("w", "o", (3,)))
    draft = block.copy()
    assert draft == block
    apply(draft, HoldReleased("t", (1,)))
    apply(draft, HoldAbandoned("x", 1))
    apply(draft, held("y", 0))
    apply(draft, TicketsSold("y", "o", (0,)))
    assert list(block.status) == [Status.AVAILABLE, Status.HELD, Status.AVAILABLE, Status.SOLD]
    assert set(block.owner) == {1, 3}
    assert (set(block.holds), set(block.ended)) == ({"t"}, {"u"})
    assert (set(block.abandoned), set(block.sold)) == ({"v"}, {"w"})


def test_the_next_hold_to_end_is_the_live_one_with_the_earliest_deadline() -> None:
    block = folded(*[replace(held(f"t{n}", n), deadline=end) for n, end in enumerate((30, 20, 25))])
    assert block.next_to_end() is block.holds["t1"]
    apply(block, HoldReleased("t1", (1,)))
    assert block.next_to_end() is block.holds["t2"]
    assert folded().next_to_end() is None
