"""What is done about money in a run, drawn from the seed: who orders what it holds, who pays when and with which card.

Data, as all of a plan. Each buyer has dice of its own, so that one who is left out takes nobody else's luck along.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Literal

WITH_MONEY = 0.4
"""The share of plans in which anything is paid."""

ORDERING = 0.8
"""The share of buyers who order what they hold, in such a plan."""

HOLD_SECONDS = (3, 10, 10, 60, 60, 600)
"""Without the shortest, in which nobody comes to order anything."""

ROWS = (5, 5)
"""Blocks that such a venue has besides, for those who come to pay."""

FREE = 0.05
"""The share of such plans in which nothing costs anything."""

StepKind = Literal[
    "order",
    "order_again",
    "order_apart",
    "pay",
    "look",
    "cancel",
    "release",
    "extend",
    "refund",
    "refund_some",
    "stray",
]
CardKind = Literal[
    "good", "declined", "slow", "slow_declined", "short", "refund_fails", "refund_pending"
]


def _many(card: CardKind, times: int) -> list[CardKind]:
    return [card] * times


HONEST = 0.6
"""The share of those who pay at once, with a card that is good."""

GOOD_CARDS: list[CardKind] = [*_many("good", 6), "slow", "refund_fails", "refund_pending"]
CARDS: list[CardKind] = [
    *_many("good", 8),
    *_many("declined", 2),
    *_many("slow", 5),
    *_many("slow_declined", 2),
    *_many("short", 2),
    "refund_fails",
]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that somebody does, `at` seconds after the hold was had. Steps do not wait for each other.

    `order_again` comes with the key of the buyer's order, `order_apart` with another one. `release` and `extend` are of
    its hold. `refund`, of the whole order or of some seats, is the organizer's doing; `name` is its key, and the same
    one twice is one refund. `stray` is somebody else's payment that says it is for this order. `bank_seconds` is how
    long the bank of a slow card takes.
    """

    kind: StepKind
    at: float
    card: CardKind = "good"
    bank_seconds: float = 0.0
    name: str = ""
    withhold: bool = False


@dataclass(frozen=True, slots=True)
class Purchase:
    """What is done about one buyer's order. `key` is empty for an order without an Idempotency-Key. `honest`: it is
    paid at once, and its hold is not given back."""

    key: str
    honest: bool
    steps: tuple[Step, ...]


def purchase_of(seed: int, buyer: str, hold_seconds: int, *, calm: bool) -> Purchase | None:
    """None for a buyer who does not order. `calm`: everybody pays in time."""
    dice = Random(f"money {seed} {buyer}")
    if dice.random() > ORDERING:
        return None
    key = "" if dice.random() < 0.2 else f"order of {buyer}"
    honest = calm or dice.random() < HONEST
    ordered = dice.uniform(0, min(3.0, hold_seconds * 0.6))
    soon = ordered + dice.uniform(0.05, 4)
    paid = [_paid(dice, soon, GOOD_CARDS)] if honest else _payments(dice, soon, hold_seconds)
    steps = [Step("order", ordered), *_again(dice, ordered), *paid]
    steps += _looks(dice, ordered, paid)
    steps += _ends(dice, ordered, paid, honest=honest)
    return Purchase(key, honest, tuple(sorted(steps, key=lambda step: step.at)))


def last_purchase(name: str) -> Purchase:
    """Whoever comes when everything works again pays at once, and sees it soon."""
    return Purchase(name, True, (Step("order", 0.0), Step("pay", 0.1), Step("look", 30.0)))


def _again(dice: Random, ordered: float) -> list[Step]:
    kind: StepKind = dice.choice(["order_again", "order_apart"])
    at = ordered + dice.choice([0.0, 0.01, dice.uniform(0, 1), dice.uniform(0, 30)])
    return [Step(kind, at)] if dice.random() < 0.3 else []


def _payments(dice: Random, soon: float, hold_seconds: int) -> list[Step]:
    """At once, about the deadline, some time after it, or when it is too late; sometimes twice, sometimes never."""
    about = hold_seconds + dice.uniform(-1.5, 1.5)
    late = hold_seconds + dice.uniform(1, 60)
    closing = hold_seconds + dice.uniform(60, 64)
    too_late = hold_seconds + dice.uniform(62, 130)
    count = dice.choice([0, 1, 1, 1, 1, 2, 2])
    when = [soon, soon, about, late, closing, closing, too_late]
    times = [dice.choice(when) for _ in range(count)]
    return [_paid(dice, at, CARDS) for at in times]


def _paid(dice: Random, at: float, cards: list[CardKind]) -> Step:
    """Most banks decide within seconds, and a few not before the seats are kept no longer."""
    seconds = [(0.2, 5.0), (0.2, 5.0), (5.0, 60.0), (60.0, 900.0)]
    bank_seconds = dice.uniform(*dice.choice(seconds))
    if cards is CARDS and dice.random() < 0.02:
        bank_seconds = 4_000.0
    return Step("pay", at + dice.uniform(0, 1), dice.choice(cards), bank_seconds)


def _looks(dice: Random, ordered: float, paid: list[Step]) -> list[Step]:
    times = [ordered + dice.uniform(0.5, 3), ordered + dice.uniform(1, 60)]
    times += [step.at + dice.choice([0.3, 2.0, 15.0]) for step in paid]
    return [Step("look", at) for at in times if dice.random() < 0.7]


def _ends(dice: Random, ordered: float, paid: list[Step], *, honest: bool) -> list[Step]:
    """Orders that are cancelled, and what the organizer gives back."""
    steps, last = list[Step](), max([step.at for step in paid], default=ordered)
    kinds: tuple[tuple[StepKind, float], ...] = (("cancel", 0.2), ("release", 0.3), ("extend", 0.3))
    for kind, chance in kinds:
        if dice.random() < (0.03 if honest else chance):
            at = dice.choice([ordered + dice.uniform(0, 5), last + dice.uniform(-0.5, 1.5)])
            steps.append(Step(kind, max(at, ordered)))
    if dice.random() < 0.08:
        steps.append(Step("stray", ordered + dice.uniform(0.1, 5)))
    if dice.random() < (0.7 if honest else 0.3):
        steps += _refunds(dice, ordered, last)
    return steps


def _refunds(dice: Random, ordered: float, last: float) -> list[Step]:
    """Of an order that is paid, is being paid, or is not; twice, at once or later, with one key or with two."""
    at = max(ordered, last + dice.choice([dice.uniform(-1, 2), dice.uniform(1, 10), 20.0, 40.0]))
    kind: StepKind = dice.choice(["refund", "refund_some", "refund_some"])
    first = Step(kind, at, name=f"back {dice.randint(0, 9)}", withhold=dice.random() < 0.2)
    if dice.random() < 0.4:
        return [first]
    again: StepKind = dice.choice([kind, "refund", "refund_some"])
    name = first.name if dice.random() < 0.5 else "back again"
    then = at + dice.choice([0.0, 0.05, dice.uniform(0, 5), dice.uniform(5, 30)])
    return [first, Step(again, then, name=name, withhold=first.withhold)]
