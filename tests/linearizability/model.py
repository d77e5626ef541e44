"""The sequential specification: what a ticket and the record of a hold may do, one act after the other.

A history is judged object by object (Herlihy & Wing, "Linearizability: a correctness condition for concurrent
objects", TOPLAS 1990, theorem 1: a history is linearizable if that of each object is). There are two kinds:

* A **ticket**: free, or held by one hold that is extended or not, or sold. `take`, `give_back`, `extend` and `lapse`
  (its deadline passes) change it; `holds`, `left`, `refused` and `refused_sold` are what answers say of it.
* The **record** of a hold, which its primary block keeps: unborn, live, due, over, released, sold; and by which
  request it was extended. `GET`, `DELETE` and `extend` are decided by it.

They are two because the protocol makes them two. With an Idempotency-Key the record lives in a register, and a hold
over several blocks has a record in one of them. Parts are taken before the record exists and given back after it has
ended, and a part that cannot be reached is left to its deadline. So for such a *loose* hold a 204 says that the
record is released, and that its tickets may be; for an unkeyed hold of one seat (one block, one append) both are one.

A deadline is a fact of clocks that may be off by the skew. From `deadline - skew` a hold may be `due`: a host may say
410 and a ticket may be had by others, while another host still says 200. From `deadline + skew` it is over for all.

From when there may be an order of a hold, its history goes on without its clients: at any time the hold may be made to
last longer, made again (`take_again`, `revive`), sold (`sell`, `sell_record`) and given back for good (`unsell`,
`give_up`), and no answer says when. So from then on its deadlines force nothing, and refusals of its seats prove
little. What stays is that only ordered holds are sold, that what is given up never comes back, and that a seat of a
paid order (`owned`) is nobody else's. The journal's judges know the rest.

A state is `(hold id, phase, extended by)`; FREE has no hold. `step` gives the states that an act may lead to, none if
the act is not possible in this state.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, auto
from typing import NamedTuple

from tests.history import Dealing, Operation


class Phase(IntEnum):
    """How a ticket or a record stands."""

    FREE = auto()
    UNBORN = auto()
    LIVE = auto()
    DUE = auto()
    """A record only: its deadline has passed by some clock, not by every clock."""
    OVER = auto()
    RELEASED = auto()
    SOLD = auto()
    GIVEN_UP = auto()
    """A record only: its order came to nothing."""


class State(NamedTuple):
    """Of one object; `extender` is the request that extended the hold."""

    hold: str
    phase: Phase
    extender: str = ""


FREE = State("", Phase.FREE)


class Act(IntEnum):
    """What an operation does to an object, or claims about it."""

    TAKE = auto()
    GIVE_BACK = auto()
    EXTEND = auto()
    EXTEND_PART = auto()
    LAPSE = auto()
    LAPSE_EXTENDED = auto()
    SELL = auto()
    UNSELL = auto()
    TAKE_AGAIN = auto()
    CREATE = auto()
    RELEASE = auto()
    EXTEND_RECORD = auto()
    FALL_DUE = auto()
    FALL_DUE_EXTENDED = auto()
    END = auto()
    END_EXTENDED = auto()
    SELL_RECORD = auto()
    GIVE_UP = auto()
    REVIVE = auto()
    HOLDS = auto()
    LEFT = auto()
    REFUSED = auto()
    REFUSED_SOLD = auto()
    OWNED = auto()
    SEEN = auto()
    SEEN_EXTENDED = auto()
    SEEN_SOLD = auto()
    IN_PAYMENT = auto()
    EXTENDED_BY_OTHER = auto()
    REPLAYED = auto()
    REPLAYED_EXTENDED = auto()
    UNKNOWN = auto()
    UNKNOWN_OR_GIVEN_UP = auto()
    UNKNOWN_OR_GIVEN_BACK = auto()
    UNKNOWN_OR_FORGOTTEN = auto()
    EXPIRED = auto()


FIRST_CLAIM = Act.HOLDS
"""Acts from here on change nothing: they are true of a state or not."""


@dataclass(frozen=True, slots=True)
class Step:
    """An act that took place at one point between `invoked` and `returned`; None: from then on, or never at all.

    `source` is the operation behind it; the passing of a deadline has none.
    """

    act: Act
    hold: str
    invoked: float
    returned: float | None = None
    source: Operation | Dealing | None = None
    request: str = ""
    """Which extension it is: requests with one Idempotency-Key are one. Of TAKE_AGAIN: the hold that takes."""

    @property
    def is_claim(self) -> bool:
        return self.act >= FIRST_CLAIM


_STANDS = (Phase.LIVE, Phase.DUE)
_BORN = (*_STANDS, Phase.OVER, Phase.RELEASED, Phase.SOLD, Phase.GIVEN_UP)
_GONE = (Phase.UNBORN, Phase.RELEASED, Phase.GIVEN_UP)
_TRUE_WHEN = {
    Act.SEEN: _STANDS,
    Act.SEEN_EXTENDED: _STANDS,
    Act.SEEN_SOLD: (Phase.SOLD,),
    Act.IN_PAYMENT: _STANDS,
    Act.EXTENDED_BY_OTHER: _STANDS,
    Act.REPLAYED: _BORN,
    Act.REPLAYED_EXTENDED: _BORN,
    Act.UNKNOWN: (Phase.UNBORN,),
    Act.UNKNOWN_OR_GIVEN_UP: (Phase.UNBORN, Phase.GIVEN_UP),
    Act.UNKNOWN_OR_GIVEN_BACK: _GONE,
    Act.UNKNOWN_OR_FORGOTTEN: (*_GONE, Phase.DUE, Phase.OVER),
    Act.EXPIRED: (Phase.DUE, Phase.OVER),
    Act.REFUSED: (Phase.LIVE,),
    Act.REFUSED_SOLD: (Phase.SOLD,),
}
_OF_NOT_EXTENDED = {Act.LAPSE, Act.FALL_DUE, Act.END, Act.SEEN, Act.REPLAYED}
_OF_EXTENDED = {
    Act.LAPSE_EXTENDED,
    Act.FALL_DUE_EXTENDED,
    Act.END_EXTENDED,
    Act.SEEN_EXTENDED,
    Act.REPLAYED_EXTENDED,
}


def step(state: State, step: Step) -> tuple[State, ...]:
    """The states that the step may lead to; a claim leads nowhere else, and nowhere at all when it is not true."""
    if step.is_claim:
        return (state,) if _is_true(state, step) else ()
    if step.act < Act.CREATE:
        return _step_ticket(state, step)
    return _step_record(state, step)


def _is_true(state: State, step: Step) -> bool:
    act = step.act
    if act is Act.HOLDS:
        return state.hold == step.hold
    if act is Act.LEFT:
        return state.hold != step.hold
    if act is Act.OWNED:
        return state.hold == step.hold and state.phase is Phase.SOLD
    if state.phase not in _TRUE_WHEN[act]:
        return False
    if act is Act.EXTENDED_BY_OTHER:
        return state.extender not in ("", step.request)
    if act in _OF_NOT_EXTENDED:
        return not state.extender
    return bool(state.extender) or act not in _OF_EXTENDED


def _step_ticket(state: State, step: Step) -> tuple[State, ...]:
    mine = state.hold == step.hold
    held = mine and state.phase is Phase.LIVE
    match step.act:
        case Act.TAKE:
            return (State(step.hold, Phase.LIVE),) if state == FREE else ()
        case Act.TAKE_AGAIN:
            return (State(step.request, Phase.LIVE),) if state == FREE else ()
        case Act.GIVE_BACK:
            return (FREE,) if held else () if mine else (state,)
        case Act.EXTEND:
            return (State(step.hold, Phase.LIVE, "yes"),) if held else ()
        case Act.EXTEND_PART:
            return (State(step.hold, Phase.LIVE, "yes"),) if held else (state,)
        case Act.SELL:
            return (State(step.hold, Phase.SOLD),) if held else ()
        case Act.UNSELL:
            return (FREE,) if mine else ()
        case Act.LAPSE:
            return (FREE,) if held and not state.extender else (state,)
        case _:
            return (FREE,) if held and state.extender else (state,)


def _step_record(state: State, step: Step) -> tuple[State, ...]:
    hold, phase, extender = state
    match step.act:
        case Act.CREATE:
            return (State(hold, Phase.LIVE),) if phase is Phase.UNBORN else ()
        case Act.RELEASE:
            given_back = phase in _STANDS or phase is Phase.RELEASED
            return (State(hold, Phase.RELEASED, extender),) if given_back else ()
        case Act.EXTEND_RECORD:
            if phase not in _STANDS or extender not in ("", step.request):
                return ()
            return (state,) if extender else (State(hold, Phase.LIVE, step.request),)
        case Act.SELL_RECORD:
            return (State(hold, Phase.SOLD, extender),) if phase in _STANDS else ()
        case Act.GIVE_UP:
            return (State(hold, Phase.GIVEN_UP, extender),) if phase in _BORN else ()
        case Act.REVIVE:
            return (State(hold, Phase.LIVE),) if phase in (Phase.DUE, Phase.OVER) else ()
        case Act.FALL_DUE | Act.FALL_DUE_EXTENDED:
            meant = bool(extender) == (step.act is Act.FALL_DUE_EXTENDED)
            return (State(hold, Phase.DUE, extender),) if meant and phase is Phase.LIVE else ()
        case _:
            meant = bool(extender) == (step.act is Act.END_EXTENDED)
            return (State(hold, Phase.OVER, extender),) if meant and phase in _STANDS else (state,)
