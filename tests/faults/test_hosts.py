"""Hosts that are killed, and hosts that become more and fewer, while buyers buy."""

from __future__ import annotations

import pytest

from tests.faults.placing import placing
from tests.faults.scaling import scaling
from tests.stack import RunningStack


@pytest.mark.timeout(300)
def test_hosts_that_come_and_go_and_die_cost_no_hold_and_no_seat(stack: RunningStack) -> None:
    figures = scaling(stack, seconds=1)
    assert len(figures.until_first_hold) == len(figures.faults) == 6


@pytest.mark.timeout(300)
def test_hosts_that_are_drained_and_blocks_that_move_turn_nobody_away(stack: RunningStack) -> None:
    figures = placing(stack, seconds=1)
    assert {"host-0 drained", "host-1 drained", "a block moved"} == set(figures.faults)
