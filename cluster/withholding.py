"""Takes many seats of a show off sale, or puts them back: each block for itself, every seat with an answer of its own.

A block does all that is asked of it or nothing; so what it names as standing in the way is left out, and it is asked
again. Everything may be repeated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from actors.domain.commands import RestoreTickets, WithholdTickets
from actors.domain.identity import BlockKey
from actors.domain.rejections import Reason, Rejection
from actors.holding import Ask
from actors.outcomes import Accepted, Unavailable
from cluster.reads.choosing import picks_of_seats
from cluster.reads.show_view import ShowView

BLOCKS_AT_ONCE = 64
ATTEMPTS_MAX = 5
"""Questions to one block, each without what the one before named; only a sale that goes on makes more than two."""

Order = Callable[[tuple[int, ...], str], WithholdTickets | RestoreTickets]
Refusals = dict[int, Reason]


@dataclass(frozen=True, slots=True)
class SeatAnswer:
    """A seat is as it was asked for, or (`refused`) why it is not."""

    seat: str
    refused: Reason | None = None


async def change_seats(
    ask: Ask, view: ShowView, seats: Sequence[str], order: Order, reason: str
) -> list[SeatAnswer] | Unavailable:
    """One answer per seat, in the order given. `Unavailable`: some may be done; asking again is safe."""
    picks = picks_of_seats(view, [seat for seat in seats if seat in view.places])
    refused = dict[tuple[int, int], Reason]()
    for first in range(0, len(picks), BLOCKS_AT_ONCE):
        some = picks[first : first + BLOCKS_AT_ONCE]
        answers = await asyncio.gather(
            *[
                _change(ask, BlockKey(view.show_id, pick.block), pick.tickets, order, reason)
                for pick in some
            ]
        )
        for pick, answer in zip(some, answers, strict=True):
            if isinstance(answer, Unavailable):
                return answer
            refused |= {(pick.block, ticket): why for ticket, why in answer.items()}
    return [
        SeatAnswer(seat, refused.get(view.places[seat]) if seat in view.places else Reason.UNKNOWN)
        for seat in seats
    ]


async def _change(
    ask: Ask, key: BlockKey, tickets: tuple[int, ...], order: Order, reason: str
) -> Refusals | Unavailable:
    """What of one block stands in the way; the rest is done."""
    refused: Refusals = {}
    for _ in range(ATTEMPTS_MAX):
        wanted = tuple(ticket for ticket in tickets if ticket not in refused)
        if not wanted:
            return refused
        outcome = await ask(key, order(wanted, reason))
        if isinstance(outcome, Accepted):
            return refused
        if isinstance(outcome, Unavailable):
            return outcome
        assert isinstance(outcome, Rejection)
        if not outcome.conflicts:  # the block is not what the view says
            return refused | dict.fromkeys(wanted, Reason.UNKNOWN)
        refused |= {conflict.ticket: conflict.reason for conflict in outcome.conflicts}
    return Unavailable("these seats change too fast")
