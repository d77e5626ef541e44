"""The search for a linearization of the steps of one object: Wing & Gong, with Lowe's just-in-time order and memo.

J. M. Wing and C. Gong, "Testing and verifying concurrent objects", JPDC 1993: try every order of the steps that agrees
with real time. G. Lowe, "Testing for linearizability", CCPE 2017: remember the (set of linearized steps, state) that
were met before, and linearize a step only just in time, when a return makes it necessary. So the search goes through
the history once, with the set of all configurations that are possible so far: a configuration is a bit mask of the
steps in progress that are already linearized, and a state. When none is left, the history up to this return is the
shortest prefix that cannot be explained.

Two shortcuts lose nothing. A claim changes no state, so it is linearized as soon as it is true. A step that may
happen or not (no return) needs no bit: in this model each of them can change a state at most once, as no hold takes
a ticket again, but one that is being paid, which may do so any number of times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from tests.linearizability.model import State, Step

CONFIGURATIONS_MAX = 200_000
"""More at one return would take too long to follow; the search then says so, and judges nothing."""

Moves = Callable[[State, Step], tuple[State, ...]]
Configuration = tuple[int, State]


class Undecided(Exception):
    """The steps of one object overlap so much that not every order can be tried."""


def first_unexplained(steps: Sequence[Step], initial: State, moves: Moves) -> Step | None:
    """The step whose return cannot be explained, None if all can. Equal times count as concurrent."""
    return _Search(initial, moves).run(steps)


class _Search:
    def __init__(self, initial: State, moves: Moves) -> None:
        self._moves = moves
        self._configurations: set[Configuration] = {(0, initial)}
        self._claims: dict[int, Step] = {}
        self._changes: dict[int, Step] = {}
        self._maybe: dict[str, list[Step]] = {}
        self._bits: dict[int, int] = {}
        self._unused: list[int] = []
        self._width = 0

    def run(self, steps: Sequence[Step]) -> Step | None:
        events = [(step.invoked, 0, number) for number, step in enumerate(steps)]
        events += [
            (step.returned, 1, number)
            for number, step in enumerate(steps)
            if step.returned is not None
        ]
        events.sort()
        for _, is_return, number in events:
            step = steps[number]
            if not is_return:
                self._invoke(number, step)
            elif not self._return(number):
                return step
        return None

    def _invoke(self, number: int, step: Step) -> None:
        if step.returned is None:
            self._maybe.setdefault(step.hold, []).append(step)
            return
        if not self._unused:
            self._unused.append(1 << self._width)
            self._width += 1
        self._bits[number] = bit = self._unused.pop()
        if not step.is_claim:
            self._changes[bit] = step
            return
        self._claims[bit] = step
        self._configurations = {
            (mask | bit, state) if self._moves(state, step) else (mask, state)
            for mask, state in self._configurations
        }

    def _return(self, number: int) -> bool:
        bit = self._bits.pop(number)
        explained = {(mask ^ bit, state) for mask, state in self._configurations if mask & bit}
        open_ = [pair for pair in self._configurations if not pair[0] & bit]
        if open_:
            self._linearize(bit, open_, explained)
        self._claims.pop(bit, None)
        self._changes.pop(bit, None)
        self._unused.append(bit)
        self._configurations = explained
        return bool(explained)

    def _linearize(
        self, bit: int, open_: list[Configuration], explained: set[Configuration]
    ) -> None:
        """Add to `explained` everything that the open configurations can become with `bit` as the last step."""
        seen = set(open_)
        while open_:
            mask, state = open_.pop()
            for after, reached in self._successors(mask, state):
                after = self._with_true_claims(after, reached)
                if after & bit:
                    explained.add((after ^ bit, reached))
                elif (after, reached) not in seen:
                    seen.add((after, reached))
                    open_.append((after, reached))
            if len(seen) > CONFIGURATIONS_MAX:
                raise Undecided(f"more than {CONFIGURATIONS_MAX} orders of {len(self._changes)}")

    def _successors(self, mask: int, state: State) -> Iterable[Configuration]:
        for bit, step in self._changes.items():
            if not mask & bit:
                for reached in self._moves(state, step):
                    yield mask | bit, reached
        for step in self._maybe.get(state.hold, ()):
            for reached in self._moves(state, step):
                yield mask, reached

    def _with_true_claims(self, mask: int, state: State) -> int:
        for bit, step in self._claims.items():
            if not mask & bit and self._moves(state, step):
                mask |= bit
        return mask
