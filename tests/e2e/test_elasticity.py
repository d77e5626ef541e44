"""The policy and `frontrow prepare` on the running product: what they do with Ray's actors."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.shop import Shop, grid, until
from tests.stack import RunningStack, frontrow

LIMITS = {"FRONTROW_HOSTS_MIN": "2", "FRONTROW_HOSTS_MAX": "3"}


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
        (service,) = [
            one
            for one in shop.http.get("/v1/operator/services", headers=shop.auth).json()
            if one["service"] == "elasticity"
        ]
        assert service["running"]
        assert service["leads"]
