"""The two sides of a duel, and what they were told. Every seat of a round is wanted through both hosts at the same
moment; the winner's hold is then given back through either of them."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from functools import partial

from actors.domain.commands import Command, HoldTerms, HoldTickets, OpenBlock, ReleaseHold
from actors.domain.identity import BlockKey
from actors.domain.layout import Category, Layout, Row, Rules
from actors.outcomes import Accepted, Outcome, Unavailable
from actors.ticket_host import RayTransport
from actors.wire import decode_outcomes, encode_batch, encode_command
from cluster.bootstrap import prepare
from cluster.host_process import build_host
from cluster.settings import Settings

KEY = BlockKey("sduelduelduel", 0)
SEATS = 25
HOSTS = ("host-0", "host-1")
PATIENCE = 50


def layout() -> Layout:
    numbers = tuple(str(n) for n in range(SEATS))
    row, zeros = Row("1", 0, numbers), (0.0,) * SEATS
    return Layout("Duel", (row,), SEATS, (Category("A", 100),), bytes(SEATS), zeros, zeros)


class Duel:
    """Counts what the contenders were told; `double` must stay 0."""

    def __init__(self, transport: RayTransport) -> None:
        self.transport = transport
        self.told: Counter[str] = Counter()

    async def tell(self, host: str, commands: list[Command]) -> list[Outcome]:
        """Definite outcomes of one host; a command without one is sent again, as its client would."""
        outcomes: list[Outcome] = []
        for _ in range(PATIENCE):
            payload = encode_batch([encode_command(KEY, command) for command in commands])
            outcomes = decode_outcomes(await self.transport.execute(host, payload))
            if not any(isinstance(outcome, Unavailable) for outcome in outcomes):
                return outcomes
        raise AssertionError(f"no definite answer from {host}: {outcomes}")

    async def round(self, number: int) -> None:
        """Both hosts are asked for every seat at once; then the winners give back through a host of their choice."""
        tokens = {host: [f"{host}/{number}/{seat}" for seat in range(SEATS)] for host in HOSTS}
        answers = await asyncio.gather(*[
            self.tell(host, [
                HoldTickets(HoldTerms(token, "f", 1, 0), (seat,))
                for seat, token in enumerate(tokens[host])
            ])
            for host in HOSTS
        ])  # fmt: skip
        winners = list[str]()
        for seat in range(SEATS):
            won = [
                tokens[host][seat]
                for host, outcomes in zip(HOSTS, answers, strict=True)
                if isinstance(outcomes[seat], Accepted)
            ]
            self.told["attempts"] += len(HOSTS)
            self.told["accepted"] += len(won)
            self.told["double"] += len(won) > 1
            self.told["none"] += not won
            winners += won
        for outcomes, host in zip(answers, HOSTS, strict=True):
            self.told[f"accepted by {host}"] += sum(isinstance(o, Accepted) for o in outcomes)
        chosen = random.Random(number)
        back: dict[str, list[Command]] = {host: [] for host in HOSTS}
        for token in winners:
            back[chosen.choice(HOSTS)].append(ReleaseHold(token))
        released = await asyncio.gather(*[self.tell(host, back[host]) for host in HOSTS])
        self.told["released"] += sum(isinstance(o, Accepted) for one in released for o in one)


async def fight(settings: Settings, attempts: int) -> dict[str, int]:
    await prepare(settings)
    duel = Duel(RayTransport(settings.ray_namespace, partial(build_host, settings.nats_url or "")))
    assert None not in await duel.transport.reports(list(HOSTS))
    await duel.tell(HOSTS[0], [OpenBlock(layout(), Rules("EUR"), "duel")])
    for number in range(attempts // (len(HOSTS) * SEATS)):
        await duel.round(number)
    return dict(duel.told)
