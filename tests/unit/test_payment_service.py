"""The payment service and what it hears: events of the journal that may be old."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from actors.codec import encode_commit
from actors.domain.block import Hold
from actors.domain.commands import FindHold
from actors.domain.events import Event, HoldExpired, HoldExtended, HoldReleased
from actors.domain.order import State, Task
from actors.domain.rejections import Code, Rejection
from actors.metrics import DISPUTE_NOTICES
from actors.outcomes import Accepted, Outcome, Unavailable
from actors.telemetry import SILENT, Meter
from cluster.journal.consumer import Delivery
from cluster.payments.notice import Notice
from cluster.services.payment import PaymentService
from cluster.ticketing.document import order_reference
from tests.idle import Idle
from tests.meters import RecordingMeter
from tests.unit.orders import NOW, ORDERS
from tests.unit.sagas import Desk


class Unheard:
    """An announcer that nobody listens to."""

    async def catch_up(self, before: int) -> None: ...

    async def close(self) -> None: ...


class Looks:
    """So many looks at what is due, half a second apart; then the service is stopped."""

    def __init__(self, desk: Desk, looks: int) -> None:
        self.desk, self.left, self.service = desk, looks, cast(PaymentService, None)

    async def wait(self, seconds: float) -> None:
        for _ in range(20):  # whoever is at work comes to an end
            await asyncio.sleep(0)
        self.desk.now += round(seconds * 1_000)
        self.left -= 1
        if self.left == 0:
            await self.service.stop()


def service(
    desk: Desk,
    looks: Looks | None = None,
    *,
    notice: Notice | None = None,
    meter: Meter = SILENT.meter,
) -> PaymentService:
    wakes = looks or Looks(desk, 1)
    wakes.service = PaymentService(
        lambda _: Idle(),
        lambda _: Idle(),
        lambda _: notice,
        desk.saga,
        cast(Any, Unheard()),
        wakes,
        lambda: desk.now,
        meter,
    )
    return wakes.service


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


@pytest.mark.parametrize("name", ["sold", "opened", "voiding"])
async def test_an_order_that_fails_for_an_unknown_reason_is_tried_less_and_less_often(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Else a few hundred of them would be all that is ever found due."""
    desk, tries = Desk(), 0
    desk.keep(replace(ORDERS[name], due_at=NOW))

    async def fail(*_: object) -> None:
        nonlocal tries
        tries += 1
        raise ZeroDivisionError

    for step in ("find", "capture", "cancel"):
        monkeypatch.setattr(desk.gateway, step, fail)
    await service(desk, Looks(desk, 16)).run()  # eight seconds
    assert 1 <= tries < 8
    left = desk.orders.orders["o1"]
    assert left.due_at is not None
    assert left.due_at <= desk.now + 60_000


@pytest.mark.parametrize(
    ("kind", "logged"),
    [
        ("charge.dispute.created", ["order.disputed"]),
        ("charge.dispute.closed", ["order.disputed"]),
        ("refund.updated", []),
    ],
)
async def test_a_dispute_is_told_to_the_operator_and_changes_no_order(
    kind: str, logged: list[str]
) -> None:
    desk, meter = Desk(), RecordingMeter()
    order = desk.keep(ORDERS["paid"])
    notice = Notice("evt_1", kind, NOW, order.payment_id)
    hearing = service(desk, notice=notice, meter=meter)
    with capture_logs() as logs:
        await hearing.on_notices([delivery()])
    assert [one["event"] for one in logs] == logged
    assert meter.counted[DISPUTE_NOTICES, ()] == len(logged)
    assert all(one["order"] == order_reference(order.order_id) for one in logs)
    assert desk.orders.orders[order.order_id] == order
