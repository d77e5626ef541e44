"""All orders counted at once, for operators: by state, with their money, and what of it is on its way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from actors.domain.order import State
from actors.domain.payment import RefundStatus
from cluster.store.mongo import Document

GROUPS_MAX = 1_000
"""States times currencies: what one answer may have."""


@dataclass(frozen=True, slots=True)
class OrderTally:
    """The orders of one state and currency. Amounts are minor units, by what the orders say.

    `captured` was taken, `refunded` has gone back, `owed` is to go back and has not yet; `owing` orders owe something,
    of `failing` a refund has failed and is tried again.
    """

    state: State
    currency: str
    orders: int
    amount: int
    captured: int
    refunded: int
    owed: int
    owing: int
    failing: int


def _refunds(condition: Document) -> Document:
    """The refunds of an order that meet a condition."""
    return {"$filter": {"input": "$refunds", "as": "refund", "cond": condition}}


def _status(operator: str, status: RefundStatus) -> Document:
    return {operator: ["$$refund.status", status.value]}


def _amount(refunds: Document) -> Document:
    return {"$sum": {"$map": {"input": refunds, "as": "refund", "in": "$$refund.amount"}}}


def _any(refunds: Document) -> Document:
    return {"$cond": [{"$gt": [{"$size": refunds}, 0]}, 1, 0]}


_TAKEN = [State.PAID.value, State.PARTIALLY_REFUNDED.value, State.REFUNDED.value]
_GONE = _refunds(_status("$eq", RefundStatus.SUCCEEDED))
_OWED = _refunds(_status("$ne", RefundStatus.SUCCEEDED))
_FAILED = _refunds(_status("$eq", RefundStatus.FAILED))
# Also of an order that came to nothing: there is a refund only where money was taken.
_CAPTURED = {"$or": [{"$in": ["$state", _TAKEN]}, {"$gt": [{"$size": "$refunds"}, 0]}]}

PIPELINE: list[Document] = [
    {
        "$group": {
            "_id": {"state": "$state", "currency": "$currency"},
            "orders": {"$sum": 1},
            "amount": {"$sum": "$amount"},
            "captured": {"$sum": {"$cond": [_CAPTURED, "$amount", 0]}},
            "refunded": {"$sum": _amount(_GONE)},
            "owed": {"$sum": _amount(_OWED)},
            "owing": {"$sum": _any(_OWED)},
            "failing": {"$sum": _any(_FAILED)},
        }
    }
]


def tally_of(group: Document) -> OrderTally:
    """Integers of 64 bits come as a type of BSON's own: plain ones are made of them here."""
    key: dict[str, Any] = group["_id"]
    names = ("orders", "amount", "captured", "refunded", "owed", "owing", "failing")
    return OrderTally(State(key["state"]), key["currency"], *(int(group[name]) for name in names))
