"""Money and seats on their way back."""

from __future__ import annotations

import asyncio

import pytest

from tests.paying import AUTH, Answer, Card, Till, until

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def paid(shop: Till, show_id: str, *seats: str, card: Card = Card.GOOD) -> Answer:
    order = await shop.ordered(show_id, *seats)
    await shop.pay(order, card)
    return await shop.becomes(order, "paid")


async def test_a_whole_order_is_refunded_and_its_seats_are_on_sale_again(shop: Till) -> None:
    show_id = await shop.hall()
    order = await paid(shop, show_id, "S-1-1", "S-1-2")
    asked = await shop.refund(order, reason="the singer is ill")
    assert asked.status_code == 202
    assert asked.json()["refunds"][0]["state"] == "pending"
    refunded = await shop.becomes(order, "refunded")
    assert refunded["tickets"] == []
    assert refunded["refunds"][0]["reason"] == "the singer is ill"
    assert await shop.money(order) == ("captured", 10_000)
    statuses = await shop.statuses(show_id)
    assert (statuses["S-1-1"], statuses["S-1-2"]) == ("available", "available")
    again = await paid(shop, show_id, "S-1-1")
    assert again["state"] == "paid"


async def test_single_seats_are_refunded_and_withheld_as_the_organizer_says(shop: Till) -> None:
    show_id = await shop.hall()
    order = await paid(shop, show_id, "S-1-1", "S-1-2", "S-1-3")
    assert (await shop.refund(order, seats=["S-1-2"], withhold=True)).status_code == 202
    partly = await shop.becomes(order, "partially_refunded")
    assert [ticket["seat"] for ticket in partly["tickets"]] == ["S-1-1", "S-1-3"]
    assert await shop.money(order) == ("captured", 5_000)
    statuses = await shop.statuses(show_id)
    assert [statuses[f"S-1-{n}"] for n in (1, 2, 3)] == ["sold", "withheld", "sold"]
    assert (await shop.refund(order)).status_code == 202
    await shop.becomes(order, "refunded")
    assert await shop.money(order) == ("captured", 15_000)


async def test_a_refund_is_made_once_however_often_it_is_asked_for(shop: Till) -> None:
    show_id = await shop.hall()
    order = await paid(shop, show_id, "S-1-1", "S-1-2")
    same = [shop.refund(order, key="once", seats=["S-1-1"]) for _ in range(8)]
    answers = await asyncio.gather(*same)
    assert {answer.status_code for answer in answers} == {202}
    fresh = [shop.refund(order, seats=["S-1-1"]) for _ in range(4)]
    others = await asyncio.gather(*fresh)
    assert {(answer.status_code, answer.json()["code"]) for answer in others} == {
        (409, "already_refunded")
    }
    reused = await shop.refund(order, key="once", seats=["S-1-2"])
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency_key_reused")
    await shop.becomes(order, "partially_refunded")
    assert await shop.money(order) == ("captured", 5_000)
    replayed = await shop.refund(order, key="once", seats=["S-1-1"])
    assert replayed.headers["Idempotent-Replayed"] == "true"


async def test_two_refunds_of_overlapping_seats_never_pay_a_seat_twice(shop: Till) -> None:
    show_id = await shop.hall()
    order = await paid(shop, show_id, "S-1-1", "S-1-2")
    answers = await asyncio.gather(
        shop.refund(order, seats=["S-1-1"]), shop.refund(order, seats=["S-1-1", "S-1-2"])
    )
    assert sorted(answer.status_code for answer in answers) == [202, 409]
    await shop.becomes(order, "partially_refunded", "refunded")
    refunded = sum(refund["amount"] for refund in (await shop.see(order["order_id"]))["refunds"])
    assert await shop.money(order) == ("captured", refunded)


async def test_a_refund_that_fails_is_seen_and_tried_again(shop: Till) -> None:
    show_id = await shop.hall()
    order = await paid(shop, show_id, "S-1-1", card=Card.REFUND_FAILS)
    assert (await shop.refund(order)).status_code == 202
    stored = await shop.stored(order["order_id"])

    async def back() -> str:
        given = await shop.runtime.gateway.given_back(stored.payment_id)
        return given[0].provider_id if given else ""

    refund_id = await until(back, "the refund is sent")
    await asyncio.to_thread(shop.proxy.local.settle, refund_id)

    async def failed() -> bool:
        seen = await shop.see(order["order_id"])
        return "refund_failed" in [one["cause"] for one in seen["history"]]

    await until(failed, "the failure is seen")

    async def second() -> bool:
        return len(await shop.runtime.gateway.given_back(stored.payment_id)) > 1

    await until(second, "it is tried again")


async def test_what_is_not_paid_or_not_in_the_order_is_not_refunded(shop: Till) -> None:
    show_id = await shop.hall()
    order = await shop.ordered(show_id, "S-1-1")
    unpaid = await shop.refund(order)
    assert (unpaid.status_code, unpaid.json()["code"]) == (409, "order_not_paid")
    await shop.pay(order)
    await shop.becomes(order, "paid")
    other = await shop.refund(order, seats=["S-1-9"])
    assert (other.status_code, other.json()["code"]) == (422, "seats_not_in_order")
    path = f"/v1/orders/{order['order_id']}/refunds"
    assert (await shop.http.post(path, json={})).status_code == 401
    wrong = {"Authorization": "Bearer wrong"}
    assert (await shop.http.post(path, json={}, headers=wrong)).status_code == 403
    unknown = await shop.http.post(path, json={"seat": []}, headers=AUTH)
    assert unknown.status_code == 422
    missing = await shop.http.post("/v1/orders/onone/refunds", json={}, headers=AUTH)
    assert (missing.status_code, missing.json()["code"]) == (404, "order_not_found")


async def test_a_refunded_ticket_admits_nobody(shop: Till) -> None:
    show_id = await shop.hall()
    order = await paid(shop, show_id, "S-1-1")
    code = order["tickets"][0]["code"]
    await shop.refund(order)
    await shop.becomes(order, "refunded")
    answer = await shop.http.post("/v1/check-ins", json={"code": code}, headers=AUTH)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_code")
