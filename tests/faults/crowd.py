"""A crowd of buyers: they hold, look, extend, give back, give up, come back, and want each other's seats.

Seeded, so that the same buyers want the same things in the same order; what they get depends on the run.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random

import httpx

from tests.faults.recorder import PATIENCE_SECONDS, Recorder, now
from tests.history import Operation, Request
from tests.shop import until

JOIN_SECONDS_MAX = 90.0
SEATS_MAX = 4
HOLDS_MAX = 4
"""A buyer with so many holds gives one back before the next."""

RETRIES_MAX = 40
RETRY_SECONDS = (0.1, 0.5)
HASTY_SECONDS = (0.005, 0.2)

CONTENDED, BEST_AVAILABLE, SCATTERED = 0.3, 0.2, 0.2
KEYED, HASTY, WALKS_AWAY = 0.6, 0.04, 0.1
LOOKS, EXTENDS, GIVES_BACK = 0.4, 0.15, 0.4


@dataclass(frozen=True)
class Hall:
    """The seats that `tests.shop.grid` makes: `S0-R0-0` and so on, a block for each section."""

    sections: int = 4
    rows: int = 5
    seats: int = 10

    def group(self, random: Random) -> tuple[str, ...]:
        """Some seats side by side, or over several blocks."""
        size = random.randint(1, SEATS_MAX)
        row, first = random.randrange(self.rows), random.randrange(self.seats - SEATS_MAX)
        if random.random() < SCATTERED:
            sections = random.sample(range(self.sections), min(size, self.sections))
            return tuple(f"S{section}-R{row}-{first}" for section in sections)
        section = random.randrange(self.sections)
        return tuple(f"S{section}-R{row}-{first + n}" for n in range(size))


@dataclass
class Crowd:
    """Buyers of one show and everything that they asked and were told."""

    url: str
    show_id: str
    hall: Hall = field(default_factory=Hall)
    buyers: int = 12
    seed: int = 1
    history: list[Operation] = field(default_factory=list[Operation])
    stopped: bool = False
    failures: list[BaseException] = field(default_factory=list[BaseException])
    _wanted: deque[tuple[str, ...]] = field(default_factory=lambda: deque(maxlen=16))

    @contextmanager
    def running(self) -> Iterator[Crowd]:
        """They buy in another thread while the block runs."""
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.stopped = True
            thread.join(JOIN_SECONDS_MAX)
        assert not thread.is_alive()
        assert not self.failures, self.failures

    def goes_on(self, holds: int = 100) -> None:
        """Wait until so many holds more have been asked for and granted."""
        moment = now()
        until(lambda: self.holds_since(moment) >= holds, f"{holds} holds more")

    def holds_since(self, moment: float) -> int:
        """How many holds were asked for after `moment` and granted; a search from the end, so it may be polled."""
        count = 0
        for operation in reversed(self.history):
            if operation.invoked < moment - PATIENCE_SECONDS * 1000:
                break
            granted = operation.request.kind == "hold" and operation.effective
            count += granted and operation.invoked > moment
        return count

    def _run(self) -> None:
        try:
            asyncio.run(self._buy())
        except BaseException as error:
            self.failures.append(error)

    async def _buy(self) -> None:
        limits = httpx.Limits(max_connections=self.buyers, max_keepalive_connections=self.buyers)
        async with httpx.AsyncClient(base_url=self.url, limits=limits) as http:
            recorder = Recorder(http, self.history)
            async with asyncio.TaskGroup() as group:
                for number in range(self.buyers):
                    group.create_task(_Buyer(self, recorder, number).buy())

    def wish(self, random: Random) -> tuple[str, ...]:
        """Seats to ask for: often those that somebody else has just asked for."""
        if self._wanted and random.random() < CONTENDED:
            return random.choice(self._wanted)
        seats = self.hall.group(random)
        self._wanted.append(seats)
        return seats


class _Buyer:
    def __init__(self, crowd: Crowd, recorder: Recorder, number: int) -> None:
        self.crowd = crowd
        self.recorder = recorder
        self.name = f"buyer {number}"
        self.random = Random(f"{crowd.seed}/{number}")
        self.holds: list[str] = []
        self.requests = 0

    async def buy(self) -> None:
        while not self.crowd.stopped:
            hold = await self._insist(self._wish())
            if hold.effective:
                self.holds.append(hold.body["hold_id"])
                if self._happens(WALKS_AWAY):
                    self.holds.pop()  # until its deadline nobody gives it back
            elif not hold.definite:
                await self._pause()
            await self._look_after_holds()

    def _wish(self) -> Request:
        show, key = self.crowd.show_id, self._key() if self._happens(KEYED) else ""
        if self._happens(BEST_AVAILABLE):
            return Request("hold", show, quantity=self.random.randint(1, SEATS_MAX), key=key)
        return Request("hold", show, seats=self.crowd.wish(self.random), key=key)

    async def _look_after_holds(self) -> None:
        if not self.holds:
            return
        hold_id, show = self.random.choice(self.holds), self.crowd.show_id
        if self._happens(LOOKS):
            await self._insist(Request("find", show, hold_id=hold_id))
        if self._happens(EXTENDS):
            await self._insist(Request("extend", show, hold_id=hold_id, key=self._key()))
        if len(self.holds) >= HOLDS_MAX or self._happens(GIVES_BACK):
            self.holds.remove(hold_id)
            await self._insist(Request("release", show, hold_id=hold_id))

    async def _insist(self, request: Request) -> Operation:
        """Ask; without a definite answer ask again as long as that is safe, unless it is time to walk away."""
        repeatable = bool(request.key) or request.kind != "hold"
        operation = await self.recorder.send(self.name, request, self._patience())
        for _ in range(RETRIES_MAX):
            if operation.definite and operation.status != 429:
                break
            if not repeatable or self.crowd.stopped or self._happens(WALKS_AWAY):
                break
            await self._pause()
            operation = await self.recorder.send(self.name, request, self._patience())
        return operation

    def _patience(self) -> float:
        return self.random.uniform(*HASTY_SECONDS) if self._happens(HASTY) else PATIENCE_SECONDS

    async def _pause(self) -> None:
        await asyncio.sleep(self.random.uniform(*RETRY_SECONDS))

    def _key(self) -> str:
        self.requests += 1
        return f"{self.crowd.seed}/{self.name}/{self.requests}/{self.random.getrandbits(32)}"

    def _happens(self, probability: float) -> bool:
        return self.random.random() < probability
