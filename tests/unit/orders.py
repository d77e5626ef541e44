"""Orders to test with: one in each state and with each task that an order can have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

from actors.domain import ordering, repaying
from actors.domain.order import Actor, Cause, Line, Order, State, Task, Transition
from actors.domain.payment import MoneyBack, Payment, PaymentStatus, RefundStatus
from actors.domain.rejections import Rejection

NOW = 1_000_000_000_000
HOLD_MS = 600_000
LATER = NOW + 100_000
"""When the facts of a table are heard: the orders below are as old by then."""

PAYMENT = "pi_1"
SEATS = ("A-1-5", "A-1-6", "B-1-1")
LINES = (
    Line(3, (4, 5), ("A-1-5", "A-1-6"), ("stalls", "stalls"), (1_000, 1_500)),
    Line(7, (0,), ("B-1-1",), ("circle",), (2_500,)),
)
FREE_LINES = (Line(3, (4, 5), ("A-1-5", "A-1-6"), ("guest", "guest"), (0, 0)),)


def draft(**changes: object) -> Order:
    """An order that nobody has placed yet: three seats in blocks 3 and 7, their hold recorded in register 0."""
    fields: dict[str, object] = {
        "order_id": "o1",
        "fingerprint": "request",
        "show_id": "show",
        "token": "token",
        "primary": 0,
        "epoch": 2,
        "hold_fingerprint": "hold",
        "email": "zoe@example.org",
        "name": "Zoe",
        "amount": 5_000,
        "currency": "EUR",
        "lines": LINES,
        "state": State.AWAITING_PAYMENT,
        "task": Task.WATCH,
        "version": 0,
        "created_at": NOW,
        "deadline": NOW + HOLD_MS,
        "due_at": None,
        **changes,
    }
    return Order(**fields)  # type: ignore[arg-type]


def payment(
    status: PaymentStatus, amount: int = 5_000, currency: str = "EUR", payment_id: str = PAYMENT
) -> Payment:
    return Payment(payment_id, status, amount, currency, "o1", "problem")


def money(
    status: RefundStatus, provider_id: str = "re_1", refund_id: str = "r1", amount: int = 1_000
) -> MoneyBack:
    problem = "card_closed" if status is RefundStatus.FAILED else ""
    return MoneyBack(provider_id, refund_id, amount, status, problem)


def changed(after: Order | Rejection | None) -> Order:
    """The order after a fact that must have changed it."""
    assert isinstance(after, Order), after
    return after


def refund(order: Order, refund_id: str, *seats: str, **more: object) -> Order:
    return changed(repaying.refund_requested(order, refund_id, seats, NOW, **more))  # type: ignore[arg-type]


def given_back(
    order: Order, status: RefundStatus, refund_id: str = "r1", provider_id: str = "re_1"
) -> Order:
    return changed(repaying.money_back(order, money(status, provider_id, refund_id), NOW))


def returned(order: Order, refund_id: str = "r1") -> Order:
    return changed(repaying.tickets_returned(order, refund_id, NOW))


def _orders() -> dict[str, Order]:
    """Each by the shortest way there, all at one moment."""
    authorised, captured = PaymentStatus.AUTHORISED, PaymentStatus.CAPTURED
    canceled, succeeded = PaymentStatus.CANCELED, RefundStatus.SUCCEEDED
    found = {"ordered": ordering.ordered(draft(), NOW)}
    free = ordering.ordered(draft(amount=0, lines=FREE_LINES), NOW)
    opened = changed(ordering.payment_opened(found["ordered"], PAYMENT, NOW))
    paying = changed(ordering.payment_seen(opened, payment(authorised), NOW))
    sold = changed(ordering.sold(paying, NOW))
    paid = changed(ordering.captured(sold, payment(captured), NOW))
    found |= {"opened": opened, "authorised": paying, "sold": sold, "paid": paid}
    found |= {"free": free, "free, paid": changed(ordering.sold(free, NOW))}
    unpaid = changed(ordering.cancelled(found["ordered"], NOW))
    undoing = changed(ordering.cancelled(opened, NOW))
    voiding = changed(ordering.undone(undoing, NOW))
    owing = changed(ordering.voided(voiding, payment(captured), NOW))
    found |= {"undoing, never payable": unpaid, "undoing": undoing, "voiding": voiding}
    found |= {
        "cancelled": changed(ordering.voided(voiding, payment(canceled), NOW)),
        "owing": owing,
        "owing, sent": given_back(owing, RefundStatus.PENDING, "void"),
        "owed, given back": given_back(owing, succeeded, "void"),
    }
    over = changed(ordering.hold_over(opened, expired=True, now=NOW))
    ending = changed(ordering.too_late(over, NOW))
    closing = changed(ordering.undone(ending, NOW))
    found |= {
        "expired, never payable": changed(
            ordering.hold_over(found["ordered"], expired=True, now=NOW)
        ),
        "expired": over,
        "ending": ending,
        "closing": closing,
        "closed": changed(ordering.voided(closing, payment(canceled), NOW)),
        "closed, owing": changed(ordering.voided(closing, payment(captured), NOW)),
    }
    asked = refund(paid, "r1", "A-1-5", fingerprint="f")
    sent = given_back(asked, RefundStatus.PENDING)
    partly = returned(given_back(asked, succeeded))
    more = refund(partly, "r2", "A-1-6", "B-1-1")
    found |= {
        "refunding": asked,
        "refund sent": sent,
        "refund failed": given_back(sent, RefundStatus.FAILED),
        "refund unreturned": given_back(asked, succeeded),
        "refund pending": returned(sent),
        "partly refunded": partly,
        "refunding more": more,
        "refunded": returned(given_back(more, succeeded, "r2", "re_2"), "r2"),
    }
    return found


ORDERS = _orders()


class Came(NamedTuple):
    """What a fact makes of an order, besides counting it. `due_ms` is after the fact, if it is not what is usual."""

    state: State
    task: Task
    cause: Cause
    actor: Actor
    detail: str = ""
    changes: Mapping[str, object] = {}
    due_ms: int = 0


Fact = Callable[[Order], Order | Rejection | None]


def expected(before: Order, came: Came) -> Order:
    """The whole order after a fact at LATER: nothing but what came of it is different."""
    usual = {
        (State.AWAITING_PAYMENT, Task.WATCH): LATER + 100_000,
        (State.EXPIRED, Task.WATCH): LATER + 60_000,
    }.get((came.state, came.task), LATER + 5_000)
    due = LATER + came.due_ms if came.due_ms else usual
    version = before.version + 1
    told = Transition(version, came.state, LATER, came.cause, came.actor, came.detail)
    changes = {"attempts": 0, "key_number": 1, **came.changes}
    return replace(
        before,
        state=came.state,
        task=came.task,
        version=version,
        due_at=None if came.task is Task.NONE else due,
        history=(*before.history, told),
        **changes,  # type: ignore[arg-type]
    )


def tried(name: str) -> Order:
    """An order of ORDERS whose task has been put off a few times."""
    return replace(ORDERS[name], attempts=3, key_number=2)
