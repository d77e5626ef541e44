"""Each guard that the promises about money rest on, taken out by hand: the simulation finds every one of these mutants.

What no run of the simulation can reach, or one in ten thousand, is held by named tests: a forged or stale signature
(`tests/unit/test_webhook_signatures.py`, `tests/money/test_notices.py`), the seats of a hold that its buyer gives back
while it is being secured (`tests/unit/test_ordering.py`: a hold that was given back is undone), a look that fails and
is taken for the answer to a change (`tests/contract/test_payments.py`), and two next keys made of one that is used up
(`tests/integration/test_orders.py`).
"""

from __future__ import annotations

from itertools import count, islice

import pytest

from actors.domain import ordering, repaying, sales, tickets
from cluster.orders import announcing, refunding, saga
from cluster.services import payment
from cluster.store import orders
from serve_app.api import webhooks
from tests.guards.without import Guard, without
from tests.simulation.campaign import quiet
from tests.simulation.plan import plan_of
from tests.simulation.run import run

RUNS_MAX = 1_000
"""A mutant is looked for in so many runs with money; most fall in the first dozen, the rarest after some hundred."""

MUTANTS: dict[str, tuple[Guard, ...]] = {
    "captured before the seats are sold": (
        Guard(
            ordering,
            "return changed(order, now, cause, Actor.PAYMENTS, State.AUTHORISED, Task.SELL)",
            "return changed(order, now, cause, Actor.PAYMENTS, State.AUTHORISED, Task.CAPTURE)",
        ),
    ),
    "sold before the card is authorised": (
        Guard(
            ordering,
            "    if payment.status in (PaymentStatus.AUTHORISED, PaymentStatus.CAPTURED):",
            "    if payment.status is not PaymentStatus.CANCELED:",
        ),
    ),
    "released while it is being paid": (
        Guard(
            tickets,
            "    if found.order_id:\n        return Rejection(Code.HOLD_IN_PAYMENT)\n",
            "",
        ),
    ),
    "the seats are not kept while the bank decides": (
        Guard(
            saga,
            "        if payment.status is PaymentStatus.PROCESSING and waits(after):",
            "        if payment.status is PaymentStatus.PROCESSING and not waits(after):",
        ),
        Guard(
            saga,
            "                if waits(order):\n",
            "                if not waits(order):\n",
        ),
    ),
    "a refund is sent again under another key": (
        Guard(
            refunding,
            "-{refund.attempt}-{order.key_number}",
            "-{refund.attempt}-{order.attempts}",
        ),
    ),
    "a refund is sent again without a look at what was sent": (
        Guard(
            refunding,
            "        if found is not None:\n            return partial(_money_back, refund",
            "        if found is not None and not order.version:\n"
            "            return partial(_money_back, refund",
        ),
    ),
    "the money of a refund that failed is never sent again": (
        Guard(
            repaying,
            "status=RefundStatus.FAILED, problem=problem, attempt=refund.attempt + 1",
            "status=RefundStatus.SUCCEEDED, problem=problem, attempt=refund.attempt + 1",
        ),
    ),
    "a payment of somebody else is trusted": (
        Guard(
            ordering,
            "    if payment.payment_id != order.payment_id:\n",
            "    if not payment.payment_id:\n",
        ),
    ),
    "any amount is enough": (
        Guard(
            ordering,
            "return (payment.amount, payment.currency) == (order.amount, order.currency)",
            "return payment.currency == order.currency",
        ),
    ),
    "an old notice moves an order back": (
        Guard(
            ordering,
            "    if order.task is not Task.WATCH or order.state not in REOPENABLE:\n        return None\n"
            "    if not _right",
            "    if order.task is Task.SELL:\n        return None\n    if not _right",
        ),
    ),
    "a version is stored over a later one": (
        Guard(
            orders,
            '{"_id": before.order_id, "version": before.version}, changes',
            '{"_id": before.order_id}, changes',
        ),
    ),
    "seats that are gone are not given up": (
        Guard(
            saga,
            "        return partial(_gone, refusal)",
            "        return ordering.sold",
        ),
    ),
    "what was sold in part is not undone": (
        Guard(
            saga,
            "                await self.seats.cancel(order)\n",
            "                await self.orders.get(order.order_id)\n",
        ),
    ),
    "the money of an order that is over is not freed": (
        Guard(
            ordering,
            "    task = Task.VOID if order.payment_id else Task.NONE\n",
            "    task = Task.NONE\n",
        ),
    ),
    "a late payment takes seats that somebody else has": (
        Guard(
            sales,
            "    if conflicts:\n        return Rejection(Code.SEATS_UNAVAILABLE, conflicts)",
            "    if conflicts and not tickets:\n"
            "        return Rejection(Code.SEATS_UNAVAILABLE, conflicts)",
        ),
    ),
    "money is set free before the seats are given back": (
        Guard(
            saga,
            "                await self.seats.cancel(order)\n",
            "                if order.payment_id:\n"
            "                    await self._void(order)\n"
            "                await self.seats.cancel(order)\n",
        ),
    ),
    "a cancelled sale is not remembered where there was none": (
        Guard(
            sales,
            "    tickets = hold.tickets if hold is not None and has_tickets else ()\n",
            "    if hold is None or not has_tickets:\n        return ()\n    tickets = hold.tickets\n",
        ),
    ),
    "a payment is accepted after it was too late": (
        Guard(
            ordering,
            "    if order.task is not Task.WATCH or order.state not in REOPENABLE:\n        return None\n"
            "    if not _right",
            "    if order.state not in REOPENABLE:\n        return None\n    if not _right",
        ),
    ),
    "a webhook is acknowledged although it is not stored": (
        Guard(
            webhooks,
            "    await runtime.store_notice(event_id, payload)\n",
            "    try:\n        await runtime.store_notice(event_id, payload)\n"
            "    except Exception:\n        pass\n",
        ),
    ),
    "a refund that fails after it had seemed to succeed is not heard of": (
        Guard(payment, "        elif order.refunds:\n", "        elif not order.version:\n"),
    ),
    "a hold may have two orders": (
        Guard(orders, '([("token", 1)], unique=True)', '([("token", 1)], unique=False)'),
    ),
    "only the latest transition is published": (
        Guard(
            announcing,
            "        told = self._told.get(order.order_id, 0)\n",
            "        told = order.version - 1\n",
        ),
    ),
    "a later version is taken for published": (
        Guard(
            orders,
            'Write({"_id": order_id, "version": version}, {"$set"',
            'Write({"_id": order_id}, {"$set"',
        ),
    ),
    "nobody comes back to what was left behind": (
        Guard(
            payment,
            "            for order in await self._orders.due(now):\n",
            "            for order in []:\n",
        ),
    ),
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", MUTANTS)
def test_a_missing_guard_is_found(name: str) -> None:
    quiet()
    with_money = (plan for plan in map(plan_of, count()) if plan.has_money)
    with without(*MUTANTS[name]):
        assert any(run(plan).violations for plan in islice(with_money, RUNS_MAX))
