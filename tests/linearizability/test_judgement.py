"""The checker against histories that are known to be right or wrong, and its search against the definition."""

from __future__ import annotations

from random import Random

import pytest

from tests.linearizability import check
from tests.linearizability.brute_force import is_linearizable
from tests.linearizability.model import FIRST_CLAIM, FREE, Act, Phase, State, Step, step
from tests.linearizability.planting import KINDS, planted
from tests.linearizability.search import first_unexplained
from tests.linearizability.truth import valid_history

PLANTED_OF_EACH_KIND = 4
TICKET_ACTS = [
    act for act in Act if act < Act.TAKE_AGAIN
]  # that one may happen any number of times
TICKET_CLAIMS = [Act.HOLDS, Act.LEFT, Act.REFUSED, Act.REFUSED_SOLD, Act.OWNED]
RECORD_ACTS = [act for act in Act if Act.CREATE <= act < Act.REVIVE]  # and so may this one
RECORD_CLAIMS = [act for act in Act if act >= Act.SEEN]


@pytest.mark.parametrize("skew_ms", [0, 20])
def test_a_thousand_valid_histories_are_accepted(skew_ms: int) -> None:
    for seed in range(500):
        history = valid_history(seed + 1000 * skew_ms, skew_ms=skew_ms)
        found = check(history, skew_ms + 1)
        assert not found, f"seed {seed}: {found[0]}"


def test_there_are_many_kinds_of_planted_violations() -> None:
    assert len(KINDS) >= 25
    assert len(KINDS) * PLANTED_OF_EACH_KIND >= 100


@pytest.mark.parametrize("seed", range(PLANTED_OF_EACH_KIND))
def test_planted_violations_are_found_at_their_seat(seed: int) -> None:
    for kind in KINDS:
        history, seats = planted(kind, seed)
        found = check(history, skew_ms=2)
        assert found, f"{kind}, seed {seed}: not found"
        elsewhere = [anomaly for anomaly in found if anomaly.seat not in seats]
        assert not elsewhere, f"{kind}, seed {seed}: {elsewhere[0]}"


def test_without_the_planted_answers_nothing_is_found() -> None:
    """What is planted into is valid: else anything could have been found."""
    for seed in range(PLANTED_OF_EACH_KIND):
        history = valid_history(seed, clients=8, operations=8, seats=30, best=False, hold_ms=60_000)
        assert not check(history, skew_ms=2), seed


@pytest.mark.timeout(60)
def test_a_long_history_of_a_large_house_takes_no_minute() -> None:
    """20,000 operations of 40 clients; making it up takes longer than judging it."""
    history = valid_history(1, clients=40, operations=500, seats=2000, hold_ms=60_000)
    assert len(history) == 20_000
    assert not check(history)


def _random_steps(dice: Random, acts: list[Act], claims: list[Act]) -> list[Step]:
    """A few steps about two holds, close together, at few different times; a hold takes a ticket once."""
    steps, takes = list[Step](), {"H1", "H2"}
    for _ in range(dice.randint(2, 5)):
        act = dice.choice(dice.choice([acts, claims]))
        hold = dice.choice(["H1", "H2"])
        begin = dice.randint(0, 8)
        end: int | None = begin + dice.randint(0, 5)
        if act is Act.TAKE:
            if hold not in takes:
                continue
            takes.discard(hold)
        elif act < FIRST_CLAIM and act is not Act.CREATE and dice.random() < 0.3:
            end = None
        steps.append(Step(act, hold, begin, end, request=dice.choice(["e1", "e2"])))
    return steps


def _of_one_hold(steps: list[Step]) -> list[Step]:
    return [Step(s.act, "H1", s.invoked, s.returned, request=s.request) for s in steps]


def test_the_search_agrees_with_the_definition_about_tickets() -> None:
    verdicts = [0, 0]
    for seed in range(3000):
        steps = _random_steps(Random(seed), [*TICKET_ACTS, Act.TAKE, Act.TAKE], TICKET_CLAIMS)
        expected = is_linearizable(steps, FREE, step)
        assert (first_unexplained(steps, FREE, step) is None) == expected, f"{seed}: {steps}"
        verdicts[expected] += 1
    assert min(verdicts) > 400


def test_the_search_agrees_with_the_definition_about_records() -> None:
    initial, verdicts = State("H1", Phase.UNBORN), [0, 0]
    for seed in range(3000):
        dice = Random(seed)
        steps = _of_one_hold(_random_steps(dice, RECORD_ACTS[1:], RECORD_CLAIMS))
        steps.append(Step(Act.CREATE, "H1", 0, dice.randint(0, 4)))
        expected = is_linearizable(steps, initial, step)
        assert (first_unexplained(steps, initial, step) is None) == expected, f"{seed}: {steps}"
        verdicts[expected] += 1
    assert min(verdicts) > 300
