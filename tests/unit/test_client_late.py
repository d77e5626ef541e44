"""A command that was sent twice, and whose first copy arrives when its answer has long been given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from actors import client as client_module
from actors.activation import decide_all
from actors.client import HostUnavailable, TicketClient
from actors.domain.block import Block
from actors.domain.commands import Command, HoldQuantity, HoldTickets, ReleaseHold
from actors.domain.identity import BlockKey
from actors.domain.rejections import Code, Rejection
from actors.fleet import Fleet
from actors.outcomes import Accepted, Unavailable
from actors.placement import Placement
from actors.wire import decode_batch, encode_outcomes
from tests.unit.halls import NOW, TOKENS, after, opened, seats, terms

KEY = BlockKey("sabcdefghijkl", 1)
MINE, OTHER = TOKENS[0], TOKENS[1]
Interlude = Callable[["LateHost"], None]


@dataclass
class LateHost:
    """One block. The first call gets lost on its way, until `arrive`; `before` is what happens before a later one."""

    block: Block = field(
        default_factory=lambda: after(opened(seats("aa")), HoldTickets(terms(OTHER), (0,)))
    )
    late: bytes = b""
    calls: int = 0
    before: dict[int, Interlude] = field(default_factory=dict)

    async def execute(self, host: str, payload: bytes) -> bytes:
        self.calls += 1
        if self.calls == 1:
            self.late = payload
            raise HostUnavailable("no answer in time")
        self.before.get(self.calls, lambda host: None)(self)
        return self.run(payload)

    def run(self, payload: bytes) -> bytes:
        commands = [command for _, command in decode_batch(payload)[0]]
        self.block, _, outcomes = decide_all(self.block, commands, NOW)
        return encode_outcomes(outcomes)

    def arrive(self) -> None:
        self.run(self.late)

    def free(self) -> None:
        self.block = after(self.block, ReleaseHold(OTHER))


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "RETRY_SECONDS", 0)


def client(host: LateHost) -> TicketClient:
    return TicketClient(host, lambda: Placement(Fleet(1)), lambda: 0.0)


@pytest.mark.parametrize(
    "command",
    [HoldTickets(terms(MINE), (0,)), HoldQuantity(terms(MINE, 2), 2)],
    ids=["seat", "two"],
)
async def test_a_refusal_is_the_last_word_although_a_copy_is_still_on_its_way(
    command: Command,
) -> None:
    host = LateHost()
    outcome = await client(host).ask(KEY, command)
    assert isinstance(outcome, Rejection)
    host.free()
    host.arrive()
    assert not host.block.holds  # nobody waits for it: nobody would give it back


async def test_a_copy_that_was_faster_than_the_refusal_is_the_outcome() -> None:
    def overtaken(host: LateHost) -> None:
        host.free()
        host.arrive()

    host = LateHost(before={3: overtaken})
    outcome = await client(host).ask(KEY, HoldTickets(terms(MINE), (0,)))
    assert isinstance(outcome, Accepted)
    assert outcome.hold is not None
    assert host.block.holds[MINE] == outcome.hold


async def test_a_refusal_that_cannot_be_made_final_is_not_given() -> None:
    class Gone(LateHost):
        async def execute(self, host: str, payload: bytes) -> bytes:
            if self.calls >= 2:
                return encode_outcomes([Unavailable("gone")])
            return await super().execute(host, payload)

    outcome = await client(Gone()).ask(KEY, HoldTickets(terms(MINE), (0,)))
    assert isinstance(outcome, Unavailable)


async def test_a_refusal_of_a_command_that_was_sent_once_costs_nothing_more() -> None:
    host = LateHost(calls=1)
    outcome = await client(host).ask(KEY, HoldTickets(terms(MINE), (0,)))
    assert isinstance(outcome, Rejection)
    assert outcome.code is Code.SEATS_UNAVAILABLE
    assert host.calls == 2
    assert not host.block.abandoned
