"""The coalescing client, over a transport that a test holds in its hands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from actors import client as client_module
from actors.client import (
    CALL_COMMANDS_MAX,
    CALL_SECONDS_MAX,
    PATIENCE_SECONDS,
    HostUnavailable,
    TicketClient,
)
from actors.domain.commands import FindHold
from actors.domain.identity import BlockKey
from actors.fleet import Fleet
from actors.outcomes import Accepted, Outcome, Unavailable
from actors.placement import Placement
from actors.wire import decode_batch, encode_outcomes
from cluster.journal.api import REQUEST_SECONDS_MAX
from cluster.journal.jetstream import APPEND_SECONDS_MAX
from cluster.journal.settle import SETTLE_SECONDS_MAX

SHOW = "sabcdefghijkl"
FIND = FindHold("a" * 26)


def key(number: int) -> BlockKey:
    return BlockKey(SHOW, number)


@dataclass
class HandTransport:
    """Calls wait for their gate; `fail` decides which of them do not reach their host."""

    calls: list[tuple[str, int]] = field(default_factory=list)
    in_flight: dict[str, int] = field(default_factory=dict)
    most_in_flight: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    fail: Callable[[str, int], Exception | None] = lambda host, number: None
    answers: Callable[[int], list[Outcome]] = lambda size: [Accepted()] * size

    async def execute(self, host: str, payload: bytes) -> bytes:
        batch, _ = decode_batch(payload)
        number = len(self.calls)
        self.calls.append((host, len(batch)))
        self.in_flight[host] = self.in_flight.get(host, 0) + 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight[host])
        try:
            await self.gate.wait()
        finally:
            self.in_flight[host] -= 1
        error = self.fail(host, number)
        if error is not None:
            raise error
        return encode_outcomes(self.answers(len(batch)))


@dataclass
class World:
    transport: HandTransport = field(default_factory=HandTransport)
    placement: Placement = field(default_factory=lambda: Placement(Fleet(1)))
    now: float = 0.0

    def client(self) -> TicketClient:
        return TicketClient(self.transport, lambda: self.placement, lambda: self.now)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "RETRY_SECONDS", 0)


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_one_call_is_in_flight_per_host_and_the_rest_waits_for_the_next() -> None:
    world = World()
    client = world.client()
    first = asyncio.ensure_future(client.ask(key(0), FIND))
    await turns()
    rest = [asyncio.ensure_future(client.ask(key(n), FIND)) for n in range(700)]
    await turns()
    assert world.transport.calls == [("host-0", 1)]
    world.transport.gate.set()
    assert all(isinstance(o, Accepted) for o in await asyncio.gather(first, *rest))
    assert world.transport.calls == [("host-0", 1), ("host-0", CALL_COMMANDS_MAX), ("host-0", 188)]
    assert world.transport.most_in_flight == 1
    assert client.calls == 3


async def test_hosts_do_not_wait_for_each_other() -> None:
    world = World(placement=Placement(Fleet(4)))
    client = world.client()
    asked = [asyncio.ensure_future(client.ask(key(n), FIND)) for n in range(40)]
    await turns()
    assert len(world.transport.calls) == 4
    world.transport.gate.set()
    await asyncio.gather(*asked)
    assert world.transport.most_in_flight == 1


async def test_a_call_that_did_not_arrive_is_sent_again() -> None:
    world = World()
    world.transport.gate.set()
    world.transport.fail = lambda host, number: (
        HostUnavailable("restarting") if number < 3 else None
    )
    assert isinstance(await world.client().ask(key(0), FIND), Accepted)
    assert len(world.transport.calls) == 4


@pytest.mark.parametrize("error", [HostUnavailable("gone"), RuntimeError("a surprise")])
async def test_patience_ends_also_for_those_who_wait_behind_the_call(error: Exception) -> None:
    world = World()
    client = world.client()
    world.transport.fail = lambda host, number: error
    asked = [asyncio.ensure_future(client.ask(key(0), FIND)) for _ in range(2000)]
    await turns()
    world.now = PATIENCE_SECONDS
    world.transport.gate.set()
    assert all(isinstance(o, Unavailable) for o in await asyncio.gather(*asked))
    assert len(world.transport.calls) == 1


async def test_a_host_that_comes_back_is_asked_for_little_first() -> None:
    world = World()
    world.transport.gate.set()
    world.transport.fail = lambda _, number: HostUnavailable("gone") if number < 2 else None
    client = world.client()
    outcomes = await asyncio.gather(*[client.ask(key(n), FIND) for n in range(100)])
    assert outcomes == [Accepted()] * 100
    sizes = [size for _, size in world.transport.calls]
    assert sizes == [100, 1, 1, 4, 16, 64, 15]


async def test_callers_that_go_away_do_not_wedge_the_others() -> None:
    world = World()
    client = world.client()
    asked = [asyncio.ensure_future(client.ask(key(n), FIND)) for n in range(1000)]
    await turns()
    for task in asked[::2]:
        task.cancel()
    world.transport.gate.set()
    assert len([o for o in await asyncio.gather(*asked[1::2]) if isinstance(o, Accepted)]) == 500
    assert isinstance(await client.ask(key(0), FIND), Accepted)


async def test_a_full_queue_answers_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "QUEUE_COMMANDS_MAX", 10)
    world = World()
    client = world.client()
    asked = [asyncio.ensure_future(client.ask(key(0), FIND))]
    await turns()
    asked += [asyncio.ensure_future(client.ask(key(0), FIND)) for _ in range(10)]
    await turns()
    assert isinstance(await client.ask(key(0), FIND), Unavailable)
    world.transport.gate.set()
    assert all(isinstance(o, Accepted) for o in await asyncio.gather(*asked))


async def test_a_placement_that_changes_redirects_what_waits_and_what_failed() -> None:
    world = World(placement=Placement(Fleet(2)))
    client = world.client()
    number = next(n for n in range(100) if Placement(Fleet(2)).host_of(key(n)) == "host-1")
    world.transport.fail = lambda host, n: HostUnavailable("retired") if host == "host-1" else None
    asked = [asyncio.ensure_future(client.ask(key(number), FIND))]
    await turns()
    asked += [asyncio.ensure_future(client.ask(key(number), FIND)) for _ in range(5)]
    await turns()
    world.placement = Placement(Fleet(1))
    world.transport.gate.set()
    assert all(isinstance(o, Accepted) for o in await asyncio.gather(*asked))
    assert [host for host, _ in world.transport.calls] == ["host-1", "host-0"]


async def test_what_waited_for_a_host_that_is_no_longer_placed_does_not_wake_it_again() -> None:
    world = World(placement=Placement(Fleet(2)))
    client = world.client()
    number = next(n for n in range(100) if Placement(Fleet(2)).host_of(key(n)) == "host-1")
    first = asyncio.ensure_future(client.ask(key(number), FIND))
    await turns()
    second = asyncio.ensure_future(client.ask(key(number), FIND))
    await turns()
    world.placement = Placement(Fleet(1))
    world.transport.gate.set()  # the call in flight succeeds; what is queued behind it must move
    await asyncio.gather(first, second)
    assert [host for host, _ in world.transport.calls] == ["host-1", "host-0"]


async def test_an_answer_of_the_wrong_length_is_no_answer() -> None:
    world = World()
    world.transport.gate.set()
    sizes = iter([0, 2, 1])
    world.transport.answers = lambda size: [Accepted()] * next(sizes)
    assert isinstance(await world.client().ask(key(0), FIND), Accepted)
    assert len(world.transport.calls) == 3


async def test_a_command_that_cannot_be_encoded_fails_its_caller_and_nobody_else() -> None:
    world = World()
    world.transport.gate.set()
    client = world.client()
    good = asyncio.create_task(client.ask(key(0), FIND))
    with pytest.raises(TypeError):
        await client.ask(key(0), FindHold(object()))  # type: ignore[arg-type]
    assert await good == Accepted()
    assert await client.ask(key(0), FIND) == Accepted()


def test_a_host_without_an_answer_of_the_journal_says_so_before_it_is_taken_for_hanging() -> None:
    last_attempt = APPEND_SECONDS_MAX + REQUEST_SECONDS_MAX  # it is sent, and read back
    assert SETTLE_SECONDS_MAX + last_attempt <= CALL_SECONDS_MAX
