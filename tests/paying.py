"""A server whose orders can be paid: the real services, the real Stripe SDK, a local Stripe behind a proxy."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from actors.codec import decode_commit
from actors.domain.block import Block, Status, apply
from actors.domain.identity import BlockKey
from actors.domain.order import Order
from cluster.bootstrap import Runtime
from cluster.embedded.stripe import PUBLISHABLE_KEY, SECRET_KEY
from cluster.journal.feed import Following, JournalFeed
from cluster.journal.streams import ORDERS
from cluster.orders.announcing import decode_order_event, order_subject
from cluster.payments.gateway import OpenPayment
from cluster.payments.memory_provider import Card
from cluster.service_processes import expiration_service, fulfilment_service, payment_service
from cluster.services.service import Service
from tests.fakes.stripe_proxy import StripeProxy
from tests.local_server import AUTH, LocalServer, local_server
from tests.payment_worlds import pay as pay_at

WEBHOOK_SECRET = "whsec_of_the_paying_tests"
WAIT_SECONDS_MAX = 60.0
ORDER_ATTEMPTS_MAX = 10
OVER = 410
EMAIL = "buyer@example.com"

Answer = dict[str, Any]


class Wakes:
    """The payment service looks at once whenever it has nothing to do."""

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(0.05)


def services(runtime: Runtime) -> list[Service]:
    return [
        payment_service(runtime, Wakes()),
        fulfilment_service(runtime),
        expiration_service(runtime),
    ]


@dataclass
class Kept:
    """The services of a server, for those who want to look at them."""

    services: list[Service]

    def make(self, runtime: Runtime) -> list[Service]:
        self.services += services(runtime)
        return self.services


@dataclass(frozen=True)
class Till:
    """What tests of money work with."""

    server: LocalServer
    proxy: StripeProxy
    data: Path
    services: list[Service]

    @property
    def http(self) -> httpx.AsyncClient:
        return self.server.http

    @property
    def runtime(self) -> Runtime:
        return self.server.runtime

    async def hall(self, seats: int = 12, **show: Any) -> str:
        """A show with seats `S-1-1` to `S-1-<seats>` on sale, 50.00 EUR each; its id."""
        show_id = await self.server.show(**show)
        rows = "\n".join(f"S,1,{number},A" for number in range(1, seats + 1))
        job = await self.server.load(show_id, f"section,row,seat,category\n{rows}")
        assert (job["state"], job["error_count"]) == ("done", 0), job
        await self.runtime.views.view(show_id)
        await self.runtime.views.catch_up(show_id)
        return show_id

    async def hold(self, show_id: str, *seats: str, key: str | None = None) -> Answer:
        headers = {} if key is None else {"Idempotency-Key": key}
        answer = await self.http.post(
            f"/v1/shows/{show_id}/holds", json={"seats": list(seats)}, headers=headers
        )
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def order(self, hold_id: str, key: str | None = None, **body: Any) -> httpx.Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        asked = {"hold_id": hold_id, "email": EMAIL, **body}
        return await self.http.post("/v1/orders", json=asked, headers=headers)

    async def ordered(self, show_id: str, *seats: str, key: str | None = None) -> Answer:
        """A hold of these seats and an order for it; another hold where a short one was over before it was ordered."""
        for attempt in range(ORDER_ATTEMPTS_MAX):
            fresh = f"{key}, again {attempt}" if key and attempt else key
            held = await self.hold(show_id, *seats, key=fresh)
            answer = await self.order(held["hold_id"])
            if answer.status_code != OVER:
                assert answer.status_code == 201, answer.text
                return answer.json()
        raise AssertionError(f"no hold could be ordered in time, {ORDER_ATTEMPTS_MAX} times")

    async def ordered_when_free(self, show_id: str, seat: str) -> Answer:
        """An order for a seat that somebody else has for now."""

        async def ordered() -> Answer | None:
            asked = {"seats": [seat]}
            held = await self.http.post(f"/v1/shows/{show_id}/holds", json=asked)
            if held.status_code != 201:
                return None
            answer = await self.order(held.json()["hold_id"])
            return answer.json() if answer.status_code == 201 else None

        return await until(ordered, f"{seat} is free, and ordered")

    async def pay(self, order: Answer, card: Card = Card.GOOD) -> None:
        """What the buyer's browser does. Raises PaymentRefused when it is too late."""
        payment_id = order["client_secret"].partition("_secret_")[0]
        stored = await self.stored(order["order_id"])
        assert stored.payment_id == payment_id
        await self.pay_blindly(order, card)

    async def pay_blindly(self, order: Answer, card: Card = Card.GOOD) -> None:
        """The same, with nothing looked at before."""
        payment_id = order["client_secret"].partition("_secret_")[0]
        opened = OpenPayment(await self.runtime.gateway.find(payment_id), order["client_secret"])
        await pay_at(self.proxy.url, opened, card)

    async def stored(self, order_id: str) -> Order:
        order = await self.runtime.orders.get(order_id)
        assert order is not None
        return order

    async def see(self, order_id: str) -> Answer:
        answer = await self.http.get(f"/v1/orders/{order_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def becomes(self, order: Answer, *states: str) -> Answer:
        """The order once it is in one of these states and at rest."""

        async def there() -> Answer | None:
            stored = await self.stored(order["order_id"])
            if stored.state in states and stored.due_at is None:
                return await self.see(order["order_id"])
            return None

        return await until(there, f"the order is {states}", partial(self.story, order))

    async def story(self, order: Answer) -> str:
        stored = await self.stored(order["order_id"])
        told = [f"{one.state}/{one.cause} {one.detail}" for one in stored.history]
        return f"{stored.state}/{stored.task}: {told}"

    async def refund(self, order: Answer, key: str | None = None, **body: Any) -> httpx.Response:
        headers = AUTH if key is None else {**AUTH, "Idempotency-Key": key}
        return await self.http.post(
            f"/v1/orders/{order['order_id']}/refunds", json=body, headers=headers
        )

    async def statuses(self, show_id: str) -> dict[str, str]:
        """The status of every seat, folded from the journal by nobody's cache."""
        seats = dict[str, str]()
        number = 0
        while True:
            block = Block()
            async for entry in self.runtime.journal.read(BlockKey(show_id, number), 0):
                for event in decode_commit(entry.payload).events:
                    apply(block, event)
            if block.layout is None:
                return seats
            labels = block.layout.labels()
            seats |= {label: Status(block.status[n]).name.lower() for n, label in enumerate(labels)}
            number += 1

    async def waiting(self) -> int:
        """Messages that a service has not worked off."""
        health = [await service.health() for service in self.services]
        return sum(one["lag"] for one in health)

    async def events(self, order_id: str) -> list[str]:
        """The causes of an order's transitions, as they were published, in the order of the stream."""
        heard = list[str]()
        feed = JournalFeed(self.runtime.nc, ORDERS)
        subject = order_subject(order_id=order_id)
        last = await feed.last_sequence(subject)

        def on_entry(_subject: str, _sequence: int, payload: bytes) -> None:
            heard.append(decode_order_event(payload).cause)

        following = await feed.follow(subject, 0, on_entry)
        try:
            await until(lambda: _reached(following, last), "the order's events")
        finally:
            await following.stop()
        return heard

    async def money(self, order: Answer) -> tuple[str, int]:
        """How its payment stands at the provider, and what has been given back, minor units."""
        stored = await self.stored(order["order_id"])
        payment = await self.runtime.gateway.find(stored.payment_id)
        given = await self.runtime.gateway.given_back(stored.payment_id)
        return payment.status.value, sum(back.amount for back in given if back.status != "failed")


async def _reached(following: Following, sequence: int) -> bool:
    return following.sequence >= sequence


async def until(
    condition: Callable[[], Awaitable[Any]],
    what: str,
    story: Callable[[], Awaitable[str]] | None = None,
    seconds: float = WAIT_SECONDS_MAX,
) -> Any:
    """Poll until the condition gives something true; that."""
    clock = asyncio.get_running_loop().time
    end = clock() + seconds
    while clock() < end:
        if found := await condition():
            return found
        await asyncio.sleep(0.02)
    told = "" if story is None else await story()
    raise AssertionError(f"not within {seconds:.0f} s: {what} {told}")


_numbers = itertools.count(1)


@asynccontextmanager
async def till(
    nats_url: str, mongodb_url: str, proxy: StripeProxy, data: Path, **changes: Any
) -> AsyncIterator[Till]:
    """A server of its own over this NATS, whose payment service nobody else must share."""
    kept = Kept([])
    async with local_server(
        nats_url,
        mongodb_url,
        kept.make,
        mongodb_database=f"till{next(_numbers)}",
        data_dir=data,
        stripe_secret_key=SecretStr(SECRET_KEY),
        stripe_publishable_key=PUBLISHABLE_KEY,
        stripe_webhook_secret=SecretStr(WEBHOOK_SECRET),
        stripe_api_base=proxy.url,
        **changes,
    ) as server:
        await proxy.forward_webhooks(f"{server.url}/webhooks/stripe", WEBHOOK_SECRET)
        yield Till(server, proxy, data, kept.services)
