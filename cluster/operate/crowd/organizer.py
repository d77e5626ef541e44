"""The demo's organizer, who gives a few buyers their money back at the end."""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from dataclasses import dataclass
from typing import Any

import httpx

from cluster.operate.crowd.outcome import Outcome, outcome_of
from cluster.operate.crowd.payers import Bought, Payers
from cluster.operate.crowd.pools import Refusal

REFUNDS = 6
"""Orders that are refunded; of every other one only one seat."""

REFUND_SECONDS_MAX = 20.0
LOOK_SECONDS = 0.2
REASON = "the demo's organizer gives it back"


@dataclass(slots=True)
class Refunds:
    """What the organizer gave back: `amount` is minor units of `currency`; `pending` has not come through in time."""

    orders: int = 0
    seats: int = 0
    amount: int = 0
    currency: str = ""
    pending: int = 0


async def refund_some(http: httpx.AsyncClient, payers: Payers, rng: random.Random) -> Refunds:
    """`http` has the organizer's key. The orders are looked at again afterwards."""
    paid = [
        one
        for one in payers.bought
        if one.found and outcome_of(one.found, declined=False) is Outcome.PAID
    ]
    refunds, chosen = Refunds(), rng.sample(paid, min(REFUNDS, len(paid)))
    await asyncio.gather(
        *[
            _refund(http, payers, bought, in_part=number % 2 == 1, refunds=refunds)
            for number, bought in enumerate(chosen)
        ]
    )
    return refunds


async def _refund(
    http: httpx.AsyncClient, payers: Payers, bought: Bought, *, in_part: bool, refunds: Refunds
) -> None:
    asked = {"reason": REASON, **({"seats": [bought.seats[0]]} if in_part else {})}
    answer = await http.post(
        f"/v1/orders/{bought.placed.order_id}/refunds",
        json=asked,
        headers={"Idempotency-Key": secrets.token_hex(12)},
    )
    if not answer.is_success:
        payers.tally.refusals[f"refund: {answer.status_code}"] += 1
        return
    deadline = time.monotonic() + REFUND_SECONDS_MAX
    while time.monotonic() < deadline:
        order = await payers.checkout.see(bought.placed.order_id)
        if not isinstance(order, Refusal) and _came_through(order):
            bought.found = order
            (refund,) = order["refunds"]
            refunds.orders += 1
            refunds.seats += len(refund["seats"])
            refunds.amount += refund["amount"]
            refunds.currency = order["currency"]
            return
        await asyncio.sleep(LOOK_SECONDS)
    refunds.pending += 1


def _came_through(order: dict[str, Any]) -> bool:
    """The money is back, and so are the seats."""
    return order["state"] in ("refunded", "partially_refunded") and all(
        refund["state"] == "succeeded" for refund in order["refunds"]
    )
