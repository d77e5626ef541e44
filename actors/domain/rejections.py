"""The registry of business refusals. A rejection is a value; HTTP problems are derived from this registry."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What sort of refusal it is; the edge turns it into a status code."""

    CONFLICT = "conflict"
    FORBIDDEN = "forbidden"
    GONE = "gone"
    INVALID = "invalid"
    NOT_FOUND = "not_found"


class Code(StrEnum):
    SEATS_UNAVAILABLE = "seats_unavailable"
    NO_ADJACENT_SEATS = "no_adjacent_seats"
    TOO_MANY_SEATS = "too_many_seats"
    SALE_NOT_OPEN = "sale_not_open"
    HOLD_NOT_FOUND = "hold_not_found"
    HOLD_EXPIRED = "hold_expired"
    HOLD_SOLD = "hold_sold"
    HOLD_IN_PAYMENT = "hold_in_payment"
    HOLD_SUPERSEDED = "hold_superseded"
    ALREADY_EXTENDED = "already_extended"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    BLOCK_NOT_OPEN = "block_not_open"
    BLOCK_FROZEN = "block_frozen"
    INVALID_TICKETS = "invalid_tickets"
    ORDER_NOT_FOUND = "order_not_found"
    ORDER_EXISTS = "order_exists"
    ORDER_EXPIRED = "order_expired"
    ORDER_PAID = "order_paid"
    ORDER_NOT_PAID = "order_not_paid"
    ALREADY_REFUNDED = "already_refunded"
    SEATS_NOT_IN_ORDER = "seats_not_in_order"


@dataclass(frozen=True, slots=True)
class Meaning:
    kind: Kind
    title: str


REGISTRY: dict[Code, Meaning] = {
    Code.SEATS_UNAVAILABLE: Meaning(Kind.CONFLICT, "Some of these seats cannot be had"),
    Code.NO_ADJACENT_SEATS: Meaning(Kind.CONFLICT, "Not that many seats are left together"),
    Code.TOO_MANY_SEATS: Meaning(Kind.INVALID, "More seats than one order may have"),
    Code.SALE_NOT_OPEN: Meaning(Kind.FORBIDDEN, "The sale is not open"),
    Code.HOLD_NOT_FOUND: Meaning(Kind.NOT_FOUND, "There is no such hold"),
    Code.HOLD_EXPIRED: Meaning(Kind.GONE, "The hold has expired"),
    Code.HOLD_SOLD: Meaning(Kind.CONFLICT, "The seats of this hold are sold"),
    Code.HOLD_IN_PAYMENT: Meaning(Kind.CONFLICT, "The hold is being paid"),
    Code.HOLD_SUPERSEDED: Meaning(
        Kind.CONFLICT, "Another attempt with this key was given up meanwhile"
    ),
    Code.ALREADY_EXTENDED: Meaning(Kind.CONFLICT, "A hold can be extended once"),
    Code.IDEMPOTENCY_KEY_REUSED: Meaning(Kind.INVALID, "The key was used with another request"),
    Code.BLOCK_NOT_OPEN: Meaning(Kind.NOT_FOUND, "These seats are not loaded"),
    Code.BLOCK_FROZEN: Meaning(Kind.CONFLICT, "These seats are not sold for the moment"),
    Code.INVALID_TICKETS: Meaning(Kind.INVALID, "The tickets named cannot be these"),
    Code.ORDER_NOT_FOUND: Meaning(Kind.NOT_FOUND, "There is no such order"),
    Code.ORDER_EXISTS: Meaning(Kind.CONFLICT, "There is an order for this hold already"),
    Code.ORDER_EXPIRED: Meaning(Kind.GONE, "The time to pay this order is over"),
    Code.ORDER_PAID: Meaning(Kind.CONFLICT, "The order is paid"),
    Code.ORDER_NOT_PAID: Meaning(Kind.CONFLICT, "The order is not paid"),
    Code.ALREADY_REFUNDED: Meaning(Kind.CONFLICT, "The money for these seats was given back"),
    Code.SEATS_NOT_IN_ORDER: Meaning(Kind.INVALID, "The order does not have these seats"),
}


class Reason(StrEnum):
    """Why one seat of a request cannot be had."""

    HELD = "held"
    SOLD = "sold"
    WITHHELD = "withheld"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Conflict:
    """One ticket (its index in the block) that stood in the way."""

    ticket: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class Rejection:
    """A business refusal. `epoch` is given with `hold_superseded`: the epoch to try again with."""

    code: Code
    conflicts: tuple[Conflict, ...] = ()
    detail: str = ""
    epoch: int = 0

    @property
    def meaning(self) -> Meaning:
        return REGISTRY[self.code]
