"""A circuit breaker: a payment provider that does not answer is left alone for a while, and callers hear it at once.

Without it every order would wait for the whole timeout, and the provider would meet all of them again when it comes
back. Closed, open and half-open are the usual ones (Nygard, "Release It!").
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from cluster.payments.gateway import PaymentRefused, PaymentsUnavailable

BREAKER_FAILURES = 5
"""Calls in a row without a definite answer that open the circuit."""

BREAKER_SECONDS = 10.0
"""How long it stays open until one call is let through."""

TRIED_SECONDS = 60.0
"""A circuit that is due to be tried, and that nobody has tried for so long, turns nobody away: nobody came. Longer than
the pauses of those who try again by themselves, so an outage that somebody meets is told as one."""

T = TypeVar("T")
_log = structlog.get_logger()


class CircuitBreaker:
    """Counts what calls come to; a refusal is a definite answer. `clock` is in seconds and never goes back."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        failures_max: int = BREAKER_FAILURES,
        open_seconds: float = BREAKER_SECONDS,
    ) -> None:
        self._clock = clock
        self._failures_max = failures_max
        self._open_seconds = open_seconds
        self._failures = 0
        self._probe_at: float | None = None
        self._probing = False

    @property
    def is_open(self) -> bool:
        """Whether it waits for a call that shows that the provider answers."""
        return self._probe_at is not None

    @property
    def turns_away(self) -> bool:
        """Whether somebody is, or was just now, turned away: what an operator is told. Only a call can close a circuit,
        so one that opened on a process with nothing to do would be told as open for ever."""
        if self._probe_at is None:
            return False
        return self._probing or self._clock() < self._probe_at + TRIED_SECONDS

    async def guard(self, call: Callable[[], Awaitable[T]]) -> T:
        """What the call comes to. Raises PaymentsUnavailable without calling while the circuit is open."""
        probe = self._admit()
        try:
            result = await call()
        except PaymentsUnavailable:
            self._fail(probe)
            raise
        except PaymentRefused:
            self._close()
            raise
        finally:
            # A probe that was cancelled has shown nothing: the next call is one.
            self._probing = self._probing and not probe
        self._close()
        return result

    def _admit(self) -> bool:
        """Whether this call is the probe of a half-open circuit."""
        if self._probe_at is None:
            return False
        left = self._probe_at - self._clock()
        if left > 0 or self._probing:
            seconds = max(1, math.ceil(left))
            raise PaymentsUnavailable("the payment provider has not been answering", seconds)
        self._probing = True
        return True

    def _fail(self, probe: bool) -> None:
        self._failures += 1
        if self.is_open and not probe:
            return  # it was under way when the circuit opened, and says nothing new
        if probe or self._failures >= self._failures_max:
            self._probe_at = self._clock() + self._open_seconds
            _log.warning("payments.circuit_opened", failures=self._failures)

    def _close(self) -> None:
        self._failures = 0
        if self._probe_at is not None:
            self._probe_at = None
            _log.info("payments.circuit_closed")
