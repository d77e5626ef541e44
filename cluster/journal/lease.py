"""A lease: of several processes, in one cluster or in two over one journal, one at a time does something.

As Kubernetes' leader election does it, no two clocks are compared: the holder renews a fact, and another takes it over
when it has seen no renewal for LEASE_SECONDS of its own clock. Two holders for a moment are possible after a pause, so
what is done under a lease must be safe to be done twice.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from nats.aio.client import Client

from cluster.journal.fact import FactConflict, read_fact, write_fact

LEASE_SECONDS = 30.0


class _Payload(msgspec.Struct):
    holder: str


class Lease:
    """The lease at `subject`, as the process `holder` sees it. `clock` is steady, in seconds."""

    def __init__(self, nc: Client, subject: str, holder: str, clock: Callable[[], float]) -> None:
        self._nc = nc
        self._subject = subject
        self._holder = holder
        self._clock = clock
        self._seen = 0
        self._seen_at = 0.0

    async def hold(self) -> bool:
        """Take it or renew it, more often than LEASE_SECONDS; whether it is ours. Raises JournalUnavailable."""
        fact = await read_fact(self._nc, self._subject)
        revision = 0 if fact is None else fact.sequence
        if fact is not None and not self._ours(fact.payload) and not self._lapsed(revision):
            return False
        try:
            payload = msgspec.json.encode(_Payload(self._holder))
            await write_fact(self._nc, self._subject, payload, revision)
        except FactConflict:
            return False
        return True

    def _ours(self, payload: bytes) -> bool:
        return msgspec.json.decode(payload, type=_Payload).holder == self._holder

    def _lapsed(self, revision: int) -> bool:
        if revision != self._seen:
            self._seen, self._seen_at = revision, self._clock()
        return self._clock() - self._seen_at > LEASE_SECONDS
