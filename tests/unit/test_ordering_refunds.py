"""Money on its way back: what each fact makes of the refunds of an order, in each of its states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from actors.domain import repaying
from actors.domain.order import Actor, Cause, Refund, State, Task
from actors.domain.payment import RefundStatus
from actors.domain.rejections import Code, Rejection
from tests.unit.orders import (
    LATER,
    NOW,
    ORDERS,
    SEATS,
    Came,
    Fact,
    changed,
    expected,
    given_back,
    money,
    refund,
    returned,
    tried,
)

PENDING, SUCCEEDED, FAILED = RefundStatus
PAYING, GIVING = Task.NONE, Task.REFUND
PAID, PARTLY, REFUNDED = State.PAID, State.PARTIALLY_REFUNDED, State.REFUNDED
R1 = Refund("r1", ("A-1-5",), 1_000, False, "", NOW, "f")


def refunds(state: str, refund_id: str, **changes: object) -> dict[str, object]:
    """The refunds of an order, one of them changed."""
    found = [
        replace(one, **changes) if one.refund_id == refund_id else one  # type: ignore[arg-type]
        for one in ORDERS[state].refunds
    ]
    return {"refunds": tuple(found)}


def sent(state: str, order: State, *, refund_id: str = "r1", provider_id: str = "re_1") -> Came:
    changes = refunds(state, refund_id, status=PENDING, provider_id=provider_id, problem="")
    return Came(order, GIVING, Cause.REFUND_SENT, Actor.PAYMENTS, "", changes)


def done(
    state: str, order: State, task: Task, *, refund_id: str = "r1", provider_id: str = "re_1"
) -> Came:
    changes = refunds(state, refund_id, status=SUCCEEDED, provider_id=provider_id, problem="")
    return Came(order, task, Cause.REFUNDED, Actor.PAYMENTS, "", changes)


def failed(
    state: str,
    order: State,
    problem: str = "card_closed",
    *,
    refund_id: str = "r1",
    attempt: int = 2,
    provider_id: str = "re_1",
    due_ms: int = 1_000,
) -> Came:
    changes = refunds(
        state, refund_id, status=FAILED, problem=problem, attempt=attempt, provider_id=provider_id
    )
    return Came(order, GIVING, Cause.REFUND_FAILED, Actor.PAYMENTS, problem, changes, due_ms)


def back(state: str, order: State, task: Task = GIVING) -> Came:
    changes = refunds(state, "r1", returned=True)
    return Came(order, task, Cause.SEATS_GIVEN_BACK, Actor.TICKETS, "", changes)


def news(
    status: RefundStatus, *, attempt: int = 1, refund_id: str = "r1", provider_id: str = "re_1"
) -> Fact:
    told = money(status, provider_id, refund_id)
    return lambda order: repaying.money_back(order, told, LATER, attempt=attempt)


def refused(*, attempt: int = 1) -> Fact:
    return lambda order: repaying.refund_refused(order, "r1", "disputed", LATER, attempt=attempt)


VOIDED = {"refund_id": "void"}
CANCELLED, EXPIRED = State.CANCELLED, State.EXPIRED
TABLE: dict[str, tuple[Fact, dict[str, Came]]] = {
    "it is on its way": (news(PENDING), {"refunding": sent("refunding", PAID)}),
    "its second attempt is on its way": (
        news(PENDING, attempt=2, provider_id="re_2"),
        {"refund failed": sent("refund failed", PAID, provider_id="re_2")},
    ),
    "it has arrived": (
        news(SUCCEEDED),
        {
            "refunding": done("refunding", PARTLY, GIVING),
            "refund sent": done("refund sent", PARTLY, GIVING),
            "refund pending": done("refund pending", PARTLY, PAYING),
        },
    ),
    "its second attempt has arrived": (
        news(SUCCEEDED, attempt=2, provider_id="re_2"),
        {"refund failed": done("refund failed", PARTLY, GIVING, provider_id="re_2")},
    ),
    "it has failed, be it after it seemed to have arrived": (
        news(FAILED),
        {
            "refunding": failed("refunding", PAID),
            "refund sent": failed("refund sent", PAID),
            "refund pending": failed("refund pending", PAID),
            "refund unreturned": failed("refund unreturned", PAID),
            "partly refunded": failed("partly refunded", PAID),
            "refunding more": failed("refunding more", PAID),
            "refunded": failed("refunded", PARTLY),
        },
    ),
    "its second attempt has failed": (
        news(FAILED, attempt=2, provider_id="re_2"),
        {
            "refund failed": failed(
                "refund failed", PAID, attempt=3, provider_id="re_2", due_ms=2_000
            )
        },
    ),
    "a twin that was never recorded has failed": (
        news(FAILED, provider_id="re_9"),
        {"refunding": failed("refunding", PAID, provider_id="re_9")},
    ),
    "a twin that was never recorded has arrived": (
        news(SUCCEEDED, provider_id="re_9"),
        {"refunding": done("refunding", PARTLY, GIVING, provider_id="re_9")},
    ),
    "an attempt that is still to come has failed": (news(FAILED, attempt=3), {}),
    "it is refused": (
        refused(),
        {"refunding": failed("refunding", PAID, "disputed", provider_id="")},
    ),
    "its second attempt is refused": (
        refused(attempt=2),
        {"refund failed": failed("refund failed", PAID, "disputed", attempt=3, due_ms=2_000)},
    ),
    "its tickets are back": (
        lambda order: repaying.tickets_returned(order, "r1", LATER),
        {
            "refunding": back("refunding", PAID),
            "refund sent": back("refund sent", PAID),
            "refund failed": back("refund failed", PAID),
            "refund unreturned": back("refund unreturned", PARTLY, PAYING),
        },
    ),
    "the money of a payment that could not be closed is on its way": (
        news(PENDING, refund_id="void"),
        {
            "owing": sent("owing", CANCELLED, refund_id="void"),
            "closed, owing": sent("closed, owing", EXPIRED, refund_id="void"),
        },
    ),
    "the money of a payment that could not be closed has arrived": (
        news(SUCCEEDED, refund_id="void"),
        {
            "owing": done("owing", REFUNDED, PAYING, refund_id="void"),
            "owing, sent": done("owing, sent", REFUNDED, PAYING, refund_id="void"),
            "closed, owing": done("closed, owing", REFUNDED, PAYING, refund_id="void"),
        },
    ),
    "the money of a payment that could not be closed has come back": (
        news(FAILED, refund_id="void"),
        {
            "owing": failed("owing", CANCELLED, refund_id="void"),
            "owing, sent": failed("owing, sent", CANCELLED, refund_id="void"),
            "owed, given back": failed("owed, given back", CANCELLED, refund_id="void"),
            "closed, owing": failed("closed, owing", EXPIRED, refund_id="void"),
        },
    ),
    "an unknown refund has arrived": (news(SUCCEEDED, refund_id="r7"), {}),
    "an unknown refund has failed": (news(FAILED, refund_id="r7"), {}),
    "an unknown refund is refused": (
        lambda order: repaying.refund_refused(order, "r7", "disputed", LATER),
        {},
    ),
    "the tickets of an unknown refund are back": (
        lambda order: repaying.tickets_returned(order, "r7", LATER),
        {},
    ),
}


@pytest.mark.parametrize("state", ORDERS)
@pytest.mark.parametrize("fact", TABLE)
def test_what_each_fact_makes_of_the_refunds_in_each_state(fact: str, state: str) -> None:
    heard, outcomes = TABLE[fact]
    before = tried(state)
    came = outcomes.get(state)
    assert heard(before) == (None if came is None else expected(before, came))


@pytest.mark.parametrize(
    ("fact", "state"), [(fact, state) for fact, (_, states) in TABLE.items() for state in states]
)
def test_a_fact_that_is_heard_twice_changes_an_order_once(fact: str, state: str) -> None:
    heard, _ = TABLE[fact]
    assert heard(changed(heard(ORDERS[state]))) is None


@pytest.mark.parametrize("attempt", [None, 2])
@pytest.mark.parametrize("status", [PENDING, SUCCEEDED, FAILED])
def test_what_failed_before_says_nothing_of_the_next_attempt(
    status: RefundStatus, attempt: int | None
) -> None:
    told = money(status, "re_1")
    again = ORDERS["refund failed"]
    assert repaying.money_back(again, told, LATER, attempt=attempt) is None
    second = given_back(again, PENDING, provider_id="re_2")
    assert repaying.money_back(second, told, LATER, attempt=attempt) is None


@pytest.mark.parametrize("status", [PENDING, SUCCEEDED, FAILED])
@pytest.mark.parametrize("state", ["refund sent", "refund pending", "partly refunded"])
def test_what_is_known_of_a_refund_is_not_changed_by_news_of_another_one(
    state: str, status: RefundStatus
) -> None:
    assert repaying.money_back(ORDERS[state], money(status, "re_9"), LATER) is None


def test_news_without_an_attempt_are_of_the_one_that_is_under_way() -> None:
    again = ORDERS["refund failed"]
    arrived = changed(repaying.money_back(again, money(SUCCEEDED, "re_2"), LATER))
    assert arrived.refunds[0].status is SUCCEEDED
    refused = changed(repaying.refund_refused(again, "r1", "disputed", LATER))
    assert (refused.refunds[0].attempt, refused.refunds[0].problem) == (3, "disputed")


ALL_LEFT = {
    "paid": (PAID, SEATS, 5_000),
    "refunding": (PAID, SEATS[1:], 4_000),
    "refund sent": (PAID, SEATS[1:], 4_000),
    "refund failed": (PAID, SEATS[1:], 4_000),
    "refund pending": (PAID, SEATS[1:], 4_000),
    "refund unreturned": (PARTLY, SEATS[1:], 4_000),
    "partly refunded": (PARTLY, SEATS[1:], 4_000),
}


@pytest.mark.parametrize("state", [state for state in ORDERS if state != "free, paid"])
def test_all_that_is_left_is_refunded_of_what_is_paid(state: str) -> None:
    before = tried(state)
    after = repaying.refund_requested(
        before, "r9", (), LATER, fingerprint="f9", withhold=True, reason="rain"
    )
    if state in ALL_LEFT:
        order, seats, amount = ALL_LEFT[state]
        asked = Refund("r9", seats, amount, True, "rain", LATER, "f9")
        changes = {"refunds": (*before.refunds, asked)}
        came = Came(order, GIVING, Cause.REFUND_REQUESTED, Actor.ORGANIZER, "rain", changes)
        assert after == expected(before, came)
    elif state in ("refunding more", "refunded", "owed, given back"):
        assert after == Rejection(Code.ALREADY_REFUNDED)
    else:
        assert after == Rejection(Code.ORDER_NOT_PAID, detail=f"it is {before.state.value}")


@pytest.mark.parametrize(
    ("state", "seats", "outcome"),
    [
        ("paid", ("B-1-1",), 2_500),
        ("paid", ("B-1-1", "A-1-6"), 4_000),
        ("paid", SEATS[::-1], 5_000),
        ("paid", ("A-1-5", "A-1-5"), Code.SEATS_NOT_IN_ORDER),
        ("paid", ("A-1-5", "C-1-1"), Code.SEATS_NOT_IN_ORDER),
        ("partly refunded", ("A-1-6",), 1_500),
        ("partly refunded", ("A-1-5",), Code.ALREADY_REFUNDED),
        ("partly refunded", ("A-1-6", "A-1-5"), Code.ALREADY_REFUNDED),
        ("refund failed", ("A-1-5",), Code.ALREADY_REFUNDED),
        ("refunded", ("C-1-1",), Code.SEATS_NOT_IN_ORDER),
    ],
)
def test_only_seats_of_the_order_that_nobody_is_refunding_are_refunded(
    state: str, seats: tuple[str, ...], outcome: int | Code
) -> None:
    after = repaying.refund_requested(ORDERS[state], "r9", seats, LATER)
    if isinstance(outcome, Code):
        assert after == Rejection(outcome)
    else:
        asked = changed(after).refunds[-1]
        assert asked == Refund("r9", seats, outcome, False, "", LATER)


@pytest.mark.parametrize("state", ["refunding", "refund failed", "refunded"])
def test_a_request_that_comes_twice_is_one_request(state: str) -> None:
    order = ORDERS[state]
    asked = repaying.refund_requested(order, "r1", ("A-1-5",), LATER, fingerprint="f")
    assert asked is None
    other = repaying.refund_requested(order, "r1", ("A-1-5",), LATER, fingerprint="g")
    assert other == Rejection(Code.IDEMPOTENCY_KEY_REUSED)


def test_seats_that_cost_nothing_are_refunded_at_once_and_then_given_back() -> None:
    """No money is on its way, so no provider is asked; neither could one say anything about it."""
    paid = tried("free, paid")
    half = Refund("r1", ("A-1-5",), 0, False, "", LATER, status=SUCCEEDED)
    asked = repaying.refund_requested(paid, "r1", ("A-1-5",), LATER)
    came = Came(PARTLY, GIVING, Cause.REFUND_REQUESTED, Actor.ORGANIZER, "", {"refunds": (half,)})
    assert asked == expected(paid, came)
    for status in RefundStatus:
        assert repaying.money_back(changed(asked), money(status, ""), LATER, attempt=1) is None
    assert repaying.refund_refused(changed(asked), "r1", "disputed", LATER) is None
    rest = changed(repaying.refund_requested(returned(changed(asked)), "r2", (), LATER))
    assert (rest.state, rest.task) == (REFUNDED, GIVING)
    over = returned(rest, "r2")
    assert (over.state, over.task, over.due_at) == (REFUNDED, Task.NONE, None)


@pytest.mark.parametrize(
    ("state", "left"),
    [("paid", SEATS), ("refund failed", SEATS[1:]), ("refunding more", ()), ("owing", ())],
)
def test_what_is_refundable_is_in_no_refund(state: str, left: tuple[str, ...]) -> None:
    assert repaying.refundable(ORDERS[state]) == left


def turns(*statuses: tuple[RefundStatus, str, bool]) -> Sequence[Refund]:
    """Refunds a, b, ...: their status, the provider's id, and whether their tickets are back."""
    return [
        replace(R1, refund_id=name, status=status, provider_id=provider_id, returned=back)
        for name, (status, provider_id, back) in zip("abc", statuses, strict=False)
    ]


ASKED = (PENDING, "", False)
SENT = (PENDING, "re", False)
ARRIVED = (SUCCEEDED, "re", False)
WAITING = (PENDING, "re", True)
BROKEN = (FAILED, "", False)
BROKEN_LATE = (FAILED, "", True)
OVER = (SUCCEEDED, "re", True)


@pytest.mark.parametrize(
    ("refunds", "name"),
    [
        ([], None),
        ([OVER], None),
        ([OVER, ASKED], "b"),
        ([ASKED, ASKED], "a"),
        ([SENT, ASKED], "a"),
        ([WAITING], "a"),
        ([WAITING, WAITING], "a"),
        ([WAITING, ASKED], "b"),
        ([WAITING, SENT], "b"),
        ([WAITING, ARRIVED], "b"),
        ([WAITING, BROKEN], "b"),
        ([BROKEN, WAITING], "a"),
        ([BROKEN_LATE, WAITING], "a"),
        ([BROKEN, BROKEN_LATE], "a"),
        ([BROKEN, ASKED], "b"),
        ([BROKEN, WAITING, SENT], "c"),
        ([BROKEN_LATE, OVER, ARRIVED], "c"),
    ],
)
def test_what_can_be_done_at_once_is_done_first_and_nothing_waits_behind_what_fails(
    refunds: list[tuple[RefundStatus, str, bool]], name: str | None
) -> None:
    order = replace(ORDERS["paid"], refunds=tuple(turns(*refunds)))
    found = repaying.next_refund(order)
    assert (None if found is None else found.refund_id) == name


@pytest.mark.parametrize(
    ("state", "now", "pauses"),
    [
        ("refund failed", NOW + 999, True),
        ("refund failed", NOW + 1_000, False),
        ("refunding", NOW, False),
        ("refund pending", NOW, False),
        ("paid", NOW, False),
        ("opened", NOW, False),
    ],
)
def test_only_an_attempt_after_a_failed_one_has_to_wait(state: str, now: int, pauses: bool) -> None:
    assert repaying.pauses(ORDERS[state], now) is pauses


def test_a_new_refund_does_not_wait_for_one_that_failed() -> None:
    order = refund(ORDERS["refund failed"], "r2", "A-1-6")
    assert not repaying.pauses(order, NOW)
    first = returned(given_back(order, SUCCEEDED, "r2", "re_2"), "r2")
    assert repaying.next_refund(first) is first.refunds[0]
    assert repaying.pauses(first, NOW + 4_999)
    assert not repaying.pauses(first, NOW + 5_000)
