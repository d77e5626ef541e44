"""A rolling upgrade: two Ray clusters side by side on one journal, and the traffic is switched over under load."""

from __future__ import annotations

from collections.abc import Callable

from tests.cluster.given import GivenCluster
from tests.cluster.node_loss import HALL, HOLD_SECONDS
from tests.cluster.switch import Switch
from tests.faults.crowd import Crowd
from tests.faults.judging import Figures, judge, seconds_until_hold
from tests.faults.recorder import now
from tests.shop import Shop, grid

BUYERS = 6
"""Few enough that the new cluster can start beside them."""


def upgraded(old: GivenCluster, start: Callable[[], GivenCluster]) -> tuple[Figures, GivenCluster]:
    """`start` starts the new cluster. For a while both sell the same seats; then only the new one does."""
    figures, ground = Figures("upgrade"), old.ground
    with Shop(old.url, ground.admin_key) as shop:
        show_id = shop.show(grid(HALL.sections, HALL.rows, HALL.seats), hold_seconds=HOLD_SECONDS)
        first = shop.hold(show_id, "S0-R0-9").json()
    switch = Switch(old.url)
    crowd = Crowd(switch.url, show_id, HALL, buyers=BUYERS)
    with switch.running():
        with crowd.running():
            crowd.goes_on()
            new = start()
            switch.turn(old.url, new.url)
            both = now()
            crowd.goes_on()
            switch.turn(new.url)
            alone = now()
            crowd.goes_on()
        figures.faults = ["both clusters", "the new cluster alone"]
        figures.until_first_hold = [
            seconds_until_hold(crowd.history, moment) for moment in (both, alone)
        ]
        figures.notes = {
            "requests": switch.requests,
            "errors": switch.errors,
            "error rate": switch.errors / switch.requests,
        }
        with Shop(new.url, ground.admin_key) as shop:
            found = shop.find(first["hold_id"])
        assert found.status_code in (200, 404, 410), found.text
        return judge(figures, ground.stack(switch.url), show_id, crowd.history), new
