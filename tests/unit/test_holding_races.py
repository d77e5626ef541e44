"""Coordinators of holds that run at the same time: in every order of their steps, and with any answer lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import holding
from actors.domain.block import Ending
from actors.domain.commands import WithholdTickets
from actors.domain.rejections import Code
from actors.holding import HoldRequest, Pick, Placed, Refused, place
from tests.unit.halls import TOKENS, after
from tests.unit.venue_simulation import Fate, Venue, ask, request

A, B, C = TOKENS[:3]
PAIR = [Pick(1, (0,)), Pick(2, (0,))]
TRIO = [Pick(1, (0,)), Pick(2, (0,)), Pick(3, (0,))]


def withhold(venue: Venue, block: int, *tickets: int) -> None:
    venue.blocks[block] = after(venue.blocks[block], WithholdTickets(tickets, "test"))


def held(venue: Venue) -> list[tuple[int, int, str]]:
    return [
        (number, ticket, token[0])
        for number, block in venue.blocks.items()
        for ticket, token in sorted(block.owner.items())
    ]


Cast = Callable[[Venue], None]


def twins(first: list[Pick], second: list[Pick], *, other: str = "f") -> Cast:
    def begin(venue: Venue) -> None:
        withhold(venue, 3, 0)
        venue.start("first", place(ask, request(A, keyed=True), first))
        venue.start("second", place(ask, request(A, other, keyed=True), second))

    return begin


def rivals(first: list[Pick], second: list[Pick], *, keyed: bool) -> Cast:
    def begin(venue: Venue) -> None:
        venue.start("first", place(ask, request(A, keyed=keyed), first))
        venue.start("second", place(ask, request(B, keyed=keyed), second))

    return begin


REVERSED = [Pick(2, (0,)), Pick(3, (1,))]
CASTS = {
    "twins that both could": twins(PAIR, PAIR),
    "twins that both fail": twins(TRIO, TRIO),
    "twins with different choices": twins(PAIR, REVERSED),
    "twins of which one fails": twins(PAIR, TRIO),
    "twins whose part differs in size": twins(PAIR, [Pick(1, (0, 1)), Pick(2, (0,))]),
    "a key used for two requests": twins(PAIR, REVERSED, other="g"),
    "rivals for all seats": rivals(TRIO, TRIO, keyed=False),
    "rivals with keys": rivals(PAIR, REVERSED, keyed=True),
}
ORDERS_MAX = 1_500


@pytest.mark.parametrize("cast", list(CASTS))
def test_every_order_of_two_coordinators_ends_well(cast: str) -> None:
    """All interleavings (of the twins that keep interfering the first ORDERS_MAX), each run from the start."""
    choices: list[int] = []
    for _ in range(ORDERS_MAX):
        venue, taken = Venue(), list[tuple[int, int]]()
        CASTS[cast](venue)
        while running := venue.running():
            chosen = choices[len(taken)] if len(taken) < len(choices) else 0
            taken.append((chosen, len(running)))
            venue.step(running[chosen])
        ended_well(venue)
        while taken and taken[-1][0] + 1 == taken[-1][1]:
            taken.pop()
        if not taken:
            return
        choices = [chosen for chosen, _ in taken[:-1]] + [taken[-1][0] + 1]


def ended_well(venue: Venue) -> None:
    """Nothing is left lying about, and coordinators with one key and one request know one hold."""
    assert venue.stray_parts() == []
    holds = {
        (c.answer.hold_id, c.answer.hold.parts) for c in venue.coordinators if placed(c.answer)
    }
    assert len(holds) == len(list(venue.committed()))
    refused = [c.answer for c in venue.coordinators if isinstance(c.answer, Refused)]
    assert all(answer.rejection.code is not Code.HOLD_SUPERSEDED for answer in refused)


def placed(answer: Any) -> bool:
    return isinstance(answer, Placed)


async def desk(who: HoldRequest, choices: list[list[Pick]]) -> Any:
    """A caller that makes another choice when the first one is gone, as the hold desk does."""
    answer: Any = None
    for picks in choices:
        answer = await place(ask, who, picks)
        if not isinstance(answer, Refused) or answer.rejection.code is not Code.SEATS_UNAVAILABLE:
            break
    return answer


async def buyer(who: HoldRequest, choices: list[list[Pick]], afterwards: str) -> Any:
    """Holds, and then perhaps gives the hold back or extends it."""
    answer = await desk(who, choices)
    if isinstance(answer, Placed) and answer.hold.ending is Ending.LIVE:
        if afterwards == "release":
            await holding.release(ask, answer.hold_id)
        elif afterwards == "extend":
            await holding.extend(ask, answer.hold_id, who.token)
    return answer


ticket_sets = st.lists(st.integers(0, 3), min_size=1, max_size=2, unique=True).map(tuple)
pick_lists = st.dictionaries(st.integers(1, 3), ticket_sets, min_size=1).map(
    lambda chosen: [Pick(block, tickets) for block, tickets in chosen.items()]
)
requests = st.one_of(
    st.builds(request, st.sampled_from([A, B]), st.just("f"), keyed=st.just(True)),
    st.builds(request, st.just(A), st.just("g"), keyed=st.just(True)),
)
keyed_buyers = st.tuples(requests, st.lists(pick_lists, min_size=1, max_size=3))
unkeyed_buyers = st.lists(pick_lists, min_size=1, max_size=3)
endings = st.sampled_from(["keep", "keep", "release", "extend"])
steps = st.lists(
    st.tuples(st.integers(0, 9), st.sampled_from([0] * 8 + [1, 2, 3, 4])), max_size=120
)


def start_buyers(venue: Venue, keyed: list[Any], unkeyed: list[Any], ends: list[str]) -> None:
    for number, (who, choices) in enumerate(keyed):
        venue.start(f"keyed {number}", buyer(who, choices, ends[number]))
    for number, choices in enumerate(unkeyed):
        who = request(TOKENS[4 + number])
        venue.start(f"unkeyed {number}", buyer(who, choices, ends[3 + number]))


@settings(max_examples=600)
@given(
    st.lists(keyed_buyers, min_size=1, max_size=3),
    st.lists(unkeyed_buyers, max_size=2),
    st.lists(endings, min_size=5, max_size=5),
    steps,
    st.booleans(),
)
def test_no_committed_hold_ever_loses_a_part_whatever_fails_and_in_whatever_order(
    keyed: list[Any], unkeyed: list[Any], ends: list[str], script: list[Any], hurry: bool
) -> None:
    venue = Venue()
    start_buyers(venue, keyed, unkeyed, ends)
    for choice, fate in script:
        running = venue.running()
        if choice == 9 and venue.late:
            venue.arrive(0)
        elif choice == 8 and not hurry:
            venue.now += 150_000
        elif running:
            venue.step(running[choice % len(running)], Fate(fate))
    venue.finish()
    while venue.late:
        venue.arrive(len(venue.late) - 1)


@settings(max_examples=400)
@given(
    st.lists(keyed_buyers, min_size=1, max_size=3),
    st.lists(unkeyed_buyers, max_size=2),
    st.lists(st.integers(0, 9), max_size=80),
)
def test_without_faults_nothing_is_left_lying_about(
    keyed: list[Any], unkeyed: list[Any], script: list[int]
) -> None:
    venue = Venue()
    start_buyers(venue, keyed, unkeyed, ["keep"] * 5)
    for choice in script:
        running = venue.running()
        if running:
            venue.step(running[choice % len(running)])
    venue.finish()
    ended_well(venue)
