"""The two sides of a duel, and what they were told. Every seat of a round is wanted through both hosts at the same
moment; the winners' holds are then given back through either of them.

Each host gets the seats in an order of its own and in several calls at once, so that the seats of a block are decided
by several commits that overtake each other, and not all by the first one.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial

from actors.client import HostUnavailable
from actors.domain.commands import Command, HoldTerms, HoldTickets, OpenBlock, ReleaseHold
from actors.domain.identity import BlockKey, HoldId
from actors.domain.layout import Category, Layout, Row, Rules
from actors.outcomes import Accepted, Outcome, Unavailable
from actors.ticket_host import RayTransport
from actors.wire import decode_outcomes, encode_batch, encode_command
from cluster.host_process import build_host
from cluster.settings import Settings
from cluster.starting import make_ready
from serve_app.times import rfc3339
from tests.faults.recorder import now
from tests.history import Operation, Request

SHOW = "sduelduelduel"
BLOCKS, SEATS = 8, 25
HOSTS = ("host-0", "host-1")
CALLS = 2
"""Calls to each host at a time."""

PATIENCE = 50
PAUSE_SECONDS = 2.0
"""Less than a call may take, so that what is asked of a paused host is answered by that very process."""

Wish = tuple[int, int, str]
"""A block, a seat of it, and the token of the hold."""


def layout(block: int) -> Layout:
    numbers = tuple(str(n) for n in range(SEATS))
    row, zeros = Row("1", 0, numbers), (0.0,) * SEATS
    return Layout(f"B{block}", (row,), SEATS, (Category("A", 100),), bytes(SEATS), zeros, zeros)


def contended(host: str, number: int) -> list[Wish]:
    """Every seat, in an order that this host alone has in this round."""
    wishes = [
        (block, seat, f"{host}/{number}/{block}/{seat}")
        for block in range(BLOCKS)
        for seat in range(SEATS)
    ]
    random.Random(f"{host}/{number}").shuffle(wishes)
    return wishes


class Duel:
    """Counts what the contenders were told; `double` and `none` must stay 0. `history` only if it is wanted."""

    def __init__(self, transport: RayTransport, history: list[Operation] | None) -> None:
        self.transport = transport
        self.history = history
        self.told: Counter[str] = Counter()

    async def hold(self, host: str, wishes: list[Wish]) -> list[Wish]:
        """Ask a host for these seats, in several calls at once; the wishes that came true."""
        calls = [wishes[call::CALLS] for call in range(CALLS)]
        answers = await asyncio.gather(*[
            self.tell(host, [
                (BlockKey(SHOW, block), HoldTickets(HoldTerms(token, "f", 1, block), (seat,)))
                for block, seat, token in call
            ])
            for call in calls
        ])  # fmt: skip
        return [
            wish
            for call, outcomes in zip(calls, answers, strict=True)
            for wish, outcome in zip(call, outcomes, strict=True)
            if isinstance(outcome, Accepted)
        ]

    async def release(self, host: str, held: list[Wish]) -> None:
        """Give holds back through a host; each of them must be there."""
        commands = [(BlockKey(SHOW, block), ReleaseHold(token)) for block, _, token in held]
        outcomes = await self.tell(host, commands) if commands else []
        self.told["released"] += sum(isinstance(outcome, Accepted) for outcome in outcomes)

    async def tell(self, host: str, commands: Sequence[tuple[BlockKey, Command]]) -> list[Outcome]:
        """Definite outcomes of one host; a call without them is made again, as the hosts' client would."""
        payload = encode_batch([encode_command(key, command) for key, command in commands])
        for _ in range(PATIENCE):
            recorded = self._invoke(host, commands)
            try:
                outcomes = decode_outcomes(await self.transport.execute(host, payload))
            except HostUnavailable:
                self.told["calls without an answer"] += 1
                continue
            _answer(recorded, outcomes)
            if not any(isinstance(outcome, Unavailable) for outcome in outcomes):
                return outcomes
        raise AssertionError(f"no definite answer from {host}")

    async def round(self, number: int) -> None:
        """Both hosts are asked for every seat at once; then the winners give back through a host of their choice."""
        won = await asyncio.gather(*[self.hold(host, contended(host, number)) for host in HOSTS])
        winners = Counter((block, seat) for wishes in won for block, seat, _ in wishes)
        self.told["attempts"] += len(HOSTS) * BLOCKS * SEATS
        self.told["accepted"] += sum(winners.values())
        self.told["double"] += sum(times > 1 for times in winners.values())
        self.told["none"] += BLOCKS * SEATS - len(winners)
        for host, wishes in zip(HOSTS, won, strict=True):
            self.told[f"accepted by {host}"] += len(wishes)
        chosen = random.Random(number)
        back: dict[str, list[Wish]] = {host: [] for host in HOSTS}
        for wish in [wish for wishes in won for wish in wishes]:
            back[chosen.choice(HOSTS)].append(wish)
        await asyncio.gather(*[self.release(host, back[host]) for host in HOSTS])

    async def pause(self, pid: int, number: int) -> None:
        """Host 0 stands still while the other goes on; what it was asked meanwhile it must answer by the journal.

        It knows half of the seats as held and the other half as free, and both have changed when it comes back.
        """
        zombie, other = HOSTS
        wishes = contended(zombie, number)
        taken, free = wishes[::2], wishes[1::2]
        before = await self.hold(zombie, taken)
        os.kill(pid, signal.SIGSTOP)
        try:
            begun = time.monotonic()
            again = [(block, seat, f"{token}/again") for block, seat, token in taken]
            late = asyncio.gather(self.hold(zombie, again), self.hold(zombie, free))
            await self.release(other, before)
            others = [(block, seat, f"{token}/other") for block, seat, token in free]
            sold = await self.hold(other, others)
            await asyncio.sleep(max(0.0, PAUSE_SECONDS - (time.monotonic() - begun)))
        finally:
            os.kill(pid, signal.SIGCONT)
        freed, lost = await late
        self.told["pauses"] += 1
        self.told["attempts in pauses"] += len(wishes) + len(taken) + len(free)
        self.told["wrong after a pause"] += (
            len(taken) * 2 - len(before) - len(freed) + len(free) - len(sold) + len(lost)
        )
        self.told["held in pauses"] += len(before) + len(freed) + len(sold) + len(lost)
        await self.release(zombie, [*freed, *sold, *lost])

    def _invoke(self, host: str, commands: Sequence[tuple[BlockKey, Command]]) -> list[Operation]:
        if self.history is None:
            return []
        moment = now()
        recorded = [Operation(host, _request(key, command), moment) for key, command in commands]
        self.history += recorded
        return recorded


def _request(key: BlockKey, command: Command) -> Request:
    match command:
        case HoldTickets(terms, (seat,)):
            return Request("hold", SHOW, (f"B{key.block}-1-{seat}",), key=terms.token)
        case ReleaseHold(token):
            return Request("release", SHOW, hold_id=str(HoldId(SHOW, key.block, token)))
        case _:
            raise TypeError(type(command).__name__)


def _answer(recorded: list[Operation], outcomes: list[Outcome]) -> None:
    """The outcomes as the API would have told them."""
    if not recorded:
        return
    moment = now()
    for operation, outcome in zip(recorded, outcomes, strict=True):
        operation.returned = moment
        request = operation.request
        match outcome:
            case Accepted(hold) if hold is not None and request.kind == "hold":
                operation.status = 201
                operation.body = {
                    "hold_id": str(HoldId(SHOW, hold.primary, hold.token)),
                    "show_id": SHOW,
                    "seats": list(request.seats),
                    "expires_at": rfc3339(hold.deadline),
                    "state": "held",
                    "extended": False,
                }
            case Accepted():
                operation.status = 204
            case Unavailable():
                operation.status = 503
            case _:
                operation.status = 409
                operation.body = {
                    "code": outcome.code.value,
                    "conflicts": [{"seat": seat, "reason": "held"} for seat in request.seats],
                }


async def fight(
    settings: Settings, attempts: int, pauses: int, history: list[Operation] | None
) -> dict[str, int]:
    """At least so many contended attempts, host 0 paused in between so many times."""
    await make_ready(settings)
    transport = RayTransport(settings.ray_namespace, partial(build_host, settings.nats_url or ""))
    reports = await transport.reports(list(HOSTS))
    pids = [report["pid"] for report in reports if report is not None]
    assert len(pids) == len(HOSTS)
    await Duel(transport, None).tell(
        HOSTS[0],
        [
            (BlockKey(SHOW, block), OpenBlock(layout(block), Rules("EUR"), "duel"))
            for block in range(BLOCKS)
        ],
    )
    duel = Duel(transport, history)
    rounds = -(-attempts // (len(HOSTS) * BLOCKS * SEATS))
    paused_after = {round(rounds * (n + 1) / (pauses + 1)) for n in range(pauses)}
    for number in range(1, rounds + 1):
        await duel.round(number)
        if number in paused_after:
            await duel.pause(pids[0], -number)
    return dict(duel.told)
