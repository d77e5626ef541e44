"""The auditor's second look: between the blocks of one show."""

from __future__ import annotations

from actors.domain.audit import BlockAudit, SeenHold, Violation, price_of, short_name


def audit_parts(blocks: dict[int, BlockAudit]) -> list[Violation]:
    """What is wrong between the blocks of one show: a hold whose parts are not all there when it is committed."""
    parts = dict[tuple[int, str], list[SeenHold]]()
    for block, audit in blocks.items():
        for hold in audit.shared:
            if hold.event.primary != block:
                parts.setdefault((block, hold.event.token), []).append(hold)
    return [
        violation
        for block, audit in blocks.items()
        for hold in audit.shared
        if hold.event.primary == block
        for violation in _check_parts(hold, block, blocks, parts)
    ]


def _check_parts(
    hold: SeenHold,
    primary: int,
    blocks: dict[int, BlockAudit],
    parts: dict[tuple[int, str], list[SeenHold]],
) -> list[Violation]:
    event, name, found = hold.event, f"hold {short_name(hold.event.token)}", list[Violation]()
    price = price_of(blocks[primary], event.tickets)
    for part in event.parts:
        audit = blocks.get(part.block)
        taken = next(
            (
                seen
                for seen in reversed(parts.get((part.block, event.token), []))
                if seen.sequence < hold.sequence
                and _stood(seen, hold)
                and set(seen.event.tickets) == set(part.tickets)
                and seen.event.primary == primary
            ),
            None,
        )
        if audit is None or taken is None:
            seat = _seat(audit, part.tickets)
            detail = f"{name} was committed without its part in block {part.block}"
            found.append(Violation(primary, hold.sequence, seat, detail))
            continue
        price += price_of(audit, part.tickets)
        if event.deadline > taken.event.deadline and not hold.again:
            detail = f"{name} ends after its part in block {part.block}"
            found.append(Violation(primary, hold.sequence, _seat(audit, part.tickets), detail))
    if price != event.amount and not found:
        detail = f"{name} costs {event.amount}, its tickets {price}"
        found.append(Violation(primary, hold.sequence, "", detail))
    return found


def _stood(part: SeenHold, hold: SeenHold) -> bool:
    """Whether a part was there when its hold was committed, or the hold was over by then.

    A commit may be on its way for longer than what it promises lasts. A part may be sold already when the hold is made
    again for its payment.
    """
    over = part.expired_at >= hold.event.deadline or (part.sold and hold.again)
    return not 0 < part.ended_at < hold.sequence or over


def _seat(audit: BlockAudit | None, tickets: tuple[int, ...]) -> str:
    if audit is None or audit.layout is None or not tickets:
        return ""
    return audit.layout.label(tickets[0]) if 0 <= tickets[0] < audit.layout.size else ""
