"""Holds over one or more blocks: parts first, in block order; the primary last, whose append is the commit point.

No distributed lock (DESIGN: try, confirm, cancel). Until the primary has committed there is no hold, and whatever its
parts took ends at their deadline at the latest. An attempt that fails half-way first makes the primary abandon its
epoch, so that no twin of it (the same Idempotency-Key, retried while the first request still runs) can commit on
parts that are being given back; if the twin has committed already, its hold is the answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from actors.domain.block import Ending, Hold
from actors.domain.commands import (
    AbandonHold,
    Command,
    ExtendHold,
    FindHold,
    HoldQuantity,
    HoldTerms,
    HoldTickets,
    Part,
    ReleaseHold,
)
from actors.domain.identity import BlockKey, HoldId, home_register
from actors.domain.rejections import Code, Rejection
from actors.outcomes import Accepted, Outcome, Unavailable

EPOCHS_MAX = 4
"""Attempts of one request with the same key, each after an abandoned one."""

Ask = Callable[[BlockKey, Command], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class Pick:
    """What a hold wants of one block: these tickets, or so many (of a category, with an accessible one among them)."""

    block: int
    tickets: tuple[int, ...] = ()
    quantity: int = 0
    category: str | None = None
    accessible: bool = False

    @property
    def size(self) -> int:
        return self.quantity or len(self.tickets)

    def command(self, terms: HoldTerms) -> Command:
        if self.quantity:
            return HoldQuantity(terms, self.quantity, self.category, self.accessible)
        return HoldTickets(terms, self.tickets)


@dataclass(frozen=True, slots=True)
class HoldRequest:
    """`keyed`: the token comes from an Idempotency-Key, so another request may carry it too; its primary is then a
    register, whatever seats it asks for, so that a replay and a reused key are noticed."""

    show_id: str
    token: str
    fingerprint: str
    keyed: bool
    registers: int


@dataclass(frozen=True, slots=True)
class Placed:
    """The hold stands; `hold` is its primary's record."""

    hold_id: HoldId
    hold: Hold
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """A block said no; its conflicts are tickets of `block`."""

    block: int
    rejection: Rejection


Placing = Placed | Refused | Unavailable


@dataclass(frozen=True, slots=True)
class _Attempt:
    request: HoldRequest
    primary: int
    epoch: int
    order_size: int

    def key(self, block: int) -> BlockKey:
        return BlockKey(self.request.show_id, block)

    def terms(self) -> HoldTerms:
        request = self.request
        return HoldTerms(
            request.token, request.fingerprint, self.order_size, self.primary, self.epoch
        )

    def commit_terms(self, taken: dict[int, Hold]) -> HoldTerms:
        request = self.request
        return HoldTerms(
            request.token,
            request.fingerprint,
            self.order_size,
            self.primary,
            self.epoch,
            tuple(Part(block, hold.tickets) for block, hold in taken.items()),
            sum(hold.amount for hold in taken.values()),
            min((hold.deadline for hold in taken.values()), default=0),
        )


async def place(ask: Ask, request: HoldRequest, picks: Sequence[Pick]) -> Placing:
    """Hold everything that `picks` (one for each block) name, or nothing."""
    blocks = [pick.block for pick in picks]
    if len(set(blocks)) < len(blocks):
        raise ValueError(
            "one pick for each block: a second one would be taken for a repetition of the first"
        )
    primary = home_register(request.token, request.registers) if request.keyed else max(blocks)
    order_size = sum(pick.size for pick in picks)
    epoch = 0
    for _ in range(EPOCHS_MAX):
        attempt = _Attempt(request, primary, epoch, order_size)
        placing = await _attempt(ask, attempt, picks)
        if not isinstance(placing, Refused) or placing.rejection.code is not Code.HOLD_SUPERSEDED:
            return placing
        epoch = max(epoch + 1, placing.rejection.epoch)
    return Unavailable("other requests with this key kept interfering")


async def _attempt(ask: Ask, attempt: _Attempt, picks: Sequence[Pick]) -> Placing:
    taken = dict[int, Hold]()
    own = Pick(attempt.primary)
    for pick in sorted(picks, key=lambda pick: pick.block):
        if pick.block == attempt.primary:
            own = pick
            continue
        outcome = await _take_part(ask, attempt, pick)
        if isinstance(outcome, Accepted) and outcome.hold is not None:
            taken[pick.block] = outcome.hold
            if _is_part(outcome.hold, attempt, pick):
                continue
            outcome = _superseded(attempt, outcome.hold)
        return await _give_up(ask, attempt, taken, pick.block, outcome)
    outcome = await ask(attempt.key(attempt.primary), own.command(attempt.commit_terms(taken)))
    if isinstance(outcome, Accepted) and outcome.hold is not None:
        if _is_primary_record(outcome.hold, attempt):
            return await _placed(ask, attempt, taken, outcome.hold, outcome.replayed)
        outcome = _superseded(attempt, outcome.hold)
    return await _give_up(ask, attempt, taken, attempt.primary, outcome)


async def _take_part(ask: Ask, attempt: _Attempt, pick: Pick) -> Outcome:
    """Take a part in this attempt's epoch.

    A part that is still there from an earlier epoch is given back first: whoever gave that epoch up may give the part
    back at any time, also after this attempt has committed.
    """
    key, command = attempt.key(pick.block), pick.command(attempt.terms())
    outcome = await ask(key, command)
    if not isinstance(outcome, Accepted) or outcome.hold is None:
        return outcome
    if outcome.hold.ending is not Ending.LIVE or outcome.hold.epoch >= attempt.epoch:
        return outcome
    released = await ask(key, ReleaseHold(attempt.request.token, attempt.epoch - 1))
    return await ask(key, command) if isinstance(released, Accepted) else released


def _is_part(hold: Hold, attempt: _Attempt, pick: Pick) -> bool:
    """Whether a block's record is what this attempt wanted of it, by this attempt or by a twin in the same epoch."""
    same = hold.primary == attempt.primary and hold.epoch == attempt.epoch
    return same and hold.ending is Ending.LIVE and len(hold.tickets) == pick.size


def _is_primary_record(hold: Hold, attempt: _Attempt) -> bool:
    """Not what is left of a part that an earlier choice of an unkeyed request took here and gave back.

    Nor, without a key, a hold that has ended: nobody was told of it, so it is no answer to give.
    """
    return hold.primary == attempt.primary and (attempt.request.keyed or hold.ending is Ending.LIVE)


def _superseded(attempt: _Attempt, hold: Hold) -> Rejection:
    """Try again: together with a twin that is ahead, else in an epoch that nobody has tried."""
    if hold.ending is Ending.LIVE and hold.epoch > attempt.epoch:
        return Rejection(Code.HOLD_SUPERSEDED, epoch=hold.epoch)
    return Rejection(Code.HOLD_SUPERSEDED, epoch=max(attempt.epoch, hold.epoch) + 1)


async def _placed(
    ask: Ask, attempt: _Attempt, taken: dict[int, Hold], hold: Hold, replayed: bool
) -> Placed:
    """The primary has a hold; what this attempt took and that hold does not name (any more) goes back."""
    stands = hold.ending in (Ending.LIVE, Ending.SOLD)
    named = {part.block: part.tickets for part in hold.parts} if stands else {}
    for block, part in taken.items():
        if part.ending is Ending.LIVE and named.get(block) != part.tickets:
            await ask(attempt.key(block), ReleaseHold(attempt.request.token, attempt.epoch))
    hold_id = HoldId(attempt.request.show_id, attempt.primary, attempt.request.token)
    return Placed(hold_id, hold, replayed)


async def _give_up(
    ask: Ask, attempt: _Attempt, taken: dict[int, Hold], block: int, outcome: Outcome
) -> Placing:
    """Undo a failed attempt, unless its hold is committed: by a twin, earlier, or by a call whose answer was lost.

    Parts go back only when the primary has said that no attempt up to this epoch can commit any more; and the next
    epoch, which gives back whatever it finds of those before it, begins only when all of them are over there.
    """
    request, over = attempt.request, attempt.epoch
    if isinstance(outcome, Unavailable) and request.keyed:
        return outcome  # the retry with this key finds the parts and goes on; else they expire
    superseded = isinstance(outcome, Rejection) and outcome.code is Code.HOLD_SUPERSEDED
    if isinstance(outcome, Rejection) and superseded:
        over = max(over, outcome.epoch - 1)
    if request.keyed or (taken and block == attempt.primary):
        question = (
            AbandonHold(request.token, over)
            if taken or superseded
            else FindHold(request.token, ended=True)  # nothing to protect: it is only asked
        )
        settled = await _settle(ask, attempt, taken, question)
        if settled is not None:
            return settled
    definite = isinstance(outcome, Rejection) and not superseded
    for held in taken.keys() | (set[int]() if definite else {block}):
        released = await ask(attempt.key(held), ReleaseHold(request.token, over))
        if isinstance(released, Unavailable):
            # Without a key, another choice under this token must not meet the late release; with one, the retry finds
            # what is left and gives it back. A refusal would leave it held, for nobody, until its deadline.
            outcome = released
    if isinstance(outcome, Rejection):
        return Refused(block, outcome)
    return outcome if isinstance(outcome, Unavailable) else Unavailable("no definite answer")


async def _settle(
    ask: Ask, attempt: _Attempt, taken: dict[int, Hold], question: AbandonHold | FindHold
) -> Placing | None:
    """Make the primary give up epochs, or only ask it; its hold if it has one.

    None when there is none, and after AbandonHold there will be none.
    """
    request = attempt.request
    answer = await ask(attempt.key(attempt.primary), question)
    if isinstance(answer, Unavailable):
        return answer
    if isinstance(answer, Rejection) or answer.hold is None:
        return None
    if not _is_primary_record(answer.hold, attempt):
        return None
    placed = await _placed(ask, attempt, taken, answer.hold, replayed=True)
    if answer.hold.fingerprint != request.fingerprint:
        return Refused(attempt.primary, Rejection(Code.IDEMPOTENCY_KEY_REUSED))
    return placed


async def find(ask: Ask, hold_id: HoldId) -> Outcome:
    """The hold as its primary has it now."""
    return await ask(BlockKey(hold_id.show_id, hold_id.primary), FindHold(hold_id.token))


async def release(ask: Ask, hold_id: HoldId) -> Outcome:
    """Give a hold back: the primary first, whose answer counts; parts that cannot be reached expire."""
    outcome = await ask(BlockKey(hold_id.show_id, hold_id.primary), ReleaseHold(hold_id.token))
    if isinstance(outcome, Accepted) and outcome.hold is not None:
        for part in outcome.hold.parts:
            await ask(BlockKey(hold_id.show_id, part.block), ReleaseHold(hold_id.token))
    return outcome


async def extend(ask: Ask, hold_id: HoldId, request: str) -> Outcome:
    """Extend a hold once: the parts first, the primary last; `request` identifies the request."""
    outcome = await find(ask, hold_id)
    if not isinstance(outcome, Accepted) or outcome.hold is None:
        return outcome
    earliest = 0
    for part in outcome.hold.parts:
        extended = await ask(
            BlockKey(hold_id.show_id, part.block), ExtendHold(hold_id.token, request, part=True)
        )
        if not isinstance(extended, Accepted) or extended.hold is None:
            return extended
        deadline = extended.hold.deadline
        earliest = min(earliest, deadline) if earliest else deadline
    primary = BlockKey(hold_id.show_id, hold_id.primary)
    return await ask(primary, ExtendHold(hold_id.token, request, deadline_max=earliest))
