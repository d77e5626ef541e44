"""The payment service and what it hears: events of the journal that may be old."""

from __future__ import annotations

from typing import Any, cast

import pytest

from actors.codec import encode_commit
from actors.domain.block import Hold
from actors.domain.commands import FindHold
from actors.domain.events import Event, HoldExpired, HoldExtended, HoldReleased
from actors.domain.order import State, Task
from actors.domain.rejections import Code, Rejection
from actors.outcomes import Accepted, Outcome, Unavailable
from cluster.journal.consumer import Delivery
from cluster.services.payment import PaymentService
from tests.unit.orders import NOW, ORDERS
from tests.unit.sagas import Desk


def service(desk: Desk) -> PaymentService:
    nobody = cast(Any, None)
    return PaymentService(
        lambda _: nobody,
        lambda _: nobody,
        lambda _: None,
        desk.saga,
        nobody,
        nobody,
        lambda: desk.now,
    )


def delivery(*events: Event) -> Delivery:
    payload = encode_commit(NOW, "host", list(events))
    return Delivery(cast(Any, None), "", "journal.show.0", 1, payload, 1, NOW)


def hold(deadline: int) -> Accepted:
    return Accepted(Hold("token", "hold", (), 5_000, NOW, deadline, 0))


ENDED = (HoldReleased("token", ()), HoldExpired("token", ()))


@pytest.mark.parametrize("event", ENDED)
@pytest.mark.parametrize("answer", [hold(ORDERS["opened"].deadline), Unavailable("no host")])
async def test_the_end_of_an_earlier_hold_of_the_same_token_ends_no_order(
    event: Event, answer: Outcome
) -> None:
    """A choice that failed gave back what it had; the next one, under the same token, was ordered."""
    desk = Desk()
    order = desk.keep(ORDERS["opened"])
    desk.steps.answers = {FindHold: answer}
    await service(desk).on_commits([delivery(event)])
    assert desk.orders.orders[order.order_id] == order


@pytest.mark.parametrize(
    ("event", "code", "state", "task"),
    [
        (ENDED[0], Code.HOLD_NOT_FOUND, State.CANCELLED, Task.UNDO),
        (ENDED[1], Code.HOLD_EXPIRED, State.EXPIRED, Task.WATCH),
    ],
)
async def test_a_hold_that_has_ended_ends_its_order(
    event: Event, code: Code, state: State, task: Task
) -> None:
    desk = Desk()
    desk.keep(ORDERS["opened"])
    desk.steps.answers = {FindHold: Rejection(code)}
    await service(desk).on_commits([delivery(event)])
    after = desk.orders.orders["o1"]
    assert (after.state, after.task) == (state, task)


async def test_nobody_is_asked_about_an_order_that_waits_no_more() -> None:
    desk = Desk()
    desk.keep(ORDERS["paid"])
    await service(desk).on_commits([delivery(event) for event in ENDED])
    assert desk.steps.taken == []


async def test_a_hold_that_lasts_longer_is_believed() -> None:
    desk = Desk()
    later = desk.keep(ORDERS["opened"]).deadline + 1
    await service(desk).on_commits([delivery(HoldExtended("token", later, "r"))])
    assert (desk.orders.orders["o1"].deadline, desk.steps.taken) == (later, [])
