"""Stripe is slow, fails, or is away: a clear answer, nothing lost, and nobody charged twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.fakes.stripe_proxy import Delivery, Fault
from tests.paying import Answer, Till, until

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def healed(shop: Till) -> AsyncIterator[None]:
    """Nothing of one test's troubles is left for the next: the circuit has to be closed again as well."""
    yield
    shop.proxy.always = None
    shop.proxy.faults.clear()
    shop.proxy.deliveries.clear()
    show_id = await shop.hall()
    held = await shop.hold(show_id, "S-1-1")

    async def answers() -> bool:
        return (await shop.order(held["hold_id"], key=f"healed {show_id}")).status_code == 201

    await until(answers, "Stripe can be asked again")


OPENING = "POST /v1/payment_intents"


@pytest.mark.parametrize("fault", [Fault.RATE_LIMIT, Fault.BAD_GATEWAY, Fault.DROP_BEFORE])
async def test_while_stripe_is_away_an_order_is_answered_503_and_made_when_it_is_back(
    shop: Till, fault: Fault
) -> None:
    show_id = await shop.hall()
    held = await shop.hold(show_id, "S-1-1")
    shop.proxy.always = fault
    for _ in range(6):  # then the circuit is open: an answer comes at once
        refused = await shop.order(held["hold_id"], key=f"again {show_id}")
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
        assert int(refused.headers["Retry-After"]) >= 1
    # The service looks at the orders of other tests meanwhile: only orders open payments.
    asked = shop.proxy.requests.count(OPENING)
    await shop.order(held["hold_id"], key=f"again {show_id}")
    assert shop.proxy.requests.count(OPENING) == asked, "Stripe is left in peace"
    shop.proxy.always = None

    async def ordered() -> Answer | None:
        answer = await shop.order(held["hold_id"], key=f"again {show_id}")
        return answer.json() if answer.status_code == 201 else None

    order = await until(ordered, "the order is made")
    await shop.pay(order)
    await shop.becomes(order, "paid")
    assert await shop.money(order) == ("captured", 0)


@pytest.mark.parametrize("fault", [Fault.ERROR_BEFORE, Fault.ERROR_AFTER])
async def test_a_payment_whose_opening_failed_is_opened_anew(shop: Till, fault: Fault) -> None:
    show_id = await shop.hall()
    held = await shop.hold(show_id, "S-1-1")
    shop.proxy.faults.append(fault)
    answer = await shop.order(held["hold_id"])
    assert answer.status_code == 201, answer.text
    await shop.pay(answer.json())
    await shop.becomes(answer.json(), "paid")
    assert await shop.money(answer.json()) == ("captured", 0)


@pytest.mark.parametrize(
    "fault",
    [
        Fault.RATE_LIMIT,
        Fault.ERROR_BEFORE,
        Fault.ERROR_AFTER,
        Fault.BAD_GATEWAY,
        Fault.DROP_BEFORE,
        Fault.DROP_AFTER,
        Fault.BREAK_OFF,
    ],
)
async def test_money_is_taken_once_however_the_capture_is_answered(
    shop: Till, fault: Fault
) -> None:
    show_id = await shop.hall()
    order = await shop.ordered(show_id, "S-1-1")
    shop.proxy.faults.extend([fault] * 4)  # the SDK's own retries, and one of ours
    await shop.pay(order)
    await shop.becomes(order, "paid")
    assert await shop.money(order) == ("captured", 0)


async def test_a_notice_that_comes_before_the_capture_is_answered_makes_the_order_paid(
    shop: Till,
) -> None:
    show_id = await shop.hall()
    order = await shop.ordered(show_id, "S-1-1")
    shop.proxy.slow_seconds = 3.0
    shop.proxy.faults.append(Fault.SLOW)
    await shop.pay(order)

    async def paid() -> bool:
        return (await shop.see(order["order_id"]))["state"] == "paid"

    await until(paid, "it is paid")
    await shop.becomes(order, "paid")
    assert await shop.money(order) == ("captured", 0)


@pytest.mark.parametrize("fault", [Fault.ERROR_BEFORE, Fault.ERROR_AFTER, Fault.DROP_AFTER])
async def test_money_goes_back_once_however_the_refund_is_answered(
    shop: Till, fault: Fault
) -> None:
    show_id = await shop.hall()
    order = await shop.ordered(show_id, "S-1-1", "S-1-2")
    await shop.pay(order)
    await shop.becomes(order, "paid")
    shop.proxy.faults.extend([fault] * 4)
    assert (await shop.refund(order, seats=["S-1-1"])).status_code == 202
    await shop.becomes(order, "partially_refunded")
    assert await shop.money(order) == ("captured", 5_000)


@pytest.mark.parametrize("fault", [Fault.ERROR_BEFORE, Fault.ERROR_AFTER, Fault.DROP_AFTER])
async def test_a_cancelled_order_frees_its_money_however_that_is_answered(
    shop: Till, fault: Fault
) -> None:
    show_id = await shop.hall()
    order = await shop.ordered(show_id, "S-1-1")
    shop.proxy.deliveries.extend([Delivery.WITHHELD] * 4)
    await shop.pay(order)  # authorised, but nobody has told us
    shop.proxy.faults.extend([fault] * 4)
    assert (await shop.http.delete(f"/v1/orders/{order['order_id']}")).status_code == 204
    await shop.becomes(order, "cancelled")
    assert await shop.money(order) == ("canceled", 0)
    await shop.proxy.release()
    await asyncio.sleep(0.2)
    assert (await shop.see(order["order_id"]))["state"] == "cancelled"
