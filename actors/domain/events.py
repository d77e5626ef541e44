"""What happened to a block's tickets. Past tense, self-contained: no state is needed to know which seats changed."""

from __future__ import annotations

from dataclasses import dataclass

from actors.domain.commands import Part
from actors.domain.layout import Layout, Rules


@dataclass(frozen=True, slots=True)
class BlockOpened:
    """The tickets of a layout exist and are available; always the first event of a block."""

    layout: Layout
    rules: Rules
    source: str


@dataclass(frozen=True, slots=True)
class TicketsHeld:
    """Tickets are set aside until `deadline` (ms since the epoch); at the primary this is the hold itself."""

    token: str
    fingerprint: str
    tickets: tuple[int, ...]
    amount: int
    held_at: int
    deadline: int
    primary: int
    epoch: int = 0
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class HoldReleased:
    token: str
    tickets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class HoldExpired:
    token: str
    tickets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class HoldExtended:
    token: str
    deadline: int
    request: str


@dataclass(frozen=True, slots=True)
class HoldAbandoned:
    """Attempts with this token up to `epoch` can no longer commit here."""

    token: str
    epoch: int


@dataclass(frozen=True, slots=True)
class HoldSecured:
    """The hold is being paid for an order: it stands until `deadline` (ms since the epoch), and no buyer ends it."""

    token: str
    order_id: str
    deadline: int


@dataclass(frozen=True, slots=True)
class TicketsSold:
    token: str
    order_id: str
    tickets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SaleCancelled:
    """The order came to nothing here. `tickets`, which it had held or bought, are available; without any, it is only
    made sure that it gets none."""

    token: str
    order_id: str
    tickets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TicketsReturned:
    """Sold tickets whose money was given back are available again, or `withheld`."""

    token: str
    order_id: str
    tickets: tuple[int, ...]
    withheld: bool
    reason: str


@dataclass(frozen=True, slots=True)
class TicketsWithheld:
    tickets: tuple[int, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class TicketsRestored:
    tickets: tuple[int, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class BlockFrozen:
    """No hold begins here any more. `by` is who wanted it, as he called himself."""

    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class BlockThawed:
    reason: str
    by: str


Event = (
    BlockOpened
    | TicketsHeld
    | HoldReleased
    | HoldExpired
    | HoldExtended
    | HoldAbandoned
    | HoldSecured
    | TicketsSold
    | SaleCancelled
    | TicketsReturned
    | TicketsWithheld
    | TicketsRestored
    | BlockFrozen
    | BlockThawed
)
