"""A buyer is told of every state in words, and of every reason that says more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.domain import ordering
from actors.domain.order import Cause, Order, State
from actors.domain.payment import PaymentStatus, RefundStatus
from serve_app.web.language import language
from serve_app.web.order_words import (
    OF_PAYING,
    OF_REASON,
    OF_REFUNDS,
    OF_STATE,
    SAME_AS,
    words_of,
)
from tests.unit.orders import NOW, ORDERS, changed, payment


def test_every_state_and_every_refund_has_words() -> None:
    assert set(OF_STATE) == set(State)
    assert set(OF_REFUNDS) == set(RefundStatus)


def ended() -> list[tuple[Order, Cause]]:
    """Cancelled orders, by everything that can cancel one."""
    opened, selling, selling_late = ORDERS["opened"], ORDERS["authorised"], ORDERS["expired"]
    authorised = PaymentStatus.AUTHORISED
    late = changed(ordering.payment_seen(selling_late, payment(authorised), NOW))
    return [
        (changed(ordering.payment_refused(ORDERS["ordered"], "x", NOW)), Cause.PAYMENT_REFUSED),
        (changed(ordering.hold_over(opened, expired=False, now=NOW)), Cause.HOLD_RELEASED),
        (changed(ordering.cancelled(opened, NOW)), Cause.BUYER_CANCELLED),
        (
            changed(ordering.payment_seen(opened, payment(PaymentStatus.CANCELED), NOW)),
            Cause.PAYMENT_CANCELED,
        ),
        (
            changed(ordering.payment_seen(opened, payment(authorised, amount=1), NOW)),
            Cause.AMOUNT_MISMATCH,
        ),
        (changed(ordering.seats_gone(selling, NOW)), Cause.SEATS_GONE),
        (changed(ordering.seats_gone(late, NOW)), Cause.SEATS_GONE),
    ]


@pytest.mark.parametrize(
    ("order", "cause"), ended(), ids=lambda one: getattr(one, "value", "order")
)
def test_whatever_has_ended_an_order_is_said(order: Order, cause: Cause) -> None:
    assert order.state is State.CANCELLED
    assert words_of(order) == OF_REASON[State.CANCELLED, cause]


@pytest.mark.parametrize("name", ORDERS)
def test_every_order_has_words(name: str) -> None:
    order = ORDERS[name]
    words = words_of(order)
    usual = OF_REASON.get((order.state, Cause(order.reason)), OF_STATE[order.state])
    assert words.heading == usual.heading
    assert ("goes back" in words.text) == (
        name.startswith(("owing", "owed", "closed, owing")) or order.state is State.REFUNDED
    )


def test_an_order_without_a_history_has_the_words_of_its_state() -> None:
    order = replace(ORDERS["paid"], history=())
    assert words_of(order) == OF_STATE[State.PAID]


def test_names_of_the_same_thing_lead_to_words() -> None:
    assert set(SAME_AS.values()) <= set(OF_PAYING)
    assert not set(SAME_AS) & set(OF_PAYING)


def test_a_decline_is_told_in_german() -> None:
    assert "abgelehnt" in language("de").texts.gettext(OF_PAYING["otherwise"])
