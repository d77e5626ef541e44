"""What happens in a run, drawn from its seed: the venue, the weather, the buyers and the disasters.

A plan is data, so that a failing one can be made smaller by leaving buyers and disasters out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from tests.simulation.money import (
    FREE,
    HOLD_SECONDS,
    ROWS,
    WITH_MONEY,
    Purchase,
    purchase_of,
)

ACTION_SECONDS = 40.0
"""The length of the sale; what comes behind it are deadlines."""

QUIET_SECONDS = 400.0
"""A pause that is long enough for idle activations to be put away."""

OPERATED = 0.3
"""The share of the other plans in which an operator changes things."""

PEACEFUL = 0.05
"""The share of plans in which nothing goes wrong: there the judges let nothing through."""

LAST = "last customer"
"""The name of those who come when everything works again."""

Then = Literal["find", "extend", "release", "replay", "other_body", "nothing"]


@dataclass(frozen=True, slots=True)
class Venue:
    """`rows`: the seats of each block that has seats. `replicated`: the journal is a cluster of three. `price`: of a
    seat of the first block; the next ones cost a little more, unless it is 0."""

    rows: tuple[int, ...]
    registers: int
    hold_seconds: int
    hosts: int
    replicas: int
    replicated: bool
    dedicated: bool
    snapshot_commits: int
    price: int = 1_000

    def seats(self) -> list[str]:
        return [f"B{b}-R-{n}" for b, size in enumerate(self.rows) for n in range(size)]


@dataclass(frozen=True, slots=True)
class Weather:
    """Of every message: how long it takes (seconds), and how probably it is lost, late, or arrives twice. `agreement`
    is how long the servers of a cluster need for one publish, `provider` how probably a request to the payment provider
    goes wrong."""

    latency: tuple[float, float]
    agreement: tuple[float, float]
    lost: float
    late: float
    twice: float
    provider: float = 0.0


@dataclass(frozen=True, slots=True)
class Buyer:
    """Wants seats (or a quantity), asks up to `attempts` times while nothing definite is said, gives up a request after
    `patience` seconds, and then does a few things with what it got. `key` is empty for a buyer without one. What is
    done about an order of it goes on beside that."""

    name: str
    at: float
    seats: tuple[str, ...]
    quantity: int
    key: str
    attempts: int
    patience: float
    hangs_up: bool
    pause: float
    then: tuple[Then, ...]
    purchase: Purchase | None = None


Kind = Literal[
    "kill_host",
    "stop_host",
    "replace_host",
    "kill_replica",
    "stop_replica",
    "scale",
    "cut_host",
    "cut_replica",
    "journal_away",
    "journal_full",
    "new_leader",
    "kill_expiration",
    "stop_expiration",
    "jump_clock",
    "withhold",
    "restore",
]

OperatorKind = Literal["drain_host", "move_block", "freeze_block", "thaw_block"]

MoneyKind = Literal[
    "provider_slow",
    "provider_failing",
    "provider_silent",
    "provider_away",
    "store_away",
    "kill_payment",
    "stop_payment",
    "authorisation_expires",
    "refund_fails",
]

TWO_OWNERS: tuple[Kind, ...] = (
    "stop_host",
    "replace_host",
    "scale",
    "new_leader",
    "new_leader",
    "new_leader",
)
"""What makes two hosts own a block, or leaves its appends in doubt: these come more often."""

OF_THE_ORGANIZER: tuple[Kind, ...] = ("withhold", "withhold", "restore")


@dataclass(frozen=True, slots=True)
class Disaster:
    """`target` chooses the victim, `seconds` is how long it lasts, `amount` what else there is to say."""

    kind: Kind | OperatorKind | MoneyKind
    at: float
    target: int
    seconds: float
    amount: float


@dataclass(frozen=True, slots=True)
class Plan:
    """`skew_ms`: how wrong the clocks are at most, in either direction."""

    seed: int
    venue: Venue
    weather: Weather
    skew_ms: int
    buyers: tuple[Buyer, ...]
    disasters: tuple[Disaster, ...]

    @property
    def has_money(self) -> bool:
        """Something may be paid."""
        return any(buyer.purchase for buyer in self.buyers)

    @property
    def unhurried(self) -> bool:
        """No hold runs out while it is being made."""
        return self.venue.hold_seconds >= 60

    @property
    def peaceful(self) -> bool:
        """Nothing goes wrong."""
        weather, calm = self.weather, self.unhurried and not self.skew_ms
        return calm and not (self.disasters or weather.lost or weather.late or weather.twice)


def plan_of(seed: int) -> Plan:
    dice = Random(f"plan {seed}")
    venue = _venue(dice)
    weather = _weather(dice)
    skew_ms = dice.choice([0, 0, 20, 400, 5_000, 300_000])
    gap_at = dice.choice([ACTION_SECONDS, ACTION_SECONDS, dice.uniform(5, 30)])
    buyers = [_buyer(dice, venue, number) for number in range(dice.randint(8, 13))]
    disasters = [_disaster(dice) for _ in range(dice.choice([0, 1, 2, 4, 6, 9]))]
    plan = Plan(
        seed,
        venue,
        weather,
        skew_ms,
        tuple(sorted((_after_gap(b, gap_at) for b in buyers), key=lambda one: one.at)),
        tuple(sorted(disasters, key=lambda one: one.at)),
    )
    return _with_money(_in_peace(plan) if dice.random() < PEACEFUL else _operated(plan))


def _operated(plan: Plan) -> Plan:
    """Some plans have an operator, who does what he does in the middle of the sale."""
    dice = Random(f"operator {plan.seed}")
    if dice.random() > OPERATED:
        return plan
    kinds: tuple[OperatorKind, ...] = OperatorKind.__args__  # type: ignore[attr-defined]
    disasters = [
        *plan.disasters,
        *[_struck(dice, dice.choice(kinds)) for _ in range(dice.choice([1, 2, 4]))],
    ]
    return replace(plan, disasters=tuple(sorted(disasters, key=lambda one: one.at)))


def _with_money(plan: Plan) -> Plan:
    """Some plans have money in them: some of their buyers order."""
    dice = Random(f"money {plan.seed}")
    if dice.random() > WITH_MONEY:
        return plan
    price = 0 if dice.random() < FREE else 1_000
    hold_seconds = dice.choice(HOLD_SECONDS)
    rows = (*plan.venue.rows, *ROWS)
    hold_seconds = max(hold_seconds, 60 * plan.peaceful)
    venue = replace(plan.venue, rows=rows, price=price, hold_seconds=hold_seconds)
    plan = replace(plan, venue=venue)
    plan = replace(plan, buyers=tuple(_with_purchase(plan, buyer) for buyer in plan.buyers))
    if plan.peaceful:
        return plan
    weather = replace(plan.weather, provider=dice.choice([0.0, 0.0, 0.0, 0.05, 0.2, 0.5]))
    disasters = [*plan.disasters, *_money_disasters(dice, venue)]
    disasters.sort(key=lambda one: one.at)
    return replace(plan, weather=weather, disasters=tuple(disasters))


def _with_purchase(plan: Plan, buyer: Buyer) -> Buyer:
    """Who orders, but for those with a key that others may share, wants seats that not everybody wants."""
    hold_seconds, calm = plan.venue.hold_seconds, plan.peaceful
    purchase = purchase_of(plan.seed, buyer.name, hold_seconds, calm=calm)
    if purchase is None:
        return buyer
    dice, seats, then = Random(f"seats {plan.seed} {buyer.name}"), buyer.seats, buyer.then
    if purchase.honest:
        then = tuple("find" if one == "release" else one for one in then)
    if seats and not buyer.key:
        seats = tuple(dice.sample(plan.venue.seats()[-sum(ROWS) :], dice.choice([1, 2, 2, 3])))
    return replace(buyer, seats=seats, purchase=purchase, then=then)


def _money_disasters(dice: Random, venue: Venue) -> list[Disaster]:
    """Also when nobody but those who pay late is there any more."""
    kinds: tuple[MoneyKind, ...] = MoneyKind.__args__  # type: ignore[attr-defined]
    late = venue.hold_seconds + 60.0
    return [
        Disaster(
            dice.choice(kinds),
            dice.uniform(0, dice.choice([ACTION_SECONDS, ACTION_SECONDS, late])),
            dice.randint(0, 1_000),
            dice.choice([0.05, 0.5, 3.0, 12.0]),
            dice.random(),
        )
        for _ in range(dice.choice([0, 1, 2, 3, 5, 8]))
    ]


def _in_peace(plan: Plan) -> Plan:
    return replace(
        plan,
        venue=replace(plan.venue, hold_seconds=max(plan.venue.hold_seconds, 60)),
        weather=replace(plan.weather, lost=0.0, late=0.0, twice=0.0),
        skew_ms=0,
        disasters=(),
    )


def _venue(dice: Random) -> Venue:
    rows = tuple(dice.randint(1, 5) for _ in range(dice.choice([1, 2, 3, 4])))
    return Venue(
        rows,
        registers=dice.choice([1, 1, 2]),
        hold_seconds=dice.choice([1, 3, 10, 10, 60, 600]),
        hosts=dice.choice([1, 2, 2, 3]),
        replicas=dice.choice([1, 2, 2, 3]),
        replicated=dice.random() < 0.5,
        dedicated=dice.random() < 0.1,
        snapshot_commits=dice.choice([2, 5, 128]),
    )


def _weather(dice: Random) -> Weather:
    kind = dice.choice(["calm", "breezy", "breezy", "stormy"])
    latency = dice.choice([(0.0002, 0.002), (0.001, 0.05), (0.0005, 0.4)])
    agreement = dice.choice([latency, (0.01, 0.1), (0.1, 1.0)])
    worst = {"calm": 0.0, "breezy": 0.02, "stormy": 0.2}[kind]
    lost, late, twice = (dice.uniform(0, worst) for _ in range(3))
    return Weather(latency, agreement, lost, late, twice)


def _buyer(dice: Random, venue: Venue, number: int) -> Buyer:
    seats = venue.seats()
    wanted = dice.sample(seats, min(len(seats), dice.choice([1, 1, 2, 2, 3, 4])))
    quantity = dice.choice([0, 0, 0, 0, 1, 2])
    # A twin: the same key as an earlier buyer, who may still be at it.
    key = dice.choice(["", "", f"k{number}", f"k{number}", f"k{dice.randint(0, number)}"])
    if key:
        # The twins of a key want the same, but for a few that misuse it.
        want = Random(f"{number if dice.random() < 0.1 else key} {seats}")
        wanted = want.sample(seats, min(len(seats), want.choice([1, 1, 2, 2, 3, 4])))
        quantity = want.choice([0, 0, 0, 0, 1, 2])
    return Buyer(
        f"buyer {number}",
        dice.choice([dice.uniform(0, ACTION_SECONDS), dice.uniform(0, 5)]),
        () if quantity else tuple(wanted),
        quantity,
        key,
        attempts=dice.choice([1, 2, 3, 4]),
        patience=dice.choice([0.3, 3.0, 15.0, 40.0]),
        hangs_up=dice.random() < 0.5,
        pause=dice.choice([0.0, 0.2, 2.0]),
        then=tuple(
            dice.choice(["find", "extend", "release", "replay", "replay", "other_body", "nothing"])
            for _ in range(dice.randint(0, 4))
        ),
    )


def _after_gap(buyer: Buyer, gap_at: float) -> Buyer:
    return buyer if buyer.at < gap_at else replace(buyer, at=buyer.at + QUIET_SECONDS)


def _disaster(dice: Random) -> Disaster:
    kinds: tuple[Kind, ...] = Kind.__args__  # type: ignore[attr-defined]
    return _struck(dice, dice.choice([*kinds, *TWO_OWNERS, *OF_THE_ORGANIZER]))


def _struck(dice: Random, kind: Kind | OperatorKind) -> Disaster:
    return Disaster(
        kind,
        dice.uniform(0, ACTION_SECONDS),
        dice.randint(0, 1_000),
        dice.choice([0.05, 0.5, 3.0, 12.0]),
        dice.random(),
    )
