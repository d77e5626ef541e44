"""The expiration service against blocks whose hosts have another idea of the time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

import pytest

from actors.activation import decide_all
from actors.codec import encode_commit
from actors.domain.block import Block
from actors.domain.commands import Command, HoldTickets
from actors.domain.events import Event, TicketsHeld
from actors.domain.identity import BlockKey
from actors.outcomes import Outcome
from cluster.journal.consumer import Delivery
from cluster.journal.wakeups import Wakeup
from cluster.services.expiration import RETRY_MS, ExpirationService
from tests.idle import Idle
from tests.unit.halls import NOW, after, opened, seats, terms

KEY = BlockKey("sabcdefghijkl", 1)
DEADLINE = NOW + 600_000


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

    @cached_property
    def service(self) -> ExpirationService:
        def consumer(handler: Callable[[list[Any]], Awaitable[None]]) -> Idle:
            return Idle()

        return ExpirationService(
            consumer, consumer, self.schedule, self.ask, lambda: self.service_ms
        )

    def commits(self, *events: Event) -> None:
        deliveries = [
            Delivery(
                cast(Any, None), "", f"journal.{KEY}", n, encode_commit(NOW, "w", [event]), 1, 0
            )
            for n, event in enumerate(events)
        ]
        asyncio.run(self.service.on_commits(deliveries))

    def wake(self, at_ms: int, fired_ms: int = 0) -> None:
        wakeup = Wakeup(KEY, at_ms, fired_ms or at_ms, cast(Any, None))
        asyncio.run(self.service.on_wakeups([wakeup]))


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


def test_a_wakeup_speaks_for_those_that_it_replaced() -> None:
    """Of the due wake-ups of a block only the newest is kept: it may be the one of an earlier deadline."""
    world = World(host_ms=DEADLINE - 4_000, service_ms=DEADLINE + 500)
    world.wake(DEADLINE - 60_000, fired_ms=DEADLINE + 1_000)
    assert world.scheduled == [DEADLINE + 1_000 + RETRY_MS]


def test_a_second_that_is_over_is_no_wakeup_to_rely_on() -> None:
    """Two holds that end in one second share its wake-up; by the clock of a slow host that second may have passed."""
    world = World(host_ms=NOW, service_ms=NOW)
    first, second, third = (TicketsHeld(t, "f", (0,), 1, NOW, DEADLINE, 1) for t in "abc")
    world.commits(first)
    world.commits(second)
    assert world.scheduled == [DEADLINE + 1_000]
    world.wake(DEADLINE + 1_000)
    world.scheduled.clear()
    world.commits(third)
    assert world.scheduled == [DEADLINE + 1_000]


@pytest.mark.parametrize("wrong_ms", [-300_000, 300_000])
def test_when_it_comes_again_is_reckoned_by_the_clock_that_wakes(wrong_ms: int) -> None:
    """A service whose own clock is behind would ask again and again at once, a fast one far too late."""
    world = World(host_ms=DEADLINE - 4_000, service_ms=DEADLINE + wrong_ms)
    world.wake(DEADLINE + 500)
    assert world.scheduled == [-(-(DEADLINE + 500 + RETRY_MS) // 1000) * 1000]


@pytest.mark.parametrize("wrong_ms", [-300_000, 0, 300_000, 900_000])
def test_a_hold_is_announced_at_its_deadline_whatever_time_the_service_thinks_it_is(
    wrong_ms: int,
) -> None:
    world = World(host_ms=NOW, service_ms=NOW + wrong_ms)
    world.commits(TicketsHeld("a", "f", (0,), 1, NOW, DEADLINE, 1))
    assert world.scheduled == [DEADLINE + 1_000]


def test_what_is_overdue_in_a_block_is_one_wakeup() -> None:
    """A service that was dead for an hour must not schedule every hold of that hour."""
    world = World(host_ms=DEADLINE, service_ms=DEADLINE + 3_600_000)
    ends = [DEADLINE + 1_000 * n for n in range(20)]
    world.commits(*[TicketsHeld(f"{end}", "f", (0,), 1, NOW, end, 1) for end in ends])
    assert world.scheduled == [ends[-1] + 1_000]


def test_a_block_that_still_has_a_hold_has_a_wakeup_to_come() -> None:
    """Its own may have been replaced, unread, by this one: the clock that wakes was set back in between."""
    world = World(host_ms=DEADLINE - 60_000, service_ms=DEADLINE - 60_000)
    for _ in range(2):
        world.wake(DEADLINE - 60_000)
    assert world.scheduled == [DEADLINE + 1_000]
