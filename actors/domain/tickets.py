"""`decide`: what a command does to a block, as events or as a refusal. Pure: no clock, no I/O, no exceptions.

Checks come in one order, for every command:
 1. the token, if it is known: the same request gets the same answer, another one is refused;
 2. the block is open;
 3. an abandoned epoch cannot come back;
 4. the sale is open;
 5. the order is not too large and names tickets of this block, each once;
 6. the block is not frozen;
 7. every ticket is to be had (a hold past its deadline does not stand in the way: it is expired first).
"""

from __future__ import annotations

from actors.domain.availability import REASONS, frozen_out, in_the_way, invalid_tickets, live_hold
from actors.domain.block import Block, Ending, Hold, Status
from actors.domain.commands import (
    AbandonHold,
    CancelSale,
    Command,
    ConfirmHold,
    ExpireDue,
    ExtendHold,
    FindHold,
    FreezeBlock,
    HoldQuantity,
    HoldTerms,
    HoldTickets,
    OpenBlock,
    ReleaseHold,
    RestoreTickets,
    ReturnTickets,
    SecureHold,
    ThawBlock,
    WithholdTickets,
)
from actors.domain.decision import Decision
from actors.domain.events import (
    BlockFrozen,
    BlockOpened,
    BlockThawed,
    HoldAbandoned,
    HoldExpired,
    HoldExtended,
    HoldReleased,
    TicketsHeld,
    TicketsRestored,
    TicketsWithheld,
)
from actors.domain.rejections import Code, Conflict, Reason, Rejection
from actors.domain.sales import cancel, confirm, give_back, secure
from actors.domain.seating import accessible_seats, adjacent_seats, wanted_places, without_places

HOLD_LIFETIME_MAX_MS = 30 * 60 * 1000
"""An extended hold lives at most this long in all, counted from its beginning."""


def decide(block: Block, command: Command, now: int) -> Decision:
    """The events of `command` at `now` (ms since the epoch), none if it already holds true, or a rejection."""
    match command:
        case HoldTickets(terms, tickets):
            answered = _admit(block, terms, now)
            return _hold(block, terms, tickets, now) if answered is None else answered
        case HoldQuantity(terms):
            answered = _admit(block, terms, now)
            if answered is not None:
                return answered
            return _hold_quantity(block, command, now)
        case FindHold(token, ended):
            if ended:
                return () if block.hold(token) is not None else Rejection(Code.HOLD_NOT_FOUND)
            found = live_hold(block, token, now)
            return found if isinstance(found, Rejection) else ()
        case ReleaseHold(token, epoch):
            return _release(block, token, epoch, now)
        case ExtendHold():
            return _extend(block, command, now)
        case ExpireDue():
            return tuple(
                HoldExpired(hold.token, hold.tickets)
                for hold in block.holds.values()
                if hold.deadline <= now
            )
        case AbandonHold(token, epoch):
            return _abandon(block, token, epoch)
        case SecureHold():
            return secure(block, command, now)
        case ConfirmHold():
            return confirm(block, command, now)
        case CancelSale(token, order_id):
            return cancel(block, token, order_id)
        case ReturnTickets():
            return give_back(block, command)
        case WithholdTickets(tickets, reason):
            return _withhold(block, tickets, reason, now)
        case RestoreTickets(tickets, reason):
            return _restore(block, tickets, reason)
        case FreezeBlock(reason, by):
            return _freeze(block, reason, by)
        case ThawBlock(reason, by):
            return _thaw(block, reason, by)
        case OpenBlock():
            return _open(block, command)


def _open(block: Block, command: OpenBlock) -> Decision:
    if block.layout is None:
        return (BlockOpened(command.layout, command.rules, command.source),)
    if block.layout != command.layout:
        return Rejection(Code.INVALID_TICKETS, detail="the block was opened with other tickets")
    return ()


def _admit(block: Block, terms: HoldTerms, now: int) -> Decision | None:
    """Checks 1 to 5 of a hold; None lets it through."""
    known = block.hold(terms.token)
    if known is not None and not _superseded(known, terms.epoch):
        if known.fingerprint != terms.fingerprint:
            return Rejection(Code.IDEMPOTENCY_KEY_REUSED)
        return ()
    if block.layout is None:
        return Rejection(Code.BLOCK_NOT_OPEN)
    epoch = block.abandoned.get(terms.token, -1) + 1
    if terms.epoch < epoch:
        return Rejection(Code.HOLD_SUPERSEDED, epoch=epoch)
    if not block.rules.on_sale(now):
        return Rejection(Code.SALE_NOT_OPEN)
    if not 1 <= terms.order_size <= block.rules.max_per_order:
        return Rejection(Code.TOO_MANY_SEATS, detail=f"at most {block.rules.max_per_order}")
    return None


def _superseded(known: Hold, epoch: int) -> bool:
    """A part that an abandoned attempt took and lost again does not answer for an attempt in a later epoch."""
    return known.ending in (Ending.RELEASED, Ending.EXPIRED) and epoch > known.epoch


def _hold(block: Block, terms: HoldTerms, tickets: tuple[int, ...], now: int) -> Decision:
    layout = block.layout
    assert layout is not None  # admitted
    invalid = invalid_tickets(layout, tickets)
    if invalid is not None:
        return invalid
    if 0 < terms.deadline_max <= now:
        return Rejection(
            Code.HOLD_SUPERSEDED,
            detail="a part of the hold expired before it was complete",
            epoch=terms.epoch + 1,
        )
    overdue, conflicts = in_the_way(block, tickets, now)
    if (frozen := frozen_out(tickets, conflicts, block.frozen)) is not None:
        return frozen
    if conflicts:
        return Rejection(Code.SEATS_UNAVAILABLE, conflicts)
    deadline = now + block.rules.hold_seconds * 1000
    held = TicketsHeld(
        terms.token,
        terms.fingerprint,
        tickets,
        layout.amount(tickets) + terms.parts_amount,
        now,
        min(deadline, terms.deadline_max) if terms.deadline_max else deadline,
        terms.primary,
        terms.epoch,
        terms.parts,
    )
    return (*overdue, held)


def _hold_quantity(block: Block, command: HoldQuantity, now: int) -> Decision:
    layout, quantity = block.layout, command.quantity
    assert layout is not None  # admitted
    if quantity < 1:
        return Rejection(Code.INVALID_TICKETS)
    if block.frozen is not None:
        return Rejection(Code.BLOCK_FROZEN)
    status = _status_at(block, now)
    if layout.is_area:
        tickets = _any_units(status, quantity)
        if len(tickets) < quantity:
            return Rejection(Code.SEATS_UNAVAILABLE, (Conflict(0, _why_full(status)),))
    else:
        category = command.category
        index = layout.category_index(category) if category is not None else None
        wanted = wanted_places(status, layout.category_of, index)
        if command.accessible:
            tickets = accessible_seats(block.hall, status, wanted, quantity, layout.accessible)
        else:
            wanted = without_places(wanted, layout.accessible)
            tickets = adjacent_seats(block.hall, status, wanted, quantity)
        if not tickets:
            return Rejection(Code.NO_ADJACENT_SEATS)
    return _hold(block, command.terms, tickets, now)


def _status_at(block: Block, now: int) -> bytearray:
    """The statuses with overdue holds counted as available."""
    if not any(hold.deadline <= now for hold in block.holds.values()):
        return block.status
    status = block.status[:]
    for hold in block.holds.values():
        if hold.deadline <= now:
            for ticket in hold.tickets:
                status[ticket] = Status.AVAILABLE
    return status


def _any_units(status: bytearray, quantity: int) -> tuple[int, ...]:
    """The first available units; fewer than `quantity` when the area has no more."""
    units = list[int]()
    unit = status.find(Status.AVAILABLE)
    while unit >= 0 and len(units) < quantity:
        units.append(unit)
        unit = status.find(Status.AVAILABLE, unit + 1)
    return tuple(units)


def _why_full(status: bytearray) -> Reason:
    """What may change soonest comes first: held units come back by themselves, withheld ones by a decision."""
    why = (Status.HELD, Status.WITHHELD, Status.SOLD)
    return next((REASONS[one] for one in why if one in status), Reason.UNKNOWN)


def _release(block: Block, token: str, epoch: int | None, now: int) -> Decision:
    hold = block.hold(token)
    if epoch is not None:
        # A failed attempt gives back its own part; a later attempt's part under the same token is not its to give,
        # nor is a hold that is being paid.
        part = block.holds.get(token)
        if part is None or part.epoch > epoch or part.order_id:
            return ()
        return (HoldReleased(token, part.tickets),)
    if hold is not None and hold.ending is Ending.RELEASED:
        return ()
    found = live_hold(block, token, now)
    if isinstance(found, Rejection):
        return found
    if found.ending is Ending.SOLD:
        return Rejection(Code.HOLD_SOLD)
    if found.order_id:
        return Rejection(Code.HOLD_IN_PAYMENT)
    return (HoldReleased(token, found.tickets),)


def _extend(block: Block, command: ExtendHold, now: int) -> Decision:
    found = live_hold(block, command.token, now)
    if isinstance(found, Rejection):
        return found
    if found.ending is Ending.SOLD:
        return Rejection(Code.HOLD_SOLD)
    if found.extended_by:
        # A part may have been extended by an attempt that did not reach the primary: its deadline stands.
        again = command.part or found.extended_by == command.request
        return () if again else Rejection(Code.ALREADY_EXTENDED)
    wished = found.deadline + block.rules.hold_seconds * 1000
    capped = min(wished, found.held_at + HOLD_LIFETIME_MAX_MS)
    if command.deadline_max:
        capped = min(capped, command.deadline_max)
    return (HoldExtended(command.token, max(found.deadline, capped), command.request),)


def _abandon(block: Block, token: str, epoch: int) -> Decision:
    if block.layout is None:
        return Rejection(Code.BLOCK_NOT_OPEN)
    known = block.hold(token)
    if known is not None and not _superseded(known, epoch):
        return ()  # it answers every attempt of that epoch, so none of them takes anything
    if block.abandoned.get(token, -1) >= epoch:
        return ()
    return (HoldAbandoned(token, epoch),)


def _withhold(block: Block, tickets: tuple[int, ...], reason: str, now: int) -> Decision:
    invalid = invalid_tickets(block.layout, tickets)
    if invalid is not None:
        return invalid
    wanted = tuple(ticket for ticket in tickets if block.status[ticket] != Status.WITHHELD)
    overdue, conflicts = in_the_way(block, wanted, now)
    if conflicts:
        return Rejection(Code.SEATS_UNAVAILABLE, conflicts)
    return (*overdue, TicketsWithheld(wanted, reason)) if wanted else ()


def _restore(block: Block, tickets: tuple[int, ...], reason: str) -> Decision:
    invalid = invalid_tickets(block.layout, tickets)
    if invalid is not None:
        return invalid
    conflicts = tuple(
        Conflict(ticket, REASONS[Status(block.status[ticket])])
        for ticket in tickets
        if block.status[ticket] in (Status.HELD, Status.SOLD)
    )
    if conflicts:
        return Rejection(Code.SEATS_UNAVAILABLE, conflicts)
    wanted = tuple(ticket for ticket in tickets if block.status[ticket] == Status.WITHHELD)
    return (TicketsRestored(wanted, reason),) if wanted else ()


def _freeze(block: Block, reason: str, by: str) -> Decision:
    """The first reason stands. A register sells nothing, and keys have to be remembered all the time."""
    if block.layout is None:
        return Rejection(Code.BLOCK_NOT_OPEN)
    if block.layout.size == 0:
        return Rejection(Code.INVALID_TICKETS, detail="the block has no tickets")
    return () if block.frozen is not None else (BlockFrozen(reason, by),)


def _thaw(block: Block, reason: str, by: str) -> Decision:
    if block.layout is None:
        return Rejection(Code.BLOCK_NOT_OPEN)
    return () if block.frozen is None else (BlockThawed(reason, by),)
