"""The hold desk: turns what a buyer asks for into picks, asks the blocks, and tries again when the view was behind.

The view only proposes. A block's refusal is proven by the journal, and a refusal that comes from the view alone is not
given before the view has caught up with the journal: seats that were loaded or given back a moment ago are there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from actors.domain.commands import FindHold
from actors.domain.identity import BlockKey, HoldId, home_register
from actors.domain.rejections import Code, Reason, Rejection
from actors.holding import Ask, HoldRequest, Pick, Placed, Placing, Refused, place
from actors.journal import JournalUnavailable
from actors.outcomes import Accepted, Unavailable
from cluster.reads.choosing import (
    AreaQuantity,
    BestAvailable,
    SeatConflict,
    area_picks,
    area_reason,
    blocks_with_a_run,
    conflicts_of_seats,
    picks_of_seats,
    split_picks,
    unknown_seats,
)
from cluster.reads.show_view import ShowView

ADJACENT_ATTEMPTS_MAX = 4
"""Blocks asked for neighbours before a split is offered."""

CHOICE_ATTEMPTS_MAX = 8
"""Choices made from the view; if all of them were taken by others meanwhile, that is a refusal."""

Wish = Sequence[str] | BestAvailable | Sequence[AreaQuantity]
"""Seat ids, or so many seats, or so many tickets of each area."""


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


@dataclass(frozen=True, slots=True)
class HoldDesk:
    """One buyer's request for tickets of one show. `catch_up` brings the view up to the journal."""

    ask: Ask
    view: ShowView
    catch_up: Callable[[], Awaitable[None]]
    clock: Callable[[], int]
    buyer: Buyer

    async def seats(self, seats: Sequence[str]) -> Held:
        """All of these seats, or none."""
        if unknown_seats(self.view, seats):
            await self.catch_up()
        if unknown_seats(self.view, seats):
            return await self._refused(Code.SEATS_UNAVAILABLE, self._conflicts(seats))
        placing = await self._place(picks_of_seats(self.view, seats))
        if not isinstance(placing, Refused):
            return placing
        found = tuple(
            SeatConflict(self.view.label(placing.block, conflict.ticket), conflict.reason)
            for conflict in placing.rejection.conflicts
        )
        others = [seat for seat in seats if self.view.places[seat][0] != placing.block]
        if found and others:
            # The refusing block speaks for its seats, the view for the others: once it has seen that the parts which
            # this very attempt took have been given back.
            await self.catch_up()
            found += self._conflicts(others)
        return NotHeld(placing.rejection, found)

    async def best(self, wish: BestAvailable) -> Held:
        """Neighbours decided by a block; failing that, the smallest split that can be held seat by seat."""
        for block in blocks_with_a_run(self.view, wish, self.clock())[:ADJACENT_ATTEMPTS_MAX]:
            placing = await self._place(
                [
                    Pick(
                        block,
                        quantity=wish.quantity,
                        category=wish.category,
                        accessible=wish.accessible,
                    )
                ]
            )
            if not _worth_another(placing):
                return _public(placing)
        chosen = await self._choose(lambda: split_picks(self.view, wish, self.clock()))
        return chosen or await self._refused(Code.NO_ADJACENT_SEATS)

    async def areas(self, wishes: Sequence[AreaQuantity]) -> Held:
        """So many units of each area, from whichever pools have them."""
        chosen = await self._choose(lambda: self._area_picks(wishes))
        if chosen is not None:
            return chosen
        short = [
            wish
            for wish in wishes
            if not area_picks(self.view, wish, self.buyer.token, self.clock())
        ]
        conflicts = tuple(
            SeatConflict(wish.area, area_reason(self.view, wish.area)) for wish in short
        )
        taken = tuple(SeatConflict(wish.area, Reason.HELD) for wish in wishes)
        return await self._refused(Code.SEATS_UNAVAILABLE, conflicts or taken)

    def _area_picks(self, wishes: Sequence[AreaQuantity]) -> list[Pick]:
        chosen = [area_picks(self.view, wish, self.buyer.token, self.clock()) for wish in wishes]
        return [pick for picks in chosen for pick in picks] if all(chosen) else []

    async def _choose(self, picks_now: Callable[[], list[Pick]]) -> Held | None:
        """Hold what the view offers; None when even a view that is up to date offers nothing that could be held."""
        caught_up = False
        for _ in range(CHOICE_ATTEMPTS_MAX):
            picks = picks_now()
            if picks:
                placing = await self._place(picks)
                if not _worth_another(placing):
                    return _public(placing)
            elif caught_up:
                return None
            await self.catch_up()
            caught_up = True
        return None

    async def _place(self, picks: Sequence[Pick]) -> Placing:
        assert self.view.rules is not None  # a view is not handed out before its registers are open
        buyer, registers = self.buyer, self.view.rules.registers
        request = HoldRequest(
            self.view.show_id, buyer.token, buyer.fingerprint, buyer.keyed, registers
        )
        return await place(self.ask, request, picks)

    def _conflicts(self, seats: Sequence[str]) -> tuple[SeatConflict, ...]:
        return tuple(conflicts_of_seats(self.view, seats, self.clock()))

    async def _refused(self, code: Code, conflicts: tuple[SeatConflict, ...] = ()) -> Held:
        """A refusal, unless this very request has been granted before: then that answer."""
        refusal = NotHeld(Rejection(code), conflicts)
        if not self.buyer.keyed or self.view.rules is None:
            return refusal
        token, register = (
            self.buyer.token,
            home_register(self.buyer.token, self.view.rules.registers),
        )
        outcome = await self.ask(BlockKey(self.view.show_id, register), FindHold(token, ended=True))
        if isinstance(outcome, Unavailable):
            return outcome
        if not isinstance(outcome, Accepted) or outcome.hold is None:
            return refusal
        if outcome.hold.fingerprint != self.buyer.fingerprint:
            return NotHeld(Rejection(Code.IDEMPOTENCY_KEY_REUSED))
        return Placed(HoldId(self.view.show_id, register, token), outcome.hold, replayed=True)


async def hold(desk: HoldDesk, wish: Wish) -> Held:
    """What the wish comes to; `Unavailable` when the journal cannot be asked."""
    try:
        match wish:
            case BestAvailable():
                return await desk.best(wish)
            case [AreaQuantity(), *_]:
                return await desk.areas(wish)  # type: ignore[arg-type]
            case _:
                return await desk.seats(wish)  # type: ignore[arg-type]
    except JournalUnavailable as error:
        return Unavailable(error.told)


def _worth_another(placing: Placing) -> bool:
    """The block had less than the view thought; another choice may do."""
    lag = (Code.SEATS_UNAVAILABLE, Code.NO_ADJACENT_SEATS, Code.BLOCK_FROZEN)
    return isinstance(placing, Refused) and placing.rejection.code in lag


def _public(placing: Placing) -> Held:
    return NotHeld(placing.rejection) if isinstance(placing, Refused) else placing
