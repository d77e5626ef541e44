"""The provider in memory: what a simulation may do to it, and that it does nothing by itself."""

from __future__ import annotations

import itertools

import pytest

from actors.domain.payment import PaymentStatus, RefundStatus
from cluster.payments.breaker import CircuitBreaker
from cluster.payments.gateway import PaymentRefused, PaymentRequest, PaymentsUnavailable
from cluster.payments.memory import Loss, Losses, MemoryGateway
from cluster.payments.memory_provider import Card, Fault, MemoryProvider
from cluster.payments.notice import Notice

REQUEST = PaymentRequest("order-1", "show-1", 5_000, "EUR", "2 seats")


def provider(heard: list[Notice] | None = None) -> MemoryProvider:
    return MemoryProvider(
        itertools.count(1_000).__next__,
        on_event=(heard if heard is not None else list[Notice]()).append,
    )


def authorised(bank: MemoryProvider) -> str:
    opened = bank.open(REQUEST, "open")
    return bank.authorise(opened.client_secret, Card.GOOD).payment_id


def sale() -> tuple[list[Notice], list[object]]:
    bank = provider()
    payment_id = authorised(bank)
    bank.capture(payment_id, "capture")
    refund = bank.refund(payment_id, "r1", 1_000, "refund")
    bank.fail_refund(refund.provider_id)
    return bank.events, [bank.payments(0), bank.refunds(payment_id)]


def test_the_same_steps_make_the_same_ids_and_events() -> None:
    assert sale() == sale()


def test_events_are_heard_as_they_happen_and_kept() -> None:
    heard: list[Notice] = []
    bank = provider(heard)
    payment_id = authorised(bank)
    bank.capture(payment_id, "capture")
    assert heard == bank.events
    assert [notice.kind for notice in heard] == [
        "payment_intent.amount_capturable_updated",
        "payment_intent.succeeded",
    ]


def test_an_authorisation_that_is_over_cannot_be_captured() -> None:
    bank = provider()
    payment_id = authorised(bank)
    assert bank.expire(payment_id).status is PaymentStatus.CANCELED
    assert bank.events[-1].kind == "payment_intent.canceled"
    with pytest.raises(PaymentRefused):
        bank.capture(payment_id, "capture")


def test_a_bank_may_not_stand_by_its_word() -> None:
    bank = provider()
    payment_id = authorised(bank)
    bank.refused_captures[payment_id] = "charge_expired_for_capture"
    with pytest.raises(PaymentRefused, match="charge_expired_for_capture"):
        bank.capture(payment_id, "capture")
    assert bank.read(payment_id).payment.status is PaymentStatus.AUTHORISED


def test_after_more_than_a_day_a_key_is_new() -> None:
    bank = provider()
    first = bank.open(REQUEST, "once")
    assert bank.open(REQUEST, "once") == first
    bank.forget_answers()
    assert bank.open(REQUEST, "once") != first


def test_a_failed_refund_can_be_given_again() -> None:
    bank = provider()
    payment_id = authorised(bank)
    bank.capture(payment_id, "capture")
    refund = bank.refund(payment_id, "r1", 5_000, "r1")
    bank.fail_refund(refund.provider_id, "declined")
    assert bank.refunds(payment_id)[0].problem == "declined"
    assert bank.refund(payment_id, "r2", 5_000, "r2").status is RefundStatus.SUCCEEDED


def test_a_fault_is_for_a_change_that_is_made_and_not_for_a_replay() -> None:
    bank = provider()
    payment_id = authorised(bank)
    done = bank.cancel(payment_id, "cancel")
    bank.faults.append(Fault.AFTER)
    assert bank.cancel(payment_id, "cancel") == done
    with pytest.raises(PaymentsUnavailable):
        bank.open(REQUEST, "another")
    assert len(bank.payments(0)) == 2


async def test_a_connection_may_lose_what_it_carries() -> None:
    bank, losses = provider(), Losses()
    gateway = MemoryGateway(bank, losses)
    losses.requests.extend([Loss.REQUEST, Loss.ANSWER, None])
    for payments in (0, 1):
        with pytest.raises(PaymentsUnavailable):
            await gateway.open(REQUEST, "once")
        assert len(bank.payments(0)) == payments
    assert (await gateway.open(REQUEST, "once")).payment == bank.payments(0)[0]
    losses.unavailable = True
    with pytest.raises(PaymentsUnavailable):
        await gateway.given_back("pi_1")


async def test_a_refusal_whose_answer_is_lost_is_silence() -> None:
    losses = Losses()
    losses.requests.append(Loss.ANSWER)
    with pytest.raises(PaymentsUnavailable):
        await MemoryGateway(provider(), losses).find("pi_unknown")


async def test_it_may_have_the_circuit_breaker_of_the_real_one() -> None:
    now = [0.0]
    bank, losses = provider(), Losses(unavailable=True)
    breaker = CircuitBreaker(lambda: now[0], failures_max=1, open_seconds=5.0)
    gateway = MemoryGateway(bank, losses, breaker)
    with pytest.raises(PaymentsUnavailable):
        await gateway.open(REQUEST, "once")
    losses.unavailable = False
    with pytest.raises(PaymentsUnavailable):
        await gateway.open(REQUEST, "once")
    now[0] = 5.0
    assert await gateway.open(REQUEST, "once")
