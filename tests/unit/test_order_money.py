"""No money without tickets and no tickets without money, whoever is late, in whatever order."""

from __future__ import annotations

from collections import Counter

import pytest

from actors.domain.order import State
from actors.domain.payment import PaymentStatus, RefundStatus
from tests.unit.order_world import World


@pytest.mark.parametrize("seed", range(300))
def test_whatever_happens_money_and_tickets_are_where_they_belong_in_the_end(seed: int) -> None:
    world = World(seed)
    for _ in range(world.chance.choice((20, 60, 150))):
        world.something_happens()
    world.all_comes_to_rest()
    order = world.order
    assert order.due_at is None
    assert world.payment.status in (PaymentStatus.CAPTURED, PaymentStatus.CANCELED), "it is settled"
    assert order.price(tuple(world.sold())) == world.kept()
    standing = Counter(
        one.refund_id for one in world.refunds.values() if one.status is not RefundStatus.FAILED
    )
    assert set(standing.values()) <= {1}, "nothing is given back twice"
    assert world.objections() == []
    if order.state is State.PAID:
        assert world.sold() == set(order.seats)
