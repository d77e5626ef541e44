"""The expiration service: makes the end of a hold prompt and known. It decides nothing; the tickets do.

It reads every hold in the journal and keeps a durable wake-up for its block and the second of its deadline; a due
wake-up becomes an `ExpireDue`, and the block ends whatever is overdue. Dead, it delays announcements only: a seat past
its deadline can be sold all the same. Back again, it goes on where it was; overdue wake-ups fire at once.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol

import structlog

from actors.activation import Clock
from actors.codec import decode_commit
from actors.domain.commands import ExpireDue
from actors.domain.events import HoldExtended, HoldSecured, TicketsHeld
from actors.domain.identity import BlockKey
from actors.holding import Ask
from actors.journal import JournalUnavailable
from actors.metrics import EXPIRY_LAG
from actors.outcomes import Accepted, Outcome, Unavailable
from actors.telemetry import SILENT, Meter
from cluster.journal.consumer import Delivery, TryLater
from cluster.journal.streams import block_of
from cluster.journal.wakeups import Wakeup

CLOCK_SKEW_MS_MAX = 500
"""A wake-up comes this much after the deadline: the host's clock may be behind the one of the NATS server."""

SCHEDULED_REMEMBERED_MAX = 100_000
"""Wake-ups that are known to be scheduled, so that a second hold of that second needs no request of its own."""

REQUESTS_IN_FLIGHT_MAX = 64
"""Wake-ups scheduled, or blocks asked, at a time."""

ASK_SECONDS_MAX = 2.5
"""A block that does not answer in time is asked again later, and does not hold up the others."""

RETRY_MS = 3_000
"""After so long a block that did not end what is overdue is woken again."""

_log = structlog.get_logger()

Slot = tuple[BlockKey, int]
"""A block and a second since the epoch."""


class Consumer(Protocol):
    """A durable consumer, as `cluster.journal.consumer` has it."""

    consuming: bool

    def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def lag(self) -> int: ...


class Schedule(Protocol):
    """How a wake-up is made durable (see `cluster.journal.wakeups.schedule_wakeup`)."""

    async def __call__(self, block: BlockKey, at_ms: int, now_ms: int) -> None:
        """Raises JournalUnavailable."""
        ...


class ExpirationService:
    """`consume_commits` and `consume_wakeups` make the two consumers from their handlers."""

    def __init__(
        self,
        consume_commits: Callable[[Callable[[list[Delivery]], Awaitable[None]]], Consumer],
        consume_wakeups: Callable[[Callable[[list[Wakeup]], Awaitable[None]]], Consumer],
        schedule: Schedule,
        ask: Ask,
        clock: Clock,
        meter: Meter = SILENT.meter,
    ) -> None:
        self._commits = consume_commits(self.on_commits)
        self._wakeups = consume_wakeups(self.on_wakeups)
        self._schedule = schedule
        self._ask = ask
        self._clock = clock
        self._meter = meter
        self._scheduled: OrderedDict[Slot, None] = OrderedDict()
        self._fired_ms = 0
        self._requests = asyncio.Semaphore(REQUESTS_IN_FLIGHT_MAX)
        self._stopping = asyncio.Event()
        self._woken = 0
        self._retried = 0

    async def run(self) -> None:
        self._commits.start()
        self._wakeups.start()
        try:
            await self._stopping.wait()
        finally:
            await asyncio.gather(self._commits.stop(), self._wakeups.stop())

    async def stop(self) -> None:
        self._stopping.set()

    async def health(self) -> dict[str, Any]:
        return {
            "lag": await self._commits.lag(),
            "wakeups_due": await self._wakeups.lag(),
            "consuming": self._commits.consuming and self._wakeups.consuming,
            "woken": self._woken,
            "retried": self._retried,
        }

    async def on_commits(self, deliveries: list[Delivery]) -> None:
        """Schedule what these commits hold; returns when all of it is durable."""
        now = self._clock()
        await self._ensure(_slots(deliveries, now), now)

    async def on_wakeups(self, wakeups: list[Wakeup]) -> None:
        """Ask the blocks. One that still has a hold, or gave no definite answer, has another wake-up to come: clocks
        may differ, and only the newest due wake-up of a block is kept, so that this one may have replaced another.
        """
        self._fired_ms = max(self._fired_ms, *[wakeup.fired_ms for wakeup in wakeups])
        outcomes = await asyncio.gather(*[self._expire(wakeup.block) for wakeup in wakeups])
        pairs = list(zip(wakeups, outcomes, strict=True))
        # New wake-ups, not negative acknowledgements: those are counted, and in the end buried.
        await self._ensure([slot for pair in pairs for slot in _next(*pair)], self._clock())
        self._retried += sum(isinstance(outcome, Unavailable) for outcome in outcomes)
        self._woken += len(wakeups)
        late_ms = self._clock() - min(wakeup.at_ms for wakeup in wakeups)
        self._meter.observe(EXPIRY_LAG, max(0, late_ms) / 1000)

    async def _ensure(self, wanted: list[Slot], now: int) -> None:
        """Have all of these wake-ups to come. Raises TryLater."""
        await self._schedule_all([slot for slot in wanted if not self._will_wake(slot)], now)
        for slot in wanted:
            self._scheduled[slot] = None
            self._scheduled.move_to_end(slot)
        while len(self._scheduled) > SCHEDULED_REMEMBERED_MAX:
            self._scheduled.popitem(last=False)

    def _will_wake(self, slot: Slot) -> bool:
        """Whether its wake-up is known to be scheduled and still to come. A hold of a host whose clock is behind may
        ask for a second that is over."""
        return slot in self._scheduled and slot[1] * 1_000 > self._fired_ms

    async def _expire(self, block: BlockKey) -> Outcome:
        async with self._requests:
            try:
                return await asyncio.wait_for(self._ask(block, ExpireDue()), ASK_SECONDS_MAX)
            except TimeoutError:
                return Unavailable("no answer in time")

    async def _schedule_all(self, slots: Iterable[Slot], now: int) -> None:
        scheduling = [self._schedule_one(slot, now) for slot in slots]
        for result in await asyncio.gather(*scheduling, return_exceptions=True):
            if isinstance(result, JournalUnavailable):
                raise TryLater(str(result))
            if result is not None:
                raise result

    async def _schedule_one(self, slot: Slot, now: int) -> None:
        block, second = slot
        async with self._requests:
            await self._schedule(block, second * 1_000, now)


def _next(wakeup: Wakeup, outcome: Outcome) -> list[Slot]:
    """When a block is to be woken next. If it takes for early what this wake-up came for, its host's clock is behind
    the one that wakes; then, as after no answer, it is asked again in a while."""
    hold = outcome.hold if isinstance(outcome, Accepted) else None
    due = hold is not None and hold.deadline <= max(wakeup.at_ms, wakeup.fired_ms)
    if isinstance(outcome, Unavailable) or due:
        return [(wakeup.block, _second(wakeup.fired_ms + RETRY_MS))]
    return [] if hold is None else [(wakeup.block, _second(hold.deadline + CLOCK_SKEW_MS_MAX))]


def _slots(deliveries: Iterable[Delivery], now: int) -> list[Slot]:
    """When the holds of these commits end. What is overdue in a block shares a slot: one wake-up ends all of it.

    That slot is the latest of the overdue deadlines, never the service's own time: where its clock is fast, what it
    takes for overdue is not, and is to be announced at its deadline all the same.
    """
    ahead, overdue = dict[Slot, None](), dict[BlockKey, int]()
    for delivery in deliveries:
        block = block_of(delivery.subject)
        for event in decode_commit(delivery.payload).events:
            if not isinstance(event, TicketsHeld | HoldExtended | HoldSecured):
                continue
            if event.deadline > now:
                ahead[block, _second(event.deadline + CLOCK_SKEW_MS_MAX)] = None
            else:
                overdue[block] = max(event.deadline, overdue.get(block, 0))
    late = [(block, _second(at_ms + CLOCK_SKEW_MS_MAX)) for block, at_ms in overdue.items()]
    return [*ahead, *late]


def _second(at_ms: int) -> int:
    """The next full second."""
    return -(-at_ms // 1_000)
