"""All orders counted at once, for operators: by state, with their money, and what of it is on its way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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


_TAKEN = (State.PAID, State.PARTIALLY_REFUNDED, State.REFUNDED)
_GONE = _refunds(_status("$eq", RefundStatus.SUCCEEDED))
_OWED = _refunds(_status("$ne", RefundStatus.SUCCEEDED))
_FAILED = _refunds(_status("$eq", RefundStatus.FAILED))
_KEY: Document = {"state": "$state", "currency": "$currency"}

TALLY_INDEX = [("state", 1), ("currency", 1), ("amount", 1)]
"""Has all that BY_STATE needs: no order is read, however many there are."""

REFUNDS_INDEX, HAS_REFUNDS = [("refunds.status", 1)], {"refunds.status": {"$exists": True}}
"""Only the orders that have refunds."""

BY_STATE: list[Document] = [
    {"$match": {"state": {"$gt": ""}}},
    {"$group": {"_id": _KEY, "orders": {"$sum": 1}, "amount": {"$sum": "$amount"}}},
]
WITH_REFUNDS: list[Document] = [
    {"$match": HAS_REFUNDS},
    {
        "$group": {
            "_id": _KEY,
            "amount": {"$sum": "$amount"},
            "refunded": {"$sum": _amount(_GONE)},
            "owed": {"$sum": _amount(_OWED)},
            "owing": {"$sum": _any(_OWED)},
            "failing": {"$sum": _any(_FAILED)},
        }
    },
]


def tallies(by_state: Sequence[Document], with_refunds: Sequence[Document]) -> list[OrderTally]:
    """Of what the two pipelines came to; an order that is in one of them only was changed in between.

    Integers of 64 bits come as a type of BSON's own: plain ones are made of them here.
    """
    refunds = {_key(group): group for group in with_refunds}
    return [_tally(group, refunds.get(_key(group), {})) for group in by_state]


def _key(group: Document) -> tuple[str, str]:
    return group["_id"]["state"], group["_id"]["currency"]


def _tally(group: Document, refunds: Document) -> OrderTally:
    """Money was taken also of an order that came to nothing and has a refund: else there would be none."""
    state, currency = State(group["_id"]["state"]), group["_id"]["currency"]
    amount = int(group["amount"])
    captured = amount if state in _TAKEN else int(refunds.get("amount", 0))
    back = (int(refunds.get(name, 0)) for name in ("refunded", "owed", "owing", "failing"))
    return OrderTally(state, currency, int(group["orders"]), amount, captured, *back)
