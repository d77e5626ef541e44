"""MongoDB or NATS goes away in the middle of a payment: nothing acknowledged is lost, and the order ends anyway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from cluster.embedded.mongod import Mongod
from cluster.embedded.nats import NatsServer
from cluster.embedded.stripe import LocalStripe
from tests.fakes.stripe_proxy import StripeProxy
from tests.paying import Answer, Till, till, until

AWAY_SECONDS = 3.0


@dataclass
class Parts:
    """The servers behind a till; each can be killed and started again where it was."""

    shop: Till
    nats: NatsServer
    mongod: Mongod

    async def restart_nats(self) -> None:
        self.nats = NatsServer(self.nats.directory, self.nats.port)
        await asyncio.to_thread(self.nats.wait_ready)

    async def restart_mongod(self) -> None:
        self.mongod = Mongod(self.mongod.directory, self.mongod.port)
        await asyncio.to_thread(self.mongod.wait_ready)


@pytest_asyncio.fixture
async def parts(tmp_path: Path) -> AsyncIterator[Parts]:
    """With a Stripe of its own: it delivers its webhooks to one receiver."""
    nats, mongod = NatsServer(tmp_path / "nats"), Mongod(tmp_path / "mongod")
    stripe = LocalStripe(tmp_path / "stripe")
    for part in (nats, mongod, stripe):
        await asyncio.to_thread(part.wait_ready)
    async with (
        StripeProxy(stripe) as proxy,
        till(nats.url, mongod.url, proxy, tmp_path / "till") as shop,
    ):
        standing = Parts(shop, nats, mongod)
        yield standing
    standing.nats.stop()
    standing.mongod.stop()
    stripe.stop()


async def _ended(shop: Till, order: Answer) -> None:
    await shop.becomes(order, "paid")
    assert await shop.money(order) == ("captured", 0)
    assert (await shop.statuses(order["show_id"]))["S-1-1"] == "sold"


@pytest.mark.timeout(240)
async def test_mongodb_is_away_while_the_card_is_authorised(parts: Parts) -> None:
    shop = parts.shop
    show_id = await shop.hall()
    order = await shop.ordered(show_id, "S-1-1")
    parts.mongod.kill()
    await shop.pay_blindly(order)
    refused = await shop.http.get(f"/v1/orders/{order['order_id']}")
    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
    await asyncio.sleep(AWAY_SECONDS)
    await parts.restart_mongod()
    await _ended(shop, order)


@pytest.mark.timeout(240)
async def test_nats_is_away_while_the_card_is_authorised(parts: Parts) -> None:
    """Stripe's notice is answered 503, for it cannot be stored: Stripe tells again, and the payment is looked at."""
    shop = parts.shop
    show_id = await shop.hall()
    order = await shop.ordered(show_id, "S-1-1")
    parts.nats.kill()
    await shop.pay_blindly(order)

    async def told() -> bool:
        return bool(shop.proxy.answers)

    await until(told, "the notice has been delivered once")
    assert shop.proxy.answers[0] in (502, 503)
    await asyncio.sleep(AWAY_SECONDS)
    await parts.restart_nats()
    await _ended(shop, order)


@pytest.mark.timeout(240)
async def test_an_order_that_could_not_be_stored_is_made_by_the_same_key_later(
    parts: Parts,
) -> None:
    shop = parts.shop
    show_id = await shop.hall()
    held = await shop.hold(show_id, "S-1-1")
    parts.mongod.kill()
    refused = await shop.order(held["hold_id"], key="once")
    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
    await parts.restart_mongod()

    async def ordered() -> Answer | None:
        answer = await shop.order(held["hold_id"], key="once")
        return answer.json() if answer.status_code == 201 else None

    order = await until(ordered, "the order is made")
    await shop.pay(order)
    await _ended(shop, order)
