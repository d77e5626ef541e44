"""Each guard that the promises about money rest on, taken out by hand: the simulation finds every one of these mutants.

What no run of the simulation can reach, or few, is held by named tests: a hold that is released while it is being paid
(`tests/unit/test_sales.py`), a forged or stale signature (`tests/unit/
test_webhook_signatures.py`, `tests/money/test_notices.py`), and the tombstone of a cancelled sale (`tests/unit/
test_sales.py`), behind which the payment service turns stragglers out as well.
"""

from __future__ import annotations

import pytest

from actors.domain import ordering, sales
from cluster.orders import refunding, saga
from cluster.services import payment
from cluster.store import orders
from tests.guards.without import Guard, without
from tests.simulation.plan import plan_of
from tests.simulation.run import run

SEEDS_MAX = 1_000

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
    "the seats are not kept while the bank decides": (
        Guard(
            saga,
            "        if payment.status is PaymentStatus.PROCESSING and _waits(after):",
            "        if payment.status is PaymentStatus.PROCESSING and not _waits(after):",
        ),
        Guard(
            saga,
            "                if _waits(order):\n",
            "                if not _waits(order):\n",
        ),
    ),
    "refunded twice: another key, and nobody looks": (
        Guard(
            refunding,
            "-{refund.attempt}-{order.key_number}",
            "-{refund.attempt}-{order.attempts}",
        ),
        Guard(
            refunding,
            "        if found is not None:\n            return partial(_money_back, refund",
            "        if found is not None and not order.version:\n"
            "            return partial(_money_back, refund",
        ),
    ),
    "the money of a refund that failed is never sent again": (
        Guard(
            ordering,
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
    with without(*MUTANTS[name]):
        assert any(run(plan_of(seed)).violations for seed in range(SEEDS_MAX))
