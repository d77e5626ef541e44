"""What every payment gateway keeps: in memory, and Stripe's own SDK against a local Stripe."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from actors.domain.payment import MoneyBack, Payment, PaymentStatus, RefundStatus
from cluster.embedded.stripe import LocalStripe
from cluster.payments.gateway import OpenPayment, PaymentRefused, PaymentsUnavailable
from cluster.payments.memory_provider import Card
from cluster.payments.stripe_gateway import PAGE_MAX
from tests.payment_worlds import (
    MemoryWorld,
    Trouble,
    World,
    key,
    last,
    order,
    stripe_world,
    told,
)

CAPTURABLE = "payment_intent.amount_capturable_updated"
PROCESSING = "payment_intent.processing"
FAILED = "payment_intent.payment_failed"
SUCCEEDED = "payment_intent.succeeded"
CANCELED = "payment_intent.canceled"
UNEXPECTED_STATE = "payment_intent_unexpected_state"


@pytest.fixture(scope="session")
def local_stripe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStripe]:
    """One for the session: its banks answer when they are told to."""
    local = LocalStripe(tmp_path_factory.mktemp("stripe"), settle_seconds=3_600)
    local.wait_ready()
    yield local
    local.stop()


@pytest.fixture(params=["memory", "stripe"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    if request.param == "memory":
        yield MemoryWorld()
        return
    async with stripe_world(request.getfixturevalue("local_stripe")) as world:
        yield world


async def opened(world: World, amount: int = 5_000) -> OpenPayment:
    return await world.gateway.open(order(amount), key())


async def authorised(world: World, amount: int = 5_000) -> str:
    payment = await opened(world, amount)
    await world.pay(payment, Card.GOOD)
    return payment.payment.payment_id


async def captured(world: World, amount: int = 5_000, card: Card = Card.GOOD) -> str:
    payment = await opened(world, amount)
    await world.pay(payment, card)
    payment_id = payment.payment.payment_id
    await world.gateway.capture(payment_id, key())
    return payment_id


async def refusal(call: Awaitable[object]) -> str:
    with pytest.raises(PaymentRefused) as refused:
        await call
    return refused.value.code


async def silence(call: Awaitable[object]) -> PaymentsUnavailable:
    with pytest.raises(PaymentsUnavailable) as unavailable:
        await call
    return unavailable.value


async def test_a_payment_is_opened_for_an_order_and_its_secret_can_be_had_again(
    world: World,
) -> None:
    request = order(amount=12_345)
    first = await world.gateway.open(request, key())
    assert first.payment == Payment(
        first.payment.payment_id, PaymentStatus.OPEN, 12_345, "EUR", request.order_id
    )
    assert first.client_secret
    assert first.payment.payment_id in first.client_secret
    assert await world.gateway.reopen(first.payment.payment_id) == first
    assert await world.gateway.find(first.payment.payment_id) == first.payment


async def test_nothing_is_opened_for_nothing(world: World) -> None:
    assert await refusal(world.gateway.open(order(amount=0), key()))


async def test_a_good_card_is_authorised_and_captured(world: World) -> None:
    payment = await opened(world)
    payment_id = payment.payment.payment_id
    await world.pay(payment, Card.GOOD)
    found = await world.gateway.find(payment_id)
    assert (found.status, found.amount, found.problem) == (PaymentStatus.AUTHORISED, 5_000, "")
    taken = await world.gateway.capture(payment_id, key())
    assert (taken.status, taken.amount) == (PaymentStatus.CAPTURED, 5_000)
    notices = await told(world.notices, payment_id, CAPTURABLE, SUCCEEDED)
    assert last(notices, CAPTURABLE) == found
    assert last(notices, SUCCEEDED) == taken
    assert {notice.order_id for notice in notices} == {payment.payment.order_id}
    assert len({notice.event_id for notice in notices}) == len(notices)
    assert all(notice.created_ms > 1_600_000_000_000 for notice in notices)


async def test_after_a_declined_card_another_one_may_pay(world: World) -> None:
    payment = await opened(world)
    payment_id = payment.payment.payment_id
    await world.pay(payment, Card.DECLINED)
    declined = await world.gateway.find(payment_id)
    assert (declined.status, declined.problem) == (PaymentStatus.OPEN, "generic_decline")
    assert last(await told(world.notices, payment_id, FAILED), FAILED) == declined
    await world.pay(payment, Card.GOOD)
    found = await world.gateway.find(payment_id)
    assert (found.status, found.problem) == (PaymentStatus.AUTHORISED, "")


async def test_what_is_captured_stays_captured_however_often_it_is_asked_for(world: World) -> None:
    payment_id = await captured(world)
    as_it_stands = await world.gateway.find(payment_id)
    assert await world.gateway.capture(payment_id, key()) == as_it_stands
    assert await world.gateway.cancel(payment_id, key()) == as_it_stands
    assert as_it_stands.status is PaymentStatus.CAPTURED
    kinds = [notice.kind for notice in await told(world.notices, payment_id, SUCCEEDED)]
    assert kinds.count(SUCCEEDED) == 1
    assert CANCELED not in kinds


async def test_nothing_can_be_captured_that_nobody_paid(world: World) -> None:
    payment_id = (await opened(world)).payment.payment_id
    assert await refusal(world.gateway.capture(payment_id, key())) == UNEXPECTED_STATE
    assert (await world.gateway.find(payment_id)).status is PaymentStatus.OPEN


async def test_a_canceled_payment_can_never_be_paid(world: World) -> None:
    payment = await opened(world)
    payment_id = payment.payment.payment_id
    gone = await world.gateway.cancel(payment_id, key())
    assert gone.status is PaymentStatus.CANCELED
    assert await world.gateway.cancel(payment_id, key()) == gone
    assert await refusal(world.pay(payment, Card.GOOD)) == UNEXPECTED_STATE
    assert await refusal(world.gateway.capture(payment_id, key())) == UNEXPECTED_STATE
    assert last(await told(world.notices, payment_id, CANCELED), CANCELED) == gone


async def test_a_canceled_authorisation_can_never_be_taken(world: World) -> None:
    payment_id = await authorised(world)
    assert (await world.gateway.cancel(payment_id, key())).status is PaymentStatus.CANCELED
    assert await refusal(world.gateway.capture(payment_id, key())) == UNEXPECTED_STATE
    await told(world.notices, payment_id, CAPTURABLE, CANCELED)


@pytest.mark.parametrize("card", [Card.SLOW, Card.SLOW_DECLINED])
async def test_while_the_bank_decides_nobody_else_can(world: World, card: Card) -> None:
    payment = await opened(world)
    payment_id = payment.payment.payment_id
    await world.pay(payment, card)
    waiting = await world.gateway.find(payment_id)
    assert waiting.status is PaymentStatus.PROCESSING
    assert await world.gateway.cancel(payment_id, key()) == waiting
    assert await refusal(world.gateway.capture(payment_id, key())) == UNEXPECTED_STATE
    assert await refusal(world.pay(payment, Card.GOOD)) == UNEXPECTED_STATE
    await world.settle(payment_id)
    decided = await world.gateway.find(payment_id)
    if card is Card.SLOW:
        assert decided.status is PaymentStatus.AUTHORISED
        await told(world.notices, payment_id, PROCESSING, CAPTURABLE)
    else:
        assert (decided.status, decided.problem) == (PaymentStatus.OPEN, "generic_decline")
        await told(world.notices, payment_id, PROCESSING, FAILED)


async def test_one_key_opens_one_payment(world: World) -> None:
    request, once = order(), key()
    first = await world.gateway.open(request, once)
    assert await world.gateway.open(request, once) == first
    other = await world.gateway.open(request, key())
    assert other.payment.payment_id != first.payment.payment_id
    assert await refusal(world.gateway.open(order(amount=1), once)) == "idempotency_error"


async def test_a_key_gives_its_first_answer_for_ever(world: World) -> None:
    payment = await opened(world)
    payment_id, once = payment.payment.payment_id, key()
    assert await refusal(world.gateway.capture(payment_id, once)) == UNEXPECTED_STATE
    await world.pay(payment, Card.GOOD)
    assert await refusal(world.gateway.capture(payment_id, once)) == UNEXPECTED_STATE
    assert (await world.gateway.capture(payment_id, key())).status is PaymentStatus.CAPTURED


async def test_an_error_of_the_provider_before_the_work_is_kept_under_its_key(
    world: World,
) -> None:
    payment_id, once = await authorised(world), key()
    world.trouble(Trouble.FAIL_BEFORE)
    assert (await silence(world.gateway.capture(payment_id, once))).answered
    assert (await silence(world.gateway.capture(payment_id, once))).answered
    assert (await world.gateway.find(payment_id)).status is PaymentStatus.AUTHORISED
    assert (await world.gateway.capture(payment_id, key())).status is PaymentStatus.CAPTURED


async def test_an_error_of_the_provider_after_the_work_hides_that_it_is_done(world: World) -> None:
    payment_id, once = await authorised(world), key()
    world.trouble(Trouble.FAIL_AFTER)
    assert (await silence(world.gateway.capture(payment_id, once))).answered
    assert (await world.gateway.find(payment_id)).status is PaymentStatus.CAPTURED
    assert (await silence(world.gateway.capture(payment_id, once))).answered
    assert (await world.gateway.capture(payment_id, key())).status is PaymentStatus.CAPTURED


Look = Callable[[World, str], Awaitable[object]]
LOOKS: dict[str, Look] = {
    "find": lambda world, payment_id: world.gateway.find(payment_id),
    "given back": lambda world, payment_id: world.gateway.given_back(payment_id),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
async def test_a_look_that_fails_says_nothing_of_a_change_and_its_key(
    world: World, look: Look
) -> None:
    payment_id = await authorised(world)
    world.trouble(Trouble.FAIL_LOOK)
    assert not (await silence(look(world, payment_id))).answered
    await look(world, payment_id)


Change = Callable[[World, str, str], Awaitable[object]]
CHANGES: dict[str, Change] = {
    "cancel": lambda world, payment_id, once: world.gateway.cancel(payment_id, once),
    "capture": lambda world, payment_id, once: world.gateway.capture(payment_id, once),
}


@pytest.mark.parametrize("trouble", [Trouble.LOSE_REQUEST, Trouble.LOSE_ANSWER])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
async def test_a_change_that_got_lost_is_made_once_with_its_key(
    world: World, change: Change, trouble: Trouble
) -> None:
    payment_id, once = await authorised(world), key()
    world.trouble(trouble)
    assert not (await silence(change(world, payment_id, once))).answered
    done = await change(world, payment_id, once)
    assert done == await world.gateway.find(payment_id)


@pytest.mark.parametrize("trouble", [Trouble.LOSE_REQUEST, Trouble.LOSE_ANSWER])
async def test_a_payment_whose_opening_got_lost_is_opened_once_with_its_key(
    world: World, trouble: Trouble
) -> None:
    request, once = order(), key()
    world.trouble(trouble)
    assert not (await silence(world.gateway.open(request, once))).answered
    payment = await world.gateway.open(request, once)
    made = [found async for found in world.gateway.payments(0)]
    assert [found for found in made if found.order_id == request.order_id] == [payment.payment]


async def test_money_goes_back_in_parts_and_never_more_than_was_taken(world: World) -> None:
    payment_id = await captured(world, amount=5_000)
    assert await world.gateway.given_back(payment_id) == []
    first = await world.gateway.give_back(payment_id, "r1", 2_000, key())
    assert (first.refund_id, first.amount) == ("r1", 2_000)
    assert (first.status, first.problem) == (RefundStatus.SUCCEEDED, "")
    assert await refusal(world.gateway.give_back(payment_id, "r2", 3_001, key()))
    second = await world.gateway.give_back(payment_id, "r2", 3_000, key())
    assert await refusal(world.gateway.give_back(payment_id, "r3", 1, key()))
    assert await world.gateway.given_back(payment_id) == [second, first]
    assert (await world.gateway.find(payment_id)).status is PaymentStatus.CAPTURED
    notices = await told(world.notices, payment_id, "refund.created", "charge.refunded")
    paid_for = last(notices, SUCCEEDED)
    assert paid_for is not None
    assert all(notice.order_id == paid_for.order_id for notice in notices)


async def test_a_refund_is_made_once_with_its_key(world: World) -> None:
    payment_id, once = await captured(world), key()
    first = await world.gateway.give_back(payment_id, "r1", 1_000, once)
    assert await world.gateway.give_back(payment_id, "r1", 1_000, once) == first
    again = world.gateway.give_back(payment_id, "r1", 1_001, once)
    assert await refusal(again) == "idempotency_error"
    assert await world.gateway.given_back(payment_id) == [first]


async def test_a_refund_whose_answer_failed_is_found_by_its_name(world: World) -> None:
    payment_id = await captured(world)
    world.trouble(Trouble.FAIL_AFTER)
    assert (await silence(world.gateway.give_back(payment_id, "r1", 1_000, key()))).answered
    assert [back.refund_id for back in await world.gateway.given_back(payment_id)] == ["r1"]


async def test_only_what_was_taken_can_be_given_back(world: World) -> None:
    for payment_id in ((await opened(world)).payment.payment_id, await authorised(world)):
        assert await world.gateway.given_back(payment_id) == []
        back = world.gateway.give_back(payment_id, "r1", 1_000, key())
        assert await refusal(back) == UNEXPECTED_STATE


async def test_a_refund_that_fails_later_leaves_the_money_here_and_may_be_made_again(
    world: World,
) -> None:
    payment_id = await captured(world, card=Card.REFUND_FAILS)
    refund = await world.gateway.give_back(payment_id, "r1", 5_000, key())
    await world.settle(refund.provider_id)
    failed = (await world.gateway.given_back(payment_id))[0]
    assert (failed.status, failed.problem) == (RefundStatus.FAILED, "lost_or_stolen_card")
    await told(world.notices, payment_id, "refund.failed")
    again = await world.gateway.give_back(payment_id, "r2", 5_000, key())
    assert (again.refund_id, again.status) == ("r2", RefundStatus.SUCCEEDED)


async def test_payments_are_listed_newest_first_from_a_time_on(world: World) -> None:
    made = [(await opened(world)).payment for _ in range(3)]
    listed = [payment async for payment in world.gateway.payments(0)]
    assert listed[:3] == made[::-1]
    assert [payment async for payment in world.gateway.payments(4_000_000_000_000)] == []


async def test_refunds_are_listed_newest_first_with_their_payments_from_a_time_on(
    world: World,
) -> None:
    made = list[tuple[str, MoneyBack]]()
    for number in range(3):
        payment_id = await captured(world)
        refund = await world.gateway.give_back(payment_id, f"r{number}", 1_000, key())
        made.append((payment_id, refund))
    listed = [refund async for refund in world.gateway.refunds(0)]
    assert listed[:3] == made[::-1]
    assert [refund async for refund in world.gateway.refunds(4_000_000_000_000)] == []


async def test_a_list_may_be_longer_than_a_page(world: World) -> None:
    payments = await asyncio.gather(*(opened(world) for _ in range(PAGE_MAX + 5)))
    listed = [payment.payment_id async for payment in world.gateway.payments(0)]
    assert len(listed) == len(set(listed))
    assert {payment.payment.payment_id for payment in payments} <= set(listed)


async def test_what_does_not_exist_is_not_found(world: World) -> None:
    gateway = world.gateway
    for call in (
        gateway.find("pi_unknown"),
        gateway.reopen("pi_unknown"),
        gateway.capture("pi_unknown", key()),
        gateway.cancel("pi_unknown", key()),
        gateway.give_back("pi_unknown", "r1", 1, key()),
        gateway.given_back("pi_unknown"),
    ):
        assert await refusal(call) == "resource_missing"
