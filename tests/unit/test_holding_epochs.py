"""Epochs of holds: no attempt builds on parts of another epoch, and none of an epoch that is over comes back.

Each test is one story in which a single check of the coordinator matters.
"""

from __future__ import annotations

from typing import Any

from actors.domain.block import Ending
from actors.domain.commands import (
    AbandonHold,
    Command,
    ExpireDue,
    HoldQuantity,
    HoldTickets,
    ReleaseHold,
    WithholdTickets,
)
from actors.domain.events import HoldAbandoned
from actors.domain.tickets import decide
from actors.holding import EPOCHS_MAX, Pick, Placed, Refused, place
from actors.outcomes import Unavailable
from tests.unit.halls import NOW, TOKENS, after, opened, register, seats, terms
from tests.unit.venue_simulation import Call, Coordinator, Fate, Venue, ask, request

A = TOKENS[0]
KEYED = request(A, keyed=True)
PAIR = [Pick(1, (0,)), Pick(2, (0,))]
TRIO = [Pick(1, (0,)), Pick(2, (0,)), Pick(3, (0,))]


def withhold(venue: Venue, block: int, *tickets: int) -> None:
    venue.blocks[block] = after(venue.blocks[block], WithholdTickets(tickets, "test"))


def wants(coordinator: Coordinator, block: int, kind: type[Command], epoch: int) -> bool:
    """Whether its next question is this one."""
    call = coordinator.call
    if call is None or call.block != block or not isinstance(call.command, kind):
        return False
    match call.command:
        case HoldTickets(terms) | HoldQuantity(terms):
            return terms.epoch == epoch
        case ReleaseHold(_, given_back) | AbandonHold(_, given_back):
            return given_back == epoch
        case _:
            return True


def advance(
    venue: Venue, coordinator: Coordinator, block: int, kind: type[Command], epoch: int
) -> None:
    """Until the coordinator is about to ask this."""
    while not wants(coordinator, block, kind, epoch):
        venue.step(coordinator)


def complete(venue: Venue, coordinator: Coordinator) -> Any:
    """This one to its end; the others stand still."""
    while coordinator.call is not None:
        venue.step(coordinator)
    return coordinator.answer


def leave_parts(venue: Venue, picks: list[Pick], *, stale: set[int]) -> None:
    """A keyed request fails in its last block; its give-backs to `stale` get lost: parts of epoch 0 are left."""
    first = venue.start("first", place(ask, KEYED, picks))
    while first.call is not None:
        lost = isinstance(first.call.command, ReleaseHold) and first.call.block in stale
        venue.step(first, Fate.LOST if lost else Fate.ANSWERED)
    assert isinstance(first.answer, Unavailable if stale else Refused)
    assert {number for number, block in venue.blocks.items() if block.owner} == stale


def test_parts_left_from_an_earlier_epoch_do_not_cost_an_epoch_each() -> None:
    """A retry meets more parts whose give-back was lost than it has epochs: all of them are taken anew in one."""
    count = EPOCHS_MAX + 1
    blocks = range(1, count + 1)
    venue = Venue(blocks={0: opened(register())} | {n: opened(seats("aa")) for n in blocks})
    withhold(venue, count, 0)
    leave_parts(venue, [Pick(n, (0,)) for n in blocks], stale=set(blocks) - {1, count})
    retry = venue.start("retry", place(ask, KEYED, [Pick(n, (0,)) for n in blocks if n < count]))
    placed = complete(venue, retry)
    assert isinstance(placed, Placed)
    assert {venue.blocks[part.block].holds[A].epoch for part in placed.hold.parts} == {1}


def test_a_part_of_an_epoch_in_between_does_not_stand_for_this_one() -> None:
    """Block 2 has a part of epoch 0. An attempt in epoch 2 gives it back, whereupon a twin takes it in epoch 1.

    The call that gave it back is repeated, and it reaches every epoch up to 1: a hold that was built on the twin's part
    would lose it. The three requests have one key, and each chooses three seats.
    """
    venue = Venue()
    withhold(venue, 3, 0)
    leave_parts(venue, TRIO, stale={2})
    twin = venue.start("twin", place(ask, KEYED, [*PAIR, Pick(3, (1,))]))
    advance(venue, twin, 2, HoldTickets, 1)
    third = venue.start("third", place(ask, KEYED, [Pick(1, (0, 1)), Pick(2, (0,))]))
    advance(venue, third, 2, ReleaseHold, 1)
    assert venue.blocks[2].holds[A].epoch == 0
    venue.step(third, Fate.TWICE)
    venue.step(twin)
    assert venue.blocks[2].holds[A].epoch == 1
    assert isinstance(complete(venue, third), Placed)
    venue.arrive(0)  # the venue checks after every step that no hold has lost a part
    venue.finish()


def test_an_attempt_that_goes_on_in_a_later_epoch_has_ended_all_before_it() -> None:
    """A late attempt learns of epoch 1 by a part that expired there, while a twin is about to commit in epoch 1.

    It goes on in epoch 2, where it gives back what it finds of epoch 1: so the twin must not commit any more.
    """
    venue = Venue()
    withhold(venue, 3, 0)
    leave_parts(venue, TRIO, stale=set())
    broken = venue.start("broken", place(ask, KEYED, PAIR))
    advance(venue, broken, 2, HoldTickets, 1)
    venue.step(broken, Fate.LOST)
    assert isinstance(broken.answer, Unavailable)
    venue.now = venue.blocks[1].holds[A].deadline
    venue.execute(Call(1, ExpireDue()))
    twin = venue.start("twin", place(ask, KEYED, [Pick(2, (0,)), Pick(3, (1,))]))
    advance(venue, twin, 0, HoldTickets, 1)
    late = venue.start("late", place(ask, KEYED, PAIR))
    advance(venue, late, 2, HoldTickets, 2)
    complete(venue, twin)
    venue.finish()
    assert isinstance(twin.answer, Placed)
    assert isinstance(late.answer, Placed)
    assert late.answer.hold.parts == twin.answer.hold.parts
    assert venue.stray_parts() == []


def test_a_part_of_another_size_is_not_what_was_wanted() -> None:
    """Two requests with one key split three seats differently: the hold has three seats, not two of each split."""
    venue = Venue()
    slow = venue.start("slow", place(ask, KEYED, [Pick(1, quantity=2), Pick(2, quantity=1)]))
    advance(venue, slow, 2, HoldQuantity, 0)
    fast = venue.start("fast", place(ask, KEYED, [Pick(1, quantity=1), Pick(2, quantity=2)]))
    placed = complete(venue, fast)
    venue.finish()
    assert isinstance(placed, Placed)
    assert [len(part.tickets) for part in placed.hold.parts] == [1, 2]
    assert slow.answer == Placed(placed.hold_id, placed.hold, replayed=True)
    assert venue.stray_parts() == []


def test_a_buyer_without_a_key_is_never_given_a_hold_that_has_ended() -> None:
    """The first copy of the commit was executed, its answer was lost, and the hold has ended when the next arrives."""
    for picks in (PAIR[:1], PAIR):
        venue = Venue()
        primary = picks[-1].block
        buyer = venue.start("buyer", place(ask, request(A), picks))
        advance(venue, buyer, primary, HoldTickets, 0)
        assert buyer.call is not None
        venue.execute(buyer.call)
        venue.now = venue.blocks[primary].holds[A].deadline
        venue.execute(Call(primary, ExpireDue()))
        placed = complete(venue, buyer)
        assert isinstance(placed, Placed)
        assert placed.hold.ending is Ending.LIVE
        assert list(venue.committed()) == [placed.hold]
        assert venue.stray_parts() == []


def test_an_epoch_that_a_part_refused_is_over_at_the_primary_before_the_next_one_begins() -> None:
    """Block 1 has given epoch 0 up (a hold that was sent twice was refused there), the register has not.

    A twin that chose other blocks must not commit in epoch 0 any more when an attempt in epoch 1 gives back what it
    finds of that epoch in block 2.
    """
    venue = Venue()
    venue.execute(Call(1, AbandonHold(A, 0)))
    ahead = venue.start("ahead", place(ask, KEYED, PAIR))
    advance(venue, ahead, 1, HoldTickets, 1)
    twin = venue.start("twin", place(ask, KEYED, [Pick(2, (0,)), Pick(3, (0,))]))
    assert isinstance(complete(venue, twin), Placed)
    venue.finish()
    assert isinstance(ahead.answer, Placed)
    assert ahead.answer.hold == twin.answer.hold
    assert venue.stray_parts() == []


def test_a_late_commit_is_refused_although_its_block_remembers_an_older_part() -> None:
    """Block 2 was a part of the buyer's first choice (its primary was block 3) and is the primary of the second."""
    venue = Venue()
    withhold(venue, 3, 0)
    assert isinstance(complete(venue, venue.start("first", place(ask, request(A), TRIO))), Refused)
    second = venue.start("second", place(ask, request(A), PAIR))
    advance(venue, second, 2, HoldTickets, 1)
    venue.step(second, Fate.LATE)
    assert isinstance(complete(venue, second), Unavailable)
    venue.arrive(0)
    assert not any(block.owner for block in venue.blocks.values())


def test_a_hold_that_ended_ends_no_epoch_but_those_it_answers_for() -> None:
    ended = after(opened(seats("a")), HoldTickets(terms(A, epoch=1), (0,)), ReleaseHold(A, 1))
    assert [decide(ended, AbandonHold(A, epoch), NOW) for epoch in (0, 1, 2)] == [
        (),
        (),
        (HoldAbandoned(A, 2),),
    ]
