"""Makes a failing plan smaller: leaves buyers and disasters out as long as the run still fails.

Delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002): halves first, then
ever smaller pieces. What is left out does not change the dice of what stays, for each has dice of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tests.simulation.plan import Plan, plan_of

RUNS_MAX = 400
"""Runs that shrinking may take: about half a minute."""

Piece = tuple[str, int]
"""`("b", 3)` is the plan's buyer 3, `("d", 0)` its first disaster."""


def pieces_of(plan: Plan) -> list[Piece]:
    buyers = [("b", index) for index in range(len(plan.buyers))]
    return [*buyers, *(("d", index) for index in range(len(plan.disasters)))]


def only(plan: Plan, pieces: list[Piece]) -> Plan:
    """The plan with nothing but these pieces."""
    kept = set(pieces)
    return replace(
        plan,
        buyers=tuple(b for index, b in enumerate(plan.buyers) if ("b", index) in kept),
        disasters=tuple(d for index, d in enumerate(plan.disasters) if ("d", index) in kept),
    )


def shrink(plan: Plan, fails: Callable[[Plan], bool]) -> list[Piece]:
    """The pieces that are needed for the failure: leaving any single one of them out makes it go away, as far as
    RUNS_MAX runs can tell."""
    pieces, parts, runs = pieces_of(plan), 2, 0
    while len(pieces) > 1 and runs < RUNS_MAX:
        size = -(-len(pieces) // parts)
        for start in range(0, len(pieces), size):
            rest = pieces[:start] + pieces[start + size :]
            runs += 1
            if fails(only(plan, rest)):
                pieces, parts = rest, max(parts - 1, 2)
                break
        else:
            if size == 1:
                break
            parts = min(parts * 2, len(pieces))
    return pieces


def written(seed: int, pieces: list[Piece]) -> str:
    """The run as the command that repeats it."""
    names = ",".join(f"{kind}{index}" for kind, index in pieces)
    return f"python -m tests.simulation --seed {seed} --only {names}"


def read(seed: int, names: str) -> Plan:
    """The plan that `written` names. Raises ValueError for a piece that the plan does not have."""
    plan = plan_of(seed)
    known = {f"{kind}{index}": (kind, index) for kind, index in pieces_of(plan)}
    unknown = [name for name in names.split(",") if name not in known]
    if unknown:
        raise ValueError(f"the plan of seed {seed} has no {', '.join(unknown)}")
    return only(plan, [known[name] for name in names.split(",")])
