"""The whole stack killed and started again: every acknowledged hold is there."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from tests.shop import Rush, Shop, grid, until
from tests.stack import RunningStack, frontrow


@pytest.mark.timeout(300)
def test_a_stack_that_is_killed_as_a_whole_has_every_acknowledged_hold_when_it_is_back(
    private_stack: Callable[..., RunningStack],
) -> None:
    stack = private_stack()
    with Shop(stack.url, stack.admin_key) as shop:
        show_id = shop.show(
            grid(4, 20, 20), areas=[{"area": "Floor", "category": "A", "capacity": 50}]
        )
        wanted = [f"S{s}-R{r}-{n}" for r in range(20) for n in range(20) for s in range(4)]
        with Rush(stack.url, show_id, wanted).running() as rush:
            until(lambda: len(rush.holds) > 200, "the sale is under way")
            stack.kill()
            before = dict(rush.holds)
            stack = private_stack("--port", str(urlsplit(stack.url).port), data=stack.data)
            # Buyers whose request was cut off ask again with their keys, and the sale goes on.
            until(lambda: len(rush.holds) > len(before) + 100, "the sale goes on")
        assert not rush.refused
        for seat, hold_id in rush.holds.items():
            answer = shop.find(hold_id)
            assert answer.status_code == 200, answer.text
            assert answer.json()["seats"] == [seat]
        assert shop.hold(show_id, next(iter(before))).status_code == 409
        frontrow("verify", show_id, "--data", str(stack.data))
