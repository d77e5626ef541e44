"""Coordinators of holds run step by step against real blocks, in whatever order and with whatever faults a test wants.

Each question of a coordinator to a block is one step. A coordinator is an ordinary coroutine of `actors.holding`; the
simulation answers its questions itself, so that no event loop decides the order.
"""

from __future__ import annotations

from collections.abc import Coroutine, Generator, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from actors.activation import decide_all
from actors.domain.block import Block, Hold
from actors.domain.commands import Command
from actors.domain.identity import BlockKey
from actors.holding import HoldRequest
from actors.outcomes import Outcome, Unavailable
from tests.unit.halls import NOW, opened, register, seats

SHOW = "sabcdefghijkl"


class Fate(IntEnum):
    """What happens to one question."""

    ANSWERED = 0
    LOST = 1
    """Never executed; the answer is Unavailable."""
    ANSWER_LOST = 2
    """Executed; the answer is Unavailable."""
    LATE = 3
    """The answer is Unavailable, and the command is executed later (if ever)."""
    TWICE = 4
    """Answered, and executed a second time later: a call that was sent again while the first one was on its way."""


@dataclass
class Call:
    block: int
    command: Command

    def __await__(self) -> Generator[Call, Outcome, Outcome]:
        return (yield self)


async def ask(key: BlockKey, command: Command) -> Outcome:
    return await Call(key.block, command)


@dataclass
class Coordinator:
    name: str
    steps: Coroutine[Call, Outcome, Any]
    call: Call | None = None
    answer: Any = None

    def resume(self, outcome: Outcome | None) -> None:
        try:
            self.call = self.steps.send(outcome)  # type: ignore[arg-type]
        except StopIteration as end:
            self.call, self.answer = None, end.value


def _venue() -> dict[int, Block]:
    return {0: opened(register())} | {n: opened(seats("aaaa")) for n in (1, 2, 3)}


@dataclass
class Venue:
    """A show with one register (block 0) and three blocks of four seats."""

    now: int = NOW
    blocks: dict[int, Block] = field(default_factory=_venue)
    coordinators: list[Coordinator] = field(default_factory=list)
    late: list[Call] = field(default_factory=list)

    def start(self, name: str, steps: Coroutine[Any, Any, Any]) -> Coordinator:
        coordinator = Coordinator(name, steps)
        self.coordinators.append(coordinator)
        coordinator.resume(None)
        return coordinator

    def running(self) -> list[Coordinator]:
        return [c for c in self.coordinators if c.call is not None]

    def step(self, coordinator: Coordinator, fate: Fate = Fate.ANSWERED) -> None:
        call = coordinator.call
        assert call is not None
        outcome: Outcome = Unavailable("simulated")
        if fate in (Fate.ANSWERED, Fate.ANSWER_LOST, Fate.TWICE):
            executed = self.execute(call)
            outcome = outcome if fate is Fate.ANSWER_LOST else executed
        if fate in (Fate.LATE, Fate.TWICE):
            self.late.append(call)
        coordinator.resume(outcome)
        self.check()

    def arrive(self, index: int) -> None:
        """A late command is executed now; nobody hears its outcome."""
        self.execute(self.late.pop(index))
        self.check()

    def execute(self, call: Call) -> Outcome:
        block, _, (outcome,) = decide_all(self.blocks[call.block], [call.command], self.now)
        self.blocks[call.block] = block
        return outcome

    def finish(self) -> None:
        while self.running():
            self.step(self.running()[0])

    def committed(self) -> Iterator[Hold]:
        """The live holds that stand at this time, by their primaries."""
        for number, block in self.blocks.items():
            for hold in block.holds.values():
                if hold.primary == number and hold.deadline > self.now:
                    yield hold

    def check(self) -> None:
        """No committed hold has lost a part: then, as a ticket has one owner, no seat is in two of them either."""
        for hold in self.committed():
            for part in hold.parts:
                record = self.blocks[part.block].holds.get(hold.token)
                assert record is not None, f"{hold.token[0]} lost its part in block {part.block}"
                assert record.tickets == part.tickets
                assert record.deadline >= hold.deadline

    def stray_parts(self) -> list[tuple[int, str]]:
        """Live records that no committed hold names."""
        named = {(part.block, hold.token) for hold in self.committed() for part in hold.parts}
        named |= {(hold.primary, hold.token) for hold in self.committed()}
        live = {(n, token) for n, block in self.blocks.items() for token in block.holds}
        return sorted(live - named)


def request(token: str, fingerprint: str = "f", *, keyed: bool = False) -> HoldRequest:
    return HoldRequest(SHOW, token, fingerprint, keyed, registers=1)
