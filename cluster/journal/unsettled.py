"""The latest append of a process that had no definite answer, until one has, or the connection is another one.

nats-server (2.15) stores nothing more in a stream of which one write has failed, until it is started anew, and tells
those who ask nothing of it: an append to it is not answered, and every question that stores nothing is answered as ever
(a wrong expected sequence with 10071, STREAM.INFO, reads). So whether JOURNAL stores is known from its commits.
"""

from __future__ import annotations

from collections.abc import Callable

UNSETTLED_SECONDS_MAX = 15.0
"""For so long an append without an answer says that nothing is stored; then somebody has to try again, or nobody would
who waits for the journal to be well."""


class Unsettled:
    """`connections` counts how often the process has been connected; `clock` is in seconds."""

    def __init__(self, clock: Callable[[], float], connections: Callable[[], int]) -> None:
        self._clock = clock
        self._connections = connections
        self._left: tuple[float, int] | None = None

    def leave(self) -> None:
        """An append was left without a definite answer."""
        self._left = (self._clock(), self._connections())

    def settle(self) -> None:
        """An append had one."""
        self._left = None

    def seconds(self) -> float | None:
        """How long ago one was left; None when there is nothing to say of the journal as it is now."""
        if self._left is None:
            return None
        at, connections = self._left
        ago = self._clock() - at
        return ago if connections == self._connections() and ago < UNSETTLED_SECONDS_MAX else None
