"""What can be asked of a block. Imperative, idempotent by token; durations are intervals, never a client's times."""

from __future__ import annotations

from dataclasses import dataclass

from actors.domain.layout import Layout, Rules


@dataclass(frozen=True, slots=True)
class Part:
    """The tickets that another block contributes to a hold."""

    block: int
    tickets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class HoldTerms:
    """What every hold command carries, whichever tickets it asks for.

    token        the hold's identity and the command's idempotency key
    fingerprint  a digest of what the buyer asked for; another one under the same token is a reused key
    order_size   the tickets of the whole hold, over all its blocks
    primary      the block whose record is the hold; its append is the commit point and comes last
    epoch        how often an attempt with this token was abandoned; an older attempt cannot commit
    parts        at the primary: what the other blocks hold for it
    parts_amount at the primary: the price of the parts, minor units
    deadline_max at the primary: the earliest deadline of the parts, ms since the epoch (0: none)
    """

    token: str
    fingerprint: str
    order_size: int
    primary: int
    epoch: int = 0
    parts: tuple[Part, ...] = ()
    parts_amount: int = 0
    deadline_max: int = 0


@dataclass(frozen=True, slots=True)
class OpenBlock:
    """Put the tickets of a layout on sale."""

    layout: Layout
    rules: Rules
    source: str


@dataclass(frozen=True, slots=True)
class HoldTickets:
    """Hold exactly these tickets (none: only register the hold at its primary)."""

    terms: HoldTerms
    tickets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class HoldQuantity:
    """Hold this many: adjacent seats nearest to the focal point, or any units of an area.

    Accessible seats are left alone, unless one is needed: then one at least is among them.
    """

    terms: HoldTerms
    quantity: int
    category: str | None = None
    accessible: bool = False


@dataclass(frozen=True, slots=True)
class FindHold:
    """Ask for a hold as it stands; changes nothing. `ended`: also for one that has ended."""

    token: str
    ended: bool = False


@dataclass(frozen=True, slots=True)
class ReleaseHold:
    """The buyer gives the hold back (`epoch` None), or a failed attempt gives back the part it took."""

    token: str
    epoch: int | None = None


@dataclass(frozen=True, slots=True)
class AbandonHold:
    """At the primary: an attempt failed half-way; unless the hold is committed, its epoch is over."""

    token: str
    epoch: int


@dataclass(frozen=True, slots=True)
class ExtendHold:
    """Move the deadline, once; `request` identifies the request, so that a retry is not a second extension.

    part          this block holds a part; its primary is extended last
    deadline_max  at the primary: the earliest new deadline of the parts, ms since the epoch (0: none)
    """

    token: str
    request: str
    part: bool = False
    deadline_max: int = 0


@dataclass(frozen=True, slots=True)
class ExpireDue:
    """Announce what the clock has already decided: every hold past its deadline ends."""


@dataclass(frozen=True, slots=True)
class SecureHold:
    """The hold is being paid: keep its tickets for the order until `until` (ms since the epoch), up to a hard cap.

    If it has expired meanwhile, the same tickets are taken again, unless somebody else has one of them. `terms` are
    those that the block's part of the hold was made with.
    """

    terms: HoldTerms
    tickets: tuple[int, ...]
    order_id: str
    until: int


@dataclass(frozen=True, slots=True)
class ConfirmHold:
    """The money is authorised: the tickets of the hold become sold to the order.

    tickets  what the order has here; a hold of others under the same token is another one (None: whatever it has)
    """

    token: str
    order_id: str
    tickets: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class CancelSale:
    """The order comes to nothing: its tickets go back, held or sold, and no sale to it can begin any more."""

    token: str
    order_id: str


@dataclass(frozen=True, slots=True)
class ReturnTickets:
    """Sold tickets whose money was given back: on sale again, or off sale (`withhold`)."""

    token: str
    order_id: str
    tickets: tuple[int, ...]
    withhold: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class WithholdTickets:
    """Take available tickets off sale."""

    tickets: tuple[int, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class RestoreTickets:
    """Put withheld tickets back on sale."""

    tickets: tuple[int, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class FreezeBlock:
    """Grant nothing here any more, until it is thawed; what is held can still be paid. `by` is who wants it."""

    reason: str
    by: str = ""


@dataclass(frozen=True, slots=True)
class ThawBlock:
    """Grant holds here again."""

    reason: str = ""
    by: str = ""


Command = (
    OpenBlock
    | HoldTickets
    | HoldQuantity
    | FindHold
    | ReleaseHold
    | AbandonHold
    | ExtendHold
    | ExpireDue
    | SecureHold
    | ConfirmHold
    | CancelSale
    | ReturnTickets
    | WithholdTickets
    | RestoreTickets
    | FreezeBlock
    | ThawBlock
)
