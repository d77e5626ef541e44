"""The number of hosts changes while buyers buy, and every time a host is killed on top of it."""

from __future__ import annotations

import os
import signal
import time

from tests.faults.crowd import Crowd, Hall
from tests.faults.judging import Figures, judge, seconds_until_hold
from tests.faults.recorder import now
from tests.shop import Shop, grid, until
from tests.stack import RunningStack

HOLD_SECONDS = 10
"""Short, so that within a run holds end in every way that there is."""


def scaling(stack: RunningStack, seconds: float) -> Figures:
    """One more host and one killed, back, one less and one killed, back; again until the time is over."""
    figures = Figures("scaling")
    hall = Hall()
    with Shop(stack.url, stack.admin_key) as shop:
        show_id = shop.show(grid(hall.sections, hall.rows, hall.seats), hold_seconds=HOLD_SECONDS)
        before = len(shop.hosts())
        crowd = Crowd(stack.url, show_id, hall)
        faults = list[float]()
        end = time.monotonic() + seconds
        try:
            with crowd.running():
                crowd.goes_on()
                while not faults or time.monotonic() < end:
                    for hosts in (before + 1, before, max(1, before - 1), before):
                        faults.append(now())
                        assert shop.scale(hosts).status_code == 200
                        figures.faults.append(f"{hosts} hosts")
                        crowd.goes_on()
                        if hosts != before:
                            faults.append(now())
                            figures.faults.append(f"kill -9 of {_kill_busiest(shop)}")
                            crowd.goes_on()
        finally:
            shop.scale(before)
        figures.until_first_hold = [seconds_until_hold(crowd.history, fault) for fault in faults]
        return judge(figures, stack, show_id, crowd.history)


def _kill_busiest(shop: Shop) -> str:
    """kill -9 for the host that has had most commands, and wait until Ray has replaced it."""
    hosts = until(lambda: [host for host in shop.hosts() if host["answers"]], "a host answers")
    victim = max(hosts, key=lambda host: host["commands"])
    os.kill(victim["pid"], signal.SIGKILL)
    until(
        lambda: all(host["answers"] and host["pid"] != victim["pid"] for host in shop.hosts()),
        "the host is back",
    )
    return victim["name"]
