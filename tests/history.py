"""What clients of the public API asked and were told: the record that the judges of a run work from.

The same record is written by clients of a running stack (wall clock) and by those of a simulation (virtual time).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["hold", "find", "release", "extend"]
OrderKind = Literal["order", "look", "cancel", "refund"]


@dataclass(frozen=True, slots=True)
class Request:
    """`seats` or `quantity` (best available) for a hold, `hold_id` for the others; `key` is the Idempotency-Key."""

    kind: Kind
    show_id: str
    seats: tuple[str, ...] = ()
    quantity: int = 0
    hold_id: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """`hold_id` to order what a hold has, `order_id` for the others; `seats` are those to be refunded, none means all.
    `key` is the Idempotency-Key."""

    kind: OrderKind
    hold_id: str = ""
    order_id: str = ""
    seats: tuple[str, ...] = ()
    key: str = ""
    withhold: bool = False


class Answered:
    """What an answer is worth."""

    __slots__ = ()
    returned: float | None
    status: int

    @property
    def definite(self) -> bool:
        """Whether the answer says what was done. After 429 nothing was; after a 5xx nothing is known."""
        return self.returned is not None and 0 < self.status < 500

    @property
    def effective(self) -> bool:
        return self.definite and self.status < 300


@dataclass(slots=True)
class Operation(Answered):
    """One request and its answer. Times are ms since the epoch, of one clock for the whole history.

    `returned` is None when the client gave up or was cut off: what it asked for may have been done, or may still be
    done at any time. `status` and `body` are those of the HTTP answer.
    """

    client: str
    request: Request
    invoked: float
    returned: float | None = None
    status: int = 0
    body: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(slots=True)
class Dealing(Answered):
    """The same about an order."""

    client: str
    request: OrderRequest
    invoked: float
    returned: float | None = None
    status: int = 0
    body: dict[str, Any] = field(default_factory=dict[str, Any])
