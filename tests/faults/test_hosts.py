"""Hosts that are killed, and hosts that become more and fewer, while buyers buy."""

from __future__ import annotations

import contextlib
import json
import os
import signal

import pytest

from tests.faults.placing import placing
from tests.faults.scaling import scaling
from tests.shop import Shop, grid
from tests.stack import RunningStack, frontrow


@pytest.mark.timeout(300)
def test_hosts_that_come_and_go_and_die_cost_no_hold_and_no_seat(stack: RunningStack) -> None:
    figures = scaling(stack, seconds=1)
    assert len(figures.until_first_hold) == len(figures.faults) == 6


@pytest.mark.timeout(300)
def test_hosts_that_are_drained_and_blocks_that_move_turn_nobody_away(stack: RunningStack) -> None:
    figures = placing(stack, seconds=1)
    assert {"host-0 drained", "host-1 drained", "a block moved"} == set(figures.faults)


@pytest.mark.timeout(300)
def test_a_host_that_hangs_is_named_and_restarted_by_command(stack: RunningStack) -> None:
    """A process that neither answers nor ends: Ray leaves it alone."""
    data = ("--data", str(stack.data), "--json")
    with Shop(stack.url, stack.admin_key) as shop:
        show_id = shop.show(grid(8, 1, 2))
        first = [shop.hold(show_id, f"S{section}-R0-0") for section in range(8)]
        victim = shop.hosts()[0]
        os.kill(victim["pid"], signal.SIGSTOP)
        try:
            listed = frontrow("hosts", *data, check=False)
            assert listed.returncode == 1
            answers = {one["name"]: one["answers"] for one in json.loads(listed.stdout)["items"]}
            assert [name for name, does in answers.items() if not does] == [victim["name"]]
            restarted = json.loads(frontrow("restart", victim["name"], *data).stdout)["items"][0]
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim["pid"], signal.SIGCONT)
        assert (restarted["name"], restarted["answers"]) == (victim["name"], True)
        assert restarted["pid"] != victim["pid"]
        for section, hold in enumerate(first):
            assert shop.find(hold.json()["hold_id"]).status_code == 200
            assert shop.hold(show_id, f"S{section}-R0-1").status_code == 201
