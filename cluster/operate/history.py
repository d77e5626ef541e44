"""One ticket's history, folded from its block's journal. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from actors.codec import Commit
from actors.domain.block import Block, Status, apply
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
from cluster.ticketing.document import order_reference

TOKEN_CHARS_SHOWN = 6
"""A whole token is the buyer's authority over the hold: enough to recognise one, too little to use it."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One fact about the ticket. `at` and `until` are ms since the epoch, `detail` is why.

    Of the journal: `sequence` is its own, `by` the process that committed. Of an order: `sequence` is 0, `by` who did
    it. `order` is a reference, as on tickets.
    """

    sequence: int
    at: int
    by: str
    what: str
    hold: str = ""
    until: int | None = None
    detail: str = ""
    order: str = ""


@dataclass(frozen=True, slots=True)
class History:
    """Everything that happened to one ticket, and how it stands now. `frozen`: why its block is; None if it is not."""

    status: Status
    price: int
    currency: str
    category: str
    moments: tuple[Moment, ...]
    frozen: str | None = None

    def with_moments(self, moments: Iterable[Moment]) -> History:
        return replace(self, moments=tuple(moments))


def ticket_history(commits: Iterable[tuple[int, Commit]], ticket: int) -> History | None:
    """The history of the ticket with this index from all (sequence, commit) of its block; None: never opened."""
    block, moments = Block(), list[Moment]()
    for sequence, commit in commits:
        for event in commit.events:
            moment = _moment(block, event, ticket, sequence, commit)
            apply(block, event)
            if moment is not None:
                moments.append(moment)
    layout = block.layout
    if layout is None or not 0 <= ticket < layout.size:
        return None
    category = layout.categories[layout.category_of[ticket]]
    return History(
        Status(block.status[ticket]),
        category.price,
        block.rules.currency,
        category.name,
        tuple(moments),
        block.frozen.reason if block.frozen is not None else None,
    )


def hold_tokens(commits: Iterable[tuple[int, Commit]], ticket: int) -> set[str]:
    """The tokens of all holds that have ever had the ticket. Each is its buyer's authority: not to be shown."""
    return {
        event.token
        for _, commit in commits
        for event in commit.events
        if isinstance(event, TicketsHeld) and ticket in event.tickets
    }


def _moment(
    block: Block, event: Event, ticket: int, sequence: int, commit: Commit
) -> Moment | None:
    """What an event means for the ticket, given the block before it; None when it is about others."""
    at, by = commit.at, commit.by
    match event:
        case BlockOpened(source=source):
            return Moment(sequence, at, by, "opened", detail=f"from {shortened(source)}")
        case HoldExtended(token, deadline):
            if block.owner.get(ticket) != token:
                return None
            return Moment(sequence, at, by, "extended", shortened(token), deadline)
        case HoldSecured(token, order_id, deadline):
            if block.owner.get(ticket) != token:
                return None
            detail, order = "kept while it is being paid", order_reference(order_id)
            return Moment(sequence, at, by, "secured", shortened(token), deadline, detail, order)
        case TicketsHeld(token=token, deadline=deadline) if ticket in event.tickets:
            others = len(event.tickets) - 1 + sum(len(part.tickets) for part in event.parts)
            detail = f"with {others} other{'s' if others > 1 else ''}" if others else ""
            return Moment(sequence, at, by, "held", shortened(token), deadline, detail)
        case HoldReleased(token, tickets) if ticket in tickets:
            return Moment(
                sequence, at, by, "released", shortened(token), detail="given back by the buyer"
            )
        case HoldExpired(token, tickets) if ticket in tickets:
            return Moment(
                sequence, at, by, "expired", shortened(token), detail="its deadline was over"
            )
        case TicketsSold(token, order_id, tickets) if ticket in tickets:
            order = order_reference(order_id)
            return Moment(sequence, at, by, "sold", shortened(token), detail="bought", order=order)
        case SaleCancelled(token, order_id, tickets) if ticket in tickets:
            detail, order = "its order came to nothing", order_reference(order_id)
            return Moment(
                sequence, at, by, "cancelled", shortened(token), detail=detail, order=order
            )
        case TicketsReturned(token, order_id, tickets) if ticket in tickets:
            back = "withheld" if event.withheld else "on sale"
            detail = f"refunded by the organizer, now {back}"
            detail += f": {event.reason}" if event.reason else ""
            order = order_reference(order_id)
            return Moment(
                sequence, at, by, "returned", shortened(token), detail=detail, order=order
            )
        case TicketsWithheld(tickets, reason) if ticket in tickets:
            return Moment(sequence, at, by, "withheld", detail=reason)
        case TicketsRestored(tickets, reason) if ticket in tickets:
            return Moment(sequence, at, by, "restored", detail=reason)
        case BlockFrozen(reason, who):
            return Moment(sequence, at, by, "frozen", detail=_asked(reason, who))
        case BlockThawed(reason, who):
            return Moment(sequence, at, by, "thawed", detail=_asked(reason, who))
        case _:
            return None


def _asked(reason: str, who: str) -> str:
    return f"{reason} ({who})" if who else reason


def shortened(token: str) -> str:
    return token if len(token) <= TOKEN_CHARS_SHOWN else f"{token[:TOKEN_CHARS_SHOWN]}…"
