"""Simulated buyers who order and pay: what their orders come to, and that nothing they were shown is lost on them."""

from __future__ import annotations

import random
import time
from collections import deque
from datetime import UTC, datetime
from typing import Any

import pytest

from cluster.operate.amounts import grouped
from cluster.operate.crowd import payers as paying
from cluster.operate.crowd.behaviour import Way
from cluster.operate.crowd.browser import Card, Charge
from cluster.operate.crowd.checkout import Placed
from cluster.operate.crowd.outcome import MEANING, Outcome, lost_tickets, outcome_of
from cluster.operate.crowd.payers import Payers
from cluster.operate.crowd.pools import Refusal
from cluster.operate.crowd.shop import Purchase
from cluster.operate.crowd.show_map import ShowMap
from cluster.operate.crowd.tally import Tally

SEATS = ("Stalls-A-1", "Stalls-A-2")


def order(state: str = "paid", reason: str = "captured", *causes: str) -> dict[str, Any]:
    return {
        "state": state,
        "reason": reason,
        "history": [{"cause": cause} for cause in ("ordered", *causes)],
        "refunds": [],
        "tickets": [{"seat": seat} for seat in SEATS] if state == "paid" else [],
    }


@pytest.mark.parametrize(
    ("found", "declined", "outcome"),
    [
        (order(), False, Outcome.PAID),
        (order("partially_refunded", "refunded"), False, Outcome.PAID),
        (order("paid", "captured", "late_payment"), False, Outcome.LATE_RETAKEN),
        (order("cancelled", "seats_gone", "late_payment"), False, Outcome.LATE_FREED),
        (order("cancelled", "buyer_cancelled"), False, Outcome.CANCELLED),
        (order("expired", "hold_expired"), False, Outcome.EXPIRED),
        (order("expired", "hold_expired"), True, Outcome.DECLINED),
        (order("awaiting_payment", "ordered"), True, Outcome.DECLINED),
        (order("awaiting_payment", "ordered"), False, Outcome.OPEN),
    ],
)
def test_what_an_order_came_to_follows_from_its_state_and_its_history(
    found: dict[str, Any], declined: bool, outcome: Outcome
) -> None:
    assert outcome_of(found, declined=declined) is outcome


def test_every_outcome_is_explained() -> None:
    assert set(MEANING) == set(Outcome)


def test_tickets_that_were_shown_and_are_not_there_are_lost() -> None:
    assert lost_tickets(SEATS, order()) == ""
    assert "and then cancelled" in lost_tickets(SEATS, order("cancelled", "seats_gone"))
    assert "other tickets" in lost_tickets(SEATS, {**order(), "tickets": [{"seat": SEATS[0]}]})
    refunded = {**order("partially_refunded"), "refunds": [{"seats": [SEATS[0]]}]}
    assert lost_tickets(SEATS, {**refunded, "tickets": [{"seat": SEATS[1]}]}) == ""


class FakeCheckout:
    """An order becomes what `becomes` says, one look after the other; the last one stays."""

    def __init__(self, *becomes: dict[str, Any]) -> None:
        self.becomes = deque(becomes)
        self.cancelled = False
        self.refusal: Refusal | None = None

    async def order(self, hold_id: str) -> Placed | Refusal:
        return self.refusal or Placed("o1", "pi_1_secret_x", 1_000)

    async def see(self, order_id: str) -> dict[str, Any]:
        return self.becomes.popleft() if len(self.becomes) > 1 else self.becomes[0]

    async def cancel(self, order_id: str) -> None:
        self.cancelled = True


class FakeBrowser:
    def __init__(self) -> None:
        self.cards = list[Card]()

    async def pay(self, client_secret: str, card: Card) -> Charge:
        self.cards.append(card)
        return Charge.AUTHORISED if card is Card.GOOD else Charge.DECLINED


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paying, "think_seconds", lambda _rng: 0.0)
    monkeypatch.setattr(paying, "LOOK_SECONDS", 0.001)
    monkeypatch.setattr(paying, "SETTLE_SECONDS_MAX", 0.5)


async def bought(
    monkeypatch: pytest.MonkeyPatch, way: Way, checkout: FakeCheckout, hold_seconds: float = 60.0
) -> tuple[Payers, FakeBrowser]:
    monkeypatch.setattr(paying, "way_to_pay", lambda _rng: way)
    monkeypatch.setattr(paying, "late_seconds", lambda _rng: 0.01)
    browser = FakeBrowser()
    payers = Payers(checkout, browser, Tally())  # type: ignore[arg-type]
    expires_at = datetime.fromtimestamp(time.time() + hold_seconds, UTC).isoformat()
    hold = Purchase("s1-4-token", SEATS, expires_at, False)
    show = ShowMap("s1", "A show", 10)
    await payers.buy(random.Random(1), show, hold, time.monotonic() + 1.0)
    return payers, browser


async def test_a_buyer_pays_and_waits_for_the_tickets(monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = FakeCheckout(order("awaiting_payment"), order("authorised"), order())
    payers, browser = await bought(monkeypatch, Way.PAY, checkout)
    assert browser.cards == [Card.GOOD]
    assert payers.tally.outcomes == {Outcome.PAID: 1}
    assert len(payers.tally.ticket_seconds) == 1
    await payers.settle()
    assert (payers.lost(), payers.tally.outcomes) == ([], {Outcome.PAID: 1})
    assert [seats for _, seats in payers.seats()] == [SEATS]


async def test_a_declined_card_is_followed_by_another_or_by_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    payers, browser = await bought(monkeypatch, Way.SECOND_CARD, FakeCheckout(order()))
    assert browser.cards == [Card.DECLINED, Card.GOOD]
    assert payers.tally.outcomes == {Outcome.PAID: 1}
    expired = FakeCheckout(order("expired", "hold_expired"))
    payers, browser = await bought(monkeypatch, Way.DECLINED, expired)
    assert browser.cards == [Card.DECLINED]
    await payers.settle()
    assert payers.tally.outcomes == {Outcome.DECLINED: 1}


async def test_a_late_buyer_pays_after_the_hold_unless_the_sale_is_over_by_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    late = order("paid", "captured", "late_payment")
    began = time.monotonic()
    payers, _ = await bought(monkeypatch, Way.LATE, FakeCheckout(late), hold_seconds=0.3)
    assert time.monotonic() - began > 0.25
    assert payers.tally.outcomes == {Outcome.LATE_RETAKEN: 1}
    payers, _ = await bought(monkeypatch, Way.LATE, FakeCheckout(order()))
    assert payers.bought[0].way is Way.PAY


async def test_an_order_is_cancelled_forgotten_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = FakeCheckout(order("cancelled", "buyer_cancelled"))
    payers, browser = await bought(monkeypatch, Way.CANCEL, checkout)
    assert (checkout.cancelled, browser.cards) == (True, [])
    checkout = FakeCheckout(order("expired", "hold_expired"))
    payers, browser = await bought(monkeypatch, Way.FORGET, checkout, hold_seconds=0.1)
    await payers.settle()
    assert payers.tally.outcomes == {Outcome.EXPIRED: 1}
    checkout.refusal = Refusal(410, "hold_expired")
    payers, browser = await bought(monkeypatch, Way.PAY, checkout)
    assert (payers.bought, payers.tally.refusals) == ([], {"order: hold_expired": 1})


async def test_tickets_that_vanish_after_they_were_shown_are_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checkout = FakeCheckout(order(), order("cancelled", "seats_gone"))
    payers, _ = await bought(monkeypatch, Way.PAY, checkout)
    await payers.settle()
    assert payers.lost() == ["Stalls-A-1: paid, and then cancelled"]


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (7_027_500, "EUR", "70,275.00 EUR"),
        (99, "EUR", "0.99 EUR"),
        (1_234_567, "JPY", "1,234,567 JPY"),
        (1_234_567, "KWD", "1,234.567 KWD"),
        (-123_456, "EUR", "-1,234.56 EUR"),
    ],
)
def test_large_amounts_are_grouped(amount: int, currency: str, text: str) -> None:
    assert grouped(amount, currency) == text
