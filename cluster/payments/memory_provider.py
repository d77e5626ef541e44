"""A payment provider in memory, with the rules of Stripe's PaymentIntents and of its idempotency keys.

Written after Stripe's documentation ("Place a hold on a payment method", "Idempotent requests", "Refund and cancel
payments"), and held by the contract suite to what the Stripe adapter is held to. It does nothing by itself: no clock,
no chance and no task, so that a simulation decides when a bank answers and a refund fails.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import count
from typing import Any, NoReturn, TypeVar

from actors.domain.payment import MoneyBack, Payment, PaymentStatus, RefundStatus
from cluster.payments.gateway import (
    OpenPayment,
    PaymentRefused,
    PaymentRequest,
    PaymentsUnavailable,
)
from cluster.payments.notice import Notice

UNEXPECTED_STATE = "payment_intent_unexpected_state"

T = TypeVar("T")


class Card(Enum):
    """What becomes of a buyer's attempt to pay, and of a refund to that card."""

    GOOD = "authorised at once"
    DECLINED = "declined at once"
    SLOW = "the bank takes its time, then authorises"
    SLOW_DECLINED = "the bank takes its time, then declines"
    REFUND_FAILS = "authorised at once; a refund seems to go through, and fails later"


class Fault(Enum):
    """What happens to one change at the provider. Its answer is kept under the key, as every other."""

    BEFORE = "a 500, and nothing is done"
    AFTER = "it is done, and the answer is a 500"


@dataclass(slots=True)
class _Intent:
    payment: Payment
    secret: str
    created_ms: int
    card: Card = Card.GOOD
    refunds: list[MoneyBack] = field(default_factory=list)

    @property
    def kept(self) -> int:
        """What is left of a captured amount."""
        back = sum(
            refund.amount for refund in self.refunds if refund.status is not RefundStatus.FAILED
        )
        return self.payment.amount - back


@dataclass(frozen=True, slots=True)
class _Saved:
    request: tuple[object, ...]
    answer: Callable[[], Any]


def counted() -> Callable[[str], str]:
    """Ids of a kind of their own: `pi_1`, `pi_2`, `re_3`."""
    numbers = count(1)
    return lambda kind: f"{kind}_{next(numbers)}"


class MemoryProvider:
    """`clock` tells ms since the epoch. `on_event` hears of each event when it happens, as a webhook that is not late.

    `faults` are used up, one (or None) per change that is not a replay. `refused_captures` are payments whose bank no
    longer stands by its authorisation, with the code that says so.
    """

    def __init__(
        self,
        clock: Callable[[], int],
        ids: Callable[[str], str] | None = None,
        on_event: Callable[[Notice], None] = lambda _notice: None,
    ) -> None:
        self.on_event = on_event
        self.events: list[Notice] = []
        self.faults: deque[Fault | None] = deque()
        self.refused_captures: dict[str, str] = {}
        self._clock = clock
        self._ids = ids or counted()
        self._intents: dict[str, _Intent] = {}
        self._refunded: dict[str, tuple[int, str]] = {}
        self._saved: dict[str, _Saved] = {}

    # What the product asks for.

    def open(self, request: PaymentRequest, key: str) -> OpenPayment:
        if request.amount <= 0:
            raise PaymentRefused("parameter_invalid_integer")
        return self._once(key, ("open", request), lambda: self._open(request))

    def read(self, payment_id: str) -> OpenPayment:
        intent = self._intent(payment_id)
        return OpenPayment(intent.payment, intent.secret)

    def capture(self, payment_id: str, key: str) -> Payment:
        intent = self._intent(payment_id)
        return self._once(key, ("capture", payment_id), lambda: self._capture(intent))

    def cancel(self, payment_id: str, key: str) -> Payment:
        intent = self._intent(payment_id)
        return self._once(key, ("cancel", payment_id), lambda: self._cancel(intent))

    def refund(self, payment_id: str, refund_id: str, amount: int, key: str) -> MoneyBack:
        intent = self._intent(payment_id)
        request = ("refund", payment_id, refund_id, amount)
        return self._once(key, request, lambda: self._refund(intent, refund_id, amount))

    def refunds(self, payment_id: str) -> list[MoneyBack]:
        """Newest first."""
        return self._intent(payment_id).refunds[::-1]

    def payments(self, created_from: int) -> list[Payment]:
        """Newest first."""
        intents = reversed(self._intents.values())
        return [intent.payment for intent in intents if intent.created_ms >= created_from]

    def refunds_since(self, created_from: int) -> list[tuple[str, MoneyBack]]:
        """Newest first, each with its payment."""
        made = [
            (payment_id, provider_id)
            for provider_id, (created_ms, payment_id) in reversed(self._refunded.items())
            if created_ms >= created_from
        ]
        found = {
            refund.provider_id: refund
            for payment_id, _ in made
            for refund in self._intents[payment_id].refunds
        }
        return [(payment_id, found[provider_id]) for payment_id, provider_id in made]

    # What buyers and banks do.

    def authorise(self, payment: str, card: Card) -> Payment:
        """A buyer tries to pay; `payment` is its client secret or its id. PaymentRefused when it is too late."""
        intent = self._intent(payment.partition("_secret_")[0])
        self._need(intent, PaymentStatus.OPEN)
        intent.card = card
        if card in (Card.SLOW, Card.SLOW_DECLINED):
            return self._become(intent, PaymentStatus.PROCESSING, "payment_intent.processing")
        return self._answer_of_bank(intent, declined=card is Card.DECLINED)

    def settle(self, payment_id: str) -> Payment:
        """The bank of a payment in processing makes up its mind."""
        intent = self._intent(payment_id)
        self._need(intent, PaymentStatus.PROCESSING)
        return self._answer_of_bank(intent, declined=intent.card is Card.SLOW_DECLINED)

    def expire(self, payment_id: str) -> Payment:
        """An authorisation that nobody captured is over after some days: the payment is canceled by itself."""
        intent = self._intent(payment_id)
        self._need(intent, PaymentStatus.AUTHORISED)
        return self._become(intent, PaymentStatus.CANCELED, "payment_intent.canceled")

    def fail_refund(self, provider_id: str, problem: str = "lost_or_stolen_card") -> None:
        """A refund that was on its way, or seemed to have gone through, comes back."""
        for intent in self._intents.values():
            for index, refund in enumerate(intent.refunds):
                if refund.provider_id == provider_id:
                    intent.refunds[index] = replace(
                        refund, status=RefundStatus.FAILED, problem=problem
                    )
                    self._tell("refund.failed", intent, None)

    def forget_answers(self) -> None:
        """More than a day has passed: keys are new again."""
        self._saved.clear()

    def _open(self, request: PaymentRequest) -> OpenPayment:
        payment_id = self._ids("pi")
        payment = Payment(
            payment_id, PaymentStatus.OPEN, request.amount, request.currency, request.order_id
        )
        secret = f"{payment_id}_secret_{self._ids('cs')}"
        self._intents[payment_id] = _Intent(payment, secret, self._clock())
        return OpenPayment(payment, secret)

    def _capture(self, intent: _Intent) -> Payment:
        self._need(intent, PaymentStatus.AUTHORISED)
        if code := self.refused_captures.get(intent.payment.payment_id):
            raise PaymentRefused(code)
        return self._become(intent, PaymentStatus.CAPTURED, "payment_intent.succeeded")

    def _cancel(self, intent: _Intent) -> Payment:
        self._need(intent, PaymentStatus.OPEN, PaymentStatus.AUTHORISED)
        return self._become(intent, PaymentStatus.CANCELED, "payment_intent.canceled")

    def _refund(self, intent: _Intent, refund_id: str, amount: int) -> MoneyBack:
        self._need(intent, PaymentStatus.CAPTURED)
        if not 0 < amount <= intent.kept:
            raise PaymentRefused("charge_already_refunded" if not intent.kept else "amount_invalid")
        refund = MoneyBack(self._ids("re"), refund_id, amount, RefundStatus.SUCCEEDED)
        intent.refunds.append(refund)
        self._refunded[refund.provider_id] = self._clock(), intent.payment.payment_id
        self._tell("refund.created", intent, None)
        self._tell("charge.refunded", intent, None)
        return refund

    def _answer_of_bank(self, intent: _Intent, *, declined: bool) -> Payment:
        if declined:
            intent.payment = replace(intent.payment, problem="generic_decline")
            return self._become(intent, PaymentStatus.OPEN, "payment_intent.payment_failed")
        intent.payment = replace(intent.payment, problem="")
        kind = "payment_intent.amount_capturable_updated"
        return self._become(intent, PaymentStatus.AUTHORISED, kind)

    def _become(self, intent: _Intent, status: PaymentStatus, kind: str) -> Payment:
        intent.payment = replace(intent.payment, status=status)
        self._tell(kind, intent, intent.payment)
        return intent.payment

    def _tell(self, kind: str, intent: _Intent, payment: Payment | None) -> None:
        about = intent.payment
        event_id, now = self._ids("evt"), self._clock()
        notice = Notice(event_id, kind, now, about.payment_id, about.order_id, payment)
        self.events.append(notice)
        self.on_event(notice)

    def _intent(self, payment_id: str) -> _Intent:
        if (intent := self._intents.get(payment_id)) is None:
            raise PaymentRefused("resource_missing")
        return intent

    @staticmethod
    def _need(intent: _Intent, *statuses: PaymentStatus) -> None:
        if intent.payment.status not in statuses:
            raise PaymentRefused(UNEXPECTED_STATE)

    def _once(self, key: str, request: tuple[object, ...], work: Callable[[], T]) -> T:
        """The answer under this key: whatever the first request with it came to, also when that was a 500."""
        saved = self._saved.get(key)
        if saved is None:
            saved = self._saved[key] = _Saved(request, self._attempt(work))
        elif saved.request != request:
            raise PaymentRefused("idempotency_error")
        return saved.answer()

    def _attempt(self, work: Callable[[], T]) -> Callable[[], T]:
        fault = self.faults.popleft() if self.faults else None
        if fault is Fault.BEFORE:
            return _failing
        try:
            done = work()
        except PaymentRefused as refused:
            code = refused.code
            return lambda: _refusing(code)
        return _failing if fault is Fault.AFTER else lambda: done


def _failing() -> NoReturn:
    raise PaymentsUnavailable("the payment provider answered 500", answered=True)


def _refusing(code: str) -> NoReturn:
    raise PaymentRefused(code)
