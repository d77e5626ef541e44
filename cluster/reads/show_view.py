"""A show as one replica sees it: every ticket's status, kept current by folding the journal's commits."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from actors.codec import Commit
from actors.domain.block import Status
from actors.domain.events import (
    BlockFrozen,
    BlockOpened,
    BlockThawed,
    Event,
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
from actors.domain.seating import (
    Hall,
    accessible_seats,
    hall_of,
    longest_run,
    wanted_places,
    without_places,
)

CHANGES_REMEMBERED_MAX = 20_000
"""Ticket changes kept for streams that resume; a client that missed more gets `resync`."""

NEVER = 2**63 - 1
"""A deadline that does not come."""

UNREADABLE = BlockFrozen("a commit of it cannot be read", "")
"""What is said of a block that is lost to a view."""

STATUS_NAMES = {status: status.name.lower() for status in Status}

_STATUS_AFTER: dict[type[Event], Status] = {
    TicketsHeld: Status.HELD,
    HoldReleased: Status.AVAILABLE,
    HoldExpired: Status.AVAILABLE,
    TicketsSold: Status.SOLD,
    SaleCancelled: Status.AVAILABLE,
    TicketsWithheld: Status.WITHHELD,
    TicketsRestored: Status.AVAILABLE,
}

Counts = dict[str, list[int]]


@dataclass(frozen=True, slots=True)
class Change:
    """The tickets of one block that one commit changed; `sequence` is the commit's. No tickets: the block is new."""

    sequence: int
    block: int
    tickets: tuple[tuple[int, Status], ...]


@dataclass(slots=True)
class BlockView:
    """One block: what never changes, one status byte per ticket, and the deadlines of its holds.

    `status` is what the public sees: while the block is frozen, what is available shows as withheld, and `beneath` has
    the statuses as they will be when it is thawed.

    The deadlines are there because a seat held past its deadline can be sold before anybody has announced its expiry:
    whoever chooses seats from the view has to see what the block would decide.
    """

    layout: Layout
    hall: Hall
    status: bytearray
    holds: dict[str, tuple[int, tuple[int, ...]]] = field(
        default_factory=dict[str, tuple[int, tuple[int, ...]]]
    )
    next_due: int = NEVER
    beneath: bytearray | None = None
    _runs: dict[str | None, int] = field(default_factory=dict[str | None, int])
    _free: dict[str | None, int] = field(default_factory=dict[str | None, int])
    _packed: bytes | None = None

    def sellable(self, now: int) -> bytearray:
        """The statuses with what is held past its deadline as available. Not to be changed."""
        if now < self.next_due:
            return self.status
        self.next_due = min((deadline for deadline, _ in self.holds.values()), default=NEVER)
        if now < self.next_due:
            return self.status
        status, free = self.status[:], self.shown(Status.AVAILABLE)
        for deadline, tickets in self.holds.values():
            if deadline <= now:
                for ticket in tickets:
                    status[ticket] = free
        return status

    def shown(self, status: Status) -> Status:
        """How a status shows."""
        hidden = self.beneath is not None and status is Status.AVAILABLE
        return Status.WITHHELD if hidden else status

    def longest_run(self, category: str | None, now: int) -> int:
        """The most free neighbours, of one category or of any, accessible seats not counted."""
        kept = self.layout.accessible
        return self._remembered(
            self._runs,
            category,
            now,
            lambda wanted: longest_run(self.hall, without_places(wanted, kept)),
        )

    def accessible_seats(self, category: str | None, quantity: int, now: int) -> tuple[int, ...]:
        """Free neighbours with an accessible seat among them."""
        wanted = self.wanted(category, now)
        accessible = self.layout.accessible
        return accessible_seats(self.hall, self.sellable(now), wanted, quantity, accessible)

    def free(self, category: str | None, now: int) -> int:
        """How many tickets are free, of one category or of any."""
        return self._remembered(
            self._free, category, now, lambda wanted: wanted.count(Status.AVAILABLE)
        )

    def wanted(self, category: str | None, now: int) -> bytes:
        """The sellable tickets with those of other categories made unavailable."""
        index = None if category is None else self.layout.category_index(category)
        return wanted_places(self.sellable(now), self.layout.category_of, index)

    def _remembered(
        self,
        memory: dict[str | None, int],
        category: str | None,
        now: int,
        count: Callable[[bytes], int],
    ) -> int:
        """Counted again only after a change, or while a hold is overdue."""
        if category is not None and self.layout.category_index(category) < 0:
            return 0  # any name may be asked for: nothing is remembered for it
        if self.sellable(now) is not self.status:
            return count(self.wanted(category, now))
        if category not in memory:
            memory[category] = count(self.wanted(category, now))
        return memory[category]

    def packed(self) -> bytes:
        """Two bits per ticket, four tickets to a byte, the first in the lowest bits."""
        if self._packed is None:
            padded = self.status + bytes(-len(self.status) % 4)
            # A status has two bits: shifted as one large number, no byte runs over into the next.
            columns = [int.from_bytes(padded[place::4], "big") << 2 * place for place in range(4)]
            together = columns[0] | columns[1] | columns[2] | columns[3]
            self._packed = together.to_bytes(len(padded) // 4, "big")
        return self._packed

    def changed(self) -> None:
        """What was counted from the statuses is to be counted again."""
        self._runs.clear()
        self._free.clear()
        self._packed = None


class ShowView:
    """All blocks of a show. `version` is the sequence of the last commit applied."""

    def __init__(self, show_id: str) -> None:
        self.show_id = show_id
        self.version = 0
        self.rules: Rules | None = None
        self.blocks: dict[int, BlockView] = {}
        self.places: dict[str, tuple[int, int]] = {}
        self.areas: dict[str, list[int]] = {}
        self.counts: Counts = {}
        self.frozen: dict[int, BlockFrozen] = {}
        self._lost: set[int] = set()
        self._changes: deque[Change] = deque()
        self._remembered = 0
        self._forgotten_up_to = 0

    def apply(self, block: int, sequence: int, commit: Commit) -> Change | None:
        """Fold one commit; what it changed for a watcher, if anything."""
        self.version = sequence
        if block in self._lost:
            return None
        tickets, opened = dict[int, Status](), False
        for event in commit.events:
            if isinstance(event, BlockOpened):
                self._open(block, event)
                opened = event.layout.size > 0
                continue
            if isinstance(event, BlockFrozen | BlockThawed):
                self._freeze(block, event, tickets)
                continue
            self._keep_deadline(self.blocks[block], event)
            after = _status_after(event)
            if after is not None:
                self._set(block, event.tickets, after, tickets)  # type: ignore[union-attr]
        if not tickets and not opened:
            return None
        change = Change(sequence, block, tuple(tickets.items()))
        self._remember(change)
        return change

    def lose(self, block: int, sequence: int) -> Change | None:
        """A commit cannot be read, and waiting would not help: its block shows as frozen from now on (its host cannot
        decide either), and the other blocks go on."""
        self.version = sequence
        tickets = dict[int, Status]()
        if block not in self._lost and block in self.blocks:
            self._freeze(block, UNREADABLE, tickets)
        self._lost.add(block)
        if not tickets:
            return None
        change = Change(sequence, block, tuple(tickets.items()))
        self._remember(change)
        return change

    def _open(self, block: int, event: BlockOpened) -> None:
        layout, self.rules = event.layout, event.rules
        hall = hall_of(layout)
        self.blocks[block] = BlockView(layout, hall, bytearray(layout.size))
        for ticket, label in enumerate(layout.labels()):
            self.places[label] = (block, ticket)
        if layout.is_area and layout.size:
            self.areas.setdefault(layout.section, []).append(block)
        for index, category in enumerate(layout.categories):
            counts = self.counts.setdefault(category.name, [0, 0, 0, 0])
            counts[Status.AVAILABLE] += layout.category_of.count(index)

    @staticmethod
    def _keep_deadline(view: BlockView, event: Event) -> None:
        match event:
            case TicketsHeld(token):
                view.holds[token] = (event.deadline, event.tickets)
                view.next_due = min(view.next_due, event.deadline)
            case HoldExtended(token, deadline) if token in view.holds:
                view.holds[token] = (deadline, view.holds[token][1])
            case HoldSecured(token, _, deadline) if token in view.holds:
                view.holds[token] = (deadline, view.holds[token][1])
            case (
                HoldReleased(token) | HoldExpired(token) | TicketsSold(token) | SaleCancelled(token)
            ):
                view.holds.pop(token, None)

    def _set(
        self, block: int, tickets: tuple[int, ...], after: Status, changed: dict[int, Status]
    ) -> None:
        view = self.blocks[block]
        layout, status = view.layout, view.status
        if view.beneath is not None:
            for ticket in tickets:
                view.beneath[ticket] = after
        after = view.shown(after)
        for ticket in tickets:
            counts = self.counts[layout.categories[layout.category_of[ticket]].name]
            counts[status[ticket]] -= 1
            counts[after] += 1
            status[ticket] = after
            changed[ticket] = after
        view.changed()

    def _freeze(
        self, block: int, event: BlockFrozen | BlockThawed, changed: dict[int, Status]
    ) -> None:
        """What is available does not show as such while a block is frozen."""
        view = self.blocks[block]
        if isinstance(event, BlockFrozen):
            self.frozen[block] = event
            free = _tickets(view.status, Status.AVAILABLE)
            view.beneath = view.status[:]
        else:
            self.frozen.pop(block, None)
            free = () if view.beneath is None else _tickets(view.beneath, Status.AVAILABLE)
            view.beneath = None
        self._set(block, free, Status.AVAILABLE, changed)

    def _remember(self, change: Change) -> None:
        self._changes.append(change)
        self._remembered += max(1, len(change.tickets))
        while self._remembered > CHANGES_REMEMBERED_MAX and len(self._changes) > 1:
            oldest = self._changes.popleft()
            self._remembered -= max(1, len(oldest.tickets))
            self._forgotten_up_to = oldest.sequence

    def forget_history(self) -> None:
        """Nothing before now can be resumed: the view was built, not watched."""
        self._changes.clear()
        self._remembered = 0
        self._forgotten_up_to = self.version

    def changes_since(self, sequence: int) -> list[Change] | None:
        """The changes after `sequence`, or None when not all of them are remembered."""
        if sequence < self._forgotten_up_to or sequence > self.version:
            return None
        return [change for change in self._changes if change.sequence > sequence]

    @property
    def has_accessible(self) -> bool:
        """Whether any of its seats takes a wheelchair."""
        return any(view.layout.accessible for view in self.blocks.values())

    def label(self, block: int, ticket: int) -> str:
        return self.blocks[block].layout.label(ticket)

    def seat_blocks(self) -> list[tuple[int, BlockView]]:
        """The blocks that have tickets, in order."""
        return sorted((n, view) for n, view in self.blocks.items() if view.layout.size)


def _tickets(statuses: bytearray, status: Status) -> tuple[int, ...]:
    return tuple(ticket for ticket, found in enumerate(statuses) if found == status)


def _status_after(event: Event) -> Status | None:
    """What the tickets of an event are afterwards; None when it changes none."""
    if isinstance(event, TicketsReturned):
        return Status.WITHHELD if event.withheld else Status.AVAILABLE
    return _STATUS_AFTER.get(type(event))
