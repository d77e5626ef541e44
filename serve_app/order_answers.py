"""An order as its buyer sees it."""

from __future__ import annotations

from typing import Any

from actors.domain.order import Order
from cluster.orders.tickets import WITH_TICKETS, tickets_of
from cluster.ticketing.codes import TicketKeys
from serve_app.times import rfc3339


def order_answer(order: Order, keys: TicketKeys) -> dict[str, Any]:
    """What GET /v1/orders/{order_id} says. The codes of the tickets admit people: only the buyer gets them."""
    tickets = tickets_of(order, keys) if order.state in WITH_TICKETS else ()
    return {
        "order_id": order.order_id,
        "hold_id": order.hold_id,
        "show_id": order.show_id,
        "state": order.state,
        "reason": order.reason,
        "amount": order.amount,
        "currency": order.currency,
        "email": order.email,
        "name": order.name,
        "seats": order.seats,
        "created_at": rfc3339(order.created_at),
        "payment_deadline": rfc3339(order.deadline),
        "tickets": [
            {"ticket_id": ticket.ticket_id, "seat": ticket.seat, "code": ticket.code}
            for ticket in tickets
        ],
        "refunds": [
            {
                "refund_id": refund.refund_id,
                "state": refund.status,
                "amount": refund.amount,
                "seats": refund.seats,
                "reason": refund.reason,
                "requested_at": rfc3339(refund.requested_at),
            }
            for refund in order.refunds
        ],
        "history": [
            {
                "state": one.state,
                "at": rfc3339(one.at),
                "cause": one.cause,
                "actor": one.actor,
            }
            for one in order.history
        ],
    }
