"""The payment service killed at every await of its flow: each flow is run again and again, with the kill one callback
later each time, until it comes after the end.

A callback of the event loop is what lies between two awaits, so there is no other place where a process can die between
two things that it does to others.
"""

from __future__ import annotations

import pytest

from tests.simulation.money import CardKind, Purchase, Step
from tests.simulation.plan import Buyer, Disaster, Plan, Venue, Weather
from tests.simulation.run import Run, run
from tests.simulation.striking import FUSE_CALLBACKS

HOLD_SECONDS = 30
"""Longer than it takes until a notice whose reader was killed is read again."""

ORDERED, PAID = 0.5, 1.0
LATER = PAID + 30.0
"""By then an order is paid, wherever the service was killed before."""
POINTS_MAX = 2_000
"""Far more than any flow has: reaching it means that the end of a flow was not noticed."""


def pay(at: float, card: CardKind = "good", bank_seconds: float = 0.0) -> Step:
    return Step("pay", at, card, bank_seconds)


FLOWS: dict[str, tuple[str, tuple[Step, ...]]] = {
    "authorised, sold, captured": ("paid", (pay(PAID),)),
    "declined, then paid": ("paid", (pay(PAID, "declined"), pay(PAID + 1))),
    "the bank takes its time": ("paid", (pay(PAID, "slow", 60.0),)),
    "late, and the seats are free": ("paid", (pay(HOLD_SECONDS + 5.0),)),
    "never paid": ("expired", ()),
    "cancelled": ("cancelled", (Step("cancel", PAID),)),
    "cancelled while it is authorised": ("cancelled", (Step("cancel", PAID), pay(PAID - 0.01))),
    "refunded": ("refunded", (pay(PAID), Step("refund", LATER, name="all"))),
    "refunded in part": (
        "partially_refunded",
        (pay(PAID), Step("refund_some", LATER, name="some", withhold=True)),
    ),
    "a refund that fails later": (
        "refunded",
        (pay(PAID, "refund_fails"), Step("refund", LATER, name="all")),
    ),
}


def plan(steps: tuple[Step, ...], point: int, key: str) -> Plan:
    purchase = Purchase("order", honest=False, steps=(Step("order", ORDERED), *steps))
    buyer = Buyer(
        name="buyer",
        at=0.0,
        seats=("B0-R-0", "B1-R-0"),
        quantity=0,
        key=key,
        attempts=3,
        patience=15.0,
        hangs_up=False,
        pause=0.5,
        then=(),
        purchase=purchase,
    )
    killed = Disaster("kill_payment", 0.0, 0, 0.5, (point + 0.5) / FUSE_CALLBACKS)
    venue = Venue(
        rows=(2, 2),
        registers=1,
        hold_seconds=HOLD_SECONDS,
        hosts=1,
        replicas=1,
        replicated=False,
        dedicated=False,
        snapshot_commits=128,
        price=1_000,
    )
    calm = Weather((0.001, 0.01), (0.001, 0.01), 0.0, 0.0, 0.0)
    return Plan(0, venue, calm, 0, (buyer,), (killed,))


def state_of(done: Run) -> str:
    (order,) = [one for one in done.orders.values() if one["email"] and "B0-R-0" in str(one)][:1]
    return order["state"]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("key", ["", "keyed"], ids=["over two blocks", "and a register"])
def test_an_order_ends_as_it_should_wherever_its_service_is_killed(flow: str, key: str) -> None:
    ends, steps = FLOWS[flow]
    points, states = 0, set[str]()
    for point in range(1, POINTS_MAX):
        done = run(plan(steps, point, key))
        assert done.violations == [], f"point {point}: {done.violations}\n{done.log}"
        states.add(state_of(done))
        if not done.struck["kill_payment"]:
            break
        points += 1
    assert points > 20, "the flow has many awaits"
    assert points < POINTS_MAX - 2
    assert ends in states
    allowed = {ends, "paid"} if flow.startswith("cancelled while") else {ends}
    assert states <= allowed
