"""Hosts are drained and taken back, and blocks are moved, while buyers buy: nobody may notice."""

from __future__ import annotations

import time

from tests.faults.crowd import Crowd, Hall
from tests.faults.judging import Figures, judge, seconds_until_hold
from tests.faults.recorder import now
from tests.shop import Shop, grid
from tests.stack import RunningStack

HOLD_SECONDS = 10
REGISTERS = 4
"""The blocks of the sections come behind them."""

MOVED = (0, 2)
HOLDS = 40
"""Granted after every change, before the next one."""


def placing(stack: RunningStack, seconds: float) -> Figures:
    """Every host drained and taken back, some blocks moved about and let go; again until the time is over."""
    figures = Figures("placing")
    hall = Hall()
    with Shop(stack.url, stack.admin_key) as shop:
        show_id = shop.show(grid(hall.sections, hall.rows, hall.seats), hold_seconds=HOLD_SECONDS)
        hosts = [host["name"] for host in shop.hosts()]
        crowd = Crowd(stack.url, show_id, hall)
        changes = list[float]()
        end = time.monotonic() + seconds
        with crowd.running():
            crowd.goes_on(HOLDS)
            while not changes or time.monotonic() < end:
                for host in hosts:
                    changes.append(now())
                    state = shop.drain(host)
                    assert (state["drained"], state["activations"]) == (True, 0)
                    figures.faults.append(f"{host} drained")
                    crowd.goes_on(HOLDS)
                    changes.append(now())
                    assert not shop.drain(host, undo=True)["drained"]
                    crowd.goes_on(HOLDS)
                for section in MOVED:
                    for host in hosts:
                        changes.append(now())
                        assert shop.move(show_id, REGISTERS + section, host)["pinned"]
                    figures.faults.append("a block moved")
                    changes.append(now())
                    assert not shop.move(show_id, REGISTERS + section, None)["pinned"]
                    crowd.goes_on(HOLDS)
        figures.until_first_hold = [seconds_until_hold(crowd.history, when) for when in changes]
        turned_away = [o for o in crowd.history if o.status is not None and o.status >= 429]
        assert not turned_away, turned_away[:3]
        return judge(figures, stack, show_id, crowd.history)
