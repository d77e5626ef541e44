"""What the processes of a run share: the loop, the time, the dice, the journal's servers, and the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from random import Random

from actors.activation import Clock
from cluster.journal.memory import MemoryJournal
from cluster.journal.memory_stream import MemoryStream
from tests.simulation.network import NOBODY, Climate, JournalLink, Network, Servers
from tests.simulation.plan import Plan
from tests.simulation.virtual_loop import Process, VirtualLoop

EPOCH_MS = 1_900_000_000_000
"""The beginning of virtual time."""

SHOW_ID = "sabcdefghijkl"


@dataclass(slots=True)
class Machine:
    """`stored_at` has the true time (ms) at which each sequence of the journal was stored; `skew_seen_ms` is the
    most by which any clock was ever wrong, twice; `on_proposal` happens when the next publish is in flight; `struck`
    counts the disasters that had an effect."""

    plan: Plan
    loop: VirtualLoop
    stream: MemoryStream = field(init=False)
    servers: Servers = field(init=False)
    climate: Climate = field(init=False)
    healed: bool = False
    on_proposal: Callable[[], None] | None = None
    on_clock_set: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]])
    links: dict[str, JournalLink] = field(default_factory=dict[str, JournalLink])
    skews_ms: dict[str, int] = field(default_factory=dict[str, int])
    skew_seen_ms: int = 0
    struck: Counter[str] = field(default_factory=Counter[str])
    stored_at: dict[int, float] = field(default_factory=dict[int, float])
    log: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])
    _numbers: dict[str, int] = field(default_factory=dict[str, int])

    def __post_init__(self) -> None:
        self.climate = Climate(self.plan.weather)
        dice, agreement = self.dice("agreement"), self.plan.weather.agreement

        def agreeing() -> float:
            on_proposal, self.on_proposal = self.on_proposal, None
            if on_proposal is not None:
                self.loop.call_soon(on_proposal, context=NOBODY)
            return dice.uniform(*agreement)

        self.stream = MemoryStream(replicated=self.plan.venue.replicated, quorum_seconds=agreeing)
        self.servers = Servers(self.stream)

    @property
    def now_ms(self) -> float:
        """The true time."""
        return EPOCH_MS + self.loop.time() * 1000

    def dice(self, purpose: str) -> Random:
        return Random(f"{self.plan.seed} {purpose}")

    def network(self, sender: str) -> Network:
        return Network(self.loop, self.dice(f"network {sender}"), self.climate)

    def clock(self, machine: str) -> Clock:
        """A clock that is wrong by the skew of its machine."""
        most = 0 if self.healed else self.plan.skew_ms
        self.set_clock(machine, self.dice(f"skew {machine}").randint(-most, most))
        return lambda: int(self.now_ms) + self.skews_ms[machine]

    def set_clock(self, machine: str, skew_ms: int) -> None:
        self.skews_ms[machine] = skew_ms
        self.skew_seen_ms = max(self.skew_seen_ms, 2 * abs(skew_ms))
        for adjust in self.on_clock_set:
            adjust()

    def journal(self, process: Process) -> MemoryJournal:
        """A connection of its own for a process."""
        link = JournalLink(self.network(f"link {process.name}"), self.servers)
        self.links[process.name] = link
        return MemoryJournal(self.stream, link)

    def life(self, name: str) -> Process:
        """A new life of a process."""
        number = self._numbers[name] = self._numbers.get(name, 0) + 1
        return Process(f"{name}#{number}")

    def note(self, what: str) -> None:
        self.log.append((self.loop.time(), what))

    def commit_ids(self, process: Process) -> partial[str]:
        return partial(_next_id, process.name, [0])


def _next_id(name: str, count: list[int]) -> str:
    count[0] += 1
    return f"{name}/{count[0]}"
