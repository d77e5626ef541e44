"""The checkout as buyers use it: an order for a hold, what has become of it, and that it is not wanted any more."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from cluster.operate.crowd.pools import Pools, Refusal

EMAIL = "buyer@example.com"


@dataclass(frozen=True, slots=True)
class Placed:
    """An order. Its id and its client secret are the buyer's authority over it. `amount` is minor units."""

    order_id: str = field(repr=False)
    client_secret: str = field(repr=False)
    amount: int


class Checkout:
    """The orders of one installation, seen from outside."""

    def __init__(self, pools: Pools) -> None:
        self._pools = pools

    async def order(self, hold_id: str) -> Placed | Refusal:
        """Asked until there is an answer, under one key."""
        answer = await self._pools.send(
            "POST",
            "/v1/orders",
            json={"hold_id": hold_id, "email": EMAIL},
            headers={"Idempotency-Key": secrets.token_hex(12)},
        )
        if isinstance(answer, Refusal):
            return answer
        order = answer.json()
        return Placed(order["order_id"], order["client_secret"] or "", order["amount"])

    async def see(self, order_id: str) -> dict[str, Any] | Refusal:
        """The order as the server has it."""
        answer = await self._pools.send("GET", f"/v1/orders/{order_id}")
        return answer if isinstance(answer, Refusal) else answer.json()

    async def cancel(self, order_id: str) -> Refusal | None:
        answer = await self._pools.send("DELETE", f"/v1/orders/{order_id}")
        return answer if isinstance(answer, Refusal) else None
