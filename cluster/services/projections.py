"""What commits mean for the read model of tickets. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from actors.codec import Commit
from actors.domain.block import Status
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
from actors.domain.identity import BlockKey
from cluster.store.ticket import DeadlineMove, TicketChange, TicketRecord, digest
from cluster.store.tickets import Round

Projected = TicketRecord | TicketChange | DeadlineMove

_Key = tuple[str, int, int]


def project(block: BlockKey, sequence: int, commit: Commit) -> list[Projected]:
    """The changes of one commit, in order."""
    return [change for event in commit.events for change in _project_event(block, sequence, event)]


def _project_event(block: BlockKey, sequence: int, event: Event) -> Iterable[Projected]:
    match event:
        case BlockOpened():
            return _opened(block, sequence, event)
        case TicketsHeld():
            after = (Status.HELD, digest(event.token), None, event.deadline)
        case TicketsSold():
            after = (Status.SOLD, digest(event.token), digest(event.order_id), None)
        case TicketsWithheld():
            after = (Status.WITHHELD, None, None, None)
        case HoldReleased() | HoldExpired() | TicketsRestored():
            after = (Status.AVAILABLE, None, None, None)
        case HoldExtended(token, deadline):
            return (DeadlineMove(block.show_id, block.block, digest(token), deadline, sequence),)
        case HoldAbandoned():
            return ()
    status, hold, order, deadline = after
    return [
        TicketChange(
            block.show_id,
            block.block,
            ticket,
            status.name.lower(),
            hold,
            order,
            deadline,
            sequence,
        )
        for ticket in event.tickets
    ]


def _opened(block: BlockKey, sequence: int, event: BlockOpened) -> list[TicketRecord]:
    layout = event.layout
    available = Status.AVAILABLE.name.lower()
    return [
        TicketRecord(
            show_id=block.show_id,
            block=block.block,
            ticket=ticket,
            seat=seat,
            section=layout.section,
            category=layout.categories[layout.category_of[ticket]].name,
            status=available,
            hold=None,
            order=None,
            deadline=None,
            sequence=sequence,
        )
        for ticket, seat in enumerate(layout.labels())
    ]


def coalesce(changes: Iterable[Projected], sequence: int) -> Round:
    """One round: the last state of every ticket, with the changes of a ticket that was opened in it folded in."""
    opened = dict[_Key, TicketRecord]()
    changed = dict[_Key, TicketChange]()
    moved = dict[tuple[str, int, str], DeadlineMove]()
    holds = dict[tuple[str, int, str], list[_Key]]()
    for change in changes:
        if isinstance(change, TicketRecord):
            opened[_key(change)] = change
        elif isinstance(change, TicketChange):
            key = _key(change)
            changed[key] = change
            if change.hold is not None:
                holds.setdefault((change.show_id, change.block, change.hold), []).append(key)
        else:
            hold = (change.show_id, change.block, change.hold)
            moved[hold] = change
            for key in holds.get(hold, ()):
                if changed[key].hold == change.hold:
                    changed[key] = replace(
                        changed[key], deadline=change.deadline, sequence=change.sequence
                    )
    for key in opened.keys() & changed.keys():
        change = changed.pop(key)
        opened[key] = replace(
            opened[key],
            status=change.status,
            hold=change.hold,
            order=change.order,
            deadline=change.deadline,
            sequence=change.sequence,
        )
    return Round(list(opened.values()), list(changed.values()), list(moved.values()), sequence)


def _key(change: TicketRecord | TicketChange) -> _Key:
    return (change.show_id, change.block, change.ticket)
