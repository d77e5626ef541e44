"""The payment provider of a run: the product's provider in memory, its banks, its troubles, and the record of it."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any, NoReturn, TypeVar

from actors.domain.payment import MoneyBack, PaymentStatus, RefundStatus
from cluster.payments.breaker import CircuitBreaker
from cluster.payments.gateway import (
    OpenPayment,
    PaymentRefused,
    PaymentRequest,
    PaymentsUnavailable,
)
from cluster.payments.memory import MemoryGateway
from cluster.payments.memory_provider import Card, Fault, MemoryProvider
from cluster.payments.notice import Notice
from tests.simulation.machine import SHOW_ID, Machine
from tests.simulation.money import CardKind
from tests.simulation.network import NOBODY, Network, Told, exchange
from tests.simulation.virtual_loop import Process

ANSWER_SECONDS_MAX = 6.0
"""How long a gateway waits: less than a late message needs, so that what was given up may still be done."""

SLOW_SECONDS = (0.5, 15.0)
SLOWER = 0.3
"""Of what goes wrong in bad weather, so much takes too long as well."""

PENDING_SECONDS = (0.5, 20.0)
FAILS_LATER_SECONDS = (0.2, 30.0)

T = TypeVar("T")
Answer = Callable[[Told[Any]], None]

_CARDS: dict[CardKind, Card] = {
    "good": Card.GOOD,
    "declined": Card.DECLINED,
    "slow": Card.SLOW,
    "slow_declined": Card.SLOW_DECLINED,
    "short": Card.GOOD,
    "refund_fails": Card.GOOD,
    "refund_pending": Card.GOOD,
}


@dataclass(frozen=True, slots=True)
class Moment:
    """What became of a payment, at this true time (ms). `by_itself`: nobody had asked for it."""

    at: float
    payment_id: str
    status: PaymentStatus
    amount: int
    by_itself: bool = False


FAILING = 0.8
"""The share of requests that go wrong while it is failing; at other times that is the weather's."""

BUSY = "the payment provider is busy"
NO_ANSWER = "no answer from the payment provider"


class Trouble:
    """How it goes with the provider now. `away` answers nothing, `failing` answers 429 and 500, whether it was done or
    not, `slow` takes so long that some give up, and `silent` sends no webhooks: those are never sent."""

    def __init__(self) -> None:
        self.away = self.slow = self.failing = self.silent = False


class Provider:
    """`moments` are its own record of payments; `strays` are payments that no order was ever told of, `unheard` are
    refunds that have failed without a word.

    `expiring` and `refunds_failing` are what the next authorisations, and the next refunds, are in for: after so many
    seconds they are over, or have failed. An authorisation of 0 seconds cannot be captured, although it looks well.
    """

    def __init__(self, machine: Machine, tell: Callable[[Notice], None]) -> None:
        self.trouble = Trouble()
        self.moments: list[Moment] = []
        self.strays: set[str] = set()
        self.unheard: set[str] = set()
        self.expiring: deque[float] = deque()
        self.refunds_failing: deque[float] = deque()
        self.memory = _Memory(lambda: int(machine.now_ms), on_event=self._hear)
        self._machine = machine
        self._tell = tell
        self._dice: Random = machine.dice("provider")
        self._cards: dict[str, CardKind] = {}
        self._refunds_seen: set[str] = set()
        self._expiring_now = ""

    def gateway(self, process: Process) -> MemoryGateway:
        """A client of its own for a process."""
        link = ProviderLink(self, self._machine.network(f"provider {process.name}"))
        return MemoryGateway(self.memory, link, CircuitBreaker(self._machine.loop.time))

    def serve(self, work: Callable[[], T], answer: Callable[[Told[T]], None]) -> None:
        """A request has arrived. What takes its time is done first, or at last."""
        if self.trouble.away:
            return
        loop, dice = self._machine.loop, self._dice
        slow = self.trouble.slow or self._goes_wrong(SLOWER)
        if not slow:
            answer(self._outcome(work))
            return
        wait = dice.uniform(*SLOW_SECONDS)
        if dice.random() < 0.5:
            loop.call_later(wait, lambda: answer(self._outcome(work)), context=NOBODY)
        else:
            loop.call_later(wait, answer, self._outcome(work), context=NOBODY)

    def _goes_wrong(self, share: float = 1.0) -> bool:
        if self._machine.climate.calm:
            return False
        chance = FAILING if self.trouble.failing else self._machine.plan.weather.provider
        return chance > 0 and self._dice.random() < chance * share

    def _outcome(self, work: Callable[[], T]) -> Told[T]:
        """With what goes wrong: 429 and a proxy's 502 say nothing; a 500 of its own is kept, whatever was done."""
        faults, fault = self.memory.faults, None
        wrong: list[str | Fault] = ["429", "502", Fault.BEFORE, Fault.AFTER]
        if self._goes_wrong():
            fault = self._dice.choice(wrong)
        if isinstance(fault, str):
            return _raising(PaymentsUnavailable(BUSY if fault == "429" else NO_ANSWER, 2))
        faults.append(fault)
        self.memory.reads_fail = fault is not None
        try:
            done = work()
        except (PaymentRefused, PaymentsUnavailable) as error:
            return _raising(error)
        finally:
            self.memory.reads_fail = False
            faults.clear()
        return lambda: done

    # What buyers and banks do.

    def pay(self, secret: str, card: CardKind, bank_seconds: float) -> None:
        """A buyer's browser sends card and secret. Nothing comes of it when it is too late."""
        if self.trouble.away:
            return
        payment_id = secret.partition("_secret_")[0]
        self._cards[payment_id] = card
        try:
            if card == "short":
                self.memory.set_less_aside(payment_id)
            self.memory.authorise(secret, _CARDS[card])
        except PaymentRefused as refused:
            self._machine.note(f"{payment_id} cannot be paid: {refused.code}")
            return
        if card in ("slow", "slow_declined"):
            loop = self._machine.loop
            loop.call_later(bank_seconds, self.memory.settle, payment_id, context=NOBODY)

    @property
    def is_deciding(self) -> bool:
        """Some bank has not made up its mind."""
        payments = self.memory.payments(0)
        return any(payment.status is PaymentStatus.PROCESSING for payment in payments)

    def stray(self, order_id: str, amount: int) -> None:
        """Somebody who uses the same account has a payment that says it is for this order."""
        request = PaymentRequest(order_id, SHOW_ID, amount, "EUR", "")
        opened = self.memory.open(request, f"stray {len(self.strays)}")
        self.strays.add(opened.payment.payment_id)
        self.memory.authorise(opened.client_secret, Card.GOOD)

    def _hear(self, notice: Notice) -> None:
        payment = notice.payment
        if payment is not None:
            status, by_itself = payment.status, self._expiring_now == payment.payment_id
            moment = Moment(
                self._machine.now_ms, payment.payment_id, status, payment.amount, by_itself
            )
            self.moments.append(moment)
            self._machine.note(f"provider: {payment.payment_id} is {status.value}")
            if status is PaymentStatus.AUTHORISED and self.expiring:
                self._let_expire(payment.payment_id, self.expiring.popleft())
        elif notice.kind == "refund.created":
            self._on_refund(notice.payment_id)
        if not self.trouble.silent:
            self._tell(notice)

    def _let_expire(self, payment_id: str, seconds: float) -> None:
        if seconds == 0.0:
            self.memory.refused_captures[payment_id] = "charge_expired_for_capture"
            return

        def expire() -> None:
            self._expiring_now = payment_id
            with contextlib.suppress(PaymentRefused):  # it is captured, or canceled
                self.memory.expire(payment_id)
            self._expiring_now = ""

        self._machine.loop.call_later(seconds, expire, context=NOBODY)

    def _on_refund(self, payment_id: str) -> None:
        """What is to become of the latest refund."""
        refund, card = self.memory.latest_refund(payment_id), self._cards.get(payment_id)
        self._machine.note(f"provider: {refund.amount} of {payment_id} go back, {refund.refund_id}")
        first = payment_id not in self._refunds_seen
        self._refunds_seen.add(payment_id)
        fails = self.refunds_failing.popleft() if self.refunds_failing else None
        if card == "refund_fails" and first:
            fails = self._dice.uniform(*FAILS_LATER_SECONDS)
        loop = self._machine.loop
        if fails is not None:
            loop.call_later(fails, self._fail_refund, refund, context=NOBODY)
        if card in ("refund_pending", "refund_fails"):
            self.memory.be_pending(payment_id, refund)
            wait = self._dice.uniform(*PENDING_SECONDS)
            loop.call_later(wait, self.memory.settle_refund, payment_id, refund, context=NOBODY)

    def _fail_refund(self, refund: MoneyBack) -> None:
        self._machine.note(f"provider: {refund.refund_id} fails")
        if self.trouble.silent:
            self.unheard.add(refund.provider_id)
        self.memory.fail_refund(refund.provider_id)


class _Memory(MemoryProvider):
    """With banks that set less aside than was asked for, refunds that take their time, and reads that fail."""

    reads_fail = False

    def read(self, payment_id: str) -> OpenPayment:
        self._fail_reads()
        return super().read(payment_id)

    def refunds(self, payment_id: str) -> list[MoneyBack]:
        self._fail_reads()
        return super().refunds(payment_id)

    def _fail_reads(self) -> None:
        if self.reads_fail:
            raise PaymentsUnavailable("the payment provider answered 500", answered=True)

    def set_less_aside(self, payment_id: str) -> None:
        intent = self._intent(payment_id)
        if intent.payment.status is PaymentStatus.OPEN:
            intent.payment = replace(intent.payment, amount=intent.payment.amount - 1)

    def _refund(self, intent: Any, refund_id: str, amount: int) -> MoneyBack:
        super()._refund(intent, refund_id, amount)
        return intent.refunds[-1]  # as those who heard of it have left it

    def latest_refund(self, payment_id: str) -> MoneyBack:
        return self._intent(payment_id).refunds[-1]

    def be_pending(self, payment_id: str, refund: MoneyBack) -> None:
        self._replace_refund(payment_id, refund, RefundStatus.SUCCEEDED, RefundStatus.PENDING)

    def settle_refund(self, payment_id: str, refund: MoneyBack) -> None:
        if self._replace_refund(payment_id, refund, RefundStatus.PENDING, RefundStatus.SUCCEEDED):
            self._tell("refund.updated", self._intent(payment_id), None)

    def _replace_refund(
        self, payment_id: str, refund: MoneyBack, before: RefundStatus, after: RefundStatus
    ) -> bool:
        refunds = self._intent(payment_id).refunds
        for index, one in enumerate(refunds):
            if one.provider_id == refund.provider_id and one.status is before:
                refunds[index] = replace(one, status=after)
                return True
        return False


class ProviderLink:
    """A process's connection to the provider (`cluster.payments.memory.Connection`)."""

    def __init__(self, provider: Provider, network: Network) -> None:
        self._provider = provider
        self._network = network

    async def ask(self, serve: Callable[[], T]) -> T:
        def arrive(answer: Callable[[Told[T]], None]) -> None:
            self._provider.serve(serve, answer)

        silence = PaymentsUnavailable(NO_ANSWER)
        return await exchange(self._network, arrive, ANSWER_SECONDS_MAX, silence)


def _raising(error: Exception) -> Told[Any]:
    def told() -> NoReturn:
        raise error

    return told
