"""`frontrow verify` over journal, orders and a local Stripe: clean during a sale, and exact about what is planted.

What is planted is written behind the product's back, after its services have ended: nobody puts it right again.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from actors.codec import encode_commit
from actors.domain.events import TicketsHeld, TicketsSold
from actors.domain.identity import BlockKey
from cluster.embedded.nats import NatsServer
from cluster.embedded.stripe import SECRET_KEY, LocalStripe
from cluster.host_process import now
from cluster.journal.feed import JournalFeed
from cluster.ledgers.disagreement import Kind
from cluster.operate.verify import VerifyReport, verify
from cluster.payments.gateway import PaymentRequest
from cluster.payments.stripe_gateway import StripeGateway
from cluster.services.projection import ProjectionService
from cluster.store.mongo import Database
from cluster.store.orders import Orders
from cluster.store.tickets import Tickets
from cluster.ticketing.document import order_reference
from tests.fakes.stripe_proxy import StripeProxy
from tests.paying import Answer, Card, Till, till
from tests.payment_worlds import pay
from tests.stack import frontrow

NOBODY = "an order that was never made"

pytestmark = pytest.mark.asyncio(loop_scope="session")


@dataclass(frozen=True)
class Parts:
    """The servers of one house; nobody else's sales are in them."""

    nats: NatsServer
    stripe: LocalStripe
    mongodb_url: str
    data: Path

    @asynccontextmanager
    async def selling(self) -> AsyncIterator[Till]:
        async with (
            StripeProxy(self.stripe) as proxy,
            till(self.nats.url, self.mongodb_url, proxy, self.data) as shop,
        ):
            runtime = shop.runtime
            tickets = Tickets(runtime.database)
            projection = ProjectionService(runtime.feed, tickets, round_seconds=0.05)
            projecting = asyncio.create_task(projection.run())
            yield shop
            await projection.stop()
            await projecting

    @asynccontextmanager
    async def closed(self, database_name: str) -> AsyncIterator[Closed]:
        database = Database(self.mongodb_url, database_name)
        gateway = StripeGateway(SECRET_KEY, self.stripe.url)
        yield Closed(self, database, gateway)
        await gateway.close()
        await database.close()


@dataclass(frozen=True)
class Closed:
    """The house without its services: what is written here stays."""

    parts: Parts
    database: Database
    gateway: StripeGateway

    async def write(self, order: Answer, **fields: Any) -> None:
        where = {"_id": order["order_id"]}
        assert await self.database.collection("orders").update(where, {"$set": fields})

    async def authorise(self, order: Answer) -> str:
        payment_id = order["client_secret"].partition("_secret_")[0]
        opened = await self.gateway.reopen(payment_id)
        await pay(self.parts.stripe.url, opened, Card.GOOD)
        return payment_id


@pytest.fixture
def parts(mongodb_url: str, tmp_path: Path) -> Any:
    nats = NatsServer.start(tmp_path / "nats")
    stripe = LocalStripe(tmp_path / "stripe", settle_seconds=3_600)
    stripe.wait_ready()
    yield Parts(nats, stripe, mongodb_url, tmp_path / "till")
    stripe.stop()
    nats.stop()


async def verified(shop: Till) -> VerifyReport:
    runtime = shop.runtime
    feed, tickets = JournalFeed(runtime.nc), Tickets(runtime.database)
    return await verify(feed, tickets, Orders(runtime.database), runtime.gateway)


async def paid(shop: Till, show_id: str, *seats: int) -> Answer:
    order = await shop.ordered(show_id, *(f"S-1-{seat}" for seat in seats))
    await shop.pay(order)
    await shop.becomes(order, "paid")
    return order


async def test_a_sale_that_goes_on_is_clean_and_its_money_is_its_tickets(parts: Parts) -> None:
    async with parts.selling() as shop:
        show_id = await shop.hall(40)

        async def buy(seat: int) -> None:
            order = await shop.ordered(show_id, f"S-1-{seat}")
            await shop.pay(order)

        buying = [asyncio.create_task(buy(seat)) for seat in range(1, 31)]
        while not all(task.done() for task in buying):
            report = await verified(shop)
            assert report.plain()["violations"] == []
        await asyncio.gather(*buying)
        refunded = await paid(shop, show_id, 31, 32)
        await shop.refund(refunded, seats=["S-1-31"])
        await shop.becomes(refunded, "partially_refunded")
        gone = await shop.ordered(show_id, "S-1-33")
        await shop.http.delete(f"/v1/orders/{gone['order_id']}")
        await shop.becomes(gone, "cancelled")
        report = await verified(shop)
        assert report.plain()["violations"] == []
        assert report.ledgers is not None
        told = report.plain()["ledgers"]
        assert told["orders"] == {"paid": 30, "partially_refunded": 1, "cancelled": 1}
        assert told["money"]["EUR"] == {
            "authorised": 0,
            "captured": 160_000,
            "refunded": 5_000,
            "tickets": 31,
            "price": 155_000,
            "under_way": 0,
            "kept": 155_000,
            "money_is_tickets": True,
        }


async def test_everything_that_is_planted_is_named_and_nothing_else(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cluster.ledgers.books.SETTLE_SECONDS_MAX", 0.5)
    async with parts.selling() as shop:
        show_id = await shop.hall(24)
        orders = [await paid(shop, show_id, seat) for seat in range(1, 8)]
        waiting = [await shop.ordered(show_id, f"S-1-{seat}") for seat in range(8, 15)]
        honest = await paid(shop, show_id, 15, 16)
        assert (await verified(shop)).ok
        await sell_to_nobody(shop, show_id, 20)
        assert (await verified(shop)).violation_count == 1
        database = shop.runtime.settings.mongodb_database
    async with parts.closed(database) as house:
        planted = await plant(house, show_id, orders, waiting)
    environment = {
        "FRONTROW_NATS_URL": parts.nats.url,
        "FRONTROW_MONGODB_URL": parts.mongodb_url,
        "FRONTROW_MONGODB_DATABASE": database,
        "STRIPE_SECRET_KEY": SECRET_KEY,
        "STRIPE_API_BASE": parts.stripe.url,
    }
    # It looks behind the server, and needs none.
    command = ("verify", "--url", "http://127.0.0.1:1", "--data", str(parts.data))
    done = await asyncio.to_thread(
        frontrow, *command, "--json", environment=environment, check=False
    )
    assert done.returncode == 1, done.stdout + done.stderr
    report = json.loads(done.stdout)
    found = {(one["kind"], one["seat"], one["order"]) for one in report["violations"]}
    assert found == planted
    assert report["violation_count"] == len(planted)
    assert report["ledgers"]["money"]["EUR"]["money_is_tickets"] is False
    everybody = [*orders, *waiting, honest]
    assert all(order["order_id"] not in done.stdout for order in everybody)
    assert SECRET_KEY not in done.stdout + done.stderr


async def sell_to_nobody(shop: Till, show_id: str, seat: int) -> None:
    """Held and sold by the rules, to an order that was never made. The read model hears of it as of any other."""
    drawn = (await shop.http.get(f"/v1/shows/{show_id}/seatmap")).json()["blocks"][0]["block"]
    key, at = BlockKey(show_id, drawn), now()
    held = TicketsHeld("thief", "f", (seat - 1,), 5_000, at, at + 60_000, drawn)
    sold = TicketsSold("thief", NOBODY, (seat - 1,))
    payload = encode_commit(at, "thief", [held, sold])
    last = await shop.runtime.journal.last_sequence(key)
    await shop.runtime.journal.append(key, last, secrets.token_hex(8), payload)


async def plant(
    house: Closed, show_id: str, orders: list[Answer], waiting: list[Answer]
) -> set[tuple[str, str, str]]:
    """(kind, seat, order) of everything that is wrong afterwards."""
    planted = set[tuple[str, str, str]]()

    def wrong(order: Answer, *kinds: Kind, seat: str = "") -> None:
        planted.update((kind.value, seat, order_reference(order["order_id"])) for kind in kinds)

    planted.add((Kind.SOLD_WITHOUT_ORDER.value, "S-1-20", order_reference(NOBODY)))
    forgotten, sum_changed, twice, invented, failed, second, shared = orders
    await house.write(forgotten, state="expired")
    wrong(forgotten, Kind.SOLD_WITHOUT_PAYMENT, seat="S-1-1")
    wrong(forgotten, Kind.MONEY_WITHOUT_SEATS)
    await house.write(sum_changed, amount=4_999)
    wrong(sum_changed, Kind.WRONG_AMOUNT)
    payment_id = twice["client_secret"].partition("_secret_")[0]
    await house.gateway.give_back(payment_id, "by-hand", 2_000, secrets.token_hex(8))
    wrong(twice, Kind.REFUNDED_TWICE)
    await house.write(invented, refunds=[refund("S-1-4", "succeeded", "re_invented")])
    wrong(invented, Kind.REFUND_UNKNOWN)
    later = {"task": "refund", "due_at": now() + 3_600_000}
    await house.write(failed, refunds=[refund("S-1-5", "failed", "")], **later)
    wrong(failed, Kind.REFUND_OWED)
    request = PaymentRequest(second["order_id"], show_id, 5_000, "EUR", "again")
    opened = await house.gateway.open(request, secrets.token_hex(8))
    await pay(house.parts.stripe.url, opened, Card.GOOD)
    wrong(second, Kind.SECOND_PAYMENT)

    empty, over, unmoved, taken, stuck, lost, sharing = waiting
    await house.write(empty, state="paid", task="none", due_at=None)
    wrong(empty, Kind.PAID_WITHOUT_SEATS, seat="S-1-8")
    wrong(empty, Kind.PAID_WITHOUT_MONEY)
    await house.authorise(over)
    await house.write(over, state="expired", task="none", due_at=None)
    wrong(over, Kind.AUTHORISED_AND_OVER)
    await house.authorise(unmoved)
    await house.write(unmoved, due_at=now() + 3_600_000)
    wrong(unmoved, Kind.AUTHORISED_AND_FORGOTTEN)
    await house.gateway.capture(await house.authorise(taken), secrets.token_hex(8))
    await house.write(taken, state="cancelled", task="none", due_at=None)
    wrong(taken, Kind.MONEY_WITHOUT_SEATS)
    await house.write(stuck, due_at=now() - 120_000)
    wrong(stuck, Kind.STUCK)
    await house.database.collection("orders").delete({"_id": lost["order_id"]})
    wrong(lost, Kind.UNKNOWN_PAYMENT)
    await house.write(
        sharing, payment_id=shared["client_secret"].partition("_secret_")[0], task="none"
    )
    wrong(shared, Kind.SHARED_PAYMENT)
    wrong(sharing, Kind.SHARED_PAYMENT, Kind.MONEY_WITHOUT_SEATS)
    return planted


def refund(seat: str, status: str, provider_id: str) -> dict[str, Any]:
    return {
        "refund_id": "r1",
        "seats": [seat],
        "amount": 5_000,
        "withhold": False,
        "reason": "",
        "requested_at": now(),
        "fingerprint": "",
        "status": status,
        "provider_id": provider_id,
        "problem": "lost_or_stolen_card" if status == "failed" else "",
        "attempt": 1,
        "returned": False,
    }
