"""The circuit breaker: what opens it, who is let through, and what closes it."""

from __future__ import annotations

import asyncio

import pytest

from cluster.payments.breaker import TRIED_SECONDS, CircuitBreaker
from cluster.payments.gateway import PaymentRefused, PaymentsUnavailable

FAILURES_MAX = 3
OPEN_SECONDS = 10.0


class Provider:
    """Answers as it is told, and counts who asks."""

    def __init__(self) -> None:
        self.answer: Exception | str = "yes"
        self.calls = 0
        self.gate: asyncio.Event | None = None

    async def __call__(self) -> str:
        self.calls += 1
        answer = self.answer
        if self.gate is not None:
            await self.gate.wait()
        if isinstance(answer, Exception):
            raise answer
        return answer


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker(clock, FAILURES_MAX, OPEN_SECONDS)


async def fail(breaker: CircuitBreaker, provider: Provider, times: int) -> None:
    provider.answer = PaymentsUnavailable("away")
    for _ in range(times):
        with pytest.raises(PaymentsUnavailable, match="away"):
            await breaker.guard(provider)


async def turned_away(breaker: CircuitBreaker, provider: Provider) -> int:
    """The seconds after which to try again; the provider was not asked."""
    calls = provider.calls
    with pytest.raises(PaymentsUnavailable) as unavailable:
        await breaker.guard(provider)
    assert provider.calls == calls
    assert not unavailable.value.answered
    return unavailable.value.retry_after_seconds


async def test_it_opens_after_so_many_failures_in_a_row(
    breaker: CircuitBreaker, provider: Provider, clock: Clock
) -> None:
    await fail(breaker, provider, FAILURES_MAX)
    assert breaker.is_open
    assert await turned_away(breaker, provider) == OPEN_SECONDS
    clock.now += 7.5
    assert await turned_away(breaker, provider) == 3
    clock.now += 2.4
    assert await turned_away(breaker, provider) == 1


async def test_an_outage_is_told_as_long_as_somebody_meets_it(
    breaker: CircuitBreaker, provider: Provider, clock: Clock
) -> None:
    assert not breaker.turns_away
    await fail(breaker, provider, FAILURES_MAX)
    for _ in range(10):
        assert breaker.turns_away
        clock.now += OPEN_SECONDS + TRIED_SECONDS / 2
        assert breaker.turns_away
        await fail(breaker, provider, 1)
    clock.now += OPEN_SECONDS
    provider.answer = "yes"
    await breaker.guard(provider)
    assert not breaker.turns_away


async def test_a_circuit_that_nobody_tries_is_not_told_as_open_for_ever(
    breaker: CircuitBreaker, provider: Provider, clock: Clock
) -> None:
    await fail(breaker, provider, FAILURES_MAX)
    clock.now += OPEN_SECONDS + TRIED_SECONDS
    assert not breaker.turns_away
    provider.gate = asyncio.Event()
    probe = asyncio.create_task(breaker.guard(provider))
    await asyncio.sleep(0)
    assert breaker.turns_away
    assert await turned_away(breaker, provider) == 1
    provider.gate.set()
    with pytest.raises(PaymentsUnavailable, match="away"):
        await probe
    assert breaker.turns_away
    assert await turned_away(breaker, provider) == OPEN_SECONDS


@pytest.mark.parametrize("answer", ["yes", PaymentRefused("card_declined")])
async def test_a_definite_answer_between_failures_keeps_it_closed(
    breaker: CircuitBreaker, provider: Provider, answer: Exception | str
) -> None:
    for _ in range(3):
        await fail(breaker, provider, FAILURES_MAX - 1)
        provider.answer = answer
        if isinstance(answer, Exception):
            with pytest.raises(PaymentRefused):
                await breaker.guard(provider)
        else:
            assert await breaker.guard(provider) == answer
    assert not breaker.is_open


async def test_one_call_is_let_through_and_its_success_closes_it(
    breaker: CircuitBreaker, provider: Provider, clock: Clock
) -> None:
    await fail(breaker, provider, FAILURES_MAX)
    clock.now += OPEN_SECONDS
    provider.answer, provider.gate = "yes", asyncio.Event()
    probe = asyncio.create_task(breaker.guard(provider))
    await asyncio.sleep(0)
    assert provider.calls == FAILURES_MAX + 1
    assert await turned_away(breaker, provider) == 1
    provider.gate.set()
    assert await probe == "yes"
    assert not breaker.is_open
    assert await breaker.guard(provider) == "yes"
    await fail(breaker, provider, FAILURES_MAX - 1)
    assert not breaker.is_open


async def test_a_call_that_fails_when_let_through_keeps_it_open_for_as_long_again(
    breaker: CircuitBreaker, provider: Provider, clock: Clock
) -> None:
    await fail(breaker, provider, FAILURES_MAX)
    clock.now += OPEN_SECONDS
    await fail(breaker, provider, 1)
    assert await turned_away(breaker, provider) == OPEN_SECONDS
    clock.now += OPEN_SECONDS
    provider.answer = "yes"
    assert await breaker.guard(provider) == "yes"


async def test_a_cancelled_call_leaves_its_place_to_the_next(
    breaker: CircuitBreaker, provider: Provider, clock: Clock
) -> None:
    await fail(breaker, provider, FAILURES_MAX)
    clock.now += OPEN_SECONDS
    provider.answer, provider.gate = "yes", asyncio.Event()
    probe = asyncio.create_task(breaker.guard(provider))
    await asyncio.sleep(0)
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    assert breaker.is_open
    provider.gate = None
    assert await breaker.guard(provider) == "yes"
    assert not breaker.is_open


async def test_failures_of_calls_from_before_do_not_keep_it_open_longer(
    breaker: CircuitBreaker, provider: Provider, clock: Clock
) -> None:
    provider.answer, provider.gate = PaymentsUnavailable("away"), asyncio.Event()
    old = [asyncio.create_task(breaker.guard(provider)) for _ in range(FAILURES_MAX + 1)]
    await asyncio.sleep(0)
    provider.gate.set()
    for task in old[:FAILURES_MAX]:
        with pytest.raises(PaymentsUnavailable):
            await task
    clock.now += OPEN_SECONDS - 1
    with pytest.raises(PaymentsUnavailable):
        await old[FAILURES_MAX]
    assert await turned_away(breaker, provider) == 1


async def test_a_defect_is_neither_success_nor_failure(
    breaker: CircuitBreaker, provider: Provider
) -> None:
    await fail(breaker, provider, FAILURES_MAX - 1)
    provider.answer = ValueError("a defect")
    with pytest.raises(ValueError, match="a defect"):
        await breaker.guard(provider)
    assert not breaker.is_open
    await fail(breaker, provider, 1)
    assert breaker.is_open
