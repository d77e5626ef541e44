"""How many of a replica's streams one client has: a quota of requests does not say, for a stream stays open."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class TooManyStreams(Exception):
    """This client has its share."""


class StreamShares:
    """The streams that are open, by client. `most` of them one may have; None is a client that is not limited."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open = Counter[str]()

    def __len__(self) -> int:
        """Clients that have any."""
        return len(self._open)

    def has_all(self, client: str | None) -> bool:
        """Whether this client can have no more."""
        return client is not None and self._open[client] >= self._most

    @asynccontextmanager
    async def one(self, client: str | None) -> AsyncIterator[None]:
        """A stream of this client, as long as it is open. Raises TooManyStreams."""
        if self.has_all(client):
            raise TooManyStreams
        if client is not None:
            self._open[client] += 1
        try:
            yield
        finally:
            if client is not None:
                self._open[client] -= 1
                if not self._open[client]:
                    del self._open[client]
