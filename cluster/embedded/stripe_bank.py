"""The banks behind the local Stripe: what they say later, they say after a while, or when they are told to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

WAITING_MAX = 10_000


class Bank:
    """`answered` is called after each late answer. To be used in a running event loop."""

    def __init__(self, seconds: float, answered: Callable[[], None]) -> None:
        self._seconds = seconds
        self._answered = answered
        self._waiting: dict[str, tuple[Callable[[], None], asyncio.TimerHandle]] = {}

    def later(self, name: str, answer: Callable[[], None]) -> None:
        """`name` is the id of what waits. When too many wait, the bank answers at once."""
        if len(self._waiting) >= WAITING_MAX:
            answer()
            return
        timer = asyncio.get_running_loop().call_later(self._seconds, self.settle, name)
        self._waiting[name] = answer, timer

    def settle(self, name: str) -> bool:
        """The bank answers now; False when nothing of that name waits."""
        if name not in self._waiting:
            return False
        answer, timer = self._waiting.pop(name)
        timer.cancel()
        answer()
        self._answered()
        return True
