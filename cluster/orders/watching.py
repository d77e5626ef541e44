"""Who waits for an order to change, in this process: one follower of all order events, told apart by order.

An event says no more than "look again": what has become of an order is read where orders are kept.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from actors.journal import JournalUnavailable
from cluster.orders.announcing import order_subject

WATCHERS_MAX = 5_000
"""Streams of orders of one replica; one more is answered 503."""

WATCHERS_PER_ORDER_MAX = 20
"""Tabs and devices of one buyer."""

FOLLOW_SECONDS_MAX = 5.0
"""How long the first watcher waits until the events are followed; then 503."""

UNHEARD = "order events are not heard at the moment"


class Follower(Protocol):
    async def stop(self) -> None: ...

    async def wait_current(self, seconds: float) -> bool: ...


class Feed(Protocol):
    """Where order events come from (see `cluster.journal.feed`)."""

    async def follow(
        self,
        subject_filter: str,
        after_sequence: int,
        on_entry: Callable[[str, int, bytes], None],
        on_stale: Callable[[str], None] | None = None,
        on_current: Callable[[], None] | None = None,
    ) -> Follower: ...

    async def last_sequence(self, subject_filter: str) -> int: ...


class OrderWatcher:
    """Wakes up whenever its order may have changed. Several changes while nobody waits are one."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    async def changed(self, seconds: float) -> bool:
        """Whether it may have changed since the last time; False after so many seconds without news."""
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return False
        self._woken.clear()
        return True


class OrderWatchers:
    """All of a replica. The events are followed from the first watcher on: a process without one hears nothing."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._by_order: defaultdict[str, set[OrderWatcher]] = defaultdict(set)
        self._count = 0
        self._starting = asyncio.Lock()
        self._follower: Follower | None = None

    def __len__(self) -> int:
        return self._count

    def full(self, order_id: str) -> bool:
        """Whether there are as many streams as there may be, in this process or of this order."""
        of_order = self._by_order.get(order_id, ())
        return self._count >= WATCHERS_MAX or len(of_order) >= WATCHERS_PER_ORDER_MAX

    async def ready(self) -> None:
        """Returns when events are heard. Raises JournalUnavailable."""
        async with self._starting:
            if self._follower is None:
                everything = order_subject()
                last = await self._feed.last_sequence(everything)
                self._follower = await self._feed.follow(
                    everything, last, self._on_event, on_current=self._on_current
                )
        if not await self._follower.wait_current(FOLLOW_SECONDS_MAX):
            raise JournalUnavailable(UNHEARD, UNHEARD)

    @contextmanager
    def watch(self, order_id: str) -> Iterator[OrderWatcher]:
        """A watcher that hears of everything from here on; ask whether it is `full` before."""
        watcher = OrderWatcher()
        self._by_order[order_id].add(watcher)
        self._count += 1
        try:
            yield watcher
        finally:
            self._forget(order_id, watcher)

    async def close(self) -> None:
        if self._follower is not None:
            await self._follower.stop()

    def _on_event(self, subject: str, _sequence: int, _payload: bytes) -> None:
        order_id = subject.split(".")[2]  # orders.SHOW.ORDER.STATE
        for watcher in self._by_order.get(order_id, ()):
            watcher.wake()

    def _on_current(self) -> None:
        """Nobody knows what was missed before: everybody looks."""
        for watchers in self._by_order.values():
            for watcher in watchers:
                watcher.wake()

    def _forget(self, order_id: str, watcher: OrderWatcher) -> None:
        self._count -= 1
        self._by_order[order_id].discard(watcher)
        if not self._by_order[order_id]:
            del self._by_order[order_id]
