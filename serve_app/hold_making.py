"""Holds as a buyer asks for them, over the API or with a form: asked of the blocks, and a refusal as a problem."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from actors.domain.block import Hold
from actors.domain.identity import HoldId
from actors.domain.rejections import Code, Rejection
from actors.holding import Placed
from actors.journal import JournalUnavailable
from actors.outcomes import Accepted, Outcome, Unavailable
from cluster.bootstrap import Runtime
from cluster.holds import Buyer, Held, HoldDesk, NotHeld, Wish, hold
from cluster.reads.choosing import AreaQuantity, BestAvailable
from cluster.reads.show_view import ShowView
from serve_app.in_flight import undisturbed
from serve_app.problems import Problem, busy, rejection_problem, unavailable

HOLDS_IN_FLIGHT_MAX = 4_000
"""Requests that one replica takes to hosts at a time; one more is answered 429 with Retry-After."""

T = TypeVar("T")


async def make_hold(runtime: Runtime, view: ShowView, wish: Wish, buyer: Buyer) -> Placed:
    """The hold that this buyer wishes for, or the problem that says why not."""
    _limit(view, wish)

    async def catch_up() -> None:
        await runtime.views.catch_up(view.show_id)

    desk = HoldDesk(runtime.client.ask, view, catch_up, runtime.clock, buyer)
    held: Held = await to_the_end(runtime, hold(desk, wish))
    if isinstance(held, Unavailable):
        raise unavailable(held.detail, held.retry_after_seconds)
    if isinstance(held, NotHeld):
        raise _refusal(held)
    return held


async def to_the_end(runtime: Runtime, work: Coroutine[Any, Any, T]) -> T:
    """A buyer who hangs up must not leave work on several blocks half done. Not more than one replica can do."""
    if len(runtime.in_flight) >= HOLDS_IN_FLIGHT_MAX:
        work.close()
        raise busy("too many requests for holds at once")
    return await undisturbed(runtime, work)


def _limit(view: ShowView, wish: Wish) -> None:
    """The blocks see parts of a hold; how large the whole may be is said here at once."""
    if isinstance(wish, BestAvailable):
        size = wish.quantity
    else:
        size = sum(one.quantity if isinstance(one, AreaQuantity) else 1 for one in wish)
    limit = view.rules.max_per_order if view.rules else 0
    if size > limit:
        raise rejection_problem(Code.TOO_MANY_SEATS, f"at most {limit} in one order")


def _refusal(refused: NotHeld) -> Problem:
    rejection = refused.rejection
    extensions: dict[str, Any] = {}
    if rejection.code in (Code.SEATS_UNAVAILABLE, Code.BLOCK_FROZEN):
        extensions["conflicts"] = [
            {"seat": conflict.seat, "reason": conflict.reason} for conflict in refused.conflicts
        ]
    return rejection_problem(rejection.code, rejection.detail, **extensions)


async def addressed_hold(runtime: Runtime, text: str) -> HoldId:
    """The hold id in a text, if its show and block exist: one that was made up must not wake an actor."""
    hold_id = HoldId.parse(text)
    if hold_id is None:
        raise rejection_problem(Code.HOLD_NOT_FOUND)
    try:
        view = await runtime.views.view(hold_id.show_id)
        if view is not None and hold_id.primary not in view.blocks:
            await runtime.views.catch_up(hold_id.show_id)
    except JournalUnavailable as error:
        raise unavailable(error.told) from error
    if view is None or hold_id.primary not in view.blocks:
        raise rejection_problem(Code.HOLD_NOT_FOUND)
    return hold_id


def hold_of(outcome: Outcome) -> Hold:
    match outcome:
        case Accepted(hold) if hold is not None:
            return hold
        case Rejection(code) if code is not Code.BLOCK_NOT_OPEN:
            raise rejection_problem(code, outcome.detail)
        case Unavailable(detail, seconds):
            raise unavailable(detail, seconds)
        case _:
            raise rejection_problem(Code.HOLD_NOT_FOUND)
