"""Holds over several blocks: all or nothing, one answer per key, and no part lost, in every order of steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from actors import holding
from actors.domain.commands import HoldTickets, ReleaseHold, WithholdTickets
from actors.domain.identity import HoldId
from actors.domain.rejections import Code, Rejection
from actors.holding import Pick, Placed, Refused, place
from actors.outcomes import Accepted, Unavailable
from tests.unit.halls import TOKENS, after, terms
from tests.unit.venue_simulation import SHOW, Fate, Venue, ask, request

A, B, C = TOKENS[:3]
PAIR = [Pick(1, (0,)), Pick(2, (0,))]
TRIO = [Pick(1, (0,)), Pick(2, (0,)), Pick(3, (0,))]


def run(venue: Venue, steps: Any, fates: Sequence[Fate] = ()) -> Any:
    """One coordinator alone, its first questions with these fates."""
    coordinator = venue.start("alone", steps)
    for fate in fates:
        venue.step(coordinator, fate)
    venue.finish()
    return coordinator.answer


def code_of(answer: Any) -> Code:
    assert isinstance(answer, Refused), answer
    return answer.rejection.code


def withhold(venue: Venue, block: int, *tickets: int) -> None:
    venue.blocks[block] = after(venue.blocks[block], WithholdTickets(tickets, "test"))


def held(venue: Venue) -> list[tuple[int, int, str]]:
    return [
        (number, ticket, token[0])
        for number, block in venue.blocks.items()
        for ticket, token in sorted(block.owner.items())
    ]


@pytest.mark.parametrize("keyed", [False, True])
def test_a_hold_over_blocks_takes_every_part_and_its_primary_knows_them_all(keyed: bool) -> None:
    venue = Venue()
    placed = run(venue, place(ask, request(A, keyed=keyed), TRIO))
    assert isinstance(placed, Placed)
    assert not placed.replayed
    assert placed.hold_id == HoldId(SHOW, 0 if keyed else 3, A)
    assert held(venue) == [(1, 0, "a"), (2, 0, "a"), (3, 0, "a")]
    assert placed.hold.amount == 3 * (1000 + ord("a"))
    assert len(placed.hold.parts) == (3 if keyed else 2)
    assert venue.stray_parts() == []


@pytest.mark.parametrize("keyed", [False, True])
@pytest.mark.parametrize("block", [1, 2, 3])
def test_a_refusal_anywhere_gives_back_everything(keyed: bool, block: int) -> None:
    venue = Venue()
    withhold(venue, block, 0)
    refused = run(venue, place(ask, request(A, keyed=keyed), TRIO))
    assert code_of(refused) is Code.SEATS_UNAVAILABLE
    assert refused.block == block
    assert held(venue) == []


def test_a_hold_in_one_block_is_one_question_and_with_a_key_two() -> None:
    for keyed, questions in ((False, 1), (True, 2)):
        venue = Venue()
        coordinator = venue.start("one", place(ask, request(A, keyed=keyed), [Pick(1, quantity=2)]))
        for _ in range(questions):
            venue.step(coordinator)
        assert isinstance(coordinator.answer, Placed)


def test_two_picks_in_one_block_are_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="one pick"):
        run(Venue(), place(ask, request(A), [Pick(1, (0,)), Pick(1, (1,))]))


def test_the_same_key_gets_the_same_hold_and_takes_nothing_more() -> None:
    venue = Venue()
    first = run(venue, place(ask, request(A, keyed=True), PAIR))
    again = run(venue, place(ask, request(A, keyed=True), PAIR))
    assert again == Placed(first.hold_id, first.hold, replayed=True)
    assert len(held(venue)) == 2


@pytest.mark.parametrize(
    "picks", [[Pick(3, (1,))], [Pick(3, (0,))], [Pick(1, (1,)), Pick(3, (1,))]]
)
def test_a_replay_that_chooses_other_seats_still_gets_the_first_hold(picks: list[Pick]) -> None:
    venue = Venue()
    withhold(venue, 3, 0)  # so that one of the choices is refused by its block
    first = run(venue, place(ask, request(A, keyed=True), PAIR))
    again = run(venue, place(ask, request(A, keyed=True), picks))
    assert again == Placed(first.hold_id, first.hold, replayed=True)
    assert held(venue) == [(1, 0, "a"), (2, 0, "a")]


@pytest.mark.parametrize("keyed", [False, True])
def test_nothing_is_refused_as_long_as_a_part_may_be_left_behind(keyed: bool) -> None:
    """The retry finds it and gives it back; after a refusal nobody would."""
    venue = Venue()
    withhold(venue, 3, 0)
    coordinator = venue.start("one", place(ask, request(A, keyed=keyed), TRIO))
    while coordinator.call is not None:
        lost = isinstance(coordinator.call.command, ReleaseHold)
        venue.step(coordinator, Fate.LOST if lost else Fate.ANSWERED)
    assert isinstance(coordinator.answer, Unavailable)
    if keyed:
        assert (
            code_of(run(venue, place(ask, request(A, keyed=True), TRIO))) is Code.SEATS_UNAVAILABLE
        )
        assert held(venue) == []


@pytest.mark.parametrize("picks", [PAIR, [Pick(3, (1,))], [Pick(3, (0,))]])
def test_a_key_reused_for_another_request_is_refused_whatever_it_asks_for(
    picks: list[Pick],
) -> None:
    venue = Venue()
    withhold(venue, 3, 0)
    run(venue, place(ask, request(A, keyed=True), PAIR))
    refused = run(venue, place(ask, request(A, "other", keyed=True), picks))
    assert code_of(refused) is Code.IDEMPOTENCY_KEY_REUSED
    assert held(venue) == [(1, 0, "a"), (2, 0, "a")]


def test_a_key_may_be_tried_again_after_any_number_of_refusals() -> None:
    venue = Venue()
    withhold(venue, 2, 0)
    for _ in range(2 * holding.EPOCHS_MAX):
        assert (
            code_of(run(venue, place(ask, request(A, keyed=True), PAIR))) is Code.SEATS_UNAVAILABLE
        )
    assert isinstance(run(venue, place(ask, request(A, keyed=True), [Pick(1, (0,))])), Placed)
    assert venue.stray_parts() == []


def test_an_unkeyed_request_may_make_many_choices_under_one_token() -> None:
    venue = Venue()
    withhold(venue, 3, 0, 1, 2)
    choices = [[Pick(1, (n,)), Pick(2, (n,)), Pick(3, (n,))] for n in (0, 1, 2, 1, 0, 2)]
    for picks in [*choices, [Pick(1, (0,)), Pick(3, (0,))]]:
        assert code_of(run(venue, place(ask, request(A), picks))) is Code.SEATS_UNAVAILABLE
    assert isinstance(run(venue, place(ask, request(A), [Pick(1, (0,)), Pick(2, (3,))])), Placed)
    assert held(venue) == [(1, 0, "a"), (2, 3, "a")]


def test_a_keyed_hold_whose_answer_was_lost_is_found_by_its_retry() -> None:
    for lost in range(3):
        for fate in (Fate.LOST, Fate.ANSWER_LOST):
            venue = Venue()
            fates = [Fate.ANSWERED] * lost + [fate]
            assert isinstance(
                run(venue, place(ask, request(A, keyed=True), PAIR), fates), Unavailable
            )
            assert isinstance(run(venue, place(ask, request(A, keyed=True), PAIR)), Placed)
            assert held(venue) == [(1, 0, "a"), (2, 0, "a")]


def test_an_unkeyed_hold_whose_last_answer_was_lost_is_settled_by_its_primary() -> None:
    venue = Venue()
    placed = run(venue, place(ask, request(A), PAIR), [Fate.ANSWERED, Fate.ANSWER_LOST])
    assert isinstance(placed, Placed)
    venue = Venue()
    assert isinstance(
        run(venue, place(ask, request(A), PAIR), [Fate.ANSWERED, Fate.LATE]), Unavailable
    )
    assert held(venue) == []
    venue.arrive(0)
    assert held(venue) == [], "the late commit is of an epoch that is over"


def test_a_retry_after_its_first_parts_expired_takes_them_anew() -> None:
    venue = Venue()
    first = run(venue, place(ask, request(A, keyed=True), PAIR), [Fate.ANSWERED, Fate.LOST])
    assert isinstance(first, Unavailable)
    venue.now += 600_000
    placed = run(venue, place(ask, request(A, keyed=True), PAIR))
    assert isinstance(placed, Placed)
    assert placed.hold.deadline == venue.now + 600_000


def test_the_deadline_of_a_hold_is_the_earliest_of_its_parts() -> None:
    venue = Venue()
    coordinator = venue.start("slow", place(ask, request(A), TRIO))
    venue.step(coordinator)
    venue.now += 5_000
    venue.finish()
    assert coordinator.answer.hold.deadline == venue.now - 5_000 + 600_000


def test_a_late_give_back_of_an_older_epoch_cannot_reach_a_part_of_a_committed_hold() -> None:
    """The first twin fails in block 3 and is slow to give back block 2; the second one goes on and commits."""
    venue = Venue()
    withhold(venue, 3, 0)
    slow = venue.start("slow", place(ask, request(A, keyed=True), TRIO))
    for _ in range(5):  # parts 1 and 2, the refusal of 3, abandoned, part 1 given back
        venue.step(slow)
    fast = venue.start("fast", place(ask, request(A, keyed=True), PAIR))
    while fast.call is not None:
        venue.step(fast)
    assert isinstance(fast.answer, Placed)
    venue.finish()
    assert held(venue) == [(1, 0, "a"), (2, 0, "a")]


def test_a_released_hold_gives_back_all_parts_and_again_is_no_error() -> None:
    venue = Venue()
    placed = run(venue, place(ask, request(A), TRIO))
    for _ in range(2):
        assert isinstance(run(venue, holding.release(ask, placed.hold_id)), Accepted)
        assert held(venue) == []
    assert run(venue, holding.find(ask, placed.hold_id)) == Rejection(Code.HOLD_NOT_FOUND)


def test_a_release_that_did_not_reach_a_part_is_completed_by_its_retry() -> None:
    venue = Venue()
    placed = run(venue, place(ask, request(A), TRIO))
    run(venue, holding.release(ask, placed.hold_id), [Fate.ANSWERED, Fate.LOST])
    assert held(venue) == [(1, 0, "a")]
    run(venue, holding.release(ask, placed.hold_id))
    assert held(venue) == []


def test_an_extension_moves_every_part_and_happens_once() -> None:
    venue = Venue()
    placed = run(venue, place(ask, request(A), TRIO))
    venue.now += 60_000
    extended = run(venue, holding.extend(ask, placed.hold_id, "r"))
    assert extended.hold.deadline == placed.hold.deadline + 600_000
    assert {b.holds[A].deadline for n, b in venue.blocks.items() if n} == {extended.hold.deadline}
    again = run(venue, holding.extend(ask, placed.hold_id, "r"))
    assert again.replayed
    assert run(venue, holding.extend(ask, placed.hold_id, "s")) == Rejection(Code.ALREADY_EXTENDED)


def test_an_extension_that_broke_off_is_completed_by_a_retry_with_another_name() -> None:
    venue = Venue()
    placed = run(venue, place(ask, request(A), TRIO))
    broken = run(venue, holding.extend(ask, placed.hold_id, "r"), [Fate.ANSWERED] * 2 + [Fate.LOST])
    assert isinstance(broken, Unavailable)
    extended = run(venue, holding.extend(ask, placed.hold_id, "s"))
    assert extended.hold.deadline == placed.hold.deadline + 600_000
    venue.check()


def test_a_hold_that_expired_is_gone_for_release_and_extension() -> None:
    venue = Venue()
    placed = run(venue, place(ask, request(A), PAIR))
    venue.now += 600_000
    for answer in (
        run(venue, holding.release(ask, placed.hold_id)),
        run(venue, holding.extend(ask, placed.hold_id, "r")),
        run(venue, holding.find(ask, placed.hold_id)),
    ):
        assert answer == Rejection(Code.HOLD_EXPIRED)


def test_a_part_of_one_hold_stands_in_the_way_of_another() -> None:
    venue = Venue()
    venue.blocks[2] = after(venue.blocks[2], HoldTickets(terms(C), (0,)))
    refused = run(venue, place(ask, request(A), PAIR))
    assert [conflict.ticket for conflict in refused.rejection.conflicts] == [0]
