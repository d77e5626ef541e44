"""A local part that is kept running: started again when it has ended, or when nothing but a restart brings it back."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from cluster.embedded.process import StartError
from cluster.embedded.server import OwnedServer

PAUSE_SECONDS = 0.5
PAUSE_SECONDS_MAX = 15.0
"""A part that ends again and again, on a full disk say, is started again after a pause that doubles up to this. For
ever: what it does can be missed for a while, what the other parts do need not be."""

STEADY_SECONDS = 60.0
"""A part that ran for so long is healthy: the next pause is the short one."""

ILL_SECONDS = 5.0
"""How often a part that runs is asked whether it needs a restart."""


class Kept:
    """One part. `look` is called every now and then."""

    def __init__(self, server: OwnedServer, clock: Callable[[], float] = time.monotonic) -> None:
        self.server = server
        self._clock = clock
        self._pause = PAUSE_SECONDS
        self._started_at = self._asked_at = clock()
        self._not_before = self._started_at

    def look(self) -> bool:
        """Start it again, if it needs that and its pause is over; whether it was."""
        now = self._clock()
        if self.server.running and not self._ill(now):
            return False
        if now - self._started_at > STEADY_SECONDS:
            self._pause = PAUSE_SECONDS
        elif now < self._not_before:
            return False
        self._started_at, self._not_before = now, now + self._pause
        self._pause = min(self._pause * 2, PAUSE_SECONDS_MAX)
        return self._start_again()

    def _ill(self, now: float) -> bool:
        if now - self._asked_at < ILL_SECONDS:
            return False
        self._asked_at = now
        return self.server.needs_restart()

    def _start_again(self) -> bool:
        say(f"a part has ended and is started again\n{self.server.log_tail()}")
        try:
            self.server.stop()
            self.server = self.server.again()
        except (OSError, StartError) as error:  # its files cannot be written, say
            say(f"it could not be started: {error}")
            return False
        return True


def say(text: str) -> None:
    """Into the log of the stack, if there is room for it."""
    with contextlib.suppress(OSError):
        print(text, flush=True)
