"""A block as it must be, kept by looking at events and at the clock only: it shares no code with what decides."""

from __future__ import annotations

from dataclasses import dataclass, field

from actors.domain.commands import CancelSale, Command, ReleaseHold
from actors.domain.events import (
    BlockFrozen,
    BlockThawed,
    Event,
    HoldExpired,
    HoldExtended,
    HoldReleased,
    HoldSecured,
    SaleCancelled,
    TicketsHeld,
    TicketsRestored,
    TicketsReturned,
    TicketsSold,
    TicketsWithheld,
)

LIFETIME_MAX_MS = 30 * 60 * 1000
SECURED_MAX_MS = 60 * 60 * 1000
HOLD_SECONDS = 600


@dataclass
class Sale:
    """One hold as the buyer sees it. `order` is the one that it is paid for, or was sold to."""

    fingerprint: str
    seats: frozenset[int]
    held_at: int
    deadline: int
    state: str = "held"
    extended_by: str = ""
    order: str = ""


@dataclass
class Model:
    """What must be true, kept by looking at events and at the clock only."""

    seats: dict[int, str] = field(default_factory=lambda: dict.fromkeys(range(12), "available"))
    sales: dict[str, Sale] = field(default_factory=dict)
    frozen: bool = False

    def observe(self, event: Event, command: Command, now: int) -> None:
        """Each event must be legal, whatever `decide` thought; `now` is ms since the epoch."""
        free, sales = self.seats, self.sales
        match event:
            case TicketsHeld():
                assert all(free[seat] == "available" for seat in event.tickets)
                assert not self.frozen
                assert now < event.deadline <= now + HOLD_SECONDS * 1000
                free.update(dict.fromkeys(event.tickets, event.token))
                sales[event.token] = Sale(
                    event.fingerprint, frozenset(event.tickets), now, event.deadline
                )
            case HoldReleased(token):
                assert isinstance(command, ReleaseHold), "only the buyer gives a hold back"
                assert command.token == token
                assert not sales[token].order, "not while it is being paid"
                self.end(token, "released")
            case HoldExpired(token):
                assert sales[token].deadline <= now, "nothing ends before its deadline"
                self.end(token, "expired")
            case HoldSecured(token, order_id, deadline):
                sale = sales[token]
                assert sale.state == "held"
                assert sale.order in ("", order_id)
                assert sale.deadline <= deadline <= sale.held_at + SECURED_MAX_MS
                assert now < sale.deadline
                sale.deadline, sale.order = deadline, order_id
            case SaleCancelled(token, order_id, back):
                assert isinstance(command, CancelSale), "nothing is cancelled by itself"
                sale = sales.setdefault(token, Sale("", frozenset(), 0, 0))
                assert sale.state != "sold" or sale.order == order_id
                owned = sale.seats if sale.state in ("held", "sold") else frozenset()
                assert frozenset(back) == owned
                free.update(dict.fromkeys(back, "available"))
                sale.state, sale.order = "cancelled", order_id
            case TicketsReturned(token, order_id, back, withheld):
                sale = sales[token]
                assert (sale.state, sale.order) == ("sold", order_id)
                assert back, "else nothing happens"
                assert set(back) <= sale.seats, "only its own"
                sale.seats -= set(back)
                free.update(dict.fromkeys(back, "withheld" if withheld else "available"))
            case HoldExtended(token, deadline, request):
                sale = sales[token]
                assert sale.state == "held"
                assert not sale.extended_by, "once"
                assert (
                    sale.deadline <= deadline <= max(sale.held_at + LIFETIME_MAX_MS, sale.deadline)
                )
                sale.deadline, sale.extended_by = deadline, request
            case TicketsSold(token, order_id, sold):
                assert sales[token].state == "held"
                assert frozenset(sold) == sales[token].seats
                assert now < sales[token].deadline
                sales[token].state, sales[token].order = "sold", order_id
            case TicketsWithheld(taken, _):
                assert all(free[seat] == "available" for seat in taken)
                free.update(dict.fromkeys(taken, "withheld"))
            case TicketsRestored(back, _):
                assert all(free[seat] == "withheld" for seat in back)
                free.update(dict.fromkeys(back, "available"))
            case BlockFrozen() | BlockThawed():
                assert self.frozen != isinstance(event, BlockFrozen), "each once"
                self.frozen = isinstance(event, BlockFrozen)
            case _:
                pass

    def end(self, token: str, state: str) -> None:
        sale = self.sales[token]
        assert sale.state == "held"
        sale.state = state
        self.seats.update(dict.fromkeys(sale.seats, "available"))
