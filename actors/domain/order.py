"""An order: a hold being paid for, or paid. Data only; `actors.domain.ordering` says how it may change."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from actors.domain.commands import HoldTerms, Part
from actors.domain.payment import RefundStatus


class State(StrEnum):
    """How an order stands, for everybody to see."""

    AWAITING_PAYMENT = "awaiting_payment"
    AUTHORISED = "authorised"
    PAID = "paid"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUNDED = "refunded"
    PARTIALLY_REFUNDED = "partially_refunded"


class Task(StrEnum):
    """What is to be done about an order next. It is stored before it is begun, so whoever comes later can finish it.

    WATCH: see whether it is paid; SELL: sell the tickets to it; CAPTURE: take the money; UNDO: give the tickets back;
    VOID: see to it that no money can be taken; REFUND: give money and tickets back; NONE: it is at rest.
    """

    WATCH = "watch"
    SELL = "sell"
    CAPTURE = "capture"
    UNDO = "undo"
    VOID = "void"
    REFUND = "refund"
    NONE = "none"


class Cause(StrEnum):
    """Why an order changed."""

    ORDERED = "ordered"
    FREE = "nothing_to_pay"
    PAYMENT_OPENED = "payment_opened"
    PAYMENT_REFUSED = "payment_refused"
    HOLD_EXTENDED = "hold_extended"
    PAYMENT_AUTHORISED = "payment_authorised"
    LATE_PAYMENT = "late_payment"
    SEATS_SOLD = "seats_sold"
    CAPTURED = "captured"
    HOLD_RELEASED = "hold_released"
    HOLD_EXPIRED = "hold_expired"
    BUYER_CANCELLED = "buyer_cancelled"
    PAYMENT_CANCELED = "payment_canceled"
    AMOUNT_MISMATCH = "amount_mismatch"
    SEATS_GONE = "seats_gone"
    TOO_LATE = "too_late"
    SEATS_GIVEN_BACK = "seats_given_back"
    MONEY_FREED = "money_freed"
    MONEY_TO_RETURN = "money_to_return"
    REFUND_REQUESTED = "refund_requested"
    REFUND_SENT = "refund_sent"
    REFUND_FAILED = "refund_failed"
    REFUNDED = "refunded"
    RESTORED = "restored"


class Actor(StrEnum):
    """Who changed it."""

    BUYER = "buyer"
    ORGANIZER = "organizer"
    PAYMENTS = "payments"
    TICKETS = "tickets"
    CLOCK = "clock"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Line:
    """The tickets of one block, their seat ids, categories and prices (minor units), all in the same order."""

    block: int
    tickets: tuple[int, ...]
    seats: tuple[str, ...]
    categories: tuple[str, ...]
    prices: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Transition:
    """One change: the version that it led to, the state, when (ms since the epoch), why, and who."""

    version: int
    state: State
    at: int
    cause: Cause
    actor: Actor
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Refund:
    """Money (minor units) that goes back for some seats, which are then on sale again, or withheld.

    `fingerprint` is a digest of the request. `attempt` counts from 1; `provider_id` is the provider's
    name for the latest attempt that it has taken on. `returned`: the tickets are back.
    """

    refund_id: str
    seats: tuple[str, ...]
    amount: int
    withhold: bool
    reason: str
    requested_at: int
    fingerprint: str = ""
    status: RefundStatus = RefundStatus.PENDING
    provider_id: str = ""
    problem: str = ""
    attempt: int = 1
    returned: bool = False

    @property
    def sent(self) -> bool:
        """Whether the provider is carrying it out, or has."""
        return self.provider_id != "" and self.status is not RefundStatus.FAILED

    @property
    def over(self) -> bool:
        return self.returned and self.status is RefundStatus.SUCCEEDED


@dataclass(frozen=True, slots=True)
class Order:
    """`token`, `primary`, `epoch` and `hold_fingerprint` are those of its hold, `fingerprint` is a digest of the
    request that made the order. Times are ms since the epoch: `deadline` is the hold's, `due_at` when to look at the
    order next (None: it is at rest). `attempts` counts how often its task has been put off, `key_number`
    under which idempotency key it is tried: a new one when the provider has answered that it failed. Amounts are minor
    units.
    """

    order_id: str
    fingerprint: str
    show_id: str
    token: str
    primary: int
    epoch: int
    hold_fingerprint: str
    email: str
    name: str
    amount: int
    currency: str
    lines: tuple[Line, ...]
    state: State
    task: Task
    version: int
    created_at: int
    deadline: int
    due_at: int | None
    payment_id: str = ""
    attempts: int = 0
    key_number: int = 1
    refunds: tuple[Refund, ...] = ()
    history: tuple[Transition, ...] = ()

    @property
    def hold_id(self) -> str:
        return f"{self.show_id}-{self.primary}-{self.token}"

    @property
    def seats(self) -> tuple[str, ...]:
        return tuple(seat for line in self.lines for seat in line.seats)

    @property
    def blocks(self) -> tuple[int, ...]:
        """Every block that has a part of the hold; the primary, which may be a register without tickets, is last."""
        others = sorted(line.block for line in self.lines if line.block != self.primary)
        return (*others, self.primary)

    def line(self, block: int) -> Line | None:
        return next((line for line in self.lines if line.block == block), None)

    def tickets(self, block: int) -> tuple[int, ...]:
        line = self.line(block)
        return () if line is None else line.tickets

    def terms(self, block: int) -> HoldTerms:
        """What the block's part of the hold was made with."""
        size = len(self.seats)
        if block != self.primary:
            return HoldTerms(self.token, self.hold_fingerprint, size, self.primary, self.epoch)
        others = [line for line in self.lines if line.block != block]
        return HoldTerms(
            self.token,
            self.hold_fingerprint,
            size,
            self.primary,
            self.epoch,
            tuple(Part(line.block, line.tickets) for line in others),
            sum(price for line in others for price in line.prices),
        )

    def price(self, seats: tuple[str, ...]) -> int:
        """What these seats cost together, minor units."""
        prices = {
            seat: price
            for line in self.lines
            for seat, price in zip(line.seats, line.prices, strict=True)
        }
        return sum(prices[seat] for seat in seats)

    @property
    def ticketed(self) -> bool:
        """Whether its tickets may have been issued: the seats were sold to it, or there was nothing to pay."""
        return self.amount == 0 or any(one.cause is Cause.SEATS_SOLD for one in self.history)

    def refund(self, refund_id: str) -> Refund | None:
        return next((one for one in self.refunds if one.refund_id == refund_id), None)

    @property
    def reason(self) -> str:
        """Why the order stands as it does: the cause of its last change of state."""
        reason = ""
        for transition in reversed(self.history):
            if transition.state is not self.state:
                break
            reason = transition.cause.value
        return reason
