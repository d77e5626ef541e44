"""A valid history to plant violations into, and the holds in it that make good victims."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.history import Kind, Operation
from tests.linearizability.truth import valid_history
from tests.linearizability.written import asked, granted, held_body

HOLD_MS = 60_000


class Victim:
    """A granted hold; `at` gives times behind its answer, each later than the one before."""

    def __init__(self, dice: Random, operation: Operation, begins: float) -> None:
        assert operation.returned is not None
        self.operation, self.body = operation, operation.body
        self.hold_id, self.seats = operation.body["hold_id"], tuple(operation.body["seats"])
        self.key = operation.request.key
        self.deadline = begins + HOLD_MS
        self._dice, self._time = dice, operation.returned

    def at(self, least: float = 0.0) -> tuple[float, float]:
        begin = max(self._time, least) + self._dice.uniform(1, 200)
        self._time = begin + self._dice.uniform(1, 50)
        return begin, self._time


class Plot:
    """A valid history to plant into; everything planted is appended."""

    def __init__(self, seed: int) -> None:
        self.dice = Random(seed)
        self.history = valid_history(
            seed, clients=8, operations=8, seats=30, best=False, hold_ms=HOLD_MS
        )
        self._fresh = 0

    def add(self, *operations: Operation) -> None:
        self.history += operations

    def fresh(self) -> str:
        """A seat that nobody has asked for."""
        self._fresh += 1
        return f"fresh-{self._fresh}"

    def victim(self, *, keyed: bool = False) -> Victim:
        asked_of = {o.request.hold_id for o in self.history}
        candidates = [
            o
            for o in self.history
            if o.status == 201
            and o.body["hold_id"] not in asked_of
            and (not keyed or o.request.key)
        ]
        if not candidates:
            return self.newcomer(key="newcomer's" if keyed else "")
        chosen = self.dice.choice(candidates)
        return Victim(self.dice, chosen, chosen.invoked)

    def newcomer(self, key: str = "") -> Victim:
        """Another hold, of one seat that nobody has asked for."""
        begin, seat = self.dice.uniform(0, 1000), self.fresh()
        name, deadline = f"hold of {seat}", round(begin) + HOLD_MS
        operation = granted(begin, begin + 10, name, seat, key=key, deadline=deadline)
        self.add(operation)
        return Victim(self.dice, operation, begin)

    def ask(
        self, victim: Victim, kind: Kind, status: int, least: float = 0.0, **body: Any
    ) -> Operation:
        """A question about the victim, answered with this status and, if it is 200, with its body changed by `body`."""
        told = {**victim.body, **body} if status == 200 else {}
        operation = asked(kind, *victim.at(least), victim.hold_id, status, told)
        self.add(operation)
        return operation

    def extended(self, victim: Victim, by: float = HOLD_MS) -> dict[str, Any]:
        """The body of the victim's extension."""
        return held_body(victim.hold_id, victim.seats, victim.deadline + by, extended=True)
