"""Many seeds, and what came of them."""

from __future__ import annotations

import logging
import multiprocessing
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from tests.simulation.account import Violation
from tests.simulation.plan import Plan, plan_of
from tests.simulation.run import Run, run
from tests.simulation.shrinking import only, shrink, written
from tests.simulation.story import story

CHUNK_SEEDS = 50


@dataclass(slots=True)
class Campaign:
    """Counts over all runs. `answers` are the clients' answers by status ("none": it gave up or was cut off),
    `disasters` those that had an effect."""

    runs: int = 0
    steps: int = 0
    steps_min: int = 0
    commits: int = 0
    virtual_seconds: float = 0.0
    answers: Counter[str] = field(default_factory=Counter[str])
    disasters: Counter[str] = field(default_factory=Counter[str])
    failed: list[int] = field(default_factory=list[int])

    def add(self, done: Run) -> None:
        self.runs += 1
        self.steps += done.steps
        self.steps_min = min(self.steps_min, done.steps) if self.runs > 1 else done.steps
        self.commits += len({fact.sequence for fact in done.ledger})
        self.answers.update(
            str(one.status) if one.returned is not None else "none" for one in done.history
        )
        self.disasters.update(done.struck)
        self.virtual_seconds += done.seconds
        if done.violations:
            self.failed.append(done.plan.seed)

    def merge(self, other: Campaign) -> None:
        first = self.runs == 0
        self.steps_min = other.steps_min if first else min(self.steps_min, other.steps_min)
        self.runs += other.runs
        self.steps += other.steps
        self.commits += other.commits
        self.virtual_seconds += other.virtual_seconds
        self.answers.update(other.answers)
        self.disasters.update(other.disasters)
        self.failed += other.failed

    def figures(self) -> dict[str, Any]:
        return {
            "runs": self.runs,
            "steps": self.steps,
            "steps_min": self.steps_min,
            "commits": self.commits,
            "virtual_hours": round(self.virtual_seconds / 3600, 1),
            "answers": dict(sorted(self.answers.items())),
            "disasters": dict(sorted(self.disasters.items())),
            "failed": sorted(self.failed),
        }


def campaign(seeds: Sequence[int]) -> Campaign:
    """All seeds, in this process."""
    quiet()
    done = Campaign()
    for seed in seeds:
        done.add(run(plan_of(seed)))
    return done


def campaigns(seeds: range, processes: int) -> Iterator[Campaign]:
    """The campaign as it grows, chunk by chunk, over several processes."""
    chunks = [seeds[start : start + CHUNK_SEEDS] for start in range(0, len(seeds), CHUNK_SEEDS)]
    total = Campaign()
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        for part in pool.imap_unordered(campaign, chunks):
            total.merge(part)
            yield total


def explain(seed: int) -> str:
    """Why a seed fails: the command that repeats the smallest failing run, and its story."""
    plan, laws = plan_of(seed), _laws(run(plan_of(seed)).violations)

    def fails(smaller: Plan) -> bool:
        return bool(laws & _laws(run(smaller).violations))

    pieces = shrink(plan, fails)
    return f"{written(seed, pieces)}\n\n{story(run(only(plan, pieces)))}"


def quiet() -> None:
    """What the product logs of simulated disasters is nobody's business."""
    silent = structlog.make_filtering_bound_logger(logging.CRITICAL)
    structlog.configure(wrapper_class=silent, cache_logger_on_first_use=False)


def _laws(violations: list[Violation]) -> set[str]:
    return {violation.law for violation in violations}
