"""Money and tickets in sums, by the three ledgers together."""

from __future__ import annotations

from dataclasses import replace

from actors.domain.order import State, Task
from actors.domain.payment import PaymentStatus
from cluster.ledgers.balance import Balance, balances, orders_by_state
from cluster.ledgers.entries import Account
from tests.unit.ledger_entries import (
    NOW,
    ONE,
    TWO,
    back,
    ledgers,
    order,
    payment,
    refund,
    sold,
)


def test_money_is_tickets_when_all_is_well() -> None:
    paid, part = order(), order(TWO, "B-1", "B-2", state=State.PARTIALLY_REFUNDED)
    part = replace(part, refunds=(refund(part),))
    waiting = order("order-three", "C-1", state=State.AWAITING_PAYMENT, task=Task.WATCH)
    books = ledgers(
        [paid, part, waiting],
        [*sold(paid), *sold(part, "B-2")],
        [payment(paid), payment(part), payment(waiting, PaymentStatus.AUTHORISED)],
        {part.payment_id: [back()]},
    )
    (balance,) = balances(books, set(), set()).values()
    assert balance == Balance(
        authorised=5_000, captured=20_000, refunded=5_000, tickets=3, price=15_000
    )
    assert (balance.kept, balance.balanced) == (15_000, True)
    counts = {"paid": 1, "partially_refunded": 1, "awaiting_payment": 1}
    assert orders_by_state(books.orders.values()) == counts


def test_money_is_tickets_by_the_orders_where_there_is_no_provider() -> None:
    paid, part = order(), order(TWO, "B-1", "B-2", state=State.PARTIALLY_REFUNDED)
    part = replace(part, refunds=(refund(part),))
    tickets = [*sold(paid), *sold(part, "B-2")]
    (balance,) = balances(ledgers([paid, part], tickets, None), set(), set()).values()
    assert (balance.kept, balance.price, balance.balanced) == (15_000, 15_000, True)


def test_what_is_under_way_is_told_and_what_is_disputed_is_not_excused() -> None:
    capturing = order(state=State.AUTHORISED, task=Task.CAPTURE, due_at=NOW + 1)
    aside = payment(capturing, PaymentStatus.AUTHORISED)
    books = ledgers([capturing], sold(capturing), [aside])
    (balance,) = balances(books, set(), set()).values()
    assert (balance.under_way, balance.kept, balance.balanced) == (10_000, 0, True)
    (disputed,) = balances(books, {ONE}, set()).values()
    assert (disputed.under_way, disputed.balanced) == (0, False)


def test_an_order_that_may_still_come_right_is_under_way() -> None:
    late = order(state=State.AWAITING_PAYMENT, task=Task.WATCH, due_at=NOW + 1)
    books = ledgers([late], sold(late), [payment(late)])
    (at_rest,) = balances(replace(books, account=Account()), set(), set()).values()
    assert not at_rest.balanced
    (moving,) = balances(replace(books, account=Account()), set(), {ONE}).values()
    assert moving.balanced


def test_an_order_that_was_made_while_the_ledgers_were_read_is_under_way() -> None:
    new = order()
    books = ledgers([], sold(new), [])
    (moving,) = balances(books, set(), {ONE}).values()
    assert (moving.balanced, moving.under_way) == (True, 10_000)


def test_every_currency_is_balanced_by_itself() -> None:
    paid = order()
    dollars = order(TWO, "B-1", currency="USD")
    ticket = replace(sold(dollars)[0], currency="USD")
    books = ledgers(
        [paid, dollars], [*sold(paid), ticket], [payment(paid), payment(dollars, amount=4_000)]
    )
    found = balances(books, set(), set())
    assert (found["EUR"].balanced, found["USD"].balanced) == (True, False)
