"""The buyers: scripted clients of the HTTP API that retry, give up, hang up, and come back with what they got."""

from __future__ import annotations

import asyncio
from contextvars import Context
from random import Random
from typing import Protocol

from tests.history import Operation, Request
from tests.simulation.machine import SHOW_ID, Machine
from tests.simulation.network import NOBODY
from tests.simulation.plan import Buyer, Then
from tests.simulation.replicas import Answered, Replica

NO_REPLICA: Answered = (503, {"code": "unavailable"})
"""What HAProxy says when it has nobody to ask."""


class Replicas(Protocol):
    """The replicas that run now."""

    def running(self) -> list[Replica]: ...


class Shopping:
    """One buyer's visit."""

    def __init__(
        self, machine: Machine, replicas: Replicas, buyer: Buyer, history: list[Operation]
    ) -> None:
        self._machine = machine
        self._replicas = replicas
        self._buyer = buyer
        self._history = history
        self._dice: Random = machine.dice(f"visit {buyer.name}")
        self._network = machine.network(buyer.name)

    async def visit(self) -> None:
        buyer = self._buyer
        await asyncio.sleep(buyer.at)
        hold_id = await self._hold(buyer.seats, buyer.quantity)
        for then in buyer.then:
            await asyncio.sleep(self._dice.uniform(0, 4))
            await self._do(then, hold_id)

    async def _do(self, then: Then, hold_id: str) -> None:
        buyer = self._buyer
        match then:
            case "replay" if buyer.key:
                await self._hold(buyer.seats, buyer.quantity)
            case "other_body" if buyer.key:
                await self._hold((), 3 if buyer.quantity else len(buyer.seats) + 1)
            case "find" | "release" if hold_id:
                await self._ask(Request(then, SHOW_ID, hold_id=hold_id))
            case "extend" if hold_id:
                key = self._dice.choice(["", f"extend {buyer.name}"])
                for _ in range(buyer.attempts):
                    asked = Request("extend", SHOW_ID, hold_id=hold_id, key=key)
                    if (await self._ask(asked)).definite:
                        return
            case _:
                return

    async def _hold(self, seats: tuple[str, ...], quantity: int) -> str:
        """The hold id, or an empty text."""
        buyer = self._buyer
        for _ in range(buyer.attempts):
            asked = Request("hold", SHOW_ID, seats, quantity, key=buyer.key)
            done = await self._ask(asked)
            if done.definite:
                return done.body.get("hold_id", "")
            await asyncio.sleep(buyer.pause + self._network.delay())
        return ""

    async def _ask(self, asked: Request) -> Operation:
        """Send a request and record what came of it."""
        operation = Operation(self._buyer.name, asked, self._machine.now_ms)
        self._history.append(operation)
        answered = await self._exchange(asked)
        if answered is not None:
            operation.returned = self._machine.now_ms
            operation.status, operation.body = answered
        return operation

    async def _exchange(self, asked: Request) -> Answered | None:
        """The answer; None when the buyer gave up, or the replica died."""
        running = self._replicas.running()
        if not running:
            await asyncio.sleep(self._network.delay())
            return NO_REPLICA
        loop, network = self._machine.loop, self._network
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
        timer = loop.call_later(self._buyer.patience, finish, answer, None)
        answered = await answer
        timer.cancel()
        del replica.requests[answer]
        if answered is None and self._buyer.hangs_up:
            loop.call_later(network.delay(), hang_up, context=_context_of(replica))
        return answered


def finish(answer: asyncio.Future[Answered | None], answered: Answered | None) -> None:
    """The answer, or None: nothing will come any more."""
    if not answer.done():
        answer.set_result(answered)


def _context_of(replica: Replica) -> Context:
    return replica.process.context
