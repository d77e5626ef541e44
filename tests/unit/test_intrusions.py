"""Sales to orders that are over are turned out while they stand, and a journal that is read again changes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import pytest

from actors.domain.block import Block, Ending, Status, apply
from actors.domain.commands import (
    CancelSale,
    Command,
    ConfirmHold,
    FindHold,
    HoldTickets,
    OpenBlock,
    ReturnTickets,
)
from actors.domain.events import TicketsSold
from actors.domain.identity import BlockKey
from actors.domain.order import Order, State, Task
from actors.domain.rejections import Rejection
from actors.domain.tickets import decide
from actors.outcomes import Accepted, Outcome, Unavailable
from cluster.journal.consumer import TryLater
from cluster.orders.intrusions import OVER, Intrusions
from tests.unit.halls import RULES, seats, terms
from tests.unit.orders import NOW, draft

KEY = BlockKey("show", 3)
SALE = TicketsSold("token", "o1", (0, 1))


class Ticketing:
    """One block and one order. `commits` are what was written to the block; `away` is what it does not answer."""

    def __init__(self, state: State) -> None:
        self.block = Block()
        self.commits = list[Command]()
        self.away: type[Command] | None = None
        self.order = draft(state=state, task=Task.NONE)
        for command in (
            OpenBlock(seats("aaa"), RULES, "test"),
            HoldTickets(terms("token"), (0, 1)),
        ):
            self._do(command)
        self._do(ConfirmHold("token", "o1", (0, 1)))
        self.commits.clear()

    async def of_holds(self, tokens: Iterable[str]) -> list[Order]:
        return [self.order] if self.order.token in tokens else []

    async def ask(self, block: BlockKey, command: Command) -> Outcome:
        assert block == KEY
        if self.away is not None and isinstance(command, self.away):
            return Unavailable("away")
        return self._do(command)

    def _do(self, command: Command) -> Outcome:
        decision = decide(self.block, command, NOW)
        if isinstance(decision, Rejection):
            return decision
        if decision:
            self.commits.append(command)
        for event in decision:
            apply(self.block, event)
        token = getattr(command, "token", "")
        return Accepted(self.block.hold(token), replayed=not decision)

    def do(self, command: Command) -> None:
        assert isinstance(self._do(command), Accepted)
        self.commits.clear()

    @property
    def intrusions(self) -> Intrusions:
        return Intrusions(cast(Any, self), self.ask)

    async def heard(self) -> None:
        await self.intrusions.turn_out([(KEY, SALE)])


@pytest.mark.parametrize("state", [State.CANCELLED, State.EXPIRED])
async def test_a_sale_to_an_order_that_came_to_nothing_is_taken_back(state: State) -> None:
    ticketing = Ticketing(state)
    await ticketing.heard()
    assert ticketing.commits == [CancelSale("token", "o1")]
    assert list(ticketing.block.status) == [Status.AVAILABLE] * 3


@pytest.mark.parametrize("state", [one for one in State if one not in OVER])
async def test_a_sale_to_any_other_order_is_its_own(state: State) -> None:
    ticketing = Ticketing(state)
    await ticketing.heard()
    assert ticketing.commits == []
    assert list(ticketing.block.status) == [Status.SOLD, Status.SOLD, Status.AVAILABLE]


async def test_a_refund_under_way_still_withholds_what_its_organizer_wants_withheld() -> None:
    ticketing = Ticketing(State.REFUNDED)
    await ticketing.heard()
    ticketing.do(ReturnTickets("token", "o1", (0, 1), withhold=True, reason="the stage grew"))
    await ticketing.heard()
    assert ticketing.commits == []
    assert list(ticketing.block.status) == [Status.WITHHELD, Status.WITHHELD, Status.AVAILABLE]
    hold = ticketing.block.hold("token")
    assert hold is not None
    assert hold.ending is Ending.SOLD


@pytest.mark.parametrize("forgotten", [False, True])
async def test_a_sale_that_was_taken_back_before_is_left_alone(forgotten: bool) -> None:
    ticketing = Ticketing(State.CANCELLED)
    ticketing.do(CancelSale("token", "o1"))
    if forgotten:
        ticketing.block.ended.clear()
    ticketing.do(HoldTickets(terms("other"), (0,)))
    await ticketing.heard()
    assert ticketing.commits == []
    assert ticketing.block.owner == {0: "other"}


@pytest.mark.parametrize("question", [FindHold, CancelSale])
async def test_a_block_that_does_not_answer_is_asked_again_later(question: type[Command]) -> None:
    ticketing = Ticketing(State.CANCELLED)
    ticketing.away = question
    with pytest.raises(TryLater):
        await ticketing.heard()
    assert ticketing.commits == []
    ticketing.away = None
    await ticketing.heard()
    assert list(ticketing.block.status) == [Status.AVAILABLE] * 3


async def test_a_sale_that_is_being_made_is_not_looked_up() -> None:
    ticketing = Ticketing(State.CANCELLED)
    intrusions = ticketing.intrusions
    intrusions.welcome(ticketing.order)
    await intrusions.turn_out([(KEY, SALE)])
    assert ticketing.commits == []
    intrusions.doubt(ticketing.order)
    await intrusions.turn_out([(KEY, SALE)])
    assert ticketing.commits == [CancelSale("token", "o1")]
