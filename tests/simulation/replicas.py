"""A Serve replica: the endpoints, the hold desk, the views and the coalescing client of the product, in one process."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Protocol

from pydantic import SecretStr

from actors.client import TicketClient
from actors.journal import Entry
from actors.placement import Placement
from cluster.reads.views import Views
from tests.history import OrderRequest, Request
from tests.simulation import endpoints
from tests.simulation.endpoints import Answered
from tests.simulation.hosts import Ray, SimulatedTransport
from tests.simulation.machine import Machine
from tests.simulation.network import Network
from tests.simulation.trade import Trade

FEED_RETRY_SECONDS = 0.5


class Replica:
    """`placement` is what this process has heard of the number of hosts."""

    def __init__(
        self, machine: Machine, ray: Ray, name: str, placement: Placement, trade: Trade | None
    ) -> None:
        self.name = name
        self.placement = placement
        self.process = machine.life(name)
        self.requests: dict[asyncio.Future[Answered | None], None] = {}
        self._machine = machine
        journal = machine.journal(self.process)
        self.feed = Feed(machine, self)
        transport = SimulatedTransport(machine, ray, self.process)
        self.client = TicketClient(transport, lambda: self.placement, machine.loop.time)
        self.views = Views(journal, self.feed)
        clock = machine.clock(self.process.name)
        money = (
            {} if trade is None else trade.runtime(self.process, self.client.ask, clock, self.views)
        )
        self.runtime = SimpleNamespace(
            settings=SimpleNamespace(admin_key=SecretStr("simulated")),
            client=self.client,
            views=self.views,
            clock=clock,
            entropy=machine.dice(f"tokens {self.process.name}").randbytes,
            in_flight=set[asyncio.Task[Any]](),
            **money,
        )

    async def answer(self, asked: Request | OrderRequest) -> Answered:
        """What the endpoint says to a request: the status and the body."""
        return await endpoints.answer(self.runtime, asked)

    async def take_notice(self, event_id: str, payload: bytes) -> bool:
        """Whether the provider hears that its webhook is stored."""
        return await endpoints.take_notice(self.runtime, event_id, payload) < 300


class Replicas(Protocol):
    """The replicas that run now."""

    def running(self) -> list[Replica]: ...


class Feed:
    """The journal's commits as they come to a replica: in order, without gaps, a while later."""

    def __init__(self, machine: Machine, replica: Replica) -> None:
        self._machine = machine
        self._replica = replica
        self._network: Network = machine.network(f"feed {replica.process.name}")
        self._waiting: deque[tuple[str, Entry]] = deque()
        self._on_entry: Callable[[str, int, bytes], None] | None = None

    async def last_sequence(self, subject_filter: str) -> int:
        link = self._machine.links[self._replica.process.name]
        return await link.ask(lambda: self._machine.stream.last_sequence)

    async def follow(
        self, subject_filter: str, after_sequence: int, on_entry: Callable[[str, int, bytes], None]
    ) -> Feed:
        """The only subscription of a replica: there is one show."""
        assert after_sequence == 0
        self._on_entry = on_entry
        stream = self._machine.stream
        stored = [(entry.sequence, subject, entry)
                  for subject in stream.subjects() for entry in stream.entries(subject)]  # fmt: skip
        for _, subject, entry in sorted(stored):
            self.push(subject, entry)
        return self

    async def stop(self) -> None:
        self._on_entry = None

    def push(self, subject: str, entry: Entry) -> None:
        """Called for every commit that the servers store."""
        if self._on_entry is not None:
            self._waiting.append((subject, entry))
            if len(self._waiting) == 1:
                self._soon(self._network.delay())

    def _soon(self, delay: float) -> None:
        context = self._replica.process.context
        self._machine.loop.call_later(delay, self._deliver, context=context)

    def _deliver(self) -> None:
        if self._machine.links[self._replica.process.name].cut:
            self._soon(FEED_RETRY_SECONDS)
            return
        while self._waiting and self._on_entry is not None:
            subject, entry = self._waiting.popleft()
            self._on_entry(subject, entry.sequence, entry.payload)
