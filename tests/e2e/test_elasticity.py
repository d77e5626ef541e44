"""The policy and `frontrow prepare` on the running product: what they do with Ray's actors."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from actors.fleet import Fleet
from actors.placement import Placement
from tests.e2e.venue import HALLS_MAX, on_every_host
from tests.faults.steady_buyers import SteadyBuyers
from tests.shop import Shop, grid, until
from tests.stack import RunningStack, frontrow

LIMITS = {"FRONTROW_HOSTS_MIN": "2", "FRONTROW_HOSTS_MAX": "3"}
EAGER = {
    "FRONTROW_HOSTS_MIN": "1",
    "FRONTROW_HOSTS_MAX": "2",
    "FRONTROW_HOST_CPU_TARGET": "0.1",
    "FRONTROW_HOSTS_GROW_SECONDS": "5",
    "FRONTROW_HOSTS_SHRINK_SECONDS": "10",
}
"""A tenth of a core is much for a host, and two looks are long."""

CHANGED_SECONDS_MAX = 120.0


@pytest.mark.timeout(300)
def test_the_load_decides_within_limits_and_an_on_sale_has_a_floor(
    private_stack: Callable[..., RunningStack],
) -> None:
    stack = private_stack("--hosts", "1", environment=LIMITS)
    with Shop(stack.url, stack.admin_key) as shop:
        until(lambda: len(shop.hosts()) == 2, "the least hosts are there")
        show_id = shop.show(grid(8, 2, 10))
        command = ("prepare", show_id, "--expect", "200000", "--data", str(stack.data), "--json")
        found = json.loads(frontrow(*command, environment=stack.environment, check=False).stdout)
        assert (found["hosts_planned"], found["hosts_before"], found["hosts"]) == (4, 2, 3)
        assert found["blocks"] == found["blocks_warm"] == 12
        assert found["replicas"] == found["replicas_warm"] == 1
        assert found["kept_until"] is not None
        assert shop.hold(show_id, "S0-R0-0").status_code == 201
        (service,) = [one for one in shop.services() if one["service"] == "elasticity"]
        assert service["running"]
        assert service["leads"]


def spread_show(shop: Shop) -> str:
    """Of eight sections, some for the host that is to come: where one goes depends on the show's id."""
    for _ in range(HALLS_MAX):
        show_id = shop.show(grid(8, 2, 20))
        if on_every_host(Placement(Fleet(2)), show_id, 8):
            return show_id
    raise AssertionError(f"none of {HALLS_MAX} shows has seats on both hosts")


@pytest.mark.timeout(400)
def test_a_host_comes_with_the_buyers_and_goes_after_them_and_refuses_none(
    private_stack: Callable[..., RunningStack],
) -> None:
    stack = private_stack("--hosts", "1", environment=EAGER)
    with Shop(stack.url, stack.admin_key) as shop:
        until(lambda: len(shop.hosts()) == 1, "one host is enough", CHANGED_SECONDS_MAX)
        show_id = spread_show(shop)
        kept = [shop.hold(show_id, f"S{section}-R1-0").json() for section in range(8)]
        buyers = SteadyBuyers(stack.url, [(show_id, f"S{n}-R0-{n}") for n in range(8)])
        with buyers.running():
            until(lambda: len(shop.hosts()) == 2, "the load has a second host", CHANGED_SECONDS_MAX)
            until(lambda: all(host["commands"] for host in shop.hosts()), "both have work")
            buyers.go_on()
        assert buyers.refusals == []
        until(lambda: len(shop.hosts()) == 1, "one host is enough again", CHANGED_SECONDS_MAX)
        for hold in kept:
            found = shop.find(hold["hold_id"])
            assert (found.status_code, found.json()["seats"]) == (200, hold["seats"])
        assert shop.counts(show_id)["held"] == len(kept)
    frontrow("verify", show_id, "--data", str(stack.data), environment=stack.environment)
