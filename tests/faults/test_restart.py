"""The whole stack killed and started again while buyers buy: every acknowledged hold is there."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from tests.faults.crowd import Crowd, Hall
from tests.faults.judging import Figures, judge
from tests.shop import Shop, grid
from tests.stack import RunningStack


@pytest.mark.timeout(300)
def test_a_stack_that_is_killed_as_a_whole_has_every_acknowledged_hold_when_it_is_back(
    private_stack: Callable[..., RunningStack],
) -> None:
    stack, hall = private_stack(), Hall()
    floor = {"area": "Floor", "category": "A", "capacity": 50}
    with Shop(stack.url, stack.admin_key) as shop:
        show_id = shop.show(grid(hall.sections, hall.rows, hall.seats), areas=[floor])
    crowd = Crowd(stack.url, show_id, hall)
    with crowd.running():
        crowd.goes_on()
        stack.kill()
        stack = private_stack("--port", str(urlsplit(stack.url).port), data=stack.data)
        crowd.goes_on()  # those who were cut off ask again with their keys
    figures = judge(Figures("restart"), stack, show_id, crowd.history)
    assert figures.indeterminate > 0  # somebody was cut off
