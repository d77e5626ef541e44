"""How much of a quota each client has used: the generic cell rate algorithm, with one number for every client.

Source: ITU-T I.371, annex A (the virtual scheduling algorithm). A client may use a whole quota at once; what was used
comes back evenly over the window. What was refused is not counted. In whole nanoseconds, so that nothing adds up wrong.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

CLIENTS_MAX = 50_000
"""Clients that a quota remembers; the one that was away longest is forgotten, which gives it its quota back."""

SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Quota:
    """So many `units` in so many `seconds`, for each client."""

    units: int
    seconds: int

    @classmethod
    def of(cls, text: str) -> Quota:
        """Of `UNITS/SECONDS`."""
        units, _, seconds = text.partition("/")
        return cls(int(units), int(seconds))


@dataclass(frozen=True, slots=True)
class Use:
    """What became of one use. `remaining`: units that are left; `seconds`: until there is one more, at least 1."""

    allowed: bool
    remaining: int
    seconds: int


class Uses:
    """The uses of one quota in this process. `clock`: nanoseconds that never go back."""

    def __init__(self, quota: Quota, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._interval = quota.seconds * SECOND // quota.units
        self._window = self._interval * quota.units
        self._whole_at: OrderedDict[str, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._whole_at)

    def use(self, client: str) -> Use:
        """One unit, if one is left."""
        now = self._clock()
        owed = max(self._whole_at.get(client, now) - now, 0)
        allowed = owed + self._interval <= self._window
        if allowed:
            owed += self._interval
            self._remember(client, now + owed)
        remaining = (self._window - owed) // self._interval
        next_in = (remaining + 1) * self._interval - (self._window - owed)
        return Use(allowed, remaining, -(-next_in // SECOND))

    def _remember(self, client: str, whole_at: int) -> None:
        self._whole_at[client] = whole_at
        self._whole_at.move_to_end(client)
        if len(self._whole_at) > CLIENTS_MAX:
            self._whole_at.popitem(last=False)
