"""The network between processes: every message takes its time, and may be lost, late, or arrive twice.

A message on its way belongs to nobody: it arrives although its sender was killed or stopped meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context
from random import Random
from typing import Any, TypeVar

from actors.journal import JournalUnavailable
from cluster.journal.jetstream import APPEND_SECONDS_MAX
from cluster.journal.memory_stream import Answer, MemoryStream
from cluster.journal.settle import Doubtful
from tests.simulation.plan import Weather
from tests.simulation.virtual_loop import VirtualLoop

LATE_SECONDS = (0.3, 15.0)
"""A late message: longer than a request waits, and than the settling of an append."""

REQUEST_SECONDS_MAX = APPEND_SECONDS_MAX

T = TypeVar("T")
Told = Callable[[], T]
"""An answer: a value to be given, or an exception to be raised, by whoever has asked."""

NOBODY = Context()


class Climate:
    """The weather of all networks of a run; `calm` ends everything but the time that a message takes."""

    def __init__(self, weather: Weather) -> None:
        self.weather = weather
        self.calm = False


class Network:
    """One sender's way to the others."""

    def __init__(self, loop: VirtualLoop, dice: Random, climate: Climate) -> None:
        self.loop = loop
        self.dice = dice
        self._climate = climate
        shortest, longest = climate.weather.latency
        self._shortest, self._span = shortest, longest - shortest

    def send(self, arrive: Callable[..., Any], *args: Any) -> None:
        """Let `arrive` happen at the other end, once, twice, late or never."""
        self._carry(arrive, args, self._climate.weather.twice)

    def call(self, arrive: Callable[..., Any], *args: Any) -> None:
        """The same over a connection that keeps count: nothing arrives twice."""
        self._carry(arrive, args, 0.0)

    def _carry(self, arrive: Callable[..., Any], args: tuple[Any, ...], twice: float) -> None:
        chance = 1.0 if self._climate.calm else self.dice.random()
        lost, late = self._climate.weather.lost, self._climate.weather.late
        if chance < lost:
            return
        delay = self.delay()
        if chance < lost + late:
            delay += self.dice.uniform(*LATE_SECONDS)
        self.loop.call_later(delay, arrive, *args, context=NOBODY)
        if lost + late <= chance < lost + late + twice:
            self.loop.call_later(delay + self.delay(), arrive, *args, context=NOBODY)

    def delay(self) -> float:
        return self._shortest + self._span * self.dice.random()


class Servers:
    """The journal's servers as they are reached. `intercept` gets the next publish in the stream's place."""

    def __init__(self, stream: MemoryStream) -> None:
        self.stream = stream
        self.intercept: Callable[[Callable[[Answer], None]], None] | None = None

    def publish(self, serve: Callable[[Answer], None], answer: Answer) -> None:
        if self.stream.away:
            return
        intercept, self.intercept = self.intercept, None
        if intercept is None:
            serve(answer)
        else:
            intercept(serve)


class JournalLink:
    """A process's connection to the journal (`cluster.journal.memory.Connection`)."""

    def __init__(self, network: Network, servers: Servers) -> None:
        self.cut = False
        self._network = network
        self._servers = servers

    async def publish(self, serve: Callable[[Answer], None]) -> bytes:
        answered: asyncio.Future[bytes] = self._network.loop.create_future()

        def arrive() -> None:
            self._servers.publish(
                serve, lambda data: self._network.send(self._deliver, answered, data)
            )

        return await self._answer(arrive, answered, Doubtful("no answer"))

    async def ask(self, serve: Callable[[], T]) -> T:
        answered: asyncio.Future[T] = self._network.loop.create_future()

        def arrive() -> None:
            if not self._servers.stream.away:
                self._network.send(self._deliver, answered, serve())

        return await self._answer(arrive, answered, JournalUnavailable("no answer"))

    def _deliver(self, answered: asyncio.Future[T], answer: T) -> None:
        if not self.cut and not answered.done():
            answered.set_result(answer)

    async def _answer(
        self, arrive: Callable[[], None], answered: asyncio.Future[T], silence: Exception
    ) -> T:
        if not self.cut:
            self._network.send(arrive)
        timer = self._network.loop.call_later(REQUEST_SECONDS_MAX, _fail, answered, silence)
        try:
            return await answered
        finally:
            timer.cancel()


async def exchange(
    network: Network,
    serve: Callable[[Callable[[Told[T]], None]], None],
    seconds_max: float,
    silence: Exception,
) -> T:
    """Ask a server that keeps connections; `serve` happens there, and may answer at once, later or never."""
    answered: asyncio.Future[Told[T]] = network.loop.create_future()

    def deliver(told: Told[T]) -> None:
        if not answered.done():
            answered.set_result(told)

    network.call(serve, lambda told: network.call(deliver, told))
    timer = network.loop.call_later(seconds_max, _fail, answered, silence)
    try:
        return (await answered)()
    finally:
        timer.cancel()


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
