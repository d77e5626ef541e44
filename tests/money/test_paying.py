"""An order from its hold to its tickets, and what happens when it is not paid, or not in time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from cluster.payments.gateway import PaymentRefused
from tests.paying import AUTH, EMAIL, Card, Till, until

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_order_is_authorised_sold_captured_and_has_its_tickets(shop: Till) -> None:
    show_id = await shop.hall()
    order = await shop.ordered(show_id, "S-1-1", "S-1-2")
    assert (order["state"], order["amount"], order["currency"]) == (
        "awaiting_payment",
        10_000,
        "EUR",
    )
    assert order["client_secret"].startswith("pi_")
    assert order["tickets"] == []
    await shop.pay(order)
    paid = await shop.becomes(order, "paid")
    assert [ticket["seat"] for ticket in paid["tickets"]] == ["S-1-1", "S-1-2"]
    assert [one["state"] for one in paid["history"]] == [
        *("awaiting_payment", "awaiting_payment", "authorised", "authorised", "paid")
    ]
    assert await shop.money(order) == ("captured", 0)
    statuses = await shop.statuses(show_id)
    assert [statuses[f"S-1-{n}"] for n in (1, 2, 3)] == ["sold", "sold", "available"]
    hold = await shop.http.get(f"/v1/holds/{order['hold_id']}")
    assert hold.json()["state"] == "sold"


async def test_no_cache_keeps_what_is_one_buyers(shop: Till) -> None:
    show_id = await shop.hall()
    asked = {"seats": ["S-1-1"]}
    held = await shop.http.post(f"/v1/shows/{show_id}/holds", json=asked)
    hold = f"/v1/holds/{held.json()['hold_id']}"
    answers = [held, await shop.http.get(hold), await shop.http.post(f"{hold}/extend")]
    made = await shop.order(held.json()["hold_id"], key="no-store")
    again = await shop.order(held.json()["hold_id"], key="no-store")
    order = made.json()
    answers += [made, again, await shop.http.get(f"/v1/orders/{order['order_id']}")]
    await shop.pay(order)
    await shop.becomes(order, "paid")
    answers += [
        await shop.http.get(f"/v1/orders/{order['order_id']}"),
        await shop.refund(order),
    ]
    for answer in answers:
        assert answer.is_success
        assert answer.headers["cache-control"] == "no-store", answer.request.url


async def test_an_order_over_a_register_and_a_block_is_sold_in_both(shop: Till) -> None:
    show_id = await shop.hall()
    order = await shop.ordered(show_id, "S-1-1", key="keyed")
    await shop.pay(order)
    await shop.becomes(order, "paid")
    hold = await shop.http.get(f"/v1/holds/{order['hold_id']}")
    assert (hold.json()["state"], hold.json()["seats"]) == ("sold", ["S-1-1"])


async def test_the_mail_has_the_tickets_and_is_sent_once(shop: Till) -> None:
    show_id = await shop.hall(name="Ein Abend für Zoë")
    order = await shop.ordered(show_id, "S-1-1")
    await shop.pay(order)
    paid = await shop.becomes(order, "paid")

    def mails() -> list[Path]:
        found = (shop.data / "outbox").glob("*.eml")
        return [path for path in found if "Zoë" in subject(path)]

    def subject(path: Path) -> str:
        return message_from_bytes(path.read_bytes(), policy=policy.default)["Subject"]

    async def arrived() -> list[Path]:
        return mails()

    (mail,) = await until(arrived, "a mail")
    message = message_from_bytes(mail.read_bytes())
    assert message["To"] == EMAIL
    kinds = [part.get_content_type() for part in message.walk()]
    assert "application/pdf" in kinds
    assert "text/calendar" in kinds
    pdf = await shop.http.get(f"/v1/orders/{order['order_id']}/tickets.pdf")
    assert pdf.content.startswith(b"%PDF")
    ticket = paid["tickets"][0]["ticket_id"]
    qr = await shop.http.get(f"/v1/orders/{order['order_id']}/tickets/{ticket}/qr.svg")
    assert qr.text.startswith("<svg")
    calendar = await shop.http.get(f"/v1/orders/{order['order_id']}/calendar.ics")
    assert "BEGIN:VEVENT" in calendar.text
    assert len(mails()) == 1


async def test_the_code_of_a_paid_ticket_admits_once_and_at_once(shop: Till) -> None:
    show_id = await shop.hall()
    order = await shop.ordered(show_id, "S-1-1")
    await shop.pay(order)
    paid = await shop.becomes(order, "paid")
    code = paid["tickets"][0]["code"]
    admitted = await shop.http.post("/v1/check-ins", json={"code": code}, headers=AUTH)
    assert admitted.status_code == 200, admitted.text
    again = await shop.http.post("/v1/check-ins", json={"code": code}, headers=AUTH)
    assert (again.status_code, again.json()["code"]) == (409, "already_checked_in")


async def test_a_declined_card_leaves_the_order_to_be_paid_with_another(shop: Till) -> None:
    show_id = await shop.hall()
    order = await shop.ordered(show_id, "S-1-1")
    await shop.pay(order, Card.DECLINED)
    assert (await shop.see(order["order_id"]))["state"] == "awaiting_payment"
    await shop.pay(order, Card.GOOD)
    await shop.becomes(order, "paid")


async def test_an_order_that_is_not_paid_expires_and_cannot_be_paid_later(shop: Till) -> None:
    show_id = await shop.hall(hold_seconds=1)
    order = await shop.ordered(show_id, "S-1-1")

    async def expired() -> bool:
        return (await shop.see(order["order_id"]))["state"] == "expired"

    await until(expired, "it expires")
    assert (await shop.see(order["order_id"]))["reason"] == "hold_expired"
    other = await shop.ordered(show_id, "S-1-1")
    assert other["state"] == "awaiting_payment"


async def test_a_late_payment_takes_the_same_seats_again_if_they_are_free(shop: Till) -> None:
    show_id = await shop.hall(hold_seconds=1)
    order = await shop.ordered(show_id, "S-1-1", "S-1-2", key="late")

    async def expired() -> bool:
        return (await shop.see(order["order_id"]))["state"] == "expired"

    await until(expired, "it expires")
    await shop.pay(order)
    paid = await shop.becomes(order, "paid")
    assert "late_payment" in [one["cause"] for one in paid["history"]]
    assert (await shop.statuses(show_id))["S-1-1"] == "sold"


async def test_a_late_payment_for_seats_that_are_gone_is_freed(shop: Till) -> None:
    show_id = await shop.hall(hold_seconds=1)
    order = await shop.ordered(show_id, "S-1-1", "S-1-2")

    async def expired() -> bool:
        return (await shop.see(order["order_id"]))["state"] == "expired"

    await until(expired, "it expires")
    other = await shop.ordered(show_id, "S-1-2")
    await shop.pay(other)
    await shop.becomes(other, "paid")
    await shop.pay(order)
    late = await shop.becomes(order, "cancelled")
    assert late["reason"] == "seats_gone"
    assert late["tickets"] == []
    assert await shop.money(order) == ("canceled", 0)
    assert await shop.money(other) == ("captured", 0)
    statuses = await shop.statuses(show_id)
    assert (statuses["S-1-1"], statuses["S-1-2"]) == ("available", "sold")


async def test_a_cancelled_order_gives_seats_and_money_back_and_cannot_be_paid(shop: Till) -> None:
    show_id = await shop.hall()
    order = await shop.ordered(show_id, "S-1-1")
    gone = await shop.http.delete(f"/v1/orders/{order['order_id']}")
    assert gone.status_code == 204
    cancelled = await shop.becomes(order, "cancelled")
    assert cancelled["reason"] == "buyer_cancelled"
    assert (await shop.statuses(show_id))["S-1-1"] == "available"
    with pytest.raises(PaymentRefused):
        await shop.pay(order)
    assert (await shop.http.delete(f"/v1/orders/{order['order_id']}")).status_code == 204


async def test_a_hold_that_is_given_back_cancels_its_order(shop: Till) -> None:
    show_id = await shop.hall()
    order = await shop.ordered(show_id, "S-1-1")
    assert (await shop.http.delete(f"/v1/holds/{order['hold_id']}")).status_code == 204
    cancelled = await shop.becomes(order, "cancelled")
    assert cancelled["reason"] == "hold_released"
    assert await shop.money(order) == ("canceled", 0)


async def test_an_extended_hold_gives_its_order_more_time(shop: Till) -> None:
    show_id = await shop.hall()
    order = await shop.ordered(show_id, "S-1-1")
    extended = await shop.http.post(f"/v1/holds/{order['hold_id']}/extend")
    assert extended.status_code == 200

    async def later() -> bool:
        seen = await shop.see(order["order_id"])
        return seen["payment_deadline"] == extended.json()["expires_at"]

    await until(later, "the order has the hold's deadline")


async def test_while_the_bank_decides_the_seats_are_not_given_away(shop: Till) -> None:
    show_id = await shop.hall(hold_seconds=8)
    order = await shop.ordered(show_id, "S-1-1")
    await shop.pay(order, Card.SLOW)

    async def secured() -> bool:
        seen = await shop.http.get(f"/v1/holds/{order['hold_id']}")
        assert seen.status_code == 200, "the card was not seen in time"
        return seen.json()["expires_at"] > order["payment_deadline"]

    await until(secured, "the seats are kept for the payment")
    refused = await shop.http.delete(f"/v1/holds/{order['hold_id']}")
    assert (refused.status_code, refused.json()["code"]) == (409, "hold_in_payment")

    async def too_late() -> bool:
        return datetime.now(UTC) > datetime.fromisoformat(order["payment_deadline"])

    await until(too_late, "the hold would be over")
    await asyncio.sleep(0.5)
    assert (await shop.statuses(show_id))["S-1-1"] == "held"
    stored = await shop.stored(order["order_id"])
    await asyncio.to_thread(shop.proxy.local.settle, stored.payment_id)
    await shop.becomes(order, "paid")


async def test_what_costs_nothing_is_paid_without_a_payment(shop: Till) -> None:
    show_id = await shop.hall(prices={"A": 0, "B": 100})
    order = await shop.ordered(show_id, "S-1-1")
    assert order["client_secret"] is None
    paid = await shop.becomes(order, "paid")
    assert len(paid["tickets"]) == 1
