"""What is planned for an on-sale: the figures of the page, and laws."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cluster.elasticity.rush import BUYERS_MAX, HOLDS_PER_HOST, HOLDS_PER_REPLICA, plan_rush

BUYERS = st.integers(1, BUYERS_MAX)
BLOCKS = st.integers(1, 5_000)


def test_the_example_of_the_page_on_scaling() -> None:
    plan = plan_rush(200_000, 108)
    assert (plan.peak, plan.hosts, plan.replicas) == (5_000, 4, 8)


def test_a_club_needs_one_of_each() -> None:
    plan = plan_rush(300, 2)
    assert (plan.hosts, plan.replicas) == (1, 1)


def test_a_block_is_on_one_host_so_more_hosts_than_blocks_are_of_no_use() -> None:
    assert plan_rush(1_000_000, 3).hosts == 3


@given(BUYERS, BLOCKS)
def test_a_plan_carries_its_peak_unless_the_blocks_are_too_few(buyers: int, blocks: int) -> None:
    plan = plan_rush(buyers, blocks)
    assert plan.hosts * HOLDS_PER_HOST >= plan.peak or plan.hosts == blocks
    assert plan.replicas * HOLDS_PER_REPLICA >= plan.peak
    assert 1 <= plan.hosts <= blocks


@given(BUYERS, BUYERS, BLOCKS)
def test_more_buyers_never_need_fewer_hosts(some: int, others: int, blocks: int) -> None:
    few, many = sorted((some, others))
    assert plan_rush(few, blocks).hosts <= plan_rush(many, blocks).hosts
