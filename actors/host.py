"""A host: many activations in one process, activated on the first command and put away when idle."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from actors.activation import MAILBOX_COMMANDS_MAX, SNAPSHOT_COMMITS, Activation, Clock
from actors.domain.commands import Command
from actors.domain.identity import BlockKey
from actors.journal import Journal
from actors.latencies import Latencies
from actors.metrics import ACTIVATIONS, MAILBOX_DEEPEST, MAILBOX_DEPTH
from actors.outcomes import Accepted, Outcome
from actors.tally import KINDS, outcome_name
from actors.telemetry import SILENT, Telemetry

IDLE_MS = 300_000
"""An activation without a command for this long is put away; the journal has everything."""

TELL_SECONDS = 5.0
"""How often a host tells its gauges."""

SWEEP_SECONDS = 30.0
"""How often a host's process looks for idle activations."""


@dataclass(frozen=True, slots=True)
class HostReport:
    """What an operator wants to know of a host. `depth` and `mailbox_max` count commands;
    `commands` over `calls` is how many came together; `p50_ms` and `p99_ms` are of recent commits, from the commands
    to the acknowledgement, None before there is one."""

    name: str
    activations: int
    tickets: int
    depth: int
    mailbox_max: int
    calls: int
    commands: int
    p50_ms: float | None
    p99_ms: float | None
    blocks: tuple[str, ...]
    now: int = 0
    """The host's own clock, by which deadlines are decided, ms since the epoch."""

    unsettled_seconds: float | None = None
    """How long ago a commit had no definite answer; None when none has had one since, or one was stored."""


class Host:
    """Runs commands on its activations. Knows nothing of Ray."""

    def __init__(
        self,
        name: str,
        journal: Journal,
        clock: Clock,
        commit_ids: Callable[[], str],
        writer: str,
        snapshot_commits: int = SNAPSHOT_COMMITS,
        telemetry: Telemetry = SILENT,
    ) -> None:
        self.name = name
        self.telemetry = telemetry
        self._journal = journal
        self._clock = clock
        self._commit_ids = commit_ids
        self._writer = writer
        self._snapshot_commits = snapshot_commits
        self._activations: dict[BlockKey, Activation] = {}
        self._latencies = Latencies()
        self._calls = 0
        self._commands = 0

    async def execute(
        self, batch: Sequence[tuple[BlockKey, Command]], traces: Sequence[str] = ()
    ) -> list[Outcome]:
        """One outcome per command, in order; commands for one block are decided in the order given. `traces` has one
        for each, or none at all."""
        self._calls += 1
        self._commands += len(batch)
        if any(traces):
            return await self._execute_traced(batch, traces)
        return await asyncio.gather(
            *[self._activation(key).submit(command) for key, command in batch]
        )

    async def _execute_traced(
        self, batch: Sequence[tuple[BlockKey, Command]], traces: Sequence[str]
    ) -> list[Outcome]:
        """The same, with a span for each command that is traced: from its arrival to its outcome."""

        async def traced(key: BlockKey, command: Command, trace: str) -> Outcome:
            span = self.telemetry.tracer.start(
                KINDS[type(command)], trace, host=self.name, block=str(key)
            )
            outcome = await self._activation(key).submit(command, span.traceparent)
            span.end("" if isinstance(outcome, Accepted) else outcome_name(outcome))
            return outcome

        asked = [
            traced(key, command, trace) if trace else self._activation(key).submit(command)
            for (key, command), trace in zip(batch, traces, strict=True)
        ]
        return await asyncio.gather(*asked)

    def _activation(self, key: BlockKey) -> Activation:
        activation = self._activations.get(key)
        if activation is None:
            activation = Activation(
                key,
                self._journal,
                self._clock,
                self._writer,
                self._commit_ids,
                self._snapshot_commits,
                self._latencies,
                self.telemetry,
            )
            self._activations[key] = activation
        return activation

    def tell(self) -> None:
        """The gauges of this host, to be told every few seconds."""
        depths = [activation.depth for activation in self._activations.values()]
        meter = self.telemetry.meter
        meter.put(ACTIVATIONS, len(depths))
        meter.put(MAILBOX_DEPTH, sum(depths))
        meter.put(MAILBOX_DEEPEST, max(depths, default=0))

    async def put_idle_away(self) -> int:
        """Deactivate what has been idle for too long; how many."""
        before = self._clock() - IDLE_MS
        return await self._put_away(
            [a for a in self._activations.values() if not a.busy and a.idle_since <= before]
        )

    async def put_away(self, blocks: Sequence[BlockKey] | None = None) -> int:
        """Deactivate these blocks (None: all) but for those at work, with a snapshot each; how many are still there."""
        here = (
            self._activations if blocks is None else [b for b in blocks if b in self._activations]
        )
        await self._put_away([self._activations[key] for key in here])
        return len(self._activations)

    async def _put_away(self, activations: list[Activation]) -> int:
        for activation in activations:
            await activation.save_snapshot()
            # While the snapshot was saved a command may have come, or others may have put it away and have a new one.
            here = self._activations.get(activation.key) is activation
            if here and not activation.busy:
                del self._activations[activation.key]
        return len(activations)

    async def save_snapshots(self) -> None:
        """Make the next activation of everything here short."""
        for activation in list(self._activations.values()):
            await activation.save_snapshot()

    def report(self) -> HostReport:
        activations = self._activations.values()
        return HostReport(
            self.name,
            len(activations),
            sum(len(a.block.status) for a in activations if a.block is not None),
            sum(a.depth for a in activations),
            MAILBOX_COMMANDS_MAX,
            self._calls,
            self._commands,
            self._latencies.percentile_ms(50),
            self._latencies.percentile_ms(99),
            tuple(str(key) for key in sorted(self._activations)),
            self._clock(),
            self._journal.unsettled_seconds(),
        )
