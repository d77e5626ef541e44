"""Refunds at a provider where others give money back too, and where one fails again and again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from actors.domain.order import Order, State, Task
from actors.domain.payment import MoneyBack, PaymentStatus, RefundStatus
from cluster.ledgers.entries import Account, Ledgers
from cluster.ledgers.refunds import refund_disagreements
from cluster.payments.gateway import PaymentRefused
from tests.unit.orders import NOW, ORDERS, SEATS, refund
from tests.unit.sagas import Desk


async def bought(desk: Desk) -> Order:
    """A paid order of three seats, 10, 15 and 25 EUR, whose money was taken."""
    order = desk.paying(ORDERS["paid"])
    await desk.gateway.capture(order.payment_id, "capture")
    return order


@pytest.mark.parametrize("pieces", [(5_000,), (2_000, 3_000)])
async def test_money_that_was_given_back_at_the_provider_itself_is_not_owed_any_more(
    pieces: tuple[int, ...],
) -> None:
    desk = Desk()
    order = await bought(desk)
    for number, amount in enumerate(pieces):
        desk.provider.refund(order.payment_id, "", amount, f"by hand {number}")
    asked = desk.keep(refund(order, "r1"))
    after = await desk.saga.work(asked)
    assert (after.state, after.task) == (State.REFUNDED, Task.NONE)
    assert desk.steps.taken == ["void 3: ", "ReturnTickets"]


async def test_one_refund_at_the_provider_itself_may_stand_for_several_of_an_order() -> None:
    desk = Desk()
    order = await bought(desk)
    desk.provider.refund(order.payment_id, "", 5_000, "by hand")
    some = await desk.saga.work(desk.keep(refund(order, "r1", SEATS[0])))
    assert some.state is State.PARTIALLY_REFUNDED
    after = await desk.saga.work(desk.keep(refund(some, "r2")))
    assert (after.state, after.task) == (State.REFUNDED, Task.NONE)
    account = Account(refunds={order.payment_id: desk.provider.refunds(order.payment_id)})
    assert list(refund_disagreements(Ledgers([], {"o1": after}, account, NOW))) == []


async def test_what_another_refund_of_the_order_has_given_back_does_not_count_twice() -> None:
    """Ours may be there without our knowing: whoever sent it could not store that any more."""
    desk = Desk()
    order = await bought(desk)
    desk.provider.refund(order.payment_id, "r1-1", 1_000, "ours")
    desk.provider.refund(order.payment_id, "", 4_000, "by hand")
    both = refund(refund(order, "r1", SEATS[0]), "r2")
    after = await desk.saga.work(desk.keep(both))
    assert (after.state, after.task) == (State.REFUNDED, Task.NONE)


@pytest.mark.parametrize("status", [RefundStatus.PENDING, RefundStatus.FAILED])
async def test_money_that_is_not_there_yet_stays_owed(
    monkeypatch: pytest.MonkeyPatch, status: RefundStatus
) -> None:
    desk = Desk()
    order = await bought(desk)
    desk.provider.refund(order.payment_id, "", 5_000, "by hand")

    async def given(_: str) -> list[MoneyBack]:
        return [replace(one, status=status) for one in desk.provider.refunds(order.payment_id)]

    monkeypatch.setattr(desk.gateway, "given_back", given)
    after = await desk.saga.work(desk.keep(refund(order, "r1")))
    (owed,) = after.refunds
    assert (owed.status, owed.problem) == (RefundStatus.FAILED, "charge_already_refunded")
    assert after.state is State.PAID


async def test_a_refund_that_arrives_is_seen_while_another_one_of_the_order_keeps_failing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk()
    order = await bought(desk)
    made = desk.provider.refund(order.payment_id, "r2-1", 1_500, "ours")
    both = refund(refund(order, "r1", SEATS[0]), "r2", SEATS[1])
    failing = replace(both.refunds[0], status=RefundStatus.FAILED, attempt=3)
    waiting = replace(both.refunds[1], provider_id=made.provider_id, returned=True)
    tried = desk.keep(replace(both, refunds=(failing, waiting), due_at=NOW))

    async def refuse(*_: Any) -> MoneyBack:
        raise PaymentRefused("disputed")

    monkeypatch.setattr(desk.gateway, "give_back", refuse)
    after = await desk.saga.work(tried)
    assert [one.over for one in after.refunds] == [False, True]
    assert after.state is State.PARTIALLY_REFUNDED
    desk.now = after.due_at or 0
    again = await desk.saga.work(after)
    assert again.refunds[0].attempt == 4, "and the one that fails is tried again"
    payment = await desk.gateway.find(order.payment_id)
    assert payment.status is PaymentStatus.CAPTURED
