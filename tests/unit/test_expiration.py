"""The expiration service against blocks whose hosts have another idea of the time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, cast

from actors.activation import decide_all
from actors.domain.block import Block
from actors.domain.commands import Command, HoldTickets
from actors.domain.identity import BlockKey
from actors.outcomes import Outcome
from cluster.journal.wakeups import Wakeup
from cluster.services.expiration import RETRY_MS, ExpirationService
from tests.unit.halls import NOW, after, opened, seats, terms

KEY = BlockKey("sabcdefghijkl", 1)
DEADLINE = NOW + 600_000


class Idle:
    """A consumer that nothing comes from."""

    consuming = True

    def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def lag(self) -> int:
        return 0


@dataclass
class World:
    """`host_ms` is the host's clock, `service_ms` the service's."""

    host_ms: int
    service_ms: int
    block: Block = field(
        default_factory=lambda: after(opened(seats("aa")), HoldTickets(terms(), (0,)))
    )
    scheduled: list[int] = field(default_factory=list)

    async def ask(self, key: BlockKey, command: Command) -> Outcome:
        self.block, _, (outcome,) = decide_all(self.block, [command], self.host_ms)
        return outcome

    async def schedule(self, block: BlockKey, at_ms: int, now_ms: int) -> None:
        self.scheduled.append(at_ms)

    def service(self) -> ExpirationService:
        def consumer(handler: Callable[[list[Any]], Awaitable[None]]) -> Idle:
            return Idle()

        return ExpirationService(
            consumer, consumer, self.schedule, self.ask, lambda: self.service_ms
        )

    def wake(self, at_ms: int) -> None:
        wakeup = Wakeup(KEY, at_ms, cast(Any, None))
        asyncio.run(self.service().on_wakeups([wakeup]))


def test_a_wakeup_on_time_ends_the_hold_and_that_is_all() -> None:
    world = World(host_ms=DEADLINE + 500, service_ms=DEADLINE + 500)
    world.wake(DEADLINE + 500)
    assert not world.block.holds
    assert world.scheduled == []


def test_a_wakeup_that_comes_too_early_for_the_clock_of_the_host_comes_again() -> None:
    """Else nobody would ever announce that the hold is over."""
    world = World(host_ms=DEADLINE - 4_000, service_ms=DEADLINE + 500)
    world.wake(DEADLINE + 500)
    assert world.block.holds
    assert world.scheduled == [-(-(DEADLINE + 500 + RETRY_MS) // 1000) * 1000]
    world.host_ms += RETRY_MS + 4_000
    world.wake(world.scheduled.pop())
    assert not world.block.holds
    assert world.scheduled == []


def test_a_service_whose_clock_is_behind_does_not_ask_again_and_again() -> None:
    """Its next wake-up lies behind the one that has just fired, not behind its own idea of the time."""
    world = World(host_ms=DEADLINE - 4_000, service_ms=DEADLINE - 300_000)
    world.wake(DEADLINE + 500)
    assert world.scheduled[0] >= DEADLINE + 500 + RETRY_MS


def test_a_hold_that_is_due_later_has_a_wakeup_of_its_own() -> None:
    world = World(host_ms=DEADLINE - 60_000, service_ms=DEADLINE - 60_000)
    world.wake(DEADLINE - 60_000)
    assert world.scheduled == []
