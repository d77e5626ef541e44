"""What the provider tells comes twice, late, in any order, forged, or not at all."""

from __future__ import annotations

import asyncio
import json
import time

import httpx
import pytest

from cluster.embedded.stripe_deliveries import signature
from cluster.journal.streams import NOTICES
from tests.fakes.stripe_proxy import FORGED, Delivery
from tests.paying import WEBHOOK_SECRET, Answer, Till

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(
    "delivery",
    [Delivery.DUPLICATED, Delivery.DELAYED, Delivery.REORDERED, Delivery.WITHHELD, *FORGED],
)
async def test_an_order_is_paid_once_however_the_notice_comes(
    shop: Till, delivery: Delivery
) -> None:
    show_id = await shop.hall()
    order = await shop.ordered(show_id, "S-1-1")
    shop.proxy.deliveries.clear()
    shop.proxy.deliveries.append(delivery)
    await shop.pay(order)
    await shop.becomes(order, "paid")
    assert await shop.money(order) == ("captured", 0)
    await shop.proxy.release()
    assert (await shop.see(order["order_id"]))["state"] == "paid"


async def test_a_payment_that_nobody_tells_of_is_found_by_looking(shop: Till) -> None:
    show_id = await shop.hall()
    order = await shop.ordered(show_id, "S-1-1")
    shop.proxy.deliveries.clear()
    shop.proxy.deliveries.extend([Delivery.WITHHELD] * 8)
    await shop.pay(order)
    await shop.becomes(order, "paid")
    shop.proxy.deliveries.clear()
    await shop.proxy.release()
    assert (await shop.see(order["order_id"]))["state"] == "paid"
    assert await shop.money(order) == ("captured", 0)


async def test_a_forged_notice_sells_nothing(shop: Till) -> None:
    show_id = await shop.hall()
    order = await shop.ordered(show_id, "S-1-1")
    payload = notice(order, await _payment(shop, order))
    now = int(time.time())
    for signed in (
        None,
        "nonsense",
        signature(payload, "whsec_of_somebody", now),
        signature(payload, WEBHOOK_SECRET, now - 3_600),
        signature(payload + b" ", WEBHOOK_SECRET, now),
    ):
        answer = await post(shop, payload, signed)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_signature")
    await asyncio.sleep(0.5)
    assert (await shop.see(order["order_id"]))["state"] == "awaiting_payment"


async def test_the_same_notice_a_hundred_times_is_stored_once_and_does_no_harm(shop: Till) -> None:
    show_id = await shop.hall()
    order = await shop.ordered(show_id, "S-1-1")
    await shop.pay(order)
    await shop.becomes(order, "paid")
    before = await stream_messages(shop, NOTICES)
    payload = notice(order, await _payment(shop, order))
    signed = signature(payload, WEBHOOK_SECRET, int(time.time()))
    answers = await asyncio.gather(*[post(shop, payload, signed) for _ in range(100)])
    assert {answer.status_code for answer in answers} == {204}
    assert await stream_messages(shop, NOTICES) == before + 1
    assert await shop.money(order) == ("captured", 0)


async def test_a_notice_that_means_nothing_to_us_is_accepted_and_ignored(shop: Till) -> None:
    for body in (
        {"type": "customer.created", "data": {"object": {"id": "cus_1"}}},
        {"type": "payment_intent.succeeded", "data": {"object": _intent("pi_of_others", "o")}},
    ):
        event = {"id": f"evt_{time.time_ns()}", "created": int(time.time()), **body}
        payload = json.dumps(event).encode()
        signed = signature(payload, WEBHOOK_SECRET, int(time.time()))
        assert (await post(shop, payload, signed)).status_code == 204
    garbage = b"no event"
    signed = signature(garbage, WEBHOOK_SECRET, int(time.time()))
    answer = await post(shop, garbage, signed)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_notice")


@pytest.mark.parametrize(("amount", "currency"), [(4_999, "eur"), (5_000, "usd"), (5_001, "eur")])
async def test_a_payment_of_another_amount_buys_nothing_and_is_freed(
    shop: Till, amount: int, currency: str
) -> None:
    show_id = await shop.hall()
    order = await shop.ordered(show_id, "S-1-1")
    payment_id = await _payment(shop, order)
    payload = notice(order, payment_id, amount=amount, currency=currency)
    signed = signature(payload, WEBHOOK_SECRET, int(time.time()))
    assert (await post(shop, payload, signed)).status_code == 204
    cancelled = await shop.becomes(order, "cancelled")
    assert cancelled["reason"] == "amount_mismatch"
    assert await shop.money(order) == ("canceled", 0)
    assert (await shop.statuses(show_id))["S-1-1"] == "available"


async def test_a_notice_of_another_payment_for_the_same_order_is_not_believed(shop: Till) -> None:
    show_id = await shop.hall()
    order = await shop.ordered(show_id, "S-1-1")
    payload = notice(order, "pi_of_somebody_else")
    signed = signature(payload, WEBHOOK_SECRET, int(time.time()))
    assert (await post(shop, payload, signed)).status_code == 204
    await asyncio.sleep(0.5)
    assert (await shop.see(order["order_id"]))["state"] == "awaiting_payment"


async def _payment(shop: Till, order: Answer) -> str:
    return (await shop.stored(order["order_id"])).payment_id


async def stream_messages(shop: Till, stream: str) -> int:
    info = json.loads((await shop.runtime.nc.request(f"$JS.API.STREAM.INFO.{stream}")).data)
    return info["state"]["messages"]


def notice(order: Answer, payment_id: str, amount: int = 5_000, currency: str = "eur") -> bytes:
    """An event as Stripe writes it: this payment is authorised."""
    event = {
        "id": f"evt_{payment_id}_{amount}_{currency}",
        "object": "event",
        "type": "payment_intent.amount_capturable_updated",
        "created": int(time.time()),
        "data": {"object": _intent(payment_id, order["order_id"], amount, currency)},
    }
    return json.dumps(event).encode()


def _intent(payment_id: str, order_id: str, amount: int = 5_000, currency: str = "eur") -> Answer:
    return {
        "id": payment_id,
        "object": "payment_intent",
        "status": "requires_capture",
        "amount": amount,
        "amount_capturable": amount,
        "currency": currency,
        "metadata": {"order_id": order_id},
    }


async def post(shop: Till, payload: bytes, signed: str | None) -> httpx.Response:
    headers = {"Content-Type": "application/json"}
    if signed is not None:
        headers["Stripe-Signature"] = signed
    return await shop.http.post("/webhooks/stripe", content=payload, headers=headers)
