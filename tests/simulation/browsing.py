"""A client of the HTTP API: its requests go to some replica, and it gives them up when it runs out of patience."""

from __future__ import annotations

import asyncio
from contextvars import Context
from random import Random

from tests.history import OrderRequest, Request
from tests.simulation.endpoints import Answered
from tests.simulation.machine import Machine
from tests.simulation.network import NOBODY
from tests.simulation.replicas import Replica, Replicas

NO_REPLICA: Answered = (503, {"code": "unavailable"})
"""What HAProxy says when it has nobody to ask."""


class Browser:
    """One client. One that `hangs_up` closes the connection of a request that it has given up."""

    def __init__(
        self, machine: Machine, replicas: Replicas, name: str, patience: float, *, hangs_up: bool
    ) -> None:
        self.network = machine.network(name)
        self._loop = machine.loop
        self._replicas = replicas
        self._patience = patience
        self._hangs_up = hangs_up
        self._dice: Random = machine.dice(f"browser {name}")

    async def exchange(self, asked: Request | OrderRequest) -> Answered | None:
        """The answer; None when the client gave up, or the replica died."""
        running = self._replicas.running()
        if not running:
            await asyncio.sleep(self.network.delay())
            return NO_REPLICA
        loop, network = self._loop, self.network
        replica = self._dice.choice(running)
        answer: asyncio.Future[Answered | None] = loop.create_future()
        replica.requests[answer] = None
        work: list[asyncio.Task[None]] = []

        async def serve() -> None:
            answered = await replica.answer(asked)
            loop.call_later(network.delay(), finish, answer, answered, context=NOBODY)

        def arrive() -> None:
            if replica.process.alive:
                work.append(loop.start(replica.process, serve()))

        def hang_up() -> None:
            if replica.process.alive and work:
                work[0].cancel()

        loop.call_later(network.delay(), arrive, context=NOBODY)
        timer = loop.call_later(self._patience, finish, answer, None)
        answered = await answer
        timer.cancel()
        del replica.requests[answer]
        if answered is None and self._hangs_up:
            loop.call_later(network.delay(), hang_up, context=_context_of(replica))
        return answered


def finish(answer: asyncio.Future[Answered | None], answered: Answered | None) -> None:
    """The answer, or None: nothing will come any more."""
    if not answer.done():
        answer.set_result(answered)


def _context_of(replica: Replica) -> Context:
    return replica.process.context
