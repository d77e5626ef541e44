"""Orders against a real mongod: what is stored when several work on one order."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from pymongo import MongoClient

from cluster.ledgers.entries import PAID
from cluster.store.mongo import Database
from cluster.store.order_tally import BY_STATE, WITH_REFUNDS
from cluster.store.orders import Orders
from tests.unit.orders import NOW, ORDERS

LATER = NOW + 5_000


@pytest.fixture
def name() -> str:
    return f"test_{secrets.token_hex(6)}"


@pytest.fixture
async def orders(mongodb_url: str, name: str) -> AsyncIterator[Orders]:
    database = Database(mongodb_url, name)
    orders = Orders(database)
    await orders.ensure_indexes()
    yield orders
    await database.close()


async def test_of_many_who_found_a_key_used_up_one_has_the_next_key_made(orders: Orders) -> None:
    """With a key each, several would send the same refund, and each would be carried out."""
    order = ORDERS["sold"]
    await orders.create(order)
    stored = [await orders.put_off(order, LATER, new_key=True) for _ in range(2)]
    stored += await asyncio.gather(*[orders.put_off(order, LATER, new_key=True) for _ in range(5)])
    assert stored == [True] + [False] * 6
    found = await orders.get(order.order_id)
    assert found is not None
    assert (found.key_number, found.attempts, found.due_at) == (2, 1, LATER)


async def test_a_task_that_is_put_off_again_keeps_its_key(orders: Orders) -> None:
    order = ORDERS["sold"]
    await orders.create(order)
    assert await orders.put_off(order, LATER)
    assert not await orders.put_off(order, LATER + 1), "somebody else's attempt was counted"
    again = await orders.get(order.order_id)
    assert again is not None
    assert await orders.put_off(again, LATER + 1)
    found = await orders.get(order.order_id)
    assert found is not None
    assert (found.key_number, found.attempts, found.due_at) == (1, 2, LATER + 1)


async def test_all_orders_are_counted_with_what_was_taken_and_what_is_owed(orders: Orders) -> None:
    stored = [
        replace(order, order_id=f"{currency}-{name}", token=f"{currency}-{name}", currency=currency)
        for name, order in ORDERS.items()
        for currency in ("EUR", "JPY")
    ]
    for order in stored:
        await orders.create(order)
    counted = await orders.tally()
    assert len(counted) == len({(order.state, order.currency) for order in stored})
    for one in counted:
        those = [o for o in stored if (o.state, o.currency) == (one.state, one.currency)]
        refunds = [refund for order in those for refund in order.refunds]
        back = sum(refund.amount for refund in refunds if refund.status == "succeeded")
        assert (one.orders, one.amount) == (len(those), sum(order.amount for order in those))
        assert (one.refunded, one.refunded + one.owed) == (back, sum(r.amount for r in refunds))
        taken = [order for order in those if order.state in PAID or order.refunds]
        assert one.captured == sum(order.amount for order in taken)
        unpaid = [o for o in those if any(r.status != "succeeded" for r in o.refunds)]
        failing = [o for o in those if any(r.status == "failed" for r in o.refunds)]
        assert (one.owing, one.failing) == (len(unpaid), len(failing))
    for name in ("captured", "refunded", "owed", "owing", "failing"):
        assert any(getattr(one, name) for one in counted), f"no order has anything {name}"


async def test_counting_reads_no_order_but_those_with_refunds(
    orders: Orders, mongodb_url: str, name: str
) -> None:
    for kind, order in ORDERS.items():
        for number in range(20):
            own = f"{kind}-{number}"
            await orders.create(replace(order, order_id=own, token=own, payment_id=own))
    refunded = 20 * sum(bool(order.refunds) for order in ORDERS.values())
    assert refunded
    with MongoClient[dict[str, Any]](mongodb_url) as client:
        database = client[name]

        def examined(pipeline: list[dict[str, Any]]) -> int:
            question = {"aggregate": "orders", "pipeline": pipeline, "cursor": {}}
            plan = database.command("explain", question, verbosity="executionStats")
            stats = plan.get("executionStats") or plan["stages"][0]["$cursor"]["executionStats"]
            assert stats["nReturned"] or stats["totalKeysExamined"]
            return stats["totalDocsExamined"]

        assert await asyncio.to_thread(examined, BY_STATE) == 0
        assert await asyncio.to_thread(examined, WITH_REFUNDS) == refunded
