"""What cannot be ordered is refused with a clear code, and nothing is lost by it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.paying import EMAIL, Till, until

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(
    "changes",
    [
        {"email": "nobody"},
        {"email": "a@b"},
        {"email": "a@example.com\r\nBcc: b@example.com"},
        {"email": ""},
        {"email": "a" * 250 + "@example.com"},
        {"name": "line\nbreak"},
        {"name": "x" * 201},
        {"name": 5},
        {"hold_id": None},
        {"seats": ["S-1-1"]},
        {"amount": 1},
    ],
    ids=str,
)
async def test_a_body_that_cannot_be_is_refused_by_place(
    shop: Till, changes: dict[str, Any]
) -> None:
    show_id = await shop.hall()
    held = await shop.hold(show_id, "S-1-1")
    answer = await shop.order(held["hold_id"], **changes) if "hold_id" not in changes else (
        await shop.http.post("/v1/orders", json={"hold_id": None, "email": EMAIL})
    )  # fmt: skip
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert (await shop.order(held["hold_id"])).status_code == 201, "the hold is as it was"


async def test_bodies_that_are_no_json_or_too_large(shop: Till) -> None:
    for content, kind, status, code in (
        (b"{", "application/json", 422, "invalid_json"),
        (b"hold_id=x", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b" " * 300_000, "application/json", 413, "payload_too_large"),
    ):
        headers = {"Content-Type": kind}
        answer = await shop.http.post("/v1/orders", content=content, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_hold_that_is_not_there_or_over_cannot_be_ordered(shop: Till) -> None:
    show_id = await shop.hall(hold_seconds=1)
    for hold_id in ("nonsense", f"{show_id}-0-{'a' * 26}", f"s{'b' * 12}-0-{'a' * 26}"):
        answer = await shop.order(hold_id)
        assert (answer.status_code, answer.json()["code"]) == (404, "hold_not_found")
    held = await shop.hold(show_id, "S-1-1")

    async def over() -> bool:
        return (await shop.http.get(f"/v1/holds/{held['hold_id']}")).status_code == 410

    await until(over, "the hold runs out")
    answer = await shop.order(held["hold_id"])
    assert (answer.status_code, answer.json()["code"]) == (410, "hold_expired")
    released = await shop.hold(await shop.hall(), "S-1-2")
    await shop.http.delete(f"/v1/holds/{released['hold_id']}")
    answer = await shop.order(released["hold_id"])
    assert (answer.status_code, answer.json()["code"]) == (404, "hold_not_found")


async def test_a_hold_is_ordered_once(shop: Till) -> None:
    show_id = await shop.hall()
    order = await shop.ordered(show_id, "S-1-1")
    for key in (None, "another"):
        answer = await shop.order(order["hold_id"], key=key)
        assert (answer.status_code, answer.json()["code"]) == (409, "order_exists")
    await shop.pay(order)
    await shop.becomes(order, "paid")
    answer = await shop.order(order["hold_id"])
    assert (answer.status_code, answer.json()["code"]) == (409, "hold_sold")


async def test_a_key_leads_to_one_order_and_to_no_other(shop: Till) -> None:
    show_id = await shop.hall()
    held = await shop.hold(show_id, "S-1-1")
    first = await shop.order(held["hold_id"], key="mine")
    again = await shop.order(held["hold_id"], key="mine")
    assert again.headers["Idempotent-Replayed"] == "true"
    same = {**first.json(), "history": again.json()["history"]}
    assert again.json() == same
    other = await shop.order(held["hold_id"], key="mine", name="Somebody Else")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_orders_that_are_not_there(shop: Till) -> None:
    for order_id in ("o" + "a" * 26, "x" * 100, "o"):
        for method, path in (
            ("GET", f"/v1/orders/{order_id}"),
            ("DELETE", f"/v1/orders/{order_id}"),
            ("GET", f"/v1/orders/{order_id}/tickets.pdf"),
            ("GET", f"/v1/orders/{order_id}/calendar.ics"),
        ):
            answer = await shop.http.request(method, path)
            assert (answer.status_code, answer.json()["code"]) == (404, "order_not_found")


async def test_an_order_that_is_not_paid_has_no_tickets(shop: Till) -> None:
    show_id = await shop.hall()
    order = await shop.ordered(show_id, "S-1-1")
    for file in ("tickets.pdf", "calendar.ics", "tickets/nonsense/qr.svg"):
        answer = await shop.http.get(f"/v1/orders/{order['order_id']}/{file}")
        assert (answer.status_code, answer.json()["code"]) == (409, "order_not_paid")
    await shop.pay(order)
    await shop.becomes(order, "paid")
    answer = await shop.http.get(f"/v1/orders/{order['order_id']}/tickets/nonsense/qr.svg")
    assert (answer.status_code, answer.json()["code"]) == (404, "ticket_not_found")
