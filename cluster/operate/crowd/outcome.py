"""What an order of a simulated buyer came to, from what the server says of it. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

PAID_STATES = ("paid", "partially_refunded", "refunded")
WAITING_STATES = ("awaiting_payment", "expired")
"""An order that has expired can still be paid for a while."""

WORKED_ON = "authorised"
"""It becomes something else in a moment."""

LATE_PAYMENT, SEATS_GONE = "late_payment", "seats_gone"


class Outcome(StrEnum):
    PAID = "paid"
    LATE_RETAKEN = "late (re-taken)"
    LATE_FREED = "late (freed)"
    DECLINED = "declined"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    OPEN = "still open"


MEANING = {
    Outcome.PAID: "card authorised, seats sold, money captured",
    Outcome.LATE_RETAKEN: "paid after the hold had run out: the same seats were still free",
    Outcome.LATE_FREED: "paid after the hold had run out: the seats were gone, nothing was taken",
    Outcome.DECLINED: "the card was declined, and the buyer gave up",
    Outcome.EXPIRED: "never paid: the seats are on sale again",
    Outcome.CANCELLED: "by the buyer, before paying",
    Outcome.OPEN: "their holds have not run out yet",
}


def outcome_of(order: dict[str, Any], *, declined: bool) -> Outcome:
    """`order` as `GET /v1/orders/{order_id}` has it; `declined`: its buyer has given up after a declined card."""
    state = order["state"]
    if state in PAID_STATES:
        late = LATE_PAYMENT in {change["cause"] for change in order["history"]}
        return Outcome.LATE_RETAKEN if late else Outcome.PAID
    if state == "cancelled":
        return Outcome.LATE_FREED if order["reason"] == SEATS_GONE else Outcome.CANCELLED
    if declined:
        return Outcome.DECLINED
    return Outcome.EXPIRED if state == "expired" else Outcome.OPEN


def lost_tickets(seats: tuple[str, ...], order: dict[str, Any]) -> str:
    """What is wrong with tickets that a buyer was shown as paid; empty if nothing is."""
    if order["state"] not in PAID_STATES:
        return f"{seats[0]}: paid, and then {order['state']}"
    refunded = {seat for refund in order["refunds"] for seat in refund["seats"]}
    wanted = [seat for seat in seats if seat not in refunded]
    tickets = [ticket["seat"] for ticket in order["tickets"]]
    return "" if tickets == wanted else f"{seats[0]}: other tickets than were paid for"
