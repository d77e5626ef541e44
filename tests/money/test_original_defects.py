"""The defects G1 to G10 of the application that this one replaces, each shown not to happen here.

G7 (a crash between a change and its message) and G8 (a restart forgets) are shown on the running stack too, in
`tests/faults`.
"""

from __future__ import annotations

import asyncio
import time

import pytest

from cluster.embedded.stripe_deliveries import signature
from cluster.journal.streams import DEADLETTERS
from tests.money.test_notices import notice, post, stream_messages
from tests.paying import AUTH, WEBHOOK_SECRET, Till, until

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_g1_a_payment_after_the_deadline_never_makes_two_owners(shop: Till) -> None:
    """The seat is sold to somebody else at the very deadline, whatever has been announced by then."""
    show_id = await shop.hall(hold_seconds=1)
    late = await shop.ordered(show_id, "S-1-1")
    other = await shop.ordered_when_free(show_id, "S-1-1")
    await asyncio.gather(shop.pay(late), shop.pay(other))
    ends = await asyncio.gather(
        shop.becomes(late, "paid", "cancelled"), shop.becomes(other, "paid", "cancelled")
    )
    assert sorted(end["state"] for end in ends) == ["cancelled", "paid"]
    money = [await shop.money(order) for order in (late, other)]
    assert sorted(money) == [("canceled", 0), ("captured", 0)]
    assert [end["state"] == "paid" for end in ends] == [kind == "captured" for kind, _ in money]


async def test_g2_a_payment_never_revives_a_cancelled_order(shop: Till) -> None:
    show_id = await shop.hall()
    order = await shop.ordered(show_id, "S-1-1")
    payment_id = (await shop.stored(order["order_id"])).payment_id
    assert (await shop.http.delete(f"/v1/orders/{order['order_id']}")).status_code == 204
    await shop.becomes(order, "cancelled")
    payload = notice(order, payment_id)
    signed = signature(payload, WEBHOOK_SECRET, int(time.time()))
    assert (await post(shop, payload, signed)).status_code == 204
    other = await shop.ordered(show_id, "S-1-1")
    await shop.pay(other)
    await shop.becomes(other, "paid")
    assert (await shop.see(order["order_id"]))["state"] == "cancelled"


async def test_g3_asking_and_paying_twice_charges_once(shop: Till) -> None:
    show_id = await shop.hall()
    held = await shop.hold(show_id, "S-1-1")
    answers = await asyncio.gather(*[shop.order(held["hold_id"], key="twice") for _ in range(6)])
    assert {answer.status_code for answer in answers} == {201}
    orders = [answer.json() for answer in answers]
    assert len({order["order_id"] for order in orders}) == 1
    assert len({order["client_secret"] for order in orders}) == 1
    another = await shop.order(held["hold_id"])
    assert (another.status_code, another.json()["code"]) == (409, "order_exists")
    paying = [shop.pay(orders[0]) for _ in range(3)]
    await asyncio.gather(*paying, return_exceptions=True)
    await shop.becomes(orders[0], "paid")
    assert await shop.money(orders[0]) == ("captured", 0)
    again = (await shop.order(held["hold_id"], key="twice")).json()
    assert (again["order_id"], again["state"]) == (orders[0]["order_id"], "paid")


async def test_g4_of_many_who_want_one_seat_exactly_one_gets_it(shop: Till) -> None:
    show_id = await shop.hall()
    wanting = [
        shop.http.post(f"/v1/shows/{show_id}/holds", json={"seats": ["S-1-1"]}) for _ in range(50)
    ]
    answers = await asyncio.gather(*wanting)
    assert sorted({answer.status_code for answer in answers}) == [201, 409]
    assert sum(answer.status_code == 201 for answer in answers) == 1
    codes = {answer.json()["code"] for answer in answers if answer.status_code == 409}
    assert codes == {"seats_unavailable"}


async def test_g5_a_paid_order_is_not_cancelled_and_no_message_comes_for_ever(shop: Till) -> None:
    show_id = await shop.hall()
    order = await shop.ordered(show_id, "S-1-1")
    await shop.pay(order)
    await shop.becomes(order, "paid")
    refused = await shop.http.delete(f"/v1/orders/{order['order_id']}")
    assert (refused.status_code, refused.json()["code"]) == (409, "order_paid")
    refused = await shop.http.delete(f"/v1/holds/{order['hold_id']}")
    assert (refused.status_code, refused.json()["code"]) == (409, "hold_sold")
    assert (await shop.statuses(show_id))["S-1-1"] == "sold"

    async def quiet() -> bool:
        return await shop.waiting() == 0

    await until(quiet, "every message is worked off")
    assert await stream_messages(shop, DEADLETTERS) == 0


async def test_g6_an_order_that_is_over_lets_go_of_nobody_elses_seat(shop: Till) -> None:
    show_id = await shop.hall(hold_seconds=1)
    first = await shop.ordered(show_id, "S-1-1")
    second = await shop.ordered_when_free(show_id, "S-1-1")
    await shop.pay(second)
    await shop.becomes(second, "paid")
    gone = await shop.http.delete(f"/v1/holds/{first['hold_id']}")
    assert gone.status_code in (404, 410)
    gone = await shop.http.delete(f"/v1/orders/{first['order_id']}")
    assert gone.status_code in (204, 410)
    await asyncio.sleep(1.5)
    assert (await shop.statuses(show_id))["S-1-1"] == "sold"


async def test_g7_what_is_stored_is_told_also_when_nobody_told_it_at_once(shop: Till) -> None:
    """An order's first transitions are stored by the server, which publishes nothing; the payment service does."""
    show_id = await shop.hall()
    order = await shop.ordered(show_id, "S-1-1")

    async def told() -> list[str]:
        return await shop.events(order["order_id"])

    async def both() -> bool:
        return await told() == ["ordered", "payment_opened"]

    await until(both, "both transitions are published")
    await shop.pay(order)
    await shop.becomes(order, "paid")
    expected = ["ordered", "payment_opened", "payment_authorised", "seats_sold", "captured"]

    async def all_of_them() -> bool:
        return await told() == expected

    await until(all_of_them, "every transition is published, once, in order")


async def test_g9_the_price_is_that_of_the_hold(shop: Till) -> None:
    """A show cannot be changed, and what is loaded later changes nothing that is there."""
    show_id = await shop.hall(prices={"A": 1_999, "B": 1})
    held = await shop.hold(show_id, "S-1-1", "S-1-2", "S-1-3")
    for method in ("PUT", "PATCH"):
        changed = await shop.http.request(
            method, f"/v1/shows/{show_id}", json={"prices": {"A": 1}}, headers=AUTH
        )
        assert changed.status_code == 405
    await shop.server.load(show_id, "section,row,seat,category\nS,1,1,B\nT,1,1,B")
    order = (await shop.order(held["hold_id"])).json()
    assert order["amount"] == held["amount"] == 3 * 1_999


@pytest.mark.parametrize(
    ("currency", "price"), [("EUR", 1_999), ("JPY", 1_980), ("KWD", 12_340), ("USD", 29)]
)
async def test_g10_money_is_whole_minor_units_from_the_price_to_the_card(
    shop: Till, currency: str, price: int
) -> None:
    show_id = await shop.hall(currency=currency, prices={"A": price})
    order = await shop.ordered(show_id, "S-1-1", "S-1-2", "S-1-3")
    await shop.pay(order)
    paid = await shop.becomes(order, "paid")
    assert paid["amount"] == 3 * price
    payment = await shop.runtime.gateway.find((await shop.stored(order["order_id"])).payment_id)
    assert (payment.amount, payment.currency) == (3 * price, currency)
    wrong = await shop.http.post(
        "/v1/shows",
        json={"name": "n", "venue": "v", "starts_at": "2030-01-01T00:00:00Z", "currency": currency,
              "prices": {"A": 19.99}},
        headers=AUTH,
    )  # fmt: skip
    assert wrong.status_code == 422
