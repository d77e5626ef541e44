"""A thousand simulated sales: whatever breaks, the promises hold. And the simulation itself: it repeats to the letter,
and a failure is made small and readable."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from actors.domain import tickets
from tests.guards.without import Guard, without
from tests.simulation.campaign import campaign, explain, quiet
from tests.simulation.plan import plan_of
from tests.simulation.run import run
from tests.simulation.shrinking import only, pieces_of, read, shrink
from tests.simulation.story import story

SEEDS = 1_000
SEEDS_EACH = 100
STEPS_MIN = 500
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("first", range(0, SEEDS, SEEDS_EACH))
def test_the_promises_hold_in_every_simulated_sale(first: int) -> None:
    done = campaign(range(first, first + SEEDS_EACH))
    assert not done.failed, explain(done.failed[0])
    assert done.runs == SEEDS_EACH
    assert done.steps_min >= STEPS_MIN
    statuses = {"none", "200", "201", "204", "404", "409", "410", "422", "503"}
    assert done.answers.keys() >= statuses  # the buyers get to know every kind of answer
    assert len(done.disasters) == 29, done.disasters


def fingerprint(first: int, end: int) -> str:
    digest = hashlib.sha256()
    for seed in range(first, end):
        digest.update(story(run(plan_of(seed))).encode())
    return digest.hexdigest()


def test_a_seed_is_one_story_in_every_process() -> None:
    program = "from tests.simulation.test_simulation import fingerprint as f; print(f(0, 12))"
    told = [
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()[-1]
        for hash_seed in ("1", "2")
    ]
    assert told[0] == told[1] == fingerprint(0, 12)


EARLY = Guard(tickets, "if hold.deadline <= now\n", "if hold.deadline <= now + 5_000\n")


def test_a_failing_run_is_made_small_and_told_as_a_story() -> None:
    quiet()
    seed = 0
    with without(EARLY):
        while not run(plan_of(seed)).violations:
            seed += 1
        explained = explain(seed)
        command, _, tale = explained.partition("\n")
        smaller = read(seed, command.rpartition(" ")[2])
        again = run(smaller)
        assert again.violations
        assert story(again).strip() == tale.strip()  # the command repeats the run
    assert len(pieces_of(smaller)) < len(pieces_of(plan_of(seed))) / 2
    assert "hears of its hold: 201" in tale
    assert "ms early" in tale
    assert run(smaller).violations == []  # the guard is back


def test_a_piece_that_a_plan_does_not_have_is_named() -> None:
    with pytest.raises(ValueError, match="seed 3 has no b99, x"):
        read(3, "b0,b99,x")


def test_shrinking_finds_the_pieces_that_are_needed() -> None:
    plan = plan_of(next(seed for seed in range(100) if len(plan_of(seed).disasters) >= 6))
    needed = {plan.buyers[3], plan.buyers[7], plan.disasters[5]}
    pieces = shrink(plan, lambda tried: needed <= {*tried.buyers, *tried.disasters})
    assert pieces == [("b", 3), ("b", 7), ("d", 5)]
    assert {*only(plan, pieces).buyers, *only(plan, pieces).disasters} == needed
