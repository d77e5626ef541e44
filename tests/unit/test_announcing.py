"""Orders' transitions are told once, whoever else is told of with them, and each as a part of its own trace."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest

from actors.domain import ordering
from actors.journal import JournalUnavailable
from actors.telemetry import TRACE
from cluster.orders.announcing import Announcer
from tests.unit.orders import NOW, draft


class Stream:
    """What was published, with the trace of each message; `away` makes the next ones fail."""

    def __init__(self) -> None:
        self.heard = list[tuple[str, str, str]]()
        self.marked = list[tuple[str, int]]()
        self.away = False
        self.announcer = Announcer(self._publish, cast(Any, self))

    async def _publish(self, subject: str, message_id: str, payload: bytes) -> None:
        await asyncio.sleep(0)  # the others of a batch get their turn
        if self.away:
            raise JournalUnavailable("away")
        self.heard.append((subject, message_id, TRACE.get()))

    async def published(self, orders: Sequence[tuple[str, int]]) -> None:
        self.marked += orders


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cluster.orders.announcing.MARK_SECONDS", 0)


def _told_under(stream: Stream, order_id: str, trace: str) -> None:
    TRACE.set(trace)
    stream.announcer(ordering.ordered(draft(order_id=order_id), NOW))
    TRACE.set("")


async def test_orders_that_are_told_of_together_keep_their_own_traces() -> None:
    stream = Stream()
    for order_id, trace in (("o1", "one"), ("o2", ""), ("o3", "three")):
        _told_under(stream, order_id, trace)
    await stream.announcer.close()
    assert sorted(stream.heard) == [
        ("orders.show.o1.awaiting_payment", "o1-1", "one"),
        ("orders.show.o2.awaiting_payment", "o2-1", ""),
        ("orders.show.o3.awaiting_payment", "o3-1", "three"),
    ]
    assert sorted(stream.marked) == [("o1", 1), ("o2", 1), ("o3", 1)]


async def test_what_was_told_is_told_once_and_what_was_not_stays_to_be_told() -> None:
    stream = Stream()
    stream.away = True
    _told_under(stream, "o1", "one")
    await stream.announcer.close()
    assert (stream.heard, stream.marked) == ([], [])
    stream.away = False
    for trace in ("two", "three"):
        _told_under(stream, "o1", trace)
        await stream.announcer.close()
    assert stream.heard == [("orders.show.o1.awaiting_payment", "o1-1", "two")]
