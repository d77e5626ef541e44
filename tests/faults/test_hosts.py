"""Hosts that are killed, and hosts that become more and fewer, while buyers buy."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from tests.shop import Rush, Shop, grid, until
from tests.stack import RunningStack

SECTIONS, ROWS, SEATS = 8, 20, 20


@pytest.fixture
def shop(stack: RunningStack) -> Iterator[Shop]:
    with Shop(stack.url, stack.admin_key) as shop:
        yield shop


def seats() -> list[str]:
    """Seat by seat over all sections, so that every block is always in use."""
    return [f"S{s}-R{r}-{n}" for r in range(ROWS) for n in range(SEATS) for s in range(SECTIONS)]


def judge(shop: Shop, rush: Rush) -> None:
    """Every hold that a buyer was told of stands, and nothing else is held."""
    assert not rush.refused  # nobody else wanted these seats: a refusal would be a lie
    assert len(set(rush.holds.values())) == len(rush.holds)
    for seat, hold_id in rush.holds.items():
        answer = shop.find(hold_id)
        assert answer.status_code == 200, answer.text
        assert answer.json()["seats"] == [seat]
    held = len(rush.holds)
    until(lambda: shop.counts(rush.show_id)["held"] == held, f"{held} seats show as held")


def test_a_host_killed_in_the_middle_of_a_sale_costs_no_hold_and_no_seat(shop: Shop) -> None:
    show_id = shop.show(grid(SECTIONS, ROWS, SEATS))
    with Rush(shop.url, show_id, seats()).running() as rush:
        until(lambda: len(rush.holds) > 200, "the sale is under way")
        victim = max(shop.hosts(), key=lambda host: host["commands"] or 0)
        os.kill(victim["pid"], signal.SIGKILL)
        before = len(rush.holds)
        until(lambda: len(rush.holds) > before + 300, "the sale goes on")
        until(
            lambda: all(host["answers"] and host["pid"] != victim["pid"] for host in shop.hosts()),
            "the host is back",
        )
    judge(shop, rush)


def test_the_number_of_hosts_changes_while_buyers_buy(shop: Shop) -> None:
    show_id = shop.show(grid(SECTIONS, ROWS, SEATS))
    before = len(shop.hosts())
    try:
        with Rush(shop.url, show_id, seats()).running() as rush:
            until(lambda: len(rush.holds) > 100, "the sale is under way")
            for hosts in (before + 1, before, max(1, before - 1), before):
                so_far = len(rush.holds)
                assert shop.scale(hosts).status_code == 200
                assert len(shop.hosts()) == hosts
                until(lambda so_far=so_far: len(rush.holds) > so_far + 100, "the sale goes on")
        judge(shop, rush)
    finally:
        shop.scale(before)


def test_every_seat_of_a_show_is_sold_once_when_two_buyers_want_each(shop: Shop) -> None:
    show_id = shop.show(grid(2, 10, 20))
    wanted = [f"S{s}-R{r}-{n}" for s in range(2) for r in range(10) for n in range(20)]
    first, second = Rush(shop.url, show_id, wanted), Rush(shop.url, show_id, wanted)
    second.key_prefix = "second/"
    with first.running(), second.running():
        until(
            lambda: (
                len(first.holds) + len(first.refused) == 400
                and len(second.holds) + len(second.refused) == 400
            ),
            "everybody has an answer",
        )
    assert not first.holds.keys() & second.holds.keys()
    assert first.holds.keys() | second.holds.keys() == set(wanted)
