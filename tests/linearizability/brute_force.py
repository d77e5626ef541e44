"""Linearizability by its definition: every order of the steps that agrees with real time is tried. For tiny histories.

Other than the search it knows no configurations, no memo, no just-in-time and no shortcut for claims.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations, permutations
from math import inf

from tests.linearizability.model import State, Step

Moves = Callable[[State, Step], tuple[State, ...]]


def is_linearizable(steps: Sequence[Step], initial: State, moves: Moves) -> bool:
    """Whether some order of all steps that returned, and of some that did not, is possible."""
    certain = [step for step in steps if step.returned is not None]
    maybe = [step for step in steps if step.returned is None]
    for count in range(len(maybe) + 1):
        for some in combinations(maybe, count):
            for order in permutations([*certain, *some]):
                if _agrees_with_time(order) and _is_possible(order, initial, moves):
                    return True
    return False


def _agrees_with_time(order: Sequence[Step]) -> bool:
    """No step returned before one was invoked that comes earlier in the order."""
    latest = -inf
    for step in order:
        latest = max(latest, step.invoked)
        if step.returned is not None and step.returned < latest:
            return False
    return True


def _is_possible(order: Sequence[Step], initial: State, moves: Moves) -> bool:
    states = {initial}
    for step in order:
        states = {after for state in states for after in moves(state, step)}
        if not states:
            return False
    return True
