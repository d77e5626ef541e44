"""The views of a replica among themselves: who makes room for a new one, and what those hear who wait together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import pytest
import pytest_asyncio

from actors.domain.identity import BlockKey
from actors.journal import Journal, JournalUnavailable
from cluster.reads import views as module
from cluster.reads.views import Views

ROOM = 3
TOLD = "told to buyers"


class Feed:
    """Every show is empty and read at once, but for those that `stuck` names."""

    def __init__(self) -> None:
        self.stuck: set[str] = set()
        self.away = False
        self.questions = 0

    async def follow(
        self, subject_filter: str, after_sequence: int, on_entry: Callable[..., None]
    ) -> Any:
        if not any(show_id in subject_filter for show_id in self.stuck):
            on_entry(subject_filter.replace(">", "0"), 1, b"unreadable")
        return self

    async def last_sequence(self, subject_filter: str) -> int:
        self.questions += 1
        await asyncio.sleep(0)
        if self.away:
            raise JournalUnavailable("no servers", TOLD)
        return 1

    async def stop(self) -> None:
        await asyncio.sleep(0)


class Opened:
    """A journal in which every show has been opened."""

    async def first(self, block: BlockKey) -> object:
        return block


def show(number: int) -> str:
    return "s" + "abcdefghij"[number] * 12


@pytest.fixture
def feed() -> Feed:
    return Feed()


@pytest_asyncio.fixture
async def views(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Views]:
    monkeypatch.setattr(module, "VIEWS_MAX", ROOM)
    opened = Views(cast(Journal, Opened()), feed)
    yield opened
    await opened.close()


async def test_the_one_asked_for_least_recently_makes_room(views: Views) -> None:
    for number in (0, 1, 2, 0, 3):
        assert await views.view(show(number)) is not None
    assert len(views) == ROOM
    async with views.watch(show(0)), views.watch(show(2)), views.watch(show(3)):
        with pytest.raises(module.TooManyWatchers):
            async with views.watch(show(1)):
                pass


async def test_when_all_are_watched_the_least_watched_makes_room_and_its_watchers_resync(
    views: Views,
) -> None:
    for number in range(ROOM):
        await views.view(show(number))
    async with (
        views.watch(show(0)) as kept,
        views.watch(show(0)),
        views.watch(show(1)) as closed,
        views.watch(show(2)) as later,
    ):
        assert await views.view(show(9)) is not None
        assert (kept.overflowed, closed.overflowed, later.overflowed) == (False, True, False)
        assert await closed.next(1) is None
    assert len(views) == ROOM


async def test_a_view_that_is_being_read_is_not_closed_under_those_who_wait_for_it(
    views: Views, feed: Feed
) -> None:
    feed.stuck = {show(0), show(1), show(2)}
    waiting = [asyncio.create_task(views.view(show(number))) for number in range(ROOM)]
    while len(views) < ROOM:
        await asyncio.sleep(0)
    with pytest.raises(JournalUnavailable) as refused:
        await views.view(show(9))
    assert refused.value.told == module.READING
    assert not any(task.done() for task in waiting)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_those_who_wait_while_the_journal_is_asked_in_vain_hear_so_at_once(
    views: Views, feed: Feed
) -> None:
    await views.view(show(0))
    feed.away, feed.questions = True, 0
    answers = await asyncio.gather(
        *[views.catch_up(show(0)) for _ in range(20)], return_exceptions=True
    )
    assert [getattr(answer, "told", None) for answer in answers] == [TOLD] * 20
    assert feed.questions == 1
    feed.away = False
    await views.catch_up(show(0))
    assert feed.questions == 2
