"""What a crowd of buyers has met with so far: counts and latencies. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """Latencies are those of hold requests that were answered, seconds; `ticket_seconds` are those from an authorised
    card to the buyer's first sight of the tickets. `cards` counts attempts to pay, `outcomes` what orders came to."""

    holds: int = 0
    seats: int = 0
    refusals: Counter[str] = field(default_factory=Counter[str])
    retries: Counter[str] = field(default_factory=Counter[str])
    """Requests sent again under the same Idempotency-Key, by what went wrong."""
    replayed: int = 0
    """Holds that a retry found already granted: the first answer was lost on its way."""
    actions: Counter[str] = field(default_factory=Counter[str])
    updates: int = 0
    latencies: list[float] = field(default_factory=list[float])
    orders: int = 0
    cards: Counter[str] = field(default_factory=Counter[str])
    outcomes: Counter[str] = field(default_factory=Counter[str])
    ticket_seconds: list[float] = field(default_factory=list[float])

    def granted(self, seats: int, seconds: float, replayed: bool) -> None:
        self.holds += 1
        self.seats += seats
        self.replayed += replayed
        self.latencies.append(seconds)

    def refused(self, code: str, seconds: float) -> None:
        self.refusals[code] += 1
        self.latencies.append(seconds)


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile; NaN of nothing."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]
