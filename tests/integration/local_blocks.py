"""Blocks without Ray: a host in this process that can be made unreachable, over a journal in memory or a real one."""

from __future__ import annotations

import itertools
import secrets
import time

from actors.domain.commands import Command
from actors.domain.identity import BlockKey
from actors.host import Host
from actors.journal import Journal
from actors.outcomes import Outcome, Unavailable
from cluster.journal.memory import MemoryJournal, MemoryStream


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class LocalBlocks:
    """`ask` as a TicketClient has it. `answers` counts down the asks until the hosts are away (None: never)."""

    def __init__(self, journal: Journal | None = None) -> None:
        self.stream = MemoryStream()
        self.journal = journal or MemoryJournal(self.stream)
        self.asked: list[tuple[BlockKey, Command]] = []
        self.answers: int | None = None
        prefix = secrets.token_hex(4)
        commit_ids = itertools.count()
        self._host = Host(
            "host-0", self.journal, now_ms, lambda: f"{prefix}{next(commit_ids)}", "test"
        )

    async def ask(self, key: BlockKey, command: Command) -> Outcome:
        self.asked.append((key, command))
        if self.answers is not None:
            if self.answers <= 0:
                return Unavailable("the hosts are away")
            self.answers -= 1
        return (await self._host.execute([(key, command)]))[0]
