"""How a show stands, as `GET /v1/operator/shows/{show_id}` says it: hosts and journal in memory."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from actors.codec import decode_commit
from actors.domain.commands import Command, FreezeBlock
from actors.domain.identity import BlockKey
from actors.domain.layout import Rules
from actors.fleet import Fleet
from actors.journal import JournalUnavailable
from actors.outcomes import Outcome, Unavailable
from actors.placement import Placement
from cluster.examining import Sale, ask_blocks, examine, sale_of
from cluster.reads.show_view import ShowView
from serve_app.api.conditions import Condition, condition
from serve_app.problems import Problem
from tests.unit.halls import NOW, RULES
from tests.unit.test_host import KEYS, SHOW, World, opened

AWAY = "the host of these seats does not answer"


class Show:
    """Four blocks of four seats, and the runtime of a replica that has their view."""

    def __init__(self) -> None:
        self.world = World()
        self.view = ShowView(SHOW)
        self.away: set[BlockKey] = set()
        self.behind = False
        self.placement = Placement(Fleet(2, pinned={KEYS[3]: 1}))

    async def start(self) -> Show:
        self.host = await opened(self.world)
        return self

    async def ask(self, key: BlockKey, command: Command) -> Outcome:
        if key in self.away:
            return Unavailable(AWAY)
        (outcome,) = await self.host.execute([(key, command)])
        return outcome

    async def catch_up(self, _show_id: str) -> None:
        if self.behind:
            raise JournalUnavailable("the view is behind the journal")

    async def seen(self, _show_id: str) -> ShowView:
        """The view of all that there is."""
        view = ShowView(SHOW)
        for key in KEYS:
            journal = self.host._journal
            async for entry in journal.read(key, 0):
                view.apply(key.block, entry.sequence, decode_commit(entry.payload))
        return view

    async def told(self) -> Condition:
        runtime = SimpleNamespace(
            placement=lambda: self.placement,
            client=SimpleNamespace(ask=self.ask),
            views=SimpleNamespace(view=self.seen, catch_up=self.catch_up),
            clock=lambda: NOW,
        )
        state = SimpleNamespace(runtime=runtime)
        request: Any = SimpleNamespace(app=SimpleNamespace(state=state))
        return await condition(request, SHOW)


@pytest.fixture
async def show() -> Show:
    return await Show().start()


async def test_a_show_that_is_well_answers_everywhere(show: Show) -> None:
    found = await show.told()
    assert (found.show_id, found.sale, found.behind) == (SHOW, "open", False)
    assert [one.block for one in found.blocks] == [key.block for key in KEYS]
    assert all(one.answers and not one.detail and one.frozen is None for one in found.blocks)
    assert [(one.tickets, one.available) for one in found.blocks] == [(4, 4)] * 4
    assert [one.host for one in found.blocks] == [show.placement.host_of(key) for key in KEYS]
    assert [one.pinned for one in found.blocks] == [False, False, False, True]


async def test_asking_changes_nothing(show: Show) -> None:
    journal = show.host._journal
    before = [await journal.last_sequence(key) for key in KEYS]
    await show.told()
    assert [await journal.last_sequence(key) for key in KEYS] == before


async def test_a_block_that_does_not_answer_says_why(show: Show) -> None:
    show.away.add(KEYS[2])
    found = await show.told()
    assert [(one.answers, one.detail) for one in found.blocks[2:]] == [(False, AWAY), (True, "")]


async def test_a_frozen_block_says_why_and_by_whom(show: Show) -> None:
    await show.ask(KEYS[1], FreezeBlock("water", "ada"))
    frozen = (await show.told()).blocks[1]
    assert frozen.frozen is not None
    assert (frozen.frozen.reason, frozen.frozen.by, frozen.available) == ("water", "ada", 0)
    assert frozen.answers, "it can be asked: it grants nothing"


async def test_a_view_that_is_behind_is_a_finding_and_no_error(show: Show) -> None:
    show.behind = True
    assert (await show.told()).behind


async def test_a_show_of_dedicated_hosts_is_not_asked(show: Show) -> None:
    show.placement = Placement(Fleet(1), dedicated=True)
    with pytest.raises(Problem):
        await show.told()


@pytest.mark.parametrize(
    ("opens", "closes", "sale"),
    [
        (None, None, Sale.OPEN),
        (NOW, None, Sale.OPEN),
        (NOW + 1, None, Sale.NOT_YET),
        (None, NOW + 1, Sale.OPEN),
        (None, NOW, Sale.OVER),
        (NOW + 1, NOW, Sale.NOT_YET),
    ],
)
def test_the_sale_s_own_times(opens: int | None, closes: int | None, sale: Sale) -> None:
    assert sale_of(Rules("EUR", opens_at=opens, closes_at=closes), NOW) is sale
    assert sale_of(RULES, NOW) is Sale.OPEN


async def test_many_blocks_are_asked_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cluster.examining.ASKED_MAX", 3)
    waiting, most = 0, 0

    async def ask(key: BlockKey, _command: Command) -> Outcome:
        nonlocal waiting, most
        waiting += 1
        most = max(most, waiting)
        await asyncio.sleep(0)
        waiting -= 1
        return Unavailable(str(key.block))

    keys = [BlockKey(SHOW, block) for block in range(10)]
    outcomes = await ask_blocks(ask, keys)
    assert outcomes == [Unavailable(str(block)) for block in range(10)]
    assert most <= 3


async def test_what_is_examined_is_the_view_s_show(show: Show) -> None:
    view = await show.seen(SHOW)
    found = await examine(view, show.placement, show.ask, show.catch_up, NOW)
    assert found.rules == view.rules
