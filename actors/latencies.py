"""How long the recent commits of a host took."""

from __future__ import annotations

import math
from collections import deque

RECENT_COMMITS = 512
"""Commits that count as recent."""


class Latencies:
    """The latest durations, in seconds; the oldest are forgotten."""

    def __init__(self) -> None:
        self._seconds: deque[float] = deque(maxlen=RECENT_COMMITS)

    def add(self, seconds: float) -> None:
        self._seconds.append(seconds)

    def percentile_ms(self, percent: int) -> float | None:
        """The nearest-rank percentile in ms, None without any commit."""
        ordered = sorted(self._seconds)
        if not ordered:
            return None
        return round(ordered[math.ceil(len(ordered) * percent / 100) - 1] * 1000, 2)
