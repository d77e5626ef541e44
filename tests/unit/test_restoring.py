"""Orders brought back over a journal that ends before what they know."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from actors.domain.order import Actor, Cause, Order, Refund, State, Task
from actors.domain.payment import RefundStatus
from actors.domain.restoring import fitted, missing, sold_again, unsettled
from tests.unit.orders import LATER, NOW, SEATS, draft

ALL = frozenset(SEATS)
SUBSETS = [frozenset(some) for count in range(4) for some in itertools.combinations(SEATS, count)]


def refund(*seats: str, returned: bool = True, refund_id: str = "r1") -> Refund:
    status = RefundStatus.SUCCEEDED
    return Refund(refund_id, seats, 1_000, False, "", NOW, "", status, "re_1", returned=returned)


def order(state: State, task: Task = Task.NONE, *refunds: Refund) -> Order:
    return draft(state=state, task=task, version=4, payment_id="pi_1", refunds=refunds)


@pytest.mark.parametrize("task", list(Task))
@pytest.mark.parametrize("sold", SUBSETS)
def test_an_order_that_has_sold_nothing_yet_goes_on_as_it_is(
    task: Task, sold: frozenset[str]
) -> None:
    waiting = order(State.AWAITING_PAYMENT, task)
    assert fitted(waiting, sold, LATER) is waiting
    assert not missing(waiting, sold)


@pytest.mark.parametrize(
    "owning", [order(State.PAID), order(State.AUTHORISED, Task.CAPTURE)], ids=["paid", "capture"]
)
@pytest.mark.parametrize("sold", SUBSETS)
def test_seats_that_the_journal_has_not_sold_are_sold_again(
    owning: Order, sold: frozenset[str]
) -> None:
    after = fitted(owning, sold, LATER)
    if sold == ALL:
        assert after is owning
        return
    assert (after.state, after.task, after.version) == (State.AUTHORISED, Task.SELL, 5)
    assert after.due_at is not None
    last = after.history[-1]
    assert (last.cause, last.actor, last.at) == (Cause.RESTORED, Actor.OPERATOR, LATER)
    assert sold_again(owning, sold)
    assert not unsettled(owning, sold)
    assert fitted(after, sold, LATER) is after


@pytest.mark.parametrize("sold", SUBSETS)
def test_an_order_that_is_selling_sells_on(sold: frozenset[str]) -> None:
    selling = order(State.AUTHORISED, Task.SELL)
    assert fitted(selling, sold, LATER) is selling


def test_tickets_that_were_given_back_are_given_back_again() -> None:
    refunded = order(State.REFUNDED, Task.NONE, refund(*SEATS))
    assert fitted(refunded, frozenset(), LATER) is refunded
    after = fitted(refunded, ALL, LATER)
    assert (after.state, after.task) == (State.REFUNDED, Task.REFUND)
    assert [one.returned for one in after.refunds] == [False]
    assert after.refunds[0].provider_id == "re_1"  # the money is not sent twice
    assert not unsettled(refunded, ALL)


def test_only_the_refund_that_the_journal_does_not_know_is_done_again() -> None:
    first, second = refund(SEATS[0]), refund(SEATS[1], refund_id="r2")
    partly = order(State.PARTIALLY_REFUNDED, Task.NONE, first, second)
    after = fitted(partly, frozenset({SEATS[1], SEATS[2]}), LATER)
    assert [one.returned for one in after.refunds] == [True, False]
    assert after.task is Task.REFUND


def test_a_refund_whose_tickets_are_still_to_be_given_back_goes_on_by_itself() -> None:
    asked = order(State.PAID, Task.REFUND, refund(SEATS[0], returned=False))
    assert fitted(asked, ALL, LATER) is asked


@pytest.mark.parametrize("state", [State.CANCELLED, State.EXPIRED])
@pytest.mark.parametrize("task", [Task.NONE, Task.VOID, Task.REFUND])
def test_an_order_that_is_over_gives_back_what_the_journal_has_sold_to_it(
    state: State, task: Task
) -> None:
    over = order(state, task)
    assert fitted(over, frozenset(), LATER) is over
    after = fitted(over, frozenset({SEATS[0]}), LATER)
    assert (after.state, after.task) == (state, Task.UNDO)
    undoing = order(state, Task.UNDO)
    assert fitted(undoing, ALL, LATER) is undoing


def test_an_order_whose_money_is_on_its_way_back_does_not_send_it_twice() -> None:
    void = replace(refund(*SEATS), refund_id="void")
    after = fitted(order(State.CANCELLED, Task.NONE, void), ALL, LATER)
    assert (after.task, len(after.refunds)) == (Task.REFUND, 1)


def test_seats_that_are_missing_beside_a_refund_are_named_for_a_person() -> None:
    partly = order(State.PARTIALLY_REFUNDED, Task.NONE, refund(SEATS[0]))
    assert missing(partly, frozenset()) == {SEATS[1], SEATS[2]}
    assert unsettled(partly, frozenset())
    assert fitted(partly, frozenset(), LATER) is partly
    assert not unsettled(partly, ALL - {SEATS[0]})


def test_free_tickets_are_sold_again_as_well() -> None:
    after = fitted(replace(order(State.PAID), amount=0, payment_id=""), frozenset(), LATER)
    assert after.task is Task.SELL
