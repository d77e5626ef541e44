"""One ticket's history, folded from its block's journal. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from actors.codec import Commit
from actors.domain.block import Block, Status, apply
from actors.domain.events import (
    BlockOpened,
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

TOKEN_CHARS_SHOWN = 6
"""A whole token is the buyer's authority over the hold: enough to recognise one, too little to use it."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One fact about the ticket. `sequence` is the journal's, `at` and `until` ms since the epoch, `by` the writer."""

    sequence: int
    at: int
    by: str
    what: str
    hold: str = ""
    until: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class History:
    """Everything that happened to one ticket, and how it stands now."""

    status: Status
    price: int
    currency: str
    category: str
    moments: tuple[Moment, ...]


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
    )


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
            detail = f"order {shortened(order_id)}"
            return Moment(sequence, at, by, "secured", shortened(token), deadline, detail)
        case TicketsHeld(token=token, deadline=deadline) if ticket in event.tickets:
            others = len(event.tickets) - 1 + sum(len(part.tickets) for part in event.parts)
            detail = f"with {others} other{'s' if others > 1 else ''}" if others else ""
            return Moment(sequence, at, by, "held", shortened(token), deadline, detail)
        case HoldReleased(token, tickets) if ticket in tickets:
            return Moment(sequence, at, by, "released", shortened(token))
        case HoldExpired(token, tickets) if ticket in tickets:
            return Moment(sequence, at, by, "expired", shortened(token))
        case TicketsSold(token, order_id, tickets) if ticket in tickets:
            return Moment(
                sequence, at, by, "sold", shortened(token), detail=f"order {shortened(order_id)}"
            )
        case SaleCancelled(token, order_id, tickets) if ticket in tickets:
            detail = f"order {shortened(order_id)}"
            return Moment(sequence, at, by, "cancelled", shortened(token), detail=detail)
        case TicketsReturned(token, order_id, tickets) if ticket in tickets:
            back = "withheld" if event.withheld else "on sale"
            detail = f"order {shortened(order_id)}, {back}"
            detail += f": {event.reason}" if event.reason else ""
            return Moment(sequence, at, by, "returned", shortened(token), detail=detail)
        case TicketsWithheld(tickets, reason) if ticket in tickets:
            return Moment(sequence, at, by, "withheld", detail=reason)
        case TicketsRestored(tickets, reason) if ticket in tickets:
            return Moment(sequence, at, by, "restored", detail=reason)
        case _:
            return None


def shortened(token: str) -> str:
    return token if len(token) <= TOKEN_CHARS_SHOWN else f"{token[:TOKEN_CHARS_SHOWN]}…"
