"""The laws of an order over facts in any order, late, twice, and untrue: whatever is heard, it obeys them."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from actors.domain import ordering, repaying
from actors.domain.order import Cause, Line, Order, State, Task
from actors.domain.payment import MoneyBack, Payment, PaymentStatus, RefundStatus
from actors.domain.rejections import Code, Rejection
from tests.unit.orders import HOLD_MS, NOW, ORDERS, SEATS, draft

Fact = Callable[[Order, int], Order | Rejection | None]

payments = st.builds(
    Payment,
    st.sampled_from(["pi_1", "pi_1", "pi_1", "pi_2"]),
    st.sampled_from(PaymentStatus),
    st.sampled_from([5_000, 5_000, 5_000, 4_000, 0, 9_999]),
    st.sampled_from(["EUR", "EUR", "EUR", "USD"]),
    st.just("o1"),
    st.sampled_from(["", "declined"]),
)
refund_ids = st.sampled_from(["r1", "r2", "r3", "void"])
attempts = st.integers(1, 3)
some_seats = st.lists(st.sampled_from(SEATS), max_size=3).map(tuple)
PRICES = {"all paid": (1_000, 1_500, 2_500), "a guest": (0, 1_500, 3_500), "guests": (0, 0, 0)}
AFTER_CANCELLED = {State.CANCELLED, State.REFUNDED}
AFTER_TOO_LATE = {State.EXPIRED, State.REFUNDED}
OF_PAID = {State.PAID, State.PARTIALLY_REFUNDED, State.REFUNDED}


class OrderLaws(RuleBasedStateMachine):
    order: Order

    @initialize(name=st.sampled_from([*ORDERS, *PRICES]))
    def begin(self, name: str) -> None:
        """An order of its own prices, or one that has come some way already."""
        self.now = NOW
        if name in ORDERS:
            self.order = ORDERS[name]
        else:
            first, second, third = PRICES[name]
            lines = (
                Line(3, (4, 5), SEATS[:2], ("stalls", "stalls"), (first, second)),
                Line(7, (0,), SEATS[2:], ("circle",), (third,)),
            )
            self.order = ordering.ordered(draft(amount=sum(PRICES[name]), lines=lines), NOW)
        self.first = self.order

    @precondition(lambda self: self.order.version >= 8 or self.order.task is Task.NONE)
    @rule(name=st.sampled_from([*ORDERS, *PRICES]))
    def another_order(self, name: str) -> None:
        """One order has a short life: most of a run would be spent on what is over."""
        self.begin(name)

    def hear(self, fact: Fact) -> Order | Rejection | None:
        """A fact, and at once the same again, as those do who were not told that it was heard."""
        before = self.order
        after = fact(before, self.now)
        if isinstance(after, Order):
            self.follow(before, after)
            self.order = after
            assert not isinstance(fact(after, self.now), Order), "the second time has no effect"
        return after

    def follow(self, before: Order, after: Order) -> None:
        assert after.version == before.version + 1
        assert after.history[:-1] == before.history, "what was, remains"
        told = after.history[-1]
        assert (told.version, told.state, told.at) == (after.version, after.state, self.now)
        assert (after.attempts, after.key_number) == (0, 1), "a new task is tried anew"
        assert before.payment_id in ("", after.payment_id), "an order has one payment"
        assert after.deadline >= before.deadline
        assert after.due_at is None or after.due_at > self.now
        causes = {one.cause for one in after.history}
        if after.task is Task.CAPTURE:
            assert told.cause is Cause.SEATS_SOLD, "no money is taken before its seats are sold"
        if after.state is State.PAID and before.state not in OF_PAID:
            assert Cause.SEATS_SOLD in causes, "nobody pays for nothing"
            assert before.task is Task.CAPTURE or after.amount == 0, "nobody gets seats for nothing"
        if before.task is Task.UNDO:
            assert after.task in (Task.VOID, Task.NONE), "first the seats, then the money"
        if before.payment_id and before.task is Task.UNDO:
            assert after.task is Task.VOID, "an open payment is not left behind"

    # What its buyer, its hold and the clock do.

    @rule()
    def buyer_cancels(self) -> None:
        before = self.order
        after = self.hear(ordering.cancelled)
        waits = before.state is State.AWAITING_PAYMENT
        assert isinstance(after, Order) == waits
        assert waits or after is None or isinstance(after, Rejection)

    @rule(expired=st.booleans())
    def hold_is_over(self, expired: bool) -> None:
        self.hear(lambda order, now: ordering.hold_over(order, expired=expired, now=now))

    @rule(more=st.sampled_from([-1, 0, 1, 60_000, HOLD_MS]))
    def hold_is_extended(self, more: int) -> None:
        self.hear(lambda order, now: ordering.hold_extended(order, NOW + HOLD_MS + more, now))

    @rule()
    def it_is_too_late(self) -> None:
        self.hear(ordering.too_late)

    @rule(wait=st.sampled_from([1, 1_000, 60_000, HOLD_MS]))
    def time_passes(self, wait: int) -> None:
        self.now += wait

    @rule(steps=st.integers(1, 4))
    def all_goes_well(self, steps: int) -> None:
        """The fact that its task is waiting for."""
        for _ in range(steps):
            payment = Payment("pi_1", PaymentStatus.CAPTURED, self.order.amount, "EUR", "o1")
            match self.order.task:
                case Task.WATCH if not self.order.payment_id:
                    self.payment_is_opened("pi_1")
                case Task.WATCH:
                    self.payment_is_seen(payment)
                case Task.SELL:
                    self.seats_are_answered_for(ordering.sold)
                case Task.CAPTURE:
                    self.capture_is_answered(payment)
                case Task.UNDO:
                    self.seats_are_answered_for(ordering.undone)
                case Task.VOID:
                    self.closing_is_answered(payment)
                case Task.REFUND:
                    refund = repaying.next_refund(self.order)
                    assert refund is not None
                    arrived = RefundStatus.SUCCEEDED
                    self.refund_is_told_of(refund.refund_id, refund.attempt, arrived)
                    self.tickets_are_back(refund.refund_id)
                case Task.NONE:
                    self.refund_is_requested(f"r{len(self.order.refunds) + 1}", SEATS[:1])

    # What is said of its payment and of its seats.

    @rule(payment_id=st.sampled_from(["pi_1", "pi_1", "pi_2"]))
    def payment_is_opened(self, payment_id: str) -> None:
        self.hear(lambda order, now: ordering.payment_opened(order, payment_id, now))

    @rule()
    def payment_is_refused(self) -> None:
        self.hear(lambda order, now: ordering.payment_refused(order, "too small", now))

    @rule(payment=payments)
    def payment_is_seen(self, payment: Payment) -> None:
        before = self.order
        after = self.hear(lambda order, now: ordering.payment_seen(order, payment, now))
        if isinstance(after, Order) and after.task is Task.SELL:
            right = (before.amount, before.currency, before.payment_id)
            assert (payment.amount, payment.currency, payment.payment_id) == right

    @rule(payment=payments)
    def capture_is_answered(self, payment: Payment) -> None:
        after = self.hear(lambda order, now: ordering.captured(order, payment, now))
        if isinstance(after, Order) and after.state is State.PAID:
            assert (payment.amount, payment.currency) == (after.amount, after.currency)

    @rule()
    def capture_is_refused(self) -> None:
        self.hear(lambda order, now: ordering.capture_refused(order, "expired_card", now))

    @rule(payment=payments)
    def closing_is_answered(self, payment: Payment) -> None:
        before = self.order.task
        after = self.hear(lambda order, now: ordering.voided(order, payment, now))
        if isinstance(after, Order):
            assert before is Task.VOID
            assert payment.status in (PaymentStatus.CANCELED, PaymentStatus.CAPTURED)
            owed = after.task is Task.REFUND
            assert owed == (payment.status is PaymentStatus.CAPTURED), "taken money goes back"

    @rule(fact=st.sampled_from([ordering.sold, ordering.seats_gone, ordering.undone]))
    def seats_are_answered_for(self, fact: Fact) -> None:
        self.hear(fact)

    # What the organizer asks for, and what the provider says of it.

    @rule(refund_id=refund_ids.filter(lambda name: name != "void"), seats=some_seats)
    def refund_is_requested(self, refund_id: str, seats: tuple[str, ...]) -> None:
        left = set(repaying.refundable(self.order))
        known = self.order.refund(refund_id) is not None
        after = self.hear(
            lambda order, now: repaying.refund_requested(order, refund_id, seats, now)
        )
        if isinstance(after, Order):
            assert set(after.refunds[-1].seats) == (set(seats) or left)
            assert set(seats) <= left
        elif isinstance(after, Rejection) and after.code is Code.ALREADY_REFUNDED:
            assert not left or not set(seats) <= left
        else:
            possible = len(seats) == len(set(seats)) and set(seats) <= set(self.order.seats)
            assert known or self.order.state not in OF_PAID or not possible

    @rule(
        refund_id=refund_ids,
        attempt=attempts,
        status=st.sampled_from(RefundStatus),
        provider_id=st.sampled_from(["", "", "", "re_9"]),
    )
    def refund_is_told_of(
        self, refund_id: str, attempt: int, status: RefundStatus, provider_id: str = ""
    ) -> None:
        told = MoneyBack(provider_id or f"re_{attempt}", refund_id, 1_000, status, "card_closed")
        before = self.order.refund(told.refund_id)
        after = self.hear(lambda order, now: repaying.money_back(order, told, now, attempt=attempt))
        if isinstance(after, Order):
            assert before is not None
            assert before.attempt == attempt, "late news change nothing"
            tried = after.refund(told.refund_id)
            assert tried is not None
            again = told.status is RefundStatus.FAILED
            assert tried.attempt == attempt + again
            assert tried.sent != again
            assert not before.sent or before.provider_id == told.provider_id

    @rule(refund_id=refund_ids, attempt=attempts)
    def refund_is_refused(self, refund_id: str, attempt: int) -> None:
        before = self.order.refund(refund_id)
        after = self.hear(
            lambda order, now: repaying.refund_refused(
                order, refund_id, "disputed", now, attempt=attempt
            )
        )
        if isinstance(after, Order):
            assert before is not None
            assert not before.sent, "what is on its way is not sent once more"

    @rule(refund_id=refund_ids)
    def tickets_are_back(self, refund_id: str) -> None:
        self.hear(lambda order, now: repaying.tickets_returned(order, refund_id, now))

    # What is true at any time.

    @invariant()
    def an_order_rests_exactly_when_there_is_nothing_to_do(self) -> None:
        assert (self.order.due_at is None) == (self.order.task is Task.NONE)
        open_ones = [refund for refund in self.order.refunds if not refund.over]
        assert (self.order.task is Task.REFUND) == bool(open_ones)
        assert (repaying.next_refund(self.order) is not None) == bool(open_ones)

    @invariant()
    def its_history_has_one_entry_for_each_version(self) -> None:
        versions = [one.version for one in self.order.history]
        assert versions == list(range(1, self.order.version + 1))

    @invariant()
    def what_it_is_made_of_never_changes(self) -> None:
        for name in ("order_id", "token", "lines", "amount", "currency", "created_at"):
            assert getattr(self.order, name) == getattr(self.first, name)

    @invariant()
    def what_is_over_is_over(self) -> None:
        states = [one.state for one in self.order.history]
        if State.CANCELLED in states:
            assert set(states[states.index(State.CANCELLED) :]) <= AFTER_CANCELLED
        causes = [one.cause for one in self.order.history]
        if Cause.TOO_LATE in causes:
            assert set(states[causes.index(Cause.TOO_LATE) :]) <= AFTER_TOO_LATE

    @invariant()
    def no_seat_is_refunded_twice_and_no_more_than_was_paid(self) -> None:
        seats = [seat for refund in self.order.refunds for seat in refund.seats]
        assert len(seats) == len(set(seats))
        assert set(repaying.refundable(self.order)) == set(self.order.seats) - set(seats)
        if self.order.state is not State.CANCELLED and self.order.refund("void") is None:
            assert sum(refund.amount for refund in self.order.refunds) <= self.order.amount
        for refund in self.order.refunds:
            assert refund.refund_id == "void" or refund.amount == self.order.price(refund.seats)

    @invariant()
    def it_is_refunded_exactly_when_every_seat_is(self) -> None:
        done = [one for one in self.order.refunds if one.status is RefundStatus.SUCCEEDED]
        given = {seat for refund in done for seat in refund.seats}
        assert (self.order.state is State.REFUNDED) == (given == set(self.order.seats))
        partly = bool(given) and given != set(self.order.seats)
        assert (self.order.state is State.PARTIALLY_REFUNDED) == partly


TestOrderLaws = OrderLaws.TestCase
TestOrderLaws.settings = settings(max_examples=400, stateful_step_count=50)
