"""What the journal of a run says, folded once and simply: seats as sets, holds as stays.

Independent of `evolve`: what does not fit is a violation, and the fold goes on.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from tests.simulation.ledger import Fact


@dataclass(frozen=True, slots=True)
class Violation:
    """`law` is the invariant's name."""

    law: str
    detail: str

    def __str__(self) -> str:
        return f"{self.law}: {self.detail}"


@dataclass(slots=True)
class Stay:
    """A hold's record in one block, from the event that began it to the one that ended it."""

    held: Fact
    deadline: int
    extended: list[Fact] = field(default_factory=list[Fact])
    ended: Fact | None = None

    @property
    def is_primary(self) -> bool:
        return self.held.event["primary"] == self.held.block


class Account:
    """`stays` has every record of a hold by block and token, `price` what a seat of a block costs; `violations` are of
    I1, I5 and I7."""

    def __init__(self, ledger: list[Fact]) -> None:
        self.violations: list[Violation] = []
        self.stays: defaultdict[tuple[int, str], list[Stay]] = defaultdict(list)
        self.capacity: dict[int, int] = {}
        self.available: dict[int, set[int]] = {}
        self.withheld: defaultdict[int, set[int]] = defaultdict(set)
        self.sold: defaultdict[int, set[int]] = defaultdict(set)
        self.labels: dict[tuple[int, int], str] = {}
        self.price: dict[int, int] = {}
        self._held: defaultdict[int, dict[str, Stay]] = defaultdict(dict)
        for fact in ledger:
            self._follow(fact)
            if fact.block in self.capacity:
                self._count(fact)

    def owners(self, block: int) -> dict[int, str]:
        """Who holds what in a block now."""
        return {
            ticket: token
            for token, stay in self._held[block].items()
            for ticket in stay.held.tickets
        }

    def records(self, block: int, token: str) -> list[Stay]:
        return self.stays.get((block, token), [])

    def primaries(self, token: str, block: int) -> list[Stay]:
        return [stay for stay in self.records(block, token) if stay.is_primary]

    def _follow(self, fact: Fact) -> None:
        block = fact.block
        match fact.kind:
            case "block_opened":
                self._open(fact)
            case "tickets_held":
                self._take(fact, self.available[block], "I1")
                stay = Stay(fact, fact.event["deadline"])
                if fact.token in self._held[block]:
                    self._wrong("I1", fact, "holds what it holds already")
                self._held[block][fact.token] = stay
                self.stays[block, fact.token].append(stay)
            case "hold_released" | "hold_expired" | "tickets_sold":
                self._end(fact)
            case "hold_extended":
                stay = self._held[block].get(fact.token)
                if stay is None:
                    self._wrong("I1", fact, "is extended, but does not stand")
                else:
                    stay.deadline = fact.event["deadline"]
                    stay.extended.append(fact)
            case "tickets_withheld":
                self._take(fact, self.available[block], "I1")
                self.withheld[block].update(fact.tickets)
            case "tickets_restored":
                self._take(fact, self.withheld[block], "I1")
                self.available[block].update(fact.tickets)
            case _:
                return

    def _open(self, fact: Fact) -> None:
        layout = fact.event["layout"]
        if fact.block in self.capacity:
            self._wrong("I1", fact, "the block is opened twice")
        self.capacity[fact.block] = layout["size"]
        self.price[fact.block] = next((one["price"] for one in layout["categories"]), 0)
        self.available[fact.block] = set(range(layout["size"]))
        for row in layout["rows"]:
            for place, number in enumerate(row["numbers"]):
                label = f"{layout['section']}-{row['name']}-{number}"
                self.labels[fact.block, row["first"] + place] = label

    def _take(self, fact: Fact, source: set[int], law: str) -> None:
        for ticket in fact.tickets:
            if ticket not in source:
                self._wrong(law, fact, f"takes ticket {ticket}, which is not to be had")
            source.discard(ticket)

    def _end(self, fact: Fact) -> None:
        stay = self._held[fact.block].pop(fact.token, None)
        if stay is None:
            self._wrong("I1", fact, "ends what does not stand")
            return
        if sorted(fact.tickets) != sorted(stay.held.tickets):
            self._wrong("I1", fact, "ends with other tickets than it has")
        stay.ended = fact
        if fact.kind == "tickets_sold":
            self.sold[fact.block].update(fact.tickets)
        else:
            self.available[fact.block].update(stay.held.tickets)
        if fact.kind == "hold_expired" and fact.at < stay.deadline:
            self._wrong("I7", fact, f"expires {stay.deadline - fact.at} ms early")

    def _count(self, fact: Fact) -> None:
        """I5, at every prefix."""
        block = fact.block
        held = sum(len(stay.held.tickets) for stay in self._held[block].values())
        parts = len(self.available[block]), held, len(self.sold[block]), len(self.withheld[block])
        if sum(parts) != self.capacity[block]:
            self._wrong("I5", fact, f"{parts} do not add up to {self.capacity[block]}")

    def _wrong(self, law: str, fact: Fact, what: str) -> None:
        where = f"commit {fact.sequence}, block {fact.block}"
        self.violations.append(Violation(law, f"{where}: {fact.token[:6]} {what}"))
