"""Money on the running stack while its parts are killed: an order ends as paid with its seats, or as nothing at all."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from tests.faults.paying_crowd import PayingCrowd
from tests.shop import Shop, grid
from tests.stack import RunningStack

KILLS = 6


def _pid(shop: Shop, name: str) -> int | None:
    return next((one.get("pid") for one in shop.services() if one["service"] == name), None)


@pytest.mark.timeout(500)
def test_orders_end_well_although_the_payment_service_is_killed_time_and_again(
    private_stack: Callable[..., RunningStack],
) -> None:
    stack = private_stack()
    with Shop(stack.url, stack.admin_key) as shop:
        show_id = shop.show(grid(4, 20, 20))
        crowd = PayingCrowd(stack.url, stack.stripe_api_base, show_id)
        with crowd.running():
            crowd.goes_on(5)
            for number in range(KILLS):
                pid = _pid(shop, "payment")
                if pid is not None:
                    os.kill(pid, signal.SIGKILL)
                time.sleep(0.3 * number)  # at other moments of its start and of its work
            crowd.goes_on(20)
    assert crowd.ends["paid"] >= 10, crowd.ends
    assert crowd.ends["expired"] == 0, crowd.ends
    crowd.settled(stack)


@pytest.mark.timeout(500)
def test_g8_orders_are_all_there_when_everything_was_killed_and_started_again(
    private_stack: Callable[..., RunningStack],
) -> None:
    stack = private_stack()
    with Shop(stack.url, stack.admin_key) as shop:
        show_id = shop.show(grid(4, 20, 20))
    crowd = PayingCrowd(stack.url, stack.stripe_api_base, show_id)
    with crowd.running():
        crowd.goes_on(10)
        stack.kill()
        port = str(urlsplit(stack.url).port)
        stack = private_stack("--port", port, data=stack.data)
        crowd.stripe_url = stack.stripe_api_base
        crowd.goes_on(20)
    assert crowd.ends["paid"] >= 10, crowd.ends
    crowd.settled(stack)
