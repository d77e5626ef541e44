"""The hold desk: turns what a buyer asks for into picks, asks the blocks, and tries again when the view was behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from actors.domain.commands import FindHold
from actors.domain.identity import BlockKey, HoldId, home_register
from actors.domain.rejections import Code, Reason, Rejection
from actors.holding import Ask, HoldRequest, Pick, Placed, Refused, place
from actors.outcomes import Accepted, Unavailable
from cluster.reads.choosing import (
    SeatConflict,
    area_picks,
    area_reason,
    blocks_with_a_run,
    conflicts_of_seats,
    picks_of_seats,
    split_picks,
)
from cluster.reads.show_view import ShowView

ADJACENT_ATTEMPTS_MAX = 4
"""Blocks asked for neighbours before a split is offered."""

CHOICE_ATTEMPTS_MAX = 8
"""Choices made from the view before its lag is called a refusal."""


@dataclass(frozen=True, slots=True)
class BestAvailable:
    quantity: int
    category: str | None
    section: str | None


@dataclass(frozen=True, slots=True)
class AreaQuantity:
    area: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who asks: the token, the digest of the request, and whether the token comes from an Idempotency-Key."""

    token: str
    fingerprint: str
    keyed: bool


@dataclass(frozen=True, slots=True)
class NotHeld:
    """A refusal in public terms."""

    rejection: Rejection
    conflicts: tuple[SeatConflict, ...] = ()


Held = Placed | NotHeld | Unavailable


async def hold_seats(ask: Ask, view: ShowView, buyer: Buyer, seats: Sequence[str]) -> Held:
    """All of these seats, or none."""
    picks = picks_of_seats(view, seats)
    if picks and isinstance(picks[0], SeatConflict):
        conflicts = tuple(conflicts_of_seats(view, seats))
        refusal = NotHeld(Rejection(Code.SEATS_UNAVAILABLE), conflicts)
        return await _replayed_or(ask, view, buyer, refusal)
    placing = await place(ask, _request(view, buyer), picks)  # type: ignore[arg-type]
    if not isinstance(placing, Refused):
        return placing
    found = [
        SeatConflict(view.label(placing.block, conflict.ticket), conflict.reason)
        for conflict in placing.rejection.conflicts
    ]
    if found:  # the refusing block speaks for its seats, the view for the others
        others = [s for s in seats if view.places[s][0] != placing.block]
        found += conflicts_of_seats(view, others)
    return NotHeld(placing.rejection, tuple(found))


async def hold_best(ask: Ask, view: ShowView, buyer: Buyer, wish: BestAvailable) -> Held:
    """Neighbours decided by a block; failing that, the smallest split that can be held seat by seat."""
    scope = (wish.quantity, wish.category, wish.section)
    request = _request(view, buyer)
    for block in blocks_with_a_run(view, *scope)[:ADJACENT_ATTEMPTS_MAX]:
        pick = Pick(block, quantity=wish.quantity, category=wish.category)
        placing = await place(ask, request, [pick])
        if not _worth_another(placing):
            return _public(placing)
    taken = set[str]()
    for _ in range(CHOICE_ATTEMPTS_MAX):
        picks = split_picks(view, *scope, taken)
        if not picks:
            break
        placing = await place(ask, request, picks)
        if not _worth_another(placing):
            return _public(placing)
        taken |= _conflicting(view, placing)
    refusal = NotHeld(Rejection(Code.NO_ADJACENT_SEATS))
    return await _replayed_or(ask, view, buyer, refusal)


async def hold_areas(
    ask: Ask, view: ShowView, buyer: Buyer, wishes: Sequence[AreaQuantity]
) -> Held:
    """So many units of each area, from whichever pools have them."""
    request, full = _request(view, buyer), set[int]()
    for _ in range(CHOICE_ATTEMPTS_MAX):
        picks = list[Pick]()
        for wish in wishes:
            chosen = area_picks(view, wish.area, wish.quantity, buyer.token, full)
            if not chosen:
                conflict = SeatConflict(wish.area, area_reason(view, wish.area))
                refusal = NotHeld(Rejection(Code.SEATS_UNAVAILABLE), (conflict,))
                return await _replayed_or(ask, view, buyer, refusal)
            picks += chosen
        placing = await place(ask, request, picks)
        if not _worth_another(placing):
            return _public(placing)
        assert isinstance(placing, Refused)
        full.add(placing.block)
    conflicts = tuple(SeatConflict(wish.area, Reason.HELD) for wish in wishes)
    refusal = NotHeld(Rejection(Code.SEATS_UNAVAILABLE), conflicts)
    return await _replayed_or(ask, view, buyer, refusal)


def _request(view: ShowView, buyer: Buyer) -> HoldRequest:
    assert view.rules is not None  # a view is not handed out before its registers are open
    return HoldRequest(
        view.show_id, buyer.token, buyer.fingerprint, buyer.keyed, view.rules.registers
    )


_LAG = (Code.SEATS_UNAVAILABLE, Code.NO_ADJACENT_SEATS)


def _worth_another(placing: Placed | Refused | Unavailable) -> bool:
    """The block had less than the view thought; another choice may do."""
    return isinstance(placing, Refused) and placing.rejection.code in _LAG


def _public(placing: Placed | Refused | Unavailable) -> Held:
    return NotHeld(placing.rejection) if isinstance(placing, Refused) else placing


def _conflicting(view: ShowView, placing: object) -> set[str]:
    assert isinstance(placing, Refused)
    return {view.label(placing.block, c.ticket) for c in placing.rejection.conflicts}


async def _replayed_or(ask: Ask, view: ShowView, buyer: Buyer, refusal: NotHeld) -> Held:
    """The refusal, unless this very request has been granted before: then that answer."""
    if not buyer.keyed or view.rules is None:
        return refusal
    register = home_register(buyer.token, view.rules.registers)
    outcome = await ask(BlockKey(view.show_id, register), FindHold(buyer.token, ended=True))
    if isinstance(outcome, Unavailable):
        return outcome
    if not isinstance(outcome, Accepted) or outcome.hold is None:
        return refusal
    if outcome.hold.fingerprint != buyer.fingerprint:
        return NotHeld(Rejection(Code.IDEMPOTENCY_KEY_REUSED))
    return Placed(HoldId(view.show_id, register, buyer.token), outcome.hold, replayed=True)
