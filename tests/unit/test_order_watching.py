"""Who waits for an order hears of its changes and of no other's, and of a gap; nobody is forgotten or left over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from actors.journal import JournalUnavailable
from cluster.orders import watching
from cluster.orders.announcing import order_subject
from cluster.orders.watching import OrderWatchers

NOW = 0.0
"""Seconds to wait for what has happened already."""


class FakeFeed:
    """Follows nothing; the test says what comes. `current` is whether it would be heard."""

    def __init__(self) -> None:
        self.current = True
        self.followed = list[tuple[str, int]]()
        self.stopped = 0
        self.on_entry: Callable[[str, int, bytes], None]
        self.on_current: Callable[[], None] | None = None

    async def last_sequence(self, subject_filter: str) -> int:
        await asyncio.sleep(0)
        return 41

    async def follow(
        self,
        subject_filter: str,
        after_sequence: int,
        on_entry: Callable[[str, int, bytes], None],
        on_stale: Callable[[str], None] | None = None,
        on_current: Callable[[], None] | None = None,
    ) -> FakeFeed:
        self.followed.append((subject_filter, after_sequence))
        self.on_entry, self.on_current = on_entry, on_current
        return self

    async def wait_current(self, seconds: float) -> bool:
        return self.current

    async def stop(self) -> None:
        self.stopped += 1

    def tell(self, order_id: str, state: str = "paid") -> None:
        self.on_entry(order_subject("show", order_id, state), 42, b"")


async def test_a_change_wakes_those_who_wait_for_that_order_only() -> None:
    feed = FakeFeed()
    watchers = OrderWatchers(feed)
    await watchers.ready()
    with watchers.watch("o1") as one, watchers.watch("o1") as other, watchers.watch("o2") as third:
        feed.tell("o1")
        feed.tell("o1")
        feed.tell("o3")
        assert await one.changed(NOW)
        assert await other.changed(NOW)
        assert not await third.changed(NOW)
        assert not await one.changed(NOW), "two changes while nobody waited are one"


async def test_one_follower_for_all_from_the_end_on() -> None:
    feed = FakeFeed()
    watchers = OrderWatchers(feed)
    await asyncio.gather(*[watchers.ready() for _ in range(5)])
    assert feed.followed == [("orders.*.*.*", 41)]
    await watchers.close()
    assert feed.stopped == 1


async def test_after_a_gap_everybody_looks() -> None:
    feed = FakeFeed()
    watchers = OrderWatchers(feed)
    await watchers.ready()
    with watchers.watch("o1") as one, watchers.watch("o2") as other:
        assert feed.on_current is not None
        feed.on_current()
        assert await one.changed(NOW)
        assert await other.changed(NOW)


async def test_events_that_are_not_heard_are_said_to_be() -> None:
    feed = FakeFeed()
    feed.current = False
    with pytest.raises(JournalUnavailable):
        await OrderWatchers(feed).ready()


async def test_there_is_room_again_when_a_watcher_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "WATCHERS_MAX", 3)
    monkeypatch.setattr(watching, "WATCHERS_PER_ORDER_MAX", 2)
    watchers = OrderWatchers(FakeFeed())
    with watchers.watch("o1"):
        with watchers.watch("o1"):
            assert watchers.full("o1")
            assert not watchers.full("o2")
            with watchers.watch("o2"):
                assert watchers.full("o3")
                assert len(watchers) == 3
        assert not watchers.full("o1")
        assert not watchers.full("o3")
    assert len(watchers) == 0


async def test_closing_what_nobody_watched_is_nothing() -> None:
    await OrderWatchers(FakeFeed()).close()
