"""The tickets of a paid order: who they are is worked out from the order, whether they still admit is on record."""

from __future__ import annotations

from dataclasses import dataclass, field

from actors.domain import repaying
from actors.domain.order import Order, State
from cluster.store.admissions import Admission, Admissions
from cluster.ticketing.codes import TicketClaim, TicketKeys, ticket_id_of

WITH_TICKETS = (State.PAID, State.PARTIALLY_REFUNDED)


@dataclass(frozen=True, slots=True)
class Ticket:
    """A seat's ticket. Its code admits whoever shows it. `price` is minor units of the order's currency."""

    ticket_id: str
    code: str = field(repr=False)
    block: int
    ticket: int
    seat: str
    category: str
    price: int


def tickets_of(order: Order, keys: TicketKeys) -> tuple[Ticket, ...]:
    """Those of the seats that are not being refunded. Always the same ones, with the same codes under the same key."""
    valid = set(repaying.refundable(order))
    tickets = list[Ticket]()
    for line in order.lines:
        places = zip(line.tickets, line.seats, line.categories, line.prices, strict=True)
        for ticket, seat, category, price in places:
            if seat in valid:
                ticket_id = ticket_id_of(order.order_id, line.block, ticket)
                code = keys.sign(TicketClaim(ticket_id, order.show_id))
                tickets.append(Ticket(ticket_id, code, line.block, ticket, seat, category, price))
    return tuple(tickets)


@dataclass(frozen=True, slots=True)
class TicketOffice:
    """Puts tickets on record as admissions, and takes them back. Both are safe to repeat, and in either order: what
    was voided stays void. Raises StoreUnavailable."""

    admissions: Admissions

    async def issue(self, *orders: Order) -> None:
        await self.admissions.issue([one for order in orders for one in _admissions(order)])

    async def void_seats(self, order: Order, seats: tuple[str, ...], reason: str) -> None:
        """Issued first, in case nobody has done that yet: then nobody can do it later."""
        await self.issue(order)
        gone = [one.ticket_id for one in _admissions(order) if one.seat in seats]
        await self.admissions.void(gone, reason)


def _admissions(order: Order) -> list[Admission]:
    return [
        Admission(
            ticket_id=ticket_id_of(order.order_id, line.block, ticket),
            order_id=order.order_id,
            show_id=order.show_id,
            block=line.block,
            ticket=ticket,
            seat=seat,
            category=category,
        )
        for line in order.lines
        for ticket, seat, category in zip(line.tickets, line.seats, line.categories, strict=True)
    ]
