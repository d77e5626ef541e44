"""Hosts that are there and that nobody wants: started for a growth that was given up, or left over by another cluster.

Pure; remembers since when each has been seen.
"""

from __future__ import annotations

from collections.abc import Iterable

STRAY_SECONDS = 300.0
"""A node takes minutes to come, and whoever gave up waiting for it is told to ask again: so long they may take."""


class Strays:
    def __init__(self) -> None:
        self._since: dict[str, float] = {}

    def overdue(self, at: float, names: Iterable[str]) -> list[str]:
        """Those of `names` (all strays there are now) that were there in every look for STRAY_SECONDS."""
        self._since = {name: self._since.get(name, at) for name in names}
        return [name for name, since in self._since.items() if at - since >= STRAY_SECONDS]
