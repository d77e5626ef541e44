"""The ticket hosts as Ray keeps them: named, restarted when they die, and sometimes alive twice.

Ray replaces a host that it takes for dead. When it is wrong (a paused process, a cut-off node), the old one goes on as
a zombie, and whoever still has its address goes on calling it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

from actors.client import CALL_SECONDS_MAX, HostUnavailable
from actors.host import SWEEP_SECONDS, Host
from actors.wire import decode_batch, encode_outcomes
from tests.simulation.machine import Machine
from tests.simulation.network import NOBODY, Network
from tests.simulation.virtual_loop import Process

RESTART_SECONDS = (0.2, 2.0)
NOTICE_SECONDS = (0.001, 1.0)
"""Until a caller hears that the process which it called is dead."""

Reply = Callable[[bytes], None]


class HostLife:
    """One process of a host."""

    def __init__(self, machine: Machine, name: str) -> None:
        self.name = name
        self.process = machine.life(name)
        self.calls: dict[asyncio.Future[bytes], None] = {}
        self._machine = machine
        self.host = Host(
            name,
            machine.journal(self.process),
            machine.clock(self.process.name),
            machine.commit_ids(self.process),
            self.process.name,
            machine.plan.venue.snapshot_commits,
        )
        machine.loop.start(self.process, self._sweep())

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            await self.host.put_idle_away()

    def receive(self, payload: bytes, reply: Reply) -> None:
        if self.process.alive:
            self._machine.loop.start(self.process, self._serve(payload, reply))

    async def _serve(self, payload: bytes, reply: Reply) -> None:
        reply(encode_outcomes(await self.host.execute(*decode_batch(payload))))


class Ray:
    """Which process is the host of a name now."""

    def __init__(self, machine: Machine) -> None:
        self.current: dict[str, HostLife] = {}
        self.zombies: list[HostLife] = []
        self._machine = machine
        self._dice = machine.dice("ray")
        self._restarting: set[str] = set()

    def find(self, name: str) -> HostLife | None:
        """The process of a name; the first who asks for a new name has it started."""
        life = self.current.get(name)
        if life is None and name not in self._restarting:
            self._restart(name)
        return life

    def kill(self, life: HostLife) -> None:
        """kill -9, and Ray starts the host again."""
        self._machine.note(f"{life.process.name} is killed")
        self._machine.loop.kill(life.process)
        self._tell_callers(life)
        if self.current.get(life.name) is life:
            del self.current[life.name]
            self._restart(life.name)

    def replace(self, life: HostLife) -> None:
        """Ray takes it for dead and starts another one; it is not dead."""
        if self.current.get(life.name) is not life:
            return
        self._machine.note(f"{life.process.name} is taken for dead")
        self.zombies.append(life)
        del self.current[life.name]
        self._restart(life.name)

    def retire(self, name: str) -> None:
        """The host is not needed any more: drained, then ended for good."""
        life = self.current.get(name)
        if life is None:
            return
        self._machine.note(f"{life.process.name} is retired")
        self._machine.loop.start(life.process, life.host.save_snapshots())
        self._machine.loop.call_later(1.0, self._end, life, context=NOBODY)

    def empty(self, name: str) -> None:
        """The host is drained: it puts away what it has, and runs on."""
        life = self.current.get(name)
        if life is not None:
            self._machine.loop.start(life.process, life.host.put_away())

    def _end(self, life: HostLife) -> None:
        self._machine.loop.kill(life.process)
        self._tell_callers(life)
        if self.current.get(life.name) is life:
            del self.current[life.name]

    def lives(self) -> list[HostLife]:
        return [life for life in [*self.current.values(), *self.zombies] if life.process.alive]

    def _restart(self, name: str) -> None:
        self._restarting.add(name)
        delay = self._dice.uniform(*RESTART_SECONDS)
        self._machine.loop.call_later(delay, self._started, name, context=NOBODY)

    def _started(self, name: str) -> None:
        self._restarting.discard(name)
        self.current[name] = HostLife(self._machine, name)
        self._machine.note(f"{self.current[name].process.name} is started")

    def _tell_callers(self, life: HostLife) -> None:
        delay = self._dice.uniform(*NOTICE_SECONDS)
        for call in life.calls:
            self._machine.loop.call_later(delay, lose, call, "the host died", context=NOBODY)


class SimulatedTransport:
    """How a replica or a service calls hosts (`actors.client.Transport`)."""

    def __init__(self, machine: Machine, ray: Ray, caller: Process) -> None:
        self._machine = machine
        self._ray = ray
        self._network: Network = machine.network(f"calls {caller.name}")
        self._dice: Random = machine.dice(f"addresses {caller.name}")
        self._addresses: dict[str, HostLife] = {}

    async def execute(self, host: str, payload: bytes) -> bytes:
        life = self._addresses.get(host)
        if life is None or not life.process.alive:
            life = self._ray.find(host)
            if life is None:
                await asyncio.sleep(self._network.delay())
                raise HostUnavailable("restarting")
            self._addresses[host] = life
        loop = self._machine.loop
        answer: asyncio.Future[bytes] = loop.create_future()
        network, back = self._network, answer

        def reply(data: bytes) -> None:
            network.call(_answer, back, data)

        life.calls[answer] = None
        network.call(life.receive, payload, reply)
        timer = loop.call_later(CALL_SECONDS_MAX, lose, answer, "no answer in time")
        try:
            return await answer
        except HostUnavailable:
            if self._dice.random() < 0.5:  # hears of the new address sooner or later
                self._addresses.pop(host, None)
            raise
        finally:
            timer.cancel()
            del life.calls[answer]


def lose(call: asyncio.Future[bytes], why: str) -> None:
    if not call.done():
        call.set_exception(HostUnavailable(why))


def _answer(call: asyncio.Future[bytes], data: bytes) -> None:
    if not call.done():
        call.set_result(data)
