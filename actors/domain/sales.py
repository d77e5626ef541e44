"""From a hold to a sale and back: the part of `decide` that knows orders. Pure.

A hold is the "try" of an order (try, confirm, cancel): while it lives, confirming it cannot fail. `SecureHold` makes
the try longer, or makes it again when it ran out.
"""

from __future__ import annotations

from actors.domain.availability import frozen_out, in_the_way, invalid_tickets, live_hold
from actors.domain.block import Block, Ending
from actors.domain.commands import ConfirmHold, ReturnTickets, SecureHold
from actors.domain.decision import Decision
from actors.domain.events import (
    HoldExpired,
    HoldSecured,
    SaleCancelled,
    TicketsHeld,
    TicketsReturned,
    TicketsSold,
)
from actors.domain.rejections import Code, Rejection

SECURED_LIFETIME_MAX_MS = 60 * 60 * 1000
"""A hold that is being paid lives at most this long in all: banks decide within minutes, and the seats are wanted."""


def secure(block: Block, command: SecureHold, now: int) -> Decision:
    """Make a hold last for its payment; one that has expired is made again if all of its tickets can be had."""
    terms, order_id = command.terms, command.order_id
    hold = block.hold(terms.token)
    if hold is not None:
        if hold.ending is Ending.SOLD:
            return () if hold.order_id == order_id else Rejection(Code.HOLD_SOLD)
        if hold.ending in (Ending.RELEASED, Ending.CANCELLED):
            return Rejection(Code.HOLD_NOT_FOUND)
        if hold.order_id not in ("", order_id):
            return Rejection(Code.HOLD_IN_PAYMENT)
        if hold.ending is Ending.LIVE and now < hold.deadline:
            if set(hold.tickets) != set(command.tickets):
                return Rejection(Code.HOLD_NOT_FOUND)  # it is not the one that was ordered
            until = _until(command, hold.deadline, hold.held_at)
            known = hold.order_id == order_id and hold.deadline == until
            return () if known else (HoldSecured(terms.token, order_id, until),)
    return _hold_again(block, command, now)


def _until(command: SecureHold, deadline: int, held_at: int) -> int:
    return max(deadline, min(command.until, held_at + SECURED_LIFETIME_MAX_MS))


def _hold_again(block: Block, command: SecureHold, now: int) -> Decision:
    """The same tickets at the same price, if nobody else has one of them."""
    terms, tickets = command.terms, command.tickets
    invalid = invalid_tickets(block.layout, tickets)
    if invalid is not None:
        return invalid
    assert block.layout is not None  # its tickets are valid
    if terms.epoch <= block.abandoned.get(terms.token, -1):
        return Rejection(Code.HOLD_NOT_FOUND)
    if not block.rules.on_sale(now):
        return Rejection(Code.SALE_NOT_OPEN)
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
        block.layout.amount(tickets) + terms.parts_amount,
        now,
        deadline,
        terms.primary,
        terms.epoch,
        terms.parts,
    )
    own = block.holds.get(terms.token)
    first = () if own is None else (HoldExpired(own.token, own.tickets),)
    others = tuple(event for event in overdue if event.token != terms.token)
    secured = HoldSecured(terms.token, command.order_id, _until(command, deadline, now))
    return (*first, *others, held, secured)


def confirm(block: Block, command: ConfirmHold, now: int) -> Decision:
    """Sell what the hold has to the order."""
    order_id, tickets = command.order_id, command.tickets
    found = live_hold(block, command.token, now)
    if isinstance(found, Rejection):
        return found
    if found.ending is Ending.SOLD:
        return () if found.order_id == order_id else Rejection(Code.HOLD_SOLD)
    if found.order_id not in ("", order_id):
        return Rejection(Code.HOLD_IN_PAYMENT)
    if tickets is not None and set(tickets) != set(found.tickets):
        return Rejection(Code.HOLD_NOT_FOUND)  # it is not the one that was ordered
    return (TicketsSold(command.token, order_id, found.tickets),)


def cancel(block: Block, token: str, order_id: str) -> Decision:
    """Take everything back that the order has here, and remember that it is over: a confirmation may be on its way."""
    if block.layout is None:
        return Rejection(Code.BLOCK_NOT_OPEN)
    hold = block.hold(token)
    if hold is not None and hold.ending is Ending.CANCELLED:
        return ()
    if hold is not None and hold.order_id not in ("", order_id):
        return Rejection(Code.HOLD_SOLD if hold.ending is Ending.SOLD else Code.HOLD_IN_PAYMENT)
    has_tickets = hold is not None and hold.ending in (Ending.LIVE, Ending.SOLD)
    tickets = hold.tickets if hold is not None and has_tickets else ()
    return (SaleCancelled(token, order_id, tickets),)


def give_back(block: Block, command: ReturnTickets) -> Decision:
    """Put those of the tickets that the order still has on sale again, or off sale."""
    hold = block.hold(command.token)
    if hold is None or hold.ending is not Ending.SOLD or hold.order_id != command.order_id:
        return Rejection(Code.HOLD_NOT_FOUND)
    tickets = tuple(ticket for ticket in hold.tickets if ticket in command.tickets)
    if not tickets:
        return ()
    return (
        TicketsReturned(command.token, command.order_id, tickets, command.withhold, command.reason),
    )
