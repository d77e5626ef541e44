"""A paid order as what its buyer gets: the documents' contents, and where they are kept."""

from __future__ import annotations

from actors.domain.money import Money
from actors.domain.order import Cause, Order
from cluster.orders.tickets import tickets_of
from cluster.store.show import Show
from cluster.ticketing.codes import TicketKeys
from cluster.ticketing.document import (
    OrderDocument,
    ShowDocument,
    TicketDocument,
    order_reference,
)

BOUGHT = (Cause.CAPTURED, Cause.SEATS_SOLD)
"""What makes an order a paid one: the second where there was nothing to pay."""


def order_document(order: Order, show: Show, keys: TicketKeys) -> OrderDocument | None:
    """None when no ticket of the order is valid (any more)."""
    tickets = tuple(
        TicketDocument(
            ticket.ticket_id,
            ticket.code,
            ticket.seat,
            ticket.category,
            Money(ticket.price, order.currency),
        )
        for ticket in tickets_of(order, keys)
    )
    if not tickets:
        return None
    return OrderDocument(
        order_reference(order.order_id),
        ShowDocument(show.show_id, show.name, show.venue, show.starts_at, show.time_zone),
        tickets,
        order.name,
        paid_at(order),
    )


def paid_at(order: Order) -> int:
    """When the order was paid, ms since the epoch."""
    return next((one.at for one in order.history if one.cause in BOUGHT), order.created_at)


def pdf_name(order: Order) -> str:
    """Where the PDF of an order's tickets is kept: other tickets, another file. The order id is in no file's name."""
    reference = order_reference(order.order_id).lower()
    return f"{order.show_id}/{reference}-{len(order.refunds)}.pdf"
