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
    BlockOpened,
    Event,
    HoldAbandoned,
    HoldExpired,
    HoldExtended,
    HoldReleased,
    TicketsHeld,
    TicketsRestored,
    TicketsSold,
    TicketsWithheld,
)
from actors.domain.layout import Layout, Rules

LIFETIME_MAX_MS = 30 * 60 * 1000
"""The hard cap of an extended hold, from the public contract."""

AVAILABLE, HELD, SOLD, WITHHELD = range(4)
STATES = ("available", "held", "sold", "withheld")


@dataclass(frozen=True, slots=True)
class Violation:
    """Something in the journal that the rules do not allow. `seat` is empty when it concerns no single seat."""

    block: int
    sequence: int
    seat: str
    detail: str


@dataclass(slots=True)
class SeenHold:
    """A hold as this block's commits tell it. `ended_at` is the sequence that ended it, 0 while it lives.

    A sale ends it too (`sold`). Deadlines are ms since the epoch, and so is `expired_at`, 0 if it did not expire.
    """

    event: TicketsHeld
    sequence: int
    deadline: int
    extended: bool = False
    ended_at: int = 0
    expired_at: int = 0
    sold: bool = False


@dataclass(slots=True)
class BlockAudit:
    """Feed it the commits of one block in order; `violations` grows.

    `status`, `owner` (a token or an empty text) and `changed` (a sequence) are the last state of each ticket;
    `shared` are the holds that span blocks, live or ended, for `audit_parts`.
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
    violations: list[Violation] = field(default_factory=list[Violation])
    sequence: int = 0
    commits: int = 0

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
                self._ended(token, tickets, "released")
            case HoldExpired(token, tickets):
                hold = self._ended(token, tickets, "expired")
                if hold is not None:
                    self._expired(hold, tickets, at)
            case HoldExtended(token, deadline):
                self._extended(token, deadline, at)
            case TicketsSold(token, _, tickets):
                self._sold(token, tickets, at)
            case TicketsWithheld(tickets):
                self._turn(tickets, AVAILABLE, WITHHELD, "withheld")
            case TicketsRestored(tickets):
                self._turn(tickets, WITHHELD, AVAILABLE, "restored")
            case HoldAbandoned(token, epoch):
                if token in self.live:
                    self._violation(f"hold {_short(token)} is abandoned while it stands")
                self.abandoned[token] = max(epoch, self.abandoned.get(token, epoch))

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
                holder = f" for hold {_short(self.owner[ticket])}" if self.owner[ticket] else ""
                by = f"held for hold {_short(event.token)}"
                self._violation(f"{by} although it is {was}{holder}", ticket)
            self._set(ticket, HELD, event.token)
        hold = SeenHold(event, self.sequence, event.deadline)
        self.live[event.token] = hold
        if event.parts or event.primary != self.block:
            self.shared.append(hold)

    def _check_terms(self, event: TicketsHeld, at: int) -> None:
        """What has to be true of a hold whichever tickets it takes."""
        rules, name = self.rules, f"hold {_short(event.token)}"
        size = len(event.tickets) + sum(len(part.tickets) for part in event.parts)
        problems = (
            (event.token in self.live, "begins while it stands already"),
            (event.epoch <= self.abandoned.get(event.token, -1), "begins in an abandoned epoch"),
            (len(set(event.tickets)) < len(event.tickets), "names a ticket twice"),
            (size > rules.max_per_order, f"has {size} tickets, {rules.max_per_order} are allowed"),
            (event.held_at > at, "begins after its commit"),
            (event.deadline <= event.held_at, "ends before it begins"),
            (event.deadline > event.held_at + rules.hold_seconds * 1000, "is longer than allowed"),
            (not rules.on_sale(event.held_at), "begins while the show is not on sale"),
            (not event.parts and event.amount != _price(self, event.tickets), "has a wrong amount"),
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
            self._each(tickets, f"its hold expired {early} ms before its deadline")

    def _extended(self, token: str, deadline: int, at: int) -> None:
        hold = self.live.get(token)
        name = f"hold {_short(token)}"
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
        for ticket in hold.event.tickets:
            if 0 <= ticket < len(self.changed):
                self.changed[ticket] = self.sequence

    def _sold(self, token: str, tickets: tuple[int, ...], at: int) -> None:
        hold = self._check_hold(token, tickets, "sold")
        for ticket in self._known(tickets, "sold"):
            self._check_owner(ticket, token, "sold")
            self._set(ticket, SOLD, token)
        if hold is None:
            return
        if at >= hold.deadline:
            self._each(tickets, f"sold {at - hold.deadline} ms after its hold's deadline")
        hold.ended_at, hold.sold = self.sequence, True
        del self.live[token]

    def _turn(self, tickets: tuple[int, ...], before: int, after: int, how: str) -> None:
        for ticket in self._known(tickets, how):
            if self.status[ticket] != before:
                self._violation(f"{how} although it is {STATES[self.status[ticket]]}", ticket)
            self._set(ticket, after, "")

    def _check_hold(self, token: str, tickets: tuple[int, ...], how: str) -> SeenHold | None:
        hold = self.live.get(token)
        if hold is None:
            if not tickets:
                self._violation(f"hold {_short(token)} is {how} although it does not stand")
            return None
        if set(tickets) != set(hold.event.tickets):
            self._violation(f"hold {_short(token)} is {how} with other tickets than it has")
        return hold

    def _check_owner(self, ticket: int, token: str, how: str) -> None:
        if self.status[ticket] != HELD or self.owner[ticket] != token:
            owner = self.owner[ticket]
            now = STATES[self.status[ticket]] + (f" for hold {_short(owner)}" if owner else "")
            self._violation(f"{how} by hold {_short(token)} although it is {now}", ticket)

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

    def _each(self, tickets: tuple[int, ...], detail: str) -> None:
        for ticket in tickets:
            if 0 <= ticket < len(self.status):
                self._violation(detail, ticket)

    def _violation(self, detail: str, ticket: int | None = None, sequence: int = 0) -> None:
        seat = self.layout.label(ticket) if self.layout is not None and ticket is not None else ""
        self.violations.append(Violation(self.block, sequence or self.sequence, seat, detail))


def audit_parts(blocks: dict[int, BlockAudit]) -> list[Violation]:
    """What is wrong between the blocks of one show: a hold whose parts are not all there when it is committed."""
    parts = dict[tuple[int, str], list[SeenHold]]()
    for block, audit in blocks.items():
        for hold in audit.shared:
            if hold.event.primary != block:
                parts.setdefault((block, hold.event.token), []).append(hold)
    return [
        violation
        for block, audit in blocks.items()
        for hold in audit.shared
        if hold.event.primary == block
        for violation in _check_parts(hold, block, blocks, parts)
    ]


def _check_parts(
    hold: SeenHold,
    primary: int,
    blocks: dict[int, BlockAudit],
    parts: dict[tuple[int, str], list[SeenHold]],
) -> list[Violation]:
    event, name, found = hold.event, f"hold {_short(hold.event.token)}", list[Violation]()
    price = _price(blocks[primary], event.tickets)
    for part in event.parts:
        audit = blocks.get(part.block)
        taken = next(
            (
                seen
                for seen in parts.get((part.block, event.token), ())
                if seen.sequence < hold.sequence
                and _stood(seen, hold)
                and set(seen.event.tickets) == set(part.tickets)
                and seen.event.primary == primary
            ),
            None,
        )
        if audit is None or taken is None:
            seat = _seat(audit, part.tickets)
            detail = f"{name} was committed without its part in block {part.block}"
            found.append(Violation(primary, hold.sequence, seat, detail))
            continue
        price += _price(audit, part.tickets)
        if event.deadline > taken.event.deadline:
            detail = f"{name} ends after its part in block {part.block}"
            found.append(Violation(primary, hold.sequence, _seat(audit, part.tickets), detail))
    if price != event.amount and not found:
        detail = f"{name} costs {event.amount}, its tickets {price}"
        found.append(Violation(primary, hold.sequence, "", detail))
    return found


def _stood(part: SeenHold, hold: SeenHold) -> bool:
    """Whether a part was there when its hold was committed, or the hold was over by then.

    A commit may be on its way for longer than what it promises lasts.
    """
    over = part.expired_at >= hold.event.deadline
    return not 0 < part.ended_at < hold.sequence or over


def _price(audit: BlockAudit, tickets: tuple[int, ...]) -> int:
    layout = audit.layout
    assert layout is not None  # it has held tickets
    return sum(layout.price(ticket) for ticket in tickets if 0 <= ticket < layout.size)


def _seat(audit: BlockAudit | None, tickets: tuple[int, ...]) -> str:
    if audit is None or audit.layout is None or not tickets:
        return ""
    return audit.layout.label(tickets[0]) if 0 <= tickets[0] < audit.layout.size else ""


def _short(token: str) -> str:
    """A name for a hold that is no authority over it."""
    return "#" + hashlib.blake2b(token.encode(), digest_size=4).hexdigest()
