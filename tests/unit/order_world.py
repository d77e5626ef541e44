"""A small world around one order: its blocks, its bank, and workers who may be late. All of it pure, drawn from a seed.

A worker reads the order, does what its task asks for some time later, and is heard later still: meanwhile others do the
same. What the bank and the blocks tell comes late, twice, and in any order, but it was true once.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from actors.domain import ordering, repaying
from actors.domain.audit import BlockAudit
from actors.domain.audit_parts import audit_parts
from actors.domain.block import Block, apply
from actors.domain.commands import (
    CancelSale,
    Command,
    ConfirmHold,
    ExpireDue,
    ExtendHold,
    HoldTerms,
    HoldTickets,
    OpenBlock,
    Part,
    ReleaseHold,
    ReturnTickets,
    SecureHold,
)
from actors.domain.events import Event, HoldExpired, HoldExtended, HoldReleased, HoldSecured
from actors.domain.order import Line, Order, Refund, State, Task
from actors.domain.payment import MoneyBack, Payment, PaymentStatus, RefundStatus
from actors.domain.rejections import Rejection
from actors.domain.tickets import decide
from tests.unit.halls import RULES, register, seats
from tests.unit.orders import NOW, draft

OPEN, PROCESSING, AUTHORISED, CAPTURED, CANCELED = PaymentStatus
PENDING, SUCCEEDED, FAILED = RefundStatus
SECURE_MS = 600_000
STEPS_MAX = 100
"""Far more than any order needs."""

Fact = Callable[[Order, int], Order | Rejection | None]


class World:
    """`order` is what is stored. `heard` are facts on their way, `begun` what workers have read and not done yet."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.now = NOW
        self.sequence = 0
        self.blocks = {number: Block() for number in range(3)}
        self.audits = {number: BlockAudit(number) for number in range(3)}
        self.heard: list[Fact] = []
        self.begun: list[Order] = []
        self.refunds: dict[str, MoneyBack] = {}
        for number, layout in enumerate((register(), seats("aa"), seats("bb"))):
            self.ask(number, OpenBlock(layout, RULES, "test"))
        self.order = self._ordered()
        self.payment = Payment("pi_1", OPEN, self.order.amount, "EUR", "o1")
        self.learn(lambda order, now: ordering.payment_opened(order, "pi_1", now))

    def _ordered(self) -> Order:
        parts, lines = (Part(1, (0, 1)), Part(2, (1,))), list[Line]()
        for part in parts:
            self.ask(part.block, HoldTickets(HoldTerms("t", "hold", 3, 0, 2), part.tickets))
            layout = self.blocks[part.block].layout
            assert layout is not None
            names = tuple(layout.label(ticket) + f" in {part.block}" for ticket in part.tickets)
            prices = tuple(layout.price(ticket) for ticket in part.tickets)
            lines.append(Line(part.block, part.tickets, names, ("",) * len(names), prices))
        amount = sum(price for line in lines for price in line.prices)
        self.ask(0, HoldTickets(HoldTerms("t", "hold", 3, 0, 2, parts, amount), ()))
        order = draft(token="t", amount=amount, lines=tuple(lines))
        return ordering.ordered(order, self.now)

    # What everybody does.

    def ask(self, number: int, command: Command) -> Rejection | None:
        """A block's answer, by the clock of its host; its commit is audited."""
        decision = decide(self.blocks[number], command, self.now)
        if isinstance(decision, Rejection):
            return decision
        if decision:
            self.sequence += 1
            self.audits[number].commit(self.sequence, self.now, decision)
        for event in decision:
            apply(self.blocks[number], event)
            if number == 0:
                self.heard += _news(event)
        return None

    def learn(self, fact: Fact) -> None:
        after = fact(self.order, self.now)
        if not isinstance(after, Order):
            return
        if after.state is State.PAID and self.order.state is State.AUTHORISED:
            assert self.sold() == set(after.seats), "whoever has paid has the seats"
            assert self.payment.status is CAPTURED, "and whoever has the seats has paid"
        self.order = after

    def sold(self) -> set[str]:
        """The seats that the journal says are the order's."""
        owned = {number: block.owner for number, block in self.blocks.items()}
        return {
            seat
            for line in self.order.lines
            for ticket, seat in zip(line.tickets, line.seats, strict=True)
            if owned[line.block].get(ticket) == "t" and "t" in self.blocks[line.block].sold
        }

    def becomes(self, status: PaymentStatus) -> None:
        self.payment = replace(self.payment, status=status)
        told = self.payment
        self.heard.append(lambda order, now: ordering.payment_seen(order, told, now))

    def fails(self, name: str) -> None:
        """A refund comes back, be it after it had arrived."""
        refund_id, _, attempt = name.rpartition("-")
        self.refunds[name] = replace(self.refunds[name], status=FAILED, problem="card_closed")
        self.heard.append(_told(self.refunds[name], refund_id, int(attempt)))

    # What a worker does about an order as it has read it.

    def work(self, order: Order) -> Fact | None:
        match order.task:
            case Task.WATCH:
                return self._watch(order)
            case Task.SELL:
                return self._sell(order)
            case Task.CAPTURE:
                if self.payment.status is AUTHORISED:
                    self.becomes(CAPTURED)
                payment = self.payment
                return lambda order, now: ordering.captured(order, payment, now)
            case Task.UNDO:
                self._all(order.blocks, lambda _: CancelSale("t", "o1"))
                return ordering.undone
            case Task.VOID:
                if self.payment.status in (OPEN, AUTHORISED):
                    self.becomes(CANCELED)
                payment = self.payment
                return lambda order, now: ordering.voided(order, payment, now)
            case Task.REFUND:
                return self._refund(order)
            case Task.NONE:
                return None

    def _watch(self, order: Order) -> Fact | None:
        payment = self.payment
        if isinstance(ordering.payment_seen(order, payment, self.now), Order):
            return lambda order, now: ordering.payment_seen(order, payment, now)
        if payment.status is PROCESSING:
            if order.state is State.AWAITING_PAYMENT:
                self._secure(order)
            return None
        if order.state is State.EXPIRED:
            return ordering.too_late
        hold = self.blocks[0].holds.get("t")
        if hold is not None and self.now < hold.deadline:
            return None
        released = decide(self.blocks[0], ReleaseHold("t"), self.now) == ()
        return lambda order, now: ordering.hold_over(order, expired=not released, now=now)

    def _sell(self, order: Order) -> Fact:
        def confirm(block: int) -> Command:
            return ConfirmHold("t", "o1", order.tickets(block))

        refusal = self._all(order.blocks, confirm)
        if refusal is not None:
            refusal = self._secure(order) or self._all(order.blocks, confirm)
        return ordering.sold if refusal is None else ordering.seats_gone

    def _secure(self, order: Order) -> Rejection | None:
        def secure(block: int) -> Command:
            until = self.now + SECURE_MS
            return SecureHold(order.terms(block), order.tickets(block), "o1", until)

        return self._all(order.blocks[:-1], secure) or self._all(order.blocks[-1:], secure)

    def _all(self, blocks: Sequence[int], command: Callable[[int], Command]) -> Rejection | None:
        answers = [self.ask(block, command(block)) for block in blocks]
        return next((answer for answer in answers if answer is not None), None)

    def _refund(self, order: Order) -> Fact | None:
        refund = repaying.next_refund(order)
        assert refund is not None
        name = f"{refund.refund_id}-{refund.attempt}"
        if not refund.sent:
            if name not in self.refunds:
                status = self.chance.choice((PENDING, SUCCEEDED))
                self.refunds[name] = MoneyBack(
                    f"re_{name}", refund.refund_id, refund.amount, status
                )
        elif not refund.returned:
            self._return(order, refund)
            return partial(_returned, refund.refund_id)
        elif self.chance.random() < 0.5 and self.refunds[name].status is PENDING:
            self.refunds[name] = replace(self.refunds[name], status=SUCCEEDED)
        return _told(self.refunds[name], refund.refund_id, refund.attempt)

    def _return(self, order: Order, refund: Refund) -> None:
        for line in order.lines:
            pairs = zip(line.tickets, line.seats, strict=True)
            tickets = tuple(ticket for ticket, seat in pairs if seat in refund.seats)
            self.ask(line.block, ReturnTickets("t", "o1", tickets, refund.withhold, "r"))

    # What happens.

    def something_happens(self) -> None:
        chance = self.chance
        self.now += chance.choice((0, 0, 1, 1_000, 30_000, 300_000))
        match chance.randrange(20):
            case 0 | 1 | 2 if self.payment.status is OPEN:
                self.becomes(chance.choice((AUTHORISED, AUTHORISED, PROCESSING, OPEN)))
            case 3 if self.payment.status is PROCESSING:
                self.becomes(chance.choice((AUTHORISED, OPEN)))
            case 4 if self.payment.status is AUTHORISED and chance.random() < 0.5:
                self.becomes(CANCELED)
            case 5:
                number = chance.choice((1, 2))
                self.ask(number, HoldTickets(HoldTerms(f"u{self.now}", "f", 1, number), (1,)))
            case 6:
                self.ask(chance.randrange(3), ExpireDue())
            case 7 if chance.random() < 0.3:
                command = chance.choice((ReleaseHold("t"), ExtendHold("t", "r")))
                self._all((0, 1, 2), lambda _: command)
            case 8 if chance.random() < 0.2:
                self.learn(ordering.cancelled)
            case 9 if self.order.state in (State.PAID, State.PARTIALLY_REFUNDED):
                self._asks_for_refund()
            case 10 if self.refunds and chance.random() < 0.5:
                self.fails(chance.choice(list(self.refunds)))
            case 11 | 12 | 13 if self.heard:
                fact = chance.choice(self.heard)
                self.learn(fact)
                if chance.random() < 0.5:
                    self.heard.remove(fact)
            case 14 | 15:
                self.begun.append(self.order)
            case _:
                self._somebody_works()

    def _asks_for_refund(self) -> None:
        some = tuple(self.chance.sample(self.order.seats, self.chance.randint(0, 2)))
        name, withhold = f"r{len(self.order.refunds)}", self.chance.random() < 0.5
        self.learn(
            lambda order, now: repaying.refund_requested(order, name, some, now, withhold=withhold)
        )

    def _somebody_works(self) -> None:
        order = self.order
        if self.begun and self.chance.random() < 0.5:
            order = self.begun.pop(self.chance.randrange(len(self.begun)))
        fact = self.work(order)
        if fact is not None:
            self.heard.append(fact)
            if self.chance.random() < 0.7:
                self.learn(fact)

    def all_comes_to_rest(self) -> None:
        """Whoever is late is late no longer, and whatever was said is heard. Then one worker is left."""
        for order in self.begun:
            fact = self.work(order)
            self.heard += [] if fact is None else [fact]
        for _ in range(STEPS_MAX):
            while self.heard:
                self.learn(self.heard.pop(self.chance.randrange(len(self.heard))))
            if self.order.task is Task.NONE:
                return
            self._one_worker_goes_on()
        raise AssertionError(f"it never rests: {self.order}")

    def _one_worker_goes_on(self) -> None:
        before = self.order
        assert before.due_at is not None, "else nobody would"
        self.now = max(self.now, before.due_at)
        if self.payment.status is PROCESSING:
            self.becomes(self.chance.choice((AUTHORISED, OPEN)))
        fact = self.work(before)
        if fact is not None:
            self.learn(fact)
        if self.order is before:
            due_at = ordering.retry_at(before, self.now, unavailable=self.chance.random() < 0.5)
            self.order = replace(before, due_at=due_at, attempts=before.attempts + 1)

    def kept(self) -> int:
        """The money of the order that the bank has, minor units."""
        if self.payment.status is not CAPTURED:
            return 0
        back = sum(one.amount for one in self.refunds.values() if one.status is not FAILED)
        return self.payment.amount - back

    def objections(self) -> list[str]:
        own = [found for audit in self.audits.values() for found in audit.violations]
        return [found.detail for found in own + audit_parts(self.audits)]


def _news(event: Event) -> list[Fact]:
    """What the journal tells of the hold at its primary."""
    match event:
        case HoldExtended("t", deadline) | HoldSecured("t", _, deadline):
            return [lambda order, now: ordering.hold_extended(order, deadline, now)]
        case HoldExpired("t") | HoldReleased("t"):
            expired = isinstance(event, HoldExpired)
            return [lambda order, now: ordering.hold_over(order, expired=expired, now=now)]
        case _:
            return []


def _told(back: MoneyBack, refund_id: str, attempt: int) -> Fact:
    told = replace(back, refund_id=refund_id)
    return lambda order, now: repaying.money_back(order, told, now, attempt=attempt)


def _returned(refund_id: str, order: Order, now: int) -> Order | None:
    return repaying.tickets_returned(order, refund_id, now)
