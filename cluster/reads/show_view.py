"""A show as one replica sees it: every ticket's status, kept current by folding the journal's commits."""

from __future__ import annotations

import base64
from collections import deque
from dataclasses import dataclass, field

from actors.codec import Commit
from actors.domain.block import Status
from actors.domain.events import (
    BlockOpened,
    Event,
    HoldExpired,
    HoldReleased,
    TicketsHeld,
    TicketsRestored,
    TicketsSold,
    TicketsWithheld,
)
from actors.domain.layout import Layout, Rules
from actors.domain.seating import Hall, hall_of, longest_run, wanted_places

CHANGES_REMEMBERED_MAX = 20_000
"""Ticket changes kept for streams that resume; a client that missed more gets `resync`."""

STATUS_NAMES = {status: status.name.lower() for status in Status}

_STATUS_AFTER: dict[type[Event], Status] = {
    TicketsHeld: Status.HELD,
    HoldReleased: Status.AVAILABLE,
    HoldExpired: Status.AVAILABLE,
    TicketsSold: Status.SOLD,
    TicketsWithheld: Status.WITHHELD,
    TicketsRestored: Status.AVAILABLE,
}

Counts = dict[str, list[int]]


@dataclass(frozen=True, slots=True)
class Change:
    """The tickets of one block that one commit changed; `sequence` is the commit's."""

    sequence: int
    block: int
    tickets: tuple[tuple[int, Status], ...]


@dataclass(slots=True)
class BlockView:
    """One block: what never changes, and one status byte per ticket."""

    layout: Layout
    hall: Hall
    status: bytearray
    sequence: int
    runs: dict[str | None, int] = field(default_factory=dict[str | None, int])

    def longest_run(self, category: str | None) -> int:
        """The most free neighbours, of one category or of any; computed again only after a change."""
        run = self.runs.get(category)
        if run is None:
            run = self.runs[category] = longest_run(self.hall, self.wanted(category))
        return run

    def wanted(self, category: str | None) -> bytes:
        """The statuses with seats of other categories made unavailable."""
        index = None if category is None else self.layout.category_index(category)
        return wanted_places(self.status, self.layout.category_of, index)

    def available(self, category: str | None) -> int:
        return self.wanted(category).count(Status.AVAILABLE)

    def packed(self) -> str:
        """Two bits per ticket, four tickets to a byte, the first in the lowest bits; base64."""
        padded = self.status + bytes(-len(self.status) % 4)
        packed = bytes(
            a | b << 2 | c << 4 | d << 6
            for a, b, c, d in zip(
                padded[::4], padded[1::4], padded[2::4], padded[3::4], strict=True
            )
        )
        return base64.b64encode(packed).decode()


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
        self._changes: deque[Change] = deque()
        self._remembered = 0
        self._forgotten_up_to = 0

    def apply(self, block: int, sequence: int, commit: Commit) -> Change | None:
        """Fold one commit; what it changed for a watcher, if anything."""
        self.version = sequence
        tickets: dict[int, Status] = {}
        for event in commit.events:
            if isinstance(event, BlockOpened):
                self._open(block, sequence, event)
                continue
            after = _STATUS_AFTER.get(type(event))
            if after is not None:
                self._set(block, sequence, event.tickets, after, tickets)  # type: ignore[union-attr]
        if not tickets:
            return None
        change = Change(sequence, block, tuple(tickets.items()))
        self._remember(change)
        return change

    def _open(self, block: int, sequence: int, event: BlockOpened) -> None:
        layout, self.rules = event.layout, event.rules
        hall = hall_of(layout)
        self.blocks[block] = BlockView(layout, hall, bytearray(layout.size), sequence)
        for ticket, label in enumerate(layout.labels()):
            self.places[label] = (block, ticket)
        if layout.is_area and layout.size:
            self.areas.setdefault(layout.section, []).append(block)
        for index, category in enumerate(layout.categories):
            counts = self.counts.setdefault(category.name, [0, 0, 0, 0])
            counts[Status.AVAILABLE] += layout.category_of.count(index)

    def _set(
        self,
        block: int,
        sequence: int,
        tickets: tuple[int, ...],
        after: Status,
        changed: dict[int, Status],
    ) -> None:
        view = self.blocks[block]
        layout, status = view.layout, view.status
        for ticket in tickets:
            counts = self.counts[layout.categories[layout.category_of[ticket]].name]
            counts[status[ticket]] -= 1
            counts[after] += 1
            status[ticket] = after
            changed[ticket] = after
        view.sequence = sequence
        view.runs.clear()

    def _remember(self, change: Change) -> None:
        self._changes.append(change)
        self._remembered += len(change.tickets)
        while self._remembered > CHANGES_REMEMBERED_MAX and len(self._changes) > 1:
            oldest = self._changes.popleft()
            self._remembered -= len(oldest.tickets)
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

    def label(self, block: int, ticket: int) -> str:
        return self.blocks[block].layout.label(ticket)

    def seat_blocks(self) -> list[tuple[int, BlockView]]:
        """The blocks that have tickets, in order."""
        return sorted((n, view) for n, view in self.blocks.items() if view.layout.size)
