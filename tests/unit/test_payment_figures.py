"""What operators see of the money is the sum of what the orders say, state by state and currency by currency."""

from __future__ import annotations

from actors.domain.order import State
from cluster.store.order_tally import OrderTally
from serve_app.api.payments import CurrencyFigures, figures


def test_without_orders_every_state_is_there_and_no_money() -> None:
    told = figures([], 0, None)
    assert told.orders == {state.value: 0 for state in State}
    assert (told.money, told.refunds_owed, told.refunds_failing, told.breaker_open) == (
        [],
        0,
        0,
        None,
    )


def test_currencies_are_never_added_up_and_states_are() -> None:
    counted = [
        OrderTally(State.AUTHORISED, "JPY", 2, 900, 0, 0, 0, 0, 0),
        OrderTally(State.PAID, "JPY", 3, 1_500, 1_500, 0, 500, 1, 0),
        OrderTally(State.PAID, "EUR", 4, 20_000, 20_000, 0, 0, 0, 0),
        OrderTally(State.REFUNDED, "EUR", 1, 5_000, 5_000, 5_000, 0, 0, 0),
        OrderTally(State.CANCELLED, "EUR", 5, 25_000, 5_000, 0, 5_000, 1, 1),
    ]
    told = figures(counted, 7, True)
    assert {name: count for name, count in told.orders.items() if count} == {
        "authorised": 2,
        "paid": 7,
        "refunded": 1,
        "cancelled": 5,
    }
    assert told.money == [
        CurrencyFigures(
            currency="EUR", authorised=0, captured=30_000, refunded=5_000, refunds_owed=5_000
        ),
        CurrencyFigures(
            currency="JPY", authorised=900, captured=1_500, refunded=0, refunds_owed=500
        ),
    ]
    assert (told.overdue, told.refunds_owed, told.refunds_failing) == (7, 2, 1)
    assert told.breaker_open is True
