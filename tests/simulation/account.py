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


SECURED_MS_MAX = 3_600_000
"""How long a hold that is being paid may live in all, from the public contract."""


@dataclass(slots=True)
class Stay:
    """A hold's record in one block, from the event that began it to the one that ended it. `again`: its payment has
    made it again, with the commit that began it."""

    held: Fact
    deadline: int
    extended: list[Fact] = field(default_factory=list[Fact])
    secured: list[Fact] = field(default_factory=list[Fact])
    ended: Fact | None = None

    @property
    def is_primary(self) -> bool:
        return self.held.event["primary"] == self.held.block

    @property
    def again(self) -> bool:
        return bool(self.secured) and self.secured[0].sequence == self.held.sequence


@dataclass(slots=True)
class Sold:
    """What one block has sold for one hold; `back` has the event by which each ticket came back, if it did."""

    fact: Fact
    back: dict[int, Fact] = field(default_factory=dict[int, Fact])

    @property
    def order_id(self) -> str:
        return self.fact.event["order_id"]

    @property
    def kept(self) -> list[int]:
        return [ticket for ticket in self.fact.tickets if ticket not in self.back]

    def had_at(self, ticket: int, at: float) -> bool:
        """Whether this ticket was sold to the order at this true time."""
        back = self.back.get(ticket)
        return self.fact.stored_at <= at and (back is None or at < back.stored_at)


class Account:
    """`stays` has every record of a hold by block and token, `sales` what was sold, `cancelled` what can never be sold,
    `price` what a seat of a block costs; `violations` are of I1, I5 and I7."""

    def __init__(self, ledger: list[Fact]) -> None:
        self.violations: list[Violation] = []
        self.stays: defaultdict[tuple[int, str], list[Stay]] = defaultdict(list)
        self.sales: dict[tuple[int, str], Sold] = {}
        self.cancelled: dict[tuple[int, str], Fact] = {}
        self.capacity: dict[int, int] = {}
        self.available: dict[int, set[int]] = {}
        self.withheld: defaultdict[int, set[int]] = defaultdict(set)
        self.sold: defaultdict[int, set[int]] = defaultdict(set)
        self.frozen: set[int] = set()
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
                self._hold(fact)
            case "hold_released" | "hold_expired":
                self._end(fact)
            case "tickets_sold":
                self._sell(fact)
            case "hold_extended" | "hold_secured":
                self._prolong(fact)
            case "sale_cancelled":
                self._cancel(fact)
            case "tickets_returned":
                self._return(fact)
            case "tickets_withheld":
                self._take(fact, self.available[block])
                self.withheld[block].update(fact.tickets)
            case "tickets_restored":
                self._take(fact, self.withheld[block])
                self.available[block].update(fact.tickets)
            case "block_frozen" | "block_thawed":
                self._freeze(fact)
            case _:
                return

    def _freeze(self, fact: Fact) -> None:
        frozen = fact.kind == "block_frozen"
        if (fact.block in self.frozen) is frozen:
            self._wrong("I1", fact, "is frozen, or thawed, although it is")
        (self.frozen.add if frozen else self.frozen.discard)(fact.block)

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

    def _take(self, fact: Fact, source: set[int]) -> None:
        for ticket in fact.tickets:
            if ticket not in source:
                self._wrong("I1", fact, f"takes ticket {ticket}, which is not to be had")
            source.discard(ticket)

    def _hold(self, fact: Fact) -> None:
        name = fact.block, fact.token
        self._take(fact, self.available[fact.block])
        if fact.block in self.frozen:
            self._wrong("I1", fact, "holds although the block is frozen")
        if fact.token in self._held[fact.block]:
            self._wrong("I1", fact, "holds what it holds already")
        if name in self.sales or name in self.cancelled:
            self._wrong("I1", fact, "holds although its order has bought, or was given up")
        stay = Stay(fact, fact.event["deadline"])
        self._held[fact.block][fact.token] = stay
        self.stays[name].append(stay)

    def _prolong(self, fact: Fact) -> None:
        stay, deadline = self._held[fact.block].get(fact.token), fact.event["deadline"]
        if stay is None:
            self._wrong("I1", fact, "is to last longer, but does not stand")
            return
        if fact.at >= stay.deadline or deadline < stay.deadline:
            self._wrong("I7", fact, "is to last longer, but is over, or is made shorter")
        if fact.kind == "hold_secured":
            cap = max(stay.deadline, stay.held.event["held_at"] + SECURED_MS_MAX)
            if deadline > cap:
                self._wrong("I7", fact, f"is kept {deadline - cap} ms too long for its payment")
            stay.secured.append(fact)
        else:
            stay.extended.append(fact)
        stay.deadline = deadline

    def _close(self, fact: Fact) -> Stay | None:
        """A hold ends, however it does."""
        stay = self._held[fact.block].pop(fact.token, None)
        if stay is None:
            self._wrong("I1", fact, "ends what does not stand")
            return None
        if sorted(fact.tickets) != sorted(stay.held.tickets):
            self._wrong("I1", fact, "ends with other tickets than it has")
        stay.ended = fact
        return stay

    def _end(self, fact: Fact) -> None:
        stay = self._close(fact)
        if stay is None:
            return
        self.available[fact.block].update(stay.held.tickets)
        if fact.kind == "hold_expired" and fact.at < stay.deadline:
            self._wrong("I7", fact, f"expires {stay.deadline - fact.at} ms early")
        if fact.kind == "hold_released" and stay.secured:
            self._wrong("I7", fact, "is given back while it is being paid")

    def _sell(self, fact: Fact) -> None:
        stay = self._close(fact)
        if stay is not None and fact.at >= stay.deadline:
            self._wrong("I7", fact, "is sold after its deadline")
        if (fact.block, fact.token) in self.cancelled:
            self._wrong("I1", fact, "is sold although its order was given up")
        self.sales[fact.block, fact.token] = Sold(fact)
        self.sold[fact.block].update(fact.tickets)

    def _cancel(self, fact: Fact) -> None:
        name = fact.block, fact.token
        self.cancelled[name] = fact
        sale = self.sales.get(name)
        if sale is None:
            if fact.tickets or fact.token in self._held[fact.block]:
                self._close(fact)
                self.available[fact.block].update(fact.tickets)
            return
        if sorted(fact.tickets) != sorted(sale.kept):
            self._wrong("I1", fact, "gives back other tickets than it has bought")
        self._give_back(fact, sale, self.available[fact.block])

    def _return(self, fact: Fact) -> None:
        sale = self.sales.get((fact.block, fact.token))
        if sale is None or not set(fact.tickets) <= set(sale.kept):
            self._wrong("I1", fact, "returns what it does not have")
            return
        there = self.withheld if fact.event["withheld"] else self.available
        self._give_back(fact, sale, there[fact.block])

    def _give_back(self, fact: Fact, sale: Sold, there: set[int]) -> None:
        if fact.event["order_id"] != sale.order_id:
            self._wrong("I1", fact, "gives back what another order has bought")
        self._take(fact, self.sold[fact.block])
        sale.back.update(dict.fromkeys(fact.tickets, fact))
        there.update(fact.tickets)

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
