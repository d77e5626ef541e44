"""What the checker knows of sales: cases by hand in which an order, or what it was told, makes the difference."""

from __future__ import annotations

from typing import Any

from tests.history import Dealing, Operation, OrderRequest
from tests.linearizability import check
from tests.linearizability.written import asked, granted, held_body, refused


def ordered(invoked: float, returned: float | None, hold_id: str, status: int = 201) -> Dealing:
    """`returned` None: the buyer gave up."""
    request = OrderRequest("order", hold_id=hold_id)
    body = {"hold_id": hold_id, "state": "awaiting_payment"} if status == 201 else {}
    return Dealing("buyer", request, invoked, returned, status if returned else 0, body)


def paid(
    invoked: float, returned: float, hold_id: str, *seats: str, state: str = "paid"
) -> Dealing:
    tickets: list[dict[str, Any]] = [{"seat": seat} for seat in seats]
    body = {"hold_id": hold_id, "state": state, "tickets": tickets}
    return Dealing("buyer", OrderRequest("look", order_id="o"), invoked, returned, 200, body)


def found(history: list[Operation], *dealings: Dealing) -> set[str]:
    """The seats that something is wrong about."""
    return {anomaly.seat for anomaly in check(history, 0.0, dealings)}


HOLD = granted(0, 10, "H1", "A", deadline=5000)


def test_only_what_was_ordered_is_sold() -> None:
    sold = asked("find", 100, 110, "H1", 200, {**held_body("H1", ("A",), 5000), "state": "sold"})
    for told in (sold, asked("release", 100, 110, "H1", 409, {"code": "hold_sold"})):
        assert found([HOLD, told]) == {"A"}
        assert found([HOLD, told], ordered(50, 60, "H1")) == set()
        assert found([HOLD, told], ordered(50, None, "H1")) == set()
        assert found([HOLD, told], ordered(111, 120, "H1")) == {"A"}
        assert found([HOLD, told], ordered(50, 60, "H1", status=410)) == {"A"}


def test_only_what_was_ordered_is_being_paid() -> None:
    in_payment = asked("release", 100, 110, "H1", 409, {"code": "hold_in_payment"})
    assert found([HOLD, in_payment]) == {"A"}
    assert found([HOLD, in_payment], ordered(50, 60, "H1")) == set()


def test_a_seat_of_a_paid_order_is_nobody_elses() -> None:
    order, other = ordered(50, 60, "H1"), granted(300, 310, "H2", "A", deadline=9000)
    assert found([HOLD], order, paid(200, 210, "H1", "A")) == set()
    assert found([HOLD, other], order, paid(200, 210, "H1", "A")) == set()  # it may be given back
    assert found([HOLD, other], order, paid(320, 330, "H1", "A")) == {"A"}
    assert found([HOLD, other], order, paid(320, 330, "H1", state="partially_refunded")) == set()
    held = asked("find", 400, 410, "H2", 200, other.body)
    after = paid(405, 420, "H1", "A")
    assert found([HOLD, other, held], order, after) == {"A"}
    given_back = asked("release", 402, 404, "H2", 204)
    assert found([HOLD, other, given_back], order, after) == set()  # it was made again


def test_a_hold_that_is_being_paid_may_last_and_may_be_made_again() -> None:
    over = asked("find", 6000, 6010, "H1", 410)
    again = asked("find", 7000, 7010, "H1", 200, held_body("H1", ("A",), 600_000))
    assert found([HOLD, over, again]) == {"A"}
    assert found([HOLD, over, again], ordered(50, 60, "H1")) == set()
    refusal = refused(6000, 6010, "A")
    assert found([HOLD, refusal]) == {"A"}
    assert found([HOLD, refusal], ordered(50, 60, "H1")) == set()
    assert found([HOLD, refusal], ordered(6020, 6030, "H1")) == {"A"}


def test_before_it_is_ordered_a_hold_keeps_its_deadline() -> None:
    other = granted(1000, 1010, "H2", "A", deadline=9000)
    assert found([HOLD, other], ordered(2000, 2010, "H1")) == {"A"}
    assert found([HOLD, other], ordered(500, 510, "H1")) == set()


def test_an_order_that_came_to_nothing_gives_its_hold_up_for_good() -> None:
    gone = asked("find", 200, 210, "H1", 404)
    back = asked("find", 300, 310, "H1", 200, held_body("H1", ("A",), 5000))
    assert found([HOLD, gone], ordered(50, 60, "H1")) == set()
    assert found([HOLD, gone, back], ordered(50, 60, "H1")) == {"A"}
    late = asked("release", 400, 410, "H1", 404)
    assert found([HOLD, late]) == {"A"}
    assert found([HOLD, late], ordered(50, 60, "H1")) == set()


def test_a_part_may_be_sold_before_the_record_is() -> None:
    """Whoever extends asks the parts first; of one block and one seat there is no such difference."""
    for key, expected in (("k", set[str]()), ("", {"A"})):
        hold = granted(0, 10, "H1", "A", key=key, deadline=5000)
        part = asked("extend", 4000, 4010, "H1", 409, {"code": "hold_sold"})
        over = asked("find", 6000, 6010, "H1", 410)
        assert found([hold, part, over], ordered(50, 60, "H1")) == expected
        assert found([hold, part, over]) == {"A"}


def test_an_extension_may_have_been_made_before_the_hold_was_sold_that_refused_it() -> None:
    """Its own answer was lost, and it was asked again inside of the server."""
    hold = granted(0, 10, "H1", "A", key="k", deadline=5000)
    refusal = asked("extend", 100, 200, "H1", 409, {"code": "hold_sold"})
    body = {**held_body("H1", ("A",), 10_000, extended=True), "state": "sold"}
    again = Operation("buyer", hold.request, 300, 310, 201, body)
    assert found([hold, refusal, again], ordered(50, 60, "H1")) == set()
    assert found([hold, again], ordered(50, 60, "H1")) == {"A"}  # nobody asked for it
