"""A journal that is read once more, by a consumer that was lost or restored, is no news: nothing is done twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from actors.domain.identity import BlockKey
from cluster.journal.consumer import DurableConsumer
from cluster.journal.streams import JOURNAL
from cluster.service_processes import payment_service
from tests.paying import Till, Wakes, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

BLOCKS = 5
"""Four registers and the one block of a small hall."""


@pytest_asyncio.fixture(loop_scope="session")
async def anew(shop: Till) -> AsyncIterator[DurableConsumer]:
    """A payment service that remembers nothing, and its consumer of the journal, which begins with the first commit."""
    service = payment_service(shop.runtime, Wakes())
    made = shop.runtime.consumer(JOURNAL, "payment-anew", "journal.>", service.on_commits)
    yield made
    await made.stop()


async def test_a_refunded_order_is_no_intrusion_when_the_journal_is_read_from_its_beginning(
    shop: Till, anew: DurableConsumer
) -> None:
    show_id = await shop.hall()
    order = await shop.ordered(show_id, "S-1-1", "S-1-2", key=show_id)
    await shop.pay(order)
    await shop.becomes(order, "paid")
    assert (await shop.refund(order, seats=["S-1-1"], withhold=True)).status_code == 202
    await shop.becomes(order, "partially_refunded")
    assert (await shop.refund(order)).status_code == 202
    refunded = await shop.becomes(order, "refunded")
    before = await _sequences(shop, show_id)
    with capture_logs() as logs:
        anew.start()
        await until(lambda: _reads_all(anew), "the journal is read once more")
    assert await _sequences(shop, show_id) == before
    assert [one for one in logs if one["event"] == "order.intrusion"] == []
    statuses = await shop.statuses(show_id)
    assert (statuses["S-1-1"], statuses["S-1-2"]) == ("withheld", "available")
    assert await shop.see(order["order_id"]) == refunded
    hold = await shop.http.get(f"/v1/holds/{order['hold_id']}")
    assert hold.json()["state"] == "sold"


async def _reads_all(consumer: DurableConsumer) -> bool:
    return consumer.consuming and await consumer.lag() == 0


async def _sequences(shop: Till, show_id: str) -> list[int]:
    keys = [BlockKey(show_id, block) for block in range(BLOCKS)]
    return await asyncio.gather(*[shop.runtime.journal.last_sequence(key) for key in keys])
