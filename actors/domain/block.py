"""The state of a block, and `evolve`: how an event changes it. Never fails, does no I/O, knows no clock."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field, replace
from enum import IntEnum

from actors.domain.commands import Part
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
from actors.domain.seating import Hall, hall_of

ENDED_HOLDS_MAX = 4_000
"""Released, expired and cancelled holds that a block remembers, so that a late retry gets its first answer; the oldest
are forgotten. Sold ones never are: their number is bounded by the tickets and the refunds, and a late confirmation must
find its sale."""

ABANDONED_HOLDS_MAX = 2_000
"""Abandoned attempts that a block remembers; they matter for seconds."""


class Status(IntEnum):
    """The state of one ticket, as one byte of `Block.status`."""

    AVAILABLE = 0
    HELD = 1
    SOLD = 2
    WITHHELD = 3


class Ending(IntEnum):
    """How a hold stands."""

    LIVE = 0
    RELEASED = 1
    EXPIRED = 2
    SOLD = 3
    CANCELLED = 4


@dataclass(frozen=True, slots=True)
class Hold:
    """What one block holds for one token; at the primary, `amount` and `parts` describe the whole hold.

    `order_id` is the order that it is being paid for (while it lives), was sold to, or that came to nothing.
    """

    token: str
    fingerprint: str
    tickets: tuple[int, ...]
    amount: int
    held_at: int
    deadline: int
    primary: int
    epoch: int = 0
    parts: tuple[Part, ...] = ()
    extended_by: str = ""
    ending: Ending = Ending.LIVE
    order_id: str = ""


NO_RULES = Rules(currency="XXX")
NO_HALL = Hall((), array("d"), ())


@dataclass(slots=True)
class Block:
    """All tickets of a block. `owner` maps a held or sold ticket to the token of its hold.

    While it is `frozen` (by the event that did it) no hold begins, whatever the statuses say.
    """

    layout: Layout | None = None
    hall: Hall = NO_HALL
    rules: Rules = NO_RULES
    status: bytearray = field(default_factory=bytearray)
    owner: dict[int, str] = field(default_factory=dict[int, str])
    holds: dict[str, Hold] = field(default_factory=dict[str, Hold])
    ended: dict[str, Hold] = field(default_factory=dict[str, Hold])
    abandoned: dict[str, int] = field(default_factory=dict[str, int])
    sold: dict[str, Hold] = field(default_factory=dict[str, Hold])
    frozen: BlockFrozen | None = None

    def copy(self) -> Block:
        """A draft to apply events to; the layout is shared, it never changes."""
        return Block(
            self.layout,
            self.hall,
            self.rules,
            self.status[:],
            self.owner.copy(),
            self.holds.copy(),
            self.ended.copy(),
            self.abandoned.copy(),
            self.sold.copy(),
            self.frozen,
        )

    def hold(self, token: str) -> Hold | None:
        """The hold of a token, live or remembered."""
        return self.holds.get(token) or self.sold.get(token) or self.ended.get(token)

    def next_to_end(self) -> Hold | None:
        """The live hold with the earliest deadline."""
        return min(self.holds.values(), key=lambda hold: hold.deadline, default=None)


def evolve(block: Block, event: Event) -> Block:
    """The state after an event, as a new value."""
    draft = block.copy()
    apply(draft, event)
    return draft


def apply(draft: Block, event: Event) -> None:
    """Fold one event into a draft that nobody else sees: `evolve` without the copy."""
    match event:
        case TicketsHeld():
            _apply_held(draft, event)
        case HoldReleased(token):
            _end_hold(draft, token, Ending.RELEASED)
        case HoldExpired(token):
            _end_hold(draft, token, Ending.EXPIRED)
        case HoldExtended(token, deadline, request):
            draft.holds[token] = replace(draft.holds[token], deadline=deadline, extended_by=request)
        case HoldSecured(token, order_id, deadline):
            draft.holds[token] = replace(draft.holds[token], deadline=deadline, order_id=order_id)
        case TicketsSold(token, order_id):
            _apply_sold(draft, token, order_id)
        case SaleCancelled(token, order_id, tickets):
            _apply_cancelled(draft, token, order_id, tickets)
        case TicketsReturned(token, _, tickets, withheld):
            _apply_returned(draft, token, tickets, withheld)
        case TicketsWithheld(tickets):
            for ticket in tickets:
                draft.status[ticket] = Status.WITHHELD
        case TicketsRestored(tickets):
            for ticket in tickets:
                draft.status[ticket] = Status.AVAILABLE
        case HoldAbandoned(token, epoch):
            draft.abandoned.pop(token, None)  # to the end: the oldest are forgotten first
            draft.abandoned[token] = epoch
            _forget_oldest(draft.abandoned, ABANDONED_HOLDS_MAX)
        case BlockFrozen():
            draft.frozen = event
        case BlockThawed():
            draft.frozen = None
        case BlockOpened(layout, rules):
            draft.layout, draft.rules, draft.status = layout, rules, bytearray(layout.size)
            draft.hall = hall_of(layout)


def _apply_held(draft: Block, event: TicketsHeld) -> None:
    for ticket in event.tickets:
        draft.status[ticket] = Status.HELD
        draft.owner[ticket] = event.token
    draft.ended.pop(event.token, None)
    draft.holds[event.token] = Hold(
        event.token,
        event.fingerprint,
        event.tickets,
        event.amount,
        event.held_at,
        event.deadline,
        event.primary,
        event.epoch,
        event.parts,
    )


def _end_hold(draft: Block, token: str, ending: Ending) -> None:
    hold = draft.holds.pop(token)
    _free(draft, hold.tickets, Status.AVAILABLE)
    draft.ended[token] = replace(hold, ending=ending)
    _forget_oldest(draft.ended, ENDED_HOLDS_MAX)


def _apply_sold(draft: Block, token: str, order_id: str) -> None:
    hold = draft.holds.pop(token)
    for ticket in hold.tickets:
        draft.status[ticket] = Status.SOLD
    draft.sold[token] = replace(hold, ending=Ending.SOLD, order_id=order_id)


def _apply_cancelled(draft: Block, token: str, order_id: str, tickets: tuple[int, ...]) -> None:
    hold = (
        draft.holds.pop(token, None) or draft.sold.pop(token, None) or draft.ended.pop(token, None)
    )
    _free(draft, tickets, Status.AVAILABLE)
    if hold is None:  # forgotten, or never here: what matters is that it cannot come back
        hold = Hold(token, "", (), 0, 0, 0, 0)
    draft.ended[token] = replace(hold, ending=Ending.CANCELLED, order_id=order_id)
    _forget_oldest(draft.ended, ENDED_HOLDS_MAX)


def _apply_returned(draft: Block, token: str, tickets: tuple[int, ...], withheld: bool) -> None:
    _free(draft, tickets, Status.WITHHELD if withheld else Status.AVAILABLE)
    hold = draft.sold[token]
    kept = tuple(ticket for ticket in hold.tickets if ticket not in tickets)
    draft.sold[token] = replace(hold, tickets=kept)


def _free(draft: Block, tickets: tuple[int, ...], status: Status) -> None:
    for ticket in tickets:
        draft.status[ticket] = status
        del draft.owner[ticket]


def _forget_oldest(remembered: dict[str, Hold] | dict[str, int], limit: int) -> None:
    while len(remembered) > limit:
        del remembered[next(iter(remembered))]
