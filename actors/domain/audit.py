"""The auditor: follows the commits of a block with a state machine of its own and names what could not have happened.

Written against the rules, not against `evolve` and `decide`, so that a mistake there is seen here. After a violation it
takes the journal's word for what is, and goes on: one fault is named once.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field

from actors.domain.events import (
    BlockFrozen,
    BlockOpened,
    BlockThawed,
    Event,
    HoldAbandoned,
    HoldExpired,
    HoldExtended,
    HoldReleased,
    HoldSecured,
    SaleCancelled,
    TicketsHeld,
    TicketsRestored,
    TicketsReturned,
    TicketsSold,
    TicketsWithheld,
)
from actors.domain.layout import Layout, Rules

LIFETIME_MAX_MS = 30 * 60 * 1000
"""The hard cap of an extended hold, from the public contract."""

SECURED_MAX_MS = 60 * 60 * 1000
"""The hard cap of a hold that is being paid."""

AVAILABLE, HELD, SOLD, WITHHELD = range(4)
STATES = ("available", "held", "sold", "withheld")


@dataclass(frozen=True, slots=True)
class Violation:
    """Something in the journal that the rules do not allow. `seat` is empty when it concerns no single seat.

    `doubled`: the seat was given to one while it was another's.
    """

    block: int
    sequence: int
    seat: str
    detail: str
    doubled: bool = False


@dataclass(slots=True)
class SeenHold:
    """A hold as this block's commits tell it. `ended_at` is the sequence that ended it, 0 while it lives.

    A sale ends it too (`sold`, until it is cancelled). Deadlines are ms since the epoch, and so is `expired_at`, 0 if
    it did not expire. `order` is the order that it is being paid for. `again`: it was made again for its payment.
    """

    event: TicketsHeld
    sequence: int
    deadline: int
    extended: bool = False
    ended_at: int = 0
    expired_at: int = 0
    sold: bool = False
    order: str = ""
    again: bool = False


@dataclass(slots=True)
class BlockAudit:
    """Feed it the commits of one block in order; `violations` grows.

    `status`, `owner` (a token or an empty text) and `changed` (a sequence) are the last state of each ticket;
    `shared` are the holds that span blocks, live or ended, for `audit_parts`; `sales` are the holds that were sold;
    `frozen` is the event that has frozen the block, if it is.
    """

    block: int
    layout: Layout | None = None
    rules: Rules = field(default_factory=lambda: Rules("XXX"))
    status: bytearray = field(default_factory=bytearray)
    owner: list[str] = field(default_factory=list[str])
    changed: array[int] = field(default_factory=lambda: array("q"))
    live: dict[str, SeenHold] = field(default_factory=dict[str, SeenHold])
    shared: list[SeenHold] = field(default_factory=list[SeenHold])
    abandoned: dict[str, int] = field(default_factory=dict[str, int])
    sales: dict[str, SeenHold] = field(default_factory=dict[str, SeenHold])
    cancelled: set[str] = field(default_factory=set[str])
    violations: list[Violation] = field(default_factory=list[Violation])
    sequence: int = 0
    commits: int = 0
    frozen: BlockFrozen | None = None

    def commit(self, sequence: int, at: int, events: Iterable[Event]) -> None:
        """Follow one commit: its sequence in the journal, its time (ms since the epoch), its events."""
        if sequence <= self.sequence:
            self._violation(f"follows commit {self.sequence} of the block", sequence=sequence)
        self.sequence = sequence
        self.commits += 1
        for event in events:
            if self.layout is None and not isinstance(event, BlockOpened):
                self._violation(f"{type(event).__name__} before the block was opened")
                continue
            self._follow(event, at)

    def _follow(self, event: Event, at: int) -> None:
        match event:
            case BlockOpened():
                self._opened(event)
            case TicketsHeld():
                self._held(event, at)
            case HoldReleased(token, tickets):
                if token in self.live and self.live[token].order:
                    self._each(token, tickets, "its hold was given back while it was being paid")
                self._ended(token, tickets, "released")
            case HoldExpired(token, tickets):
                hold = self._ended(token, tickets, "expired")
                if hold is not None:
                    self._expired(hold, tickets, at)
            case HoldExtended(token, deadline):
                self._extended(token, deadline, at)
            case HoldSecured(token, order_id, deadline):
                self._secured(token, order_id, deadline, at)
            case TicketsSold(token, order_id, tickets):
                self._sold(token, order_id, tickets, at)
            case SaleCancelled(token, order_id, tickets):
                self._cancelled(token, order_id, tickets)
            case TicketsReturned(token, order_id, tickets):
                self._returned(event, token, order_id, tickets)
            case TicketsWithheld(tickets):
                self._turn(tickets, AVAILABLE, WITHHELD, "withheld")
            case TicketsRestored(tickets):
                self._turn(tickets, WITHHELD, AVAILABLE, "restored")
            case BlockFrozen():
                self._freeze(event)
            case BlockThawed():
                self._freeze(None)
            case HoldAbandoned(token, epoch):
                if token in self.live:
                    self._violation(f"hold {short_name(token)} is abandoned while it stands")
                self.abandoned[token] = max(epoch, self.abandoned.get(token, epoch))

    def _freeze(self, frozen: BlockFrozen | None) -> None:
        """A block is frozen, or thawed."""
        if (self.frozen is None) is (frozen is None):
            self._violation("the block is frozen twice" if frozen else "the block was not frozen")
        self.frozen = frozen

    def _opened(self, event: BlockOpened) -> None:
        if self.layout is not None:
            self._violation("the block is opened a second time")
            return
        self.layout, self.rules = event.layout, event.rules
        self.status = bytearray(event.layout.size)
        self.owner = [""] * event.layout.size
        self.changed = array("q", [self.sequence]) * event.layout.size

    def _held(self, event: TicketsHeld, at: int) -> None:
        self._check_terms(event, at)
        for ticket in self._known(tuple(dict.fromkeys(event.tickets)), "held"):
            if self.status[ticket] != AVAILABLE:
                was = STATES[self.status[ticket]]
                holder = f" for hold {short_name(self.owner[ticket])}" if self.owner[ticket] else ""
                by = f"held for hold {short_name(event.token)}"
                doubled = self.owner[ticket] not in ("", event.token)
                self._violation(f"{by} although it is {was}{holder}", ticket, doubled=doubled)
            self._set(ticket, HELD, event.token)
        hold = SeenHold(event, self.sequence, event.deadline)
        self.live[event.token] = hold
        if event.parts or event.primary != self.block:
            self.shared.append(hold)

    def _check_terms(self, event: TicketsHeld, at: int) -> None:
        """What has to be true of a hold whichever tickets it takes."""
        rules, name = self.rules, f"hold {short_name(event.token)}"
        size = len(event.tickets) + sum(len(part.tickets) for part in event.parts)
        problems = (
            (event.token in self.live, "begins while it stands already"),
            (event.token in self.sales, "begins although it was sold"),
            (event.token in self.cancelled, "begins although its order came to nothing"),
            (event.epoch <= self.abandoned.get(event.token, -1), "begins in an abandoned epoch"),
            (len(set(event.tickets)) < len(event.tickets), "names a ticket twice"),
            (size > rules.max_per_order, f"has {size} tickets, {rules.max_per_order} are allowed"),
            (event.held_at > at, "begins after its commit"),
            (event.deadline <= event.held_at, "ends before it begins"),
            (event.deadline > event.held_at + rules.hold_seconds * 1000, "is longer than allowed"),
            (not rules.on_sale(event.held_at), "begins while the show is not on sale"),
            (self.frozen is not None, "begins while the block is frozen"),
            (
                not event.parts and event.amount != price_of(self, event.tickets),
                "has a wrong amount",
            ),
        )
        for wrong, detail in problems:
            if wrong:
                self._violation(f"{name} {detail}")

    def _ended(self, token: str, tickets: tuple[int, ...], how: str) -> SeenHold | None:
        """A hold ends and its tickets are available again; None when there was no such hold."""
        hold = self._check_hold(token, tickets, how)
        for ticket in self._known(tickets, how):
            self._check_owner(ticket, token, how)
            self._set(ticket, AVAILABLE, "")
        if hold is not None:
            hold.ended_at = self.sequence
            del self.live[token]
        return hold

    def _expired(self, hold: SeenHold, tickets: tuple[int, ...], at: int) -> None:
        hold.expired_at = at
        if at < hold.deadline:
            early = hold.deadline - at
            detail = f"its hold expired {early} ms before its deadline"
            self._each(hold.event.token, tickets, detail)

    def _extended(self, token: str, deadline: int, at: int) -> None:
        hold = self.live.get(token)
        name = f"hold {short_name(token)}"
        if hold is None:
            self._violation(f"{name} is extended although it does not stand")
            return
        latest = max(hold.deadline, hold.event.held_at + LIFETIME_MAX_MS)
        problems = (
            (hold.extended, "is extended a second time"),
            (at >= hold.deadline, "is extended after its deadline"),
            (deadline < hold.deadline, "is made shorter"),
            (deadline > latest, "is extended beyond the cap"),
        )
        for wrong, detail in problems:
            if wrong:
                self._violation(f"{name} {detail}")
        hold.deadline, hold.extended = deadline, True
        self._touch(hold.event.tickets)

    def _secured(self, token: str, order_id: str, deadline: int, at: int) -> None:
        hold = self.live.get(token)
        name = f"hold {short_name(token)}"
        if hold is None:
            self._violation(f"{name} is secured although it does not stand")
            return
        latest = max(hold.deadline, hold.event.held_at + SECURED_MAX_MS)
        problems = (
            (hold.order not in ("", order_id), "is secured for another order"),
            (at >= hold.deadline, "is secured after its deadline"),
            (deadline < hold.deadline, "is made shorter"),
            (deadline > latest, "is secured beyond the cap"),
        )
        for wrong, detail in problems:
            if wrong:
                self._violation(f"{name} {detail}")
        hold.again = hold.again or (hold.sequence == self.sequence and not hold.order)
        hold.deadline, hold.order = deadline, order_id
        self._touch(hold.event.tickets)

    def _touch(self, tickets: tuple[int, ...]) -> None:
        """The deadline of these tickets has changed."""
        for ticket in tickets:
            if 0 <= ticket < len(self.changed):
                self.changed[ticket] = self.sequence

    def _sold(self, token: str, order_id: str, tickets: tuple[int, ...], at: int) -> None:
        hold = self._check_hold(token, tickets, "sold")
        for ticket in self._known(tickets, "sold"):
            self._check_owner(ticket, token, "sold", gives=True)
            self._set(ticket, SOLD, token)
        if hold is None:
            return
        if at >= hold.deadline:
            late = at - hold.deadline
            self._each(token, tickets, f"sold {late} ms after its hold's deadline")
        if hold.order not in ("", order_id):
            self._each(token, tickets, "sold to another order than the one that was paying")
        hold.ended_at, hold.sold, hold.order = self.sequence, True, order_id
        self.sales[token] = self.live.pop(token)

    def _cancelled(self, token: str, order_id: str, tickets: tuple[int, ...]) -> None:
        """An order comes to nothing: what it has here, held or sold, is available again."""
        self.cancelled.add(token)
        sale = self.sales.pop(token, None)
        if sale is None:
            if token in self.live or tickets:
                self._ended(token, tickets, "cancelled")
            return
        self._check_order(sale, token, order_id, "cancelled")
        sale.ended_at, sale.sold = self.sequence, False
        for ticket in self._known(tickets, "cancelled"):
            self._check_owner(ticket, token, "cancelled", SOLD)
            self._set(ticket, AVAILABLE, "")
        if token in self.owner:
            self._violation(f"hold {short_name(token)} is cancelled with other tickets than it has")

    def _returned(
        self, event: TicketsReturned, token: str, order_id: str, tickets: tuple[int, ...]
    ) -> None:
        sale = self.sales.get(token)
        if sale is not None:
            self._check_order(sale, token, order_id, "returned")
        for ticket in self._known(tickets, "returned"):
            self._check_owner(ticket, token, "returned", SOLD)
            self._set(ticket, WITHHELD if event.withheld else AVAILABLE, "")

    def _check_order(self, sale: SeenHold, token: str, order_id: str, how: str) -> None:
        if sale.order != order_id:
            self._violation(
                f"hold {short_name(token)} is {how} by another order than it was sold to"
            )

    def _turn(self, tickets: tuple[int, ...], before: int, after: int, how: str) -> None:
        for ticket in self._known(tickets, how):
            if self.status[ticket] != before:
                self._violation(f"{how} although it is {STATES[self.status[ticket]]}", ticket)
            self._set(ticket, after, "")

    def _check_hold(self, token: str, tickets: tuple[int, ...], how: str) -> SeenHold | None:
        hold = self.live.get(token)
        if hold is None:
            if not tickets:
                self._violation(f"hold {short_name(token)} is {how} although it does not stand")
            return None
        if set(tickets) != set(hold.event.tickets):
            self._violation(f"hold {short_name(token)} is {how} with other tickets than it has")
        return hold

    def _check_owner(
        self, ticket: int, token: str, how: str, status: int = HELD, *, gives: bool = False
    ) -> None:
        """`gives`: what happens makes it the ticket's owner."""
        if self.status[ticket] != status or self.owner[ticket] != token:
            owner = self.owner[ticket]
            now = STATES[self.status[ticket]] + (f" for hold {short_name(owner)}" if owner else "")
            doubled = gives and owner not in ("", token)
            detail = f"{how} by hold {short_name(token)} although it is {now}"
            self._violation(detail, ticket, doubled=doubled)

    def _known(self, tickets: tuple[int, ...], how: str) -> list[int]:
        """The tickets that the block has; any other breaks its capacity."""
        size = len(self.status)
        beyond = [ticket for ticket in tickets if not 0 <= ticket < size]
        if beyond:
            self._violation(f"ticket {beyond[0]} is {how}, the block has {size}")
        return [ticket for ticket in tickets if 0 <= ticket < size]

    def _set(self, ticket: int, status: int, owner: str) -> None:
        self.status[ticket] = status
        self.owner[ticket] = owner
        self.changed[ticket] = self.sequence

    def _each(self, token: str, tickets: tuple[int, ...], detail: str) -> None:
        """Name every ticket of a hold; one that has none here, as in a register, is named itself."""
        if not tickets:
            self._violation(f"hold {short_name(token)}: {detail}")
        for ticket in tickets:
            if 0 <= ticket < len(self.status):
                self._violation(detail, ticket)

    def _violation(
        self, detail: str, ticket: int | None = None, sequence: int = 0, *, doubled: bool = False
    ) -> None:
        seat = self.layout.label(ticket) if self.layout is not None and ticket is not None else ""
        sequence = sequence or self.sequence
        self.violations.append(Violation(self.block, sequence, seat, detail, doubled))


def price_of(audit: BlockAudit, tickets: tuple[int, ...]) -> int:
    layout = audit.layout
    assert layout is not None  # it has held tickets
    return sum(layout.price(ticket) for ticket in tickets if 0 <= ticket < layout.size)


def short_name(token: str) -> str:
    """A name for a hold that is no authority over it."""
    return "#" + hashlib.blake2b(token.encode(), digest_size=4).hexdigest()
