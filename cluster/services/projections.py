"""What commits mean for the read model of tickets. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from actors.codec import Commit
from actors.domain.block import Status
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
from actors.domain.identity import BlockKey
from cluster.store.block_change import BlockChange, BlockOpening
from cluster.store.ticket import Deadline, TicketState, digest
from cluster.store.tickets import Round

_NAMES = {status: status.name.lower() for status in Status}


def project(commits: Iterable[tuple[BlockKey, int, Commit]], sequence: int) -> Round:
    """One round of commits with their sequences, in order: the last state of everything that changed, by block.

    `sequence` is the round's end. Blocks without tickets (registers) are not in the read model.
    """
    changes = dict[BlockKey, BlockChange]()
    for block, at, commit in commits:
        change = changes.get(block)
        if change is None:
            change = changes[block] = BlockChange(block.show_id, block.block)
        for event in commit.events:
            _project(change, at, event)
    # What never had anything to say is still at 0.
    return Round([change for change in changes.values() if change.sequence], sequence)


def _project(change: BlockChange, sequence: int, event: Event) -> None:
    match event:
        case BlockOpened():
            change.opening = _opening(sequence, event)
            if event.layout.size:
                change.sequence = sequence
        case TicketsHeld(token, deadline=deadline):
            hold = digest(token)
            if event.tickets:
                change.deadlines[hold] = Deadline(deadline, sequence)
            _set(change, event.tickets, TicketState(_NAMES[Status.HELD], hold, None, sequence))
        case TicketsSold(token, order_id):
            hold = digest(token)
            state = TicketState(_NAMES[Status.SOLD], hold, digest(order_id), sequence)
            _end(change, event.tickets, hold)
            _set(change, event.tickets, state)
        case HoldReleased(token) | HoldExpired(token) | SaleCancelled(token):
            _end(change, event.tickets, digest(token))
            _set(change, event.tickets, _free(Status.AVAILABLE, sequence))
        case TicketsReturned(withheld=withheld):
            status = Status.WITHHELD if withheld else Status.AVAILABLE
            _set(change, event.tickets, _free(status, sequence))
        case TicketsRestored():
            _set(change, event.tickets, _free(Status.AVAILABLE, sequence))
        case TicketsWithheld():
            _set(change, event.tickets, _free(Status.WITHHELD, sequence))
        case HoldExtended(token, deadline) | HoldSecured(token, deadline=deadline):
            change.deadlines[digest(token)] = Deadline(deadline, sequence)
            change.sequence = sequence
        case HoldAbandoned() | BlockFrozen() | BlockThawed():
            pass  # what tickets there are to be had is not of the tickets: their states stay


def _free(status: Status, sequence: int) -> TicketState:
    return TicketState(_NAMES[status], None, None, sequence)


def _set(change: BlockChange, tickets: tuple[int, ...], state: TicketState) -> None:
    for ticket in tickets:
        change.tickets[ticket] = state
        change.sequence = state.sequence


def _end(change: BlockChange, tickets: tuple[int, ...], hold: str) -> None:
    if tickets:
        change.deadlines[hold] = None


def _opening(sequence: int, event: BlockOpened) -> BlockOpening | None:
    layout = event.layout
    if not layout.size:
        return None
    return BlockOpening(
        section=layout.section,
        seats=tuple(layout.labels()),
        categories=tuple(category.name for category in layout.categories),
        category_of=layout.category_of,
        sequence=sequence,
    )
