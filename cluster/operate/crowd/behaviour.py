"""What a simulated buyer wants and does: decisions of a random generator over a seat map. Pure.

A buyer chooses from the map, thinks, and only then asks: whoever thought faster has the seats. Like people, buyers
want the front and the middle, so they get into each other's way.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cluster.operate.crowd.show_map import MapRow, ShowMap

ROWS_TRIED_MAX = 8
"""Rows that a buyer looks at before asking for the best available instead."""

FRONT_PREFERENCE = 2.0
"""The exponent by which rows near the front are preferred: 1 is none."""

THINK_SECONDS_MEAN = 1.2
THINK_SECONDS_MAX = 6.0
QUANTITIES = (1, 2, 3, 4, 6)
QUANTITY_WEIGHTS = (15, 45, 15, 20, 5)


class Kind(StrEnum):
    SEATS = "seats"
    BEST = "best_available"
    BEST_SOMEWHERE = "best_available, narrowed"
    AREA = "areas"


class After(StrEnum):
    """What a buyer does with a hold. To abandon it is to walk away: it expires."""

    ORDER = "order"
    KEEP = "keep"
    EXTEND = "extend"
    GIVE_BACK = "give back"
    ABANDON = "abandon"


class Way(StrEnum):
    """What a buyer does with an order. To forget it is to walk away: it expires with its hold."""

    PAY = "pay"
    SECOND_CARD = "pay with a second card"
    DECLINED = "give up after a declined card"
    LATE = "pay too late"
    CANCEL = "cancel"
    FORGET = "forget"


KIND_WEIGHTS = {Kind.SEATS: 50, Kind.BEST: 20, Kind.BEST_SOMEWHERE: 20, Kind.AREA: 10}
AFTER_WEIGHTS = {
    After.ORDER: 65,
    After.KEEP: 5,
    After.EXTEND: 10,
    After.GIVE_BACK: 10,
    After.ABANDON: 10,
}
WAY_WEIGHTS = {
    Way.PAY: 66,
    Way.SECOND_CARD: 8,
    Way.DECLINED: 5,
    Way.LATE: 10,
    Way.CANCEL: 6,
    Way.FORGET: 5,
}
LATE_SECONDS_MAX = 4.0
"""How long after the end of a hold those pay who pay too late."""


@dataclass(frozen=True, slots=True)
class Wish:
    """The body of a hold request, and what sort it is."""

    kind: Kind
    quantity: int
    body: dict[str, Any]


def wish(rng: random.Random, show: ShowMap) -> Wish:
    """What a buyer asks for, from what the map shows now."""
    quantity = min(rng.choices(QUANTITIES, QUANTITY_WEIGHTS)[0], show.max_per_order)
    match _kind(rng, show):
        case Kind.SEATS:
            return _picked(rng, show, quantity) or _best(quantity)
        case Kind.BEST_SOMEWHERE:
            return _narrowed(rng, show, quantity)
        case Kind.AREA:
            area = rng.choice(show.areas)
            return Wish(Kind.AREA, quantity, {"areas": [{"area": area, "quantity": quantity}]})
        case _:
            return _best(quantity)


def _kind(rng: random.Random, show: ShowMap) -> Kind:
    possible = [
        kind for kind in KIND_WEIGHTS if (show.areas if kind is Kind.AREA else show.rows)
    ] or [Kind.BEST]
    return rng.choices(possible, [KIND_WEIGHTS[kind] for kind in possible])[0]


def _picked(rng: random.Random, show: ShowMap, quantity: int) -> Wish | None:
    for _ in range(ROWS_TRIED_MAX):
        seats = show.free_run(_row(rng, show.rows), quantity)
        if seats:
            return Wish(Kind.SEATS, quantity, {"seats": seats})
    return None


def _row(rng: random.Random, rows: tuple[MapRow, ...]) -> MapRow:
    return rows[int(rng.random() ** FRONT_PREFERENCE * len(rows))]


def _best(quantity: int) -> Wish:
    return Wish(Kind.BEST, quantity, {"best_available": {"quantity": quantity}})


def _narrowed(rng: random.Random, show: ShowMap, quantity: int) -> Wish:
    narrowed: dict[str, Any] = {"quantity": quantity}
    if rng.random() < 0.5:
        narrowed["category"] = rng.choice(show.categories)
    else:
        narrowed["section"] = rng.choice(show.sections)
    return Wish(Kind.BEST_SOMEWHERE, quantity, {"best_available": narrowed})


def after_hold(rng: random.Random) -> After:
    """What becomes of a hold that was granted."""
    return rng.choices(list(AFTER_WEIGHTS), list(AFTER_WEIGHTS.values()))[0]


def way_to_pay(rng: random.Random) -> Way:
    """What becomes of an order that was placed."""
    return rng.choices(list(WAY_WEIGHTS), list(WAY_WEIGHTS.values()))[0]


def late_seconds(rng: random.Random) -> float:
    """How long after the end of its hold a late order is paid."""
    return rng.uniform(0.5, LATE_SECONDS_MAX)


def think_seconds(rng: random.Random) -> float:
    """How long a buyer looks before the next click."""
    return min(rng.expovariate(1 / THINK_SECONDS_MEAN), THINK_SECONDS_MAX)
