"""Journal against orders: a seat is sold to whoever has paid for it, and to nobody else. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from actors.domain.money import Money
from actors.domain.order import Order, State, Task
from cluster.ledgers.disagreement import Disagreement, Kind
from cluster.ledgers.entries import PAID, Ledgers, SoldTicket
from cluster.ticketing.document import order_reference


def seat_disagreements(ledgers: Ledgers) -> Iterator[Disagreement]:
    """Seat by seat, whatever the journal and the orders tell differently."""
    sold = {(ticket.show_id, ticket.seat): ticket for ticket in ledgers.sold}
    for ticket in ledgers.sold:
        yield from _of_ticket(ticket, ledgers.orders.get(ticket.order_id))
    for order in ledgers.orders.values():
        for seat in due(order):
            ticket = sold.get((order.show_id, seat))
            if ticket is None or ticket.order_id != order.order_id:
                detail = f"the order is {order.state}, its seat {_state_of(ticket)}"
                yield Disagreement(
                    Kind.PAID_WITHOUT_SEATS, order.show_id, order.order_id, detail, seat
                )


def due(order: Order) -> set[str]:
    """The seats that must be sold to an order now."""
    if order.state not in PAID and order.task is not Task.CAPTURE:
        return set()
    return set(order.seats) - {seat for refund in order.refunds for seat in refund.seats}


def allowed(order: Order) -> set[str]:
    """The seats that may be sold to an order now: it is paid, or paying, and they have not been given back."""
    if order.state not in (*PAID, State.AUTHORISED):
        return set()
    back = {seat for refund in order.refunds if refund.returned for seat in refund.seats}
    return set(order.seats) - back


def _of_ticket(ticket: SoldTicket, order: Order | None) -> Iterator[Disagreement]:
    def found(kind: Kind, detail: str) -> Disagreement:
        return Disagreement(
            kind,
            ticket.show_id,
            ticket.order_id,
            detail,
            ticket.seat,
            sequence=ticket.sequence,
        )

    if order is None:
        yield found(Kind.SOLD_WITHOUT_ORDER, "is sold to an order that the orders do not have")
        return
    if (ticket.show_id, ticket.token) != (order.show_id, order.token):
        yield found(Kind.SOLD_WITHOUT_PAYMENT, "is sold for a hold that is not the order's")
    elif ticket.seat not in order.seats:
        yield found(Kind.SOLD_WITHOUT_PAYMENT, "is sold to an order that does not have it")
    elif ticket.seat not in allowed(order):
        why = "its money went back" if order.state in PAID else f"it is {order.state}"
        yield found(Kind.SOLD_WITHOUT_PAYMENT, f"is sold to an order although {why}")
    else:
        price = order.price((ticket.seat,))
        if (price, order.currency) != (ticket.price, ticket.currency):
            ordered, priced = Money(price, order.currency), Money(ticket.price, ticket.currency)
            yield found(Kind.WRONG_PRICE, f"costs {ordered} in the order, {priced} in the journal")


def _state_of(ticket: SoldTicket | None) -> str:
    if ticket is None:
        return "is not sold"
    other = order_reference(ticket.order_id) if ticket.order_id else "nobody"
    return f"is sold to {other}"
