"""What shows are called, remembered: a show never changes."""

from __future__ import annotations

from typing import Protocol

from cluster.store.show import Show

NAMES_MAX = 1_000


class Catalogue(Protocol):
    async def get(self, show_id: str) -> Show | None: ...


class ShowNames:
    """One replica's memory of them; the oldest is forgotten first."""

    def __init__(self, shows: Catalogue) -> None:
        self._shows = shows
        self._names: dict[str, str] = {}

    async def of(self, show_id: str) -> str:
        """Raises StoreUnavailable. Empty for a show that the catalogue does not have."""
        if show_id not in self._names:
            show = await self._shows.get(show_id)
            if show is None:
                return ""
            if len(self._names) >= NAMES_MAX:
                del self._names[next(iter(self._names))]
            self._names[show_id] = show.name
        return self._names[show_id]
