"""An order brought back over a journal that ends before what the order knows. Pure.

A backup has the journal up to one sequence and the orders as they were a little later; restored to an earlier time, the
journal ends much earlier. Orders are not turned back: they are about money, which does not go back either. What an
order says was done to its tickets, and the journal does not know, is given to it as a task once more: the saga sells
the same seats again (or, if they are gone, gives the money back), and gives back again what was given back.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace

from actors.domain.order import Actor, Cause, Order, Refund, State, Task
from actors.domain.ordering import changed

OVER = (State.CANCELLED, State.EXPIRED)
OWNING = (State.PAID, State.PARTIALLY_REFUNDED, State.REFUNDED)


def fitted(order: Order, sold: Set[str], now: int) -> Order:
    """The order over a journal that has just the seats `sold` sold to it; itself where the two agree."""
    if sold_again(order, sold):
        return _turned(order, now, State.AUTHORISED, Task.SELL)
    back = tuple(_given_again(refund, sold) for refund in order.refunds)
    if back != order.refunds:
        return _turned(replace(order, refunds=back), now, order.state, Task.REFUND)
    if order.state in OVER and sold and order.task is not Task.UNDO:
        return _turned(order, now, order.state, Task.UNDO)
    return order


def sold_again(order: Order, sold: Set[str]) -> bool:
    """Whether its seats are to be sold to it once more."""
    return bool(missing(order, sold)) and not order.refunds


def unsettled(order: Order, sold: Set[str]) -> bool:
    """Whether nobody can put it right by himself: it lacks seats, and money for other seats of it went back."""
    return bool(missing(order, sold)) and bool(order.refunds)


def missing(order: Order, sold: Set[str]) -> frozenset[str]:
    """The seats that are the order's own by what it says, and are not sold to it."""
    owning = order.state in OWNING or (order.state, order.task) == (State.AUTHORISED, Task.CAPTURE)
    returned = {seat for refund in order.refunds if refund.returned for seat in refund.seats}
    return frozenset(order.seats if owning else ()) - returned - sold


def _given_again(refund: Refund, sold: Set[str]) -> Refund:
    again = refund.returned and not sold.isdisjoint(refund.seats)
    return replace(refund, returned=False) if again else refund


def _turned(order: Order, now: int, state: State, task: Task) -> Order:
    return changed(order, now, Cause.RESTORED, Actor.OPERATOR, state, task)
