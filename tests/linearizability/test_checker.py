"""The checker of histories: cases by hand in which one answer more or less makes the difference."""

from __future__ import annotations

import pytest

from tests.history import Operation
from tests.linearizability import check
from tests.linearizability.written import asked, granted, held_body, refused, unanswered


def _found(*history: Operation, skew_ms: float = 0.0) -> set[str]:
    """The seats that something is wrong about."""
    return {anomaly.seat for anomaly in check(history, skew_ms)}


def test_one_seat_is_not_given_to_two_at_a_time() -> None:
    first, second = granted(0, 10, "H1", "A"), granted(20, 30, "H2", "A", "B")
    assert _found(first, second) == {"A"}
    given_back = asked("release", 12, 18, "H1", 204)
    assert _found(first, given_back, second) == set()


def test_an_anomaly_says_where_and_what_and_when() -> None:
    history = [
        granted(0, 5, "H0", "A"),
        asked("release", 6, 8, "H0", 204),
        granted(1000, 1010, "H1", "A"),
        granted(1020, 1030, "H2", "A"),
    ]
    (anomaly,) = check(history)
    assert anomaly.seat == "A"
    assert "201 H2" in anomaly.problem
    assert "201 H1" in anomaly.timeline
    assert "H0" not in anomaly.timeline  # it has nothing to do with it
    assert "+0.020 ..    0.030" in anomaly.timeline
    assert str(anomaly).startswith("saaaaaaaaaaaa A: no order")


def test_what_is_open_may_take_effect_long_after_it_was_asked_for() -> None:
    refusal = refused(90_000, 90_010, "A")
    assert _found(refusal) == {"A"}
    assert _found(unanswered(5, "A"), refusal) == set()
    assert _found(unanswered(5, quantity=2), refusal) == set()
    assert _found(unanswered(5, "B"), refusal) == {"A"}
    assert _found(unanswered(90_011, "A"), refusal) == {"A"}


def test_an_open_release_may_or_may_not_have_happened() -> None:
    hold, release = granted(0, 10, "H1", "A"), asked("release", 20, None, "H1")
    still_there = asked("find", 1000, 1010, "H1", 200, held_body("H1", ("A",)))
    gone = asked("find", 2000, 2010, "H1", 404)
    assert _found(hold, release, still_there, gone) == set()
    assert _found(hold, gone) == {"A"}
    back_again = asked("find", 3000, 3010, "H1", 200, held_body("H1", ("A",)))
    assert _found(hold, release, gone, back_again) == {"A"}


def test_two_open_operations_explain_what_one_alone_could_not() -> None:
    hold, other = granted(0, 10, "H1", "A"), granted(500, 510, "H2", "A")
    gone = asked("find", 900, 910, "H2", 404)
    one, two = asked("release", 20, None, "H1"), asked("release", 520, None, "H2")
    assert _found(hold, one, other, two, gone) == set()
    assert _found(hold, other, two, gone) == {"A"}
    assert _found(hold, one, other, gone) == {"A"}


def test_equal_times_are_concurrent() -> None:
    hold, release = granted(0, 10, "H1", "A"), asked("release", 20, 30, "H1", 204)
    assert _found(hold, release, refused(30, 40, "A")) == set()
    assert _found(hold, release, refused(31, 40, "A")) == {"A"}


def test_a_ticket_can_be_had_from_the_deadline_on_and_not_before() -> None:
    hold = granted(0, 10, "H1", "A", deadline=5000)
    assert _found(hold, granted(4900, 4999, "H2", "A")) == {"A"}
    assert _found(hold, granted(4900, 4999, "H2", "A"), skew_ms=1) == set()
    assert _found(hold, granted(4900, 5000, "H2", "A")) == set()
    assert _found(hold, refused(5000, 5010, "A")) == set()
    assert _found(hold, refused(5001, 5010, "A")) == {"A"}


def test_a_deadline_may_pass_while_a_question_is_on_its_way() -> None:
    hold = granted(0, 10, "H1", "A", deadline=5000)
    still = asked("find", 4900, 5100, "H1", 200, held_body("H1", ("A",), 5000))
    assert _found(hold, still, asked("find", 4900, 5100, "H1", 410)) == set()
    assert _found(hold, asked("find", 4900, 4999, "H1", 410)) == {"A"}
    assert _found(hold, asked("find", 5001, 5100, "H1", 200, still.body)) == {"A"}


def test_clocks_may_disagree_for_as_long_as_the_skew() -> None:
    hold = granted(0, 10, "H1", "A", deadline=5000)
    over = asked("find", 4960, 4970, "H1", 410)
    still = asked("find", 5010, 5020, "H1", 200, held_body("H1", ("A",), 5000))
    assert _found(hold, over, still, skew_ms=40) == set()
    assert _found(hold, over, still, skew_ms=20) == {"A"}


def test_a_part_left_behind_keeps_its_ticket_no_longer_than_a_hold_lasts() -> None:
    hold = granted(0, 100, "H1", "A", key="k", deadline=5050)  # so a hold lasts 5050 ms at most
    release = asked("release", 200, 300, "H1", 204)
    assert _found(hold, release, refused(5100, 5110, "A")) == set()
    assert _found(hold, release, refused(5151, 5160, "A")) == {"A"}


def test_an_extension_moves_the_deadline_once() -> None:
    hold = granted(0, 10, "H1", "A", deadline=5000)
    body = held_body("H1", ("A",), 10_000, extended=True)
    extension = asked("extend", 100, 110, "H1", 200, body)
    assert _found(hold, extension, granted(6000, 6010, "H2", "A")) == {"A"}
    assert _found(hold, asked("extend", 100, None, "H1"), granted(6000, 6010, "H2", "A")) == set()
    again = asked("extend", 200, 210, "H1", 200, body)
    assert _found(hold, extension, again) == {"A"}
    assert _found(hold, extension, asked("extend", 200, 210, "H1", 409)) == set()
    keyed = [asked("extend", at, at + 10, "H1", 200, body, key="e") for at in (100, 200)]
    assert _found(hold, *keyed) == set()


@pytest.mark.parametrize("status", [404, 410])
def test_an_extension_may_have_been_made_before_the_hold_ended_that_refused_it(status: int) -> None:
    """Its own answer was lost, and it was asked again inside of the server."""
    hold = granted(0, 10, "H1", "A", deadline=5000, key="k")
    over = [asked("release", 200, 210, "H1", 204)] if status == 404 else []
    body = held_body("H1", ("A",), 6000, extended=True)
    again = Operation("buyer", hold.request, 150, 160, 201, body)
    at = 220.0 if status == 404 else 7000.0
    assert _found(hold, *over, asked("extend", 100, at, "H1", status), again) == set()
    assert _found(hold, *over, again) == {"A"}  # nobody asked for it


def test_a_replay_does_not_claim_that_the_hold_is_live() -> None:
    first, again = (granted(at, at + 10, "H1", "A", key="k") for at in (0, 500))
    release, other = asked("release", 100, 110, "H1", 204), granted(200, 210, "H2", "A")
    assert _found(first, release, other, again) == set()
    assert _found(first, release, other, refused(500, 510, "A", key="k")) == {"A"}


def test_a_lost_request_took_its_seats_if_its_repetition_says_so() -> None:
    lost, again = unanswered(0, "A", key="k"), granted(1000, 1010, "H1", "A", key="k")
    assert _found(lost, refused(100, 110, "A"), again) == set()
    assert _found(granted(0, 900, "H2", "A"), again) == {"A"}


def test_a_refused_attempt_for_several_seats_may_have_had_one_for_a_moment() -> None:
    attempt = refused(100, 200, "A", "B", named=("B",))
    owner = granted(0, 50, "H1", "B")
    assert _found(owner, attempt, refused(150, 160, "A")) == set()
    assert _found(owner, attempt, refused(201, 210, "A")) == {"A"}
    assert _found(owner, refused(100, 200, "A", "B", named=("A", "B"))) == {"A"}  # no excuse
    alone = refused(100, 200, "A")
    assert _found(alone, refused(150, 160, "A")) == {"A"}
