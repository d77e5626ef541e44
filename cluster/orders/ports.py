"""What orders are kept in and told to (see `cluster.store.orders`, `cluster.orders.announcing`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from actors.domain.order import Order
from cluster.store.creation import Created, IdTaken

Fact = Callable[[Order, int], Order | None]
"""Something that was heard: the next order at this time (ms since the epoch), or None when it changes nothing."""


class OrderStore(Protocol):
    """Every method raises StoreUnavailable."""

    async def create(self, order: Order) -> Created[Order] | IdTaken:
        """Raises HoldTaken."""
        ...

    async def get(self, order_id: str) -> Order | None: ...

    async def of_ids(self, order_ids: Iterable[str]) -> list[Order]: ...

    async def of_payment(self, payment_id: str) -> Order | None: ...

    async def of_holds(self, tokens: Iterable[str]) -> list[Order]: ...

    async def replace(self, before: Order, after: Order) -> bool: ...

    async def put_off(self, order: Order, due_at: int, *, new_key: bool = False) -> bool: ...

    async def due(self, now: int) -> list[Order]: ...

    async def unpublished(self, before: int) -> list[Order]: ...

    async def published(self, orders: Sequence[tuple[str, int]]) -> None: ...

    async def waiting(self, before: int) -> int: ...


class Announce(Protocol):
    """Tell everybody of an order's latest transitions. Best effort: what is missed is told later."""

    def __call__(self, order: Order) -> None: ...


class TicketRegister(Protocol):
    """The tickets that admit somebody (see `cluster.store.admissions`)."""

    async def issue(self, *orders: Order) -> None:
        """The seats of these orders admit their holders, once. Raises StoreUnavailable."""
        ...

    async def void_seats(self, order: Order, seats: tuple[str, ...], reason: str) -> None:
        """These seats of the order admit nobody any more. Raises StoreUnavailable."""
        ...
