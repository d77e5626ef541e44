"""What is to be had in a block, and what stands in the way. Pure."""

from __future__ import annotations

from actors.domain.block import Block, Ending, Hold, Status
from actors.domain.events import BlockFrozen, HoldExpired
from actors.domain.layout import Layout
from actors.domain.rejections import Code, Conflict, Reason, Rejection

REASONS = {
    Status.HELD: Reason.HELD,
    Status.SOLD: Reason.SOLD,
    Status.WITHHELD: Reason.WITHHELD,
}


def in_the_way(
    block: Block, tickets: tuple[int, ...], now: int
) -> tuple[tuple[HoldExpired, ...], tuple[Conflict, ...]]:
    """The overdue holds to expire first, and the tickets that cannot be had."""
    status, overdue, conflicts = block.status, dict[str, HoldExpired](), list[Conflict]()
    for ticket in tickets:
        if status[ticket] == Status.AVAILABLE:
            continue
        if status[ticket] == Status.HELD:
            hold = block.holds[block.owner[ticket]]
            if hold.deadline <= now:
                overdue[hold.token] = HoldExpired(hold.token, hold.tickets)
                continue
        conflicts.append(Conflict(ticket, REASONS[Status(status[ticket])]))
    return tuple(overdue.values()), tuple(conflicts)


def frozen_out(
    tickets: tuple[int, ...], conflicts: tuple[Conflict, ...], frozen: BlockFrozen | None
) -> Rejection | None:
    """Why these tickets of a frozen block cannot be had; None when it is not frozen."""
    if frozen is None:
        return None
    reasons = {conflict.ticket: conflict.reason for conflict in conflicts}
    return Rejection(
        Code.BLOCK_FROZEN,
        tuple(Conflict(ticket, reasons.get(ticket, Reason.WITHHELD)) for ticket in tickets),
    )


def live_hold(block: Block, token: str, now: int) -> Hold | Rejection:
    """The hold of a token, or why it cannot be used any more."""
    hold = block.hold(token)
    if hold is None or hold.ending in (Ending.RELEASED, Ending.CANCELLED):
        return Rejection(Code.HOLD_NOT_FOUND)
    if hold.ending is Ending.SOLD:
        return hold
    if hold.ending is Ending.EXPIRED or hold.deadline <= now:
        return Rejection(Code.HOLD_EXPIRED)
    return hold


def invalid_tickets(layout: Layout | None, tickets: tuple[int, ...]) -> Rejection | None:
    """Why these tickets cannot be meant; None when they can."""
    if layout is None:
        return Rejection(Code.BLOCK_NOT_OPEN)
    if len(set(tickets)) < len(tickets) or any(not 0 <= t < layout.size for t in tickets):
        return Rejection(Code.INVALID_TICKETS)
    return None
