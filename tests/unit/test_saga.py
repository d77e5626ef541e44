"""The saga's steps in their order: what the door knows, and when."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.domain.commands import ConfirmHold, SecureHold
from actors.domain.order import State, Task
from actors.domain.rejections import Code, Rejection
from actors.domain.restoring import fitted
from cluster.store.mongo import StoreUnavailable
from tests.unit.orders import NOW, ORDERS
from tests.unit.sagas import Desk

GONE = Rejection(Code.SEATS_UNAVAILABLE)


async def test_the_tickets_of_a_paid_order_are_at_the_door_before_anybody_sees_that_it_is_paid() -> (
    None
):
    desk = Desk()
    order = desk.paying(ORDERS["authorised"])
    seen = list[State]()

    async def issue(*_: object) -> None:
        seen.append(desk.orders.orders[order.order_id].state)

    desk.steps.issue = issue  # type: ignore[method-assign]
    paid = await desk.saga.work(order)
    assert (paid.state, paid.task, seen) == (State.PAID, Task.NONE, [State.AUTHORISED])


async def test_an_order_is_not_paid_as_long_as_its_tickets_cannot_be_issued() -> None:
    desk = Desk()
    order = desk.paying(ORDERS["authorised"])

    async def issue(*_: object) -> None:
        raise StoreUnavailable

    desk.steps.issue = issue  # type: ignore[method-assign]
    with pytest.raises(StoreUnavailable):
        await desk.saga.work(order)
    left = desk.orders.orders[order.order_id]
    assert (left.state, left.task) == (State.AUTHORISED, Task.CAPTURE)
    del desk.steps.issue
    assert (await desk.saga.work(left)).state is State.PAID
    assert desk.steps.taken[-1] == "issue"


async def test_a_notice_that_the_money_was_taken_issues_the_tickets_too() -> None:
    desk = Desk()
    order = desk.paying(ORDERS["sold"])
    payment = await desk.gateway.capture(order.payment_id, "capture")
    assert (await desk.saga.see(order, payment)).state is State.PAID
    assert desk.steps.taken == ["issue"]


async def test_what_costs_nothing_has_its_tickets_as_soon_as_it_is_sold() -> None:
    desk = Desk()
    paid = await desk.saga.work(desk.keep(ORDERS["free"]))
    assert (paid.state, desk.steps.taken) == (State.PAID, ["ConfirmHold", "issue"])


@pytest.mark.parametrize("name", ["paid", "free, paid"])
async def test_tickets_of_an_order_that_cannot_be_sold_again_after_a_restore_are_void(
    name: str,
) -> None:
    """Its seats are somebody else's now and its money goes back: its tickets must not let anybody in."""
    desk = Desk()
    desk.steps.answers = {ConfirmHold: GONE, SecureHold: GONE}
    before = ORDERS[name] if name != "paid" else desk.paying(ORDERS[name])
    order = desk.keep(fitted(before, frozenset(), NOW))
    after = await desk.saga.work(order)
    assert after.state is State.CANCELLED
    assert desk.steps.taken[-2:] == [f"void {len(order.seats)}: seats_gone", "CancelSale"]


async def test_an_order_that_never_had_tickets_is_undone_without_a_word_to_the_door() -> None:
    desk = Desk()
    order = desk.paying(replace(ORDERS["undoing"], payment_id=""))
    assert (await desk.saga.work(order)).task is Task.NONE
    assert desk.steps.taken == ["CancelSale"]
