"""A node is lost in the middle of a sale, and another one joins."""

from __future__ import annotations

import time
from typing import Any

from tests.cluster.given import HOSTS, GivenCluster
from tests.faults.crowd import Crowd, Hall
from tests.faults.judging import Figures, judge, seconds_until_hold
from tests.faults.recorder import now
from tests.history import Operation
from tests.shop import Shop, grid, until

HALL = Hall(sections=6)
SECTIONS = [f"S{section}-" for section in range(HALL.sections)]
HOLD_SECONDS = 20


def node_lost(cluster: GivenCluster) -> Figures:
    """kill -9 of the raylet and all workers of the node that has most hosts."""
    figures = Figures("node lost")
    with Shop(cluster.url, cluster.ground.admin_key) as shop:
        show_id = shop.show(grid(HALL.sections, HALL.rows, HALL.seats), hold_seconds=HOLD_SECONDS)
        before = cluster.host_nodes(shop)
        assert len(before) == HOSTS
        assert set(before.values()) == set(cluster.workers), "hosts are spread, none on the head"
        crowd = Crowd(cluster.url, show_id, HALL)
        with crowd.running():
            crowd.goes_on()
            victim = max(cluster.workers, key=list(before.values()).count)
            moment, begun = now(), time.monotonic()
            victim.kill()
            cluster.workers.remove(victim)
            until(lambda: _all_grant(crowd.history, moment), "every block grants again")
            until(lambda: _answer(shop), "all hosts answer")
            figures.notes["seconds until all hosts answer"] = round(time.monotonic() - begun, 1)
            until(lambda: _services_run(shop), "all services run")
            figures.notes["seconds until all services run"] = round(time.monotonic() - begun, 1)
            cluster.workers.append(cluster.add_worker())
            crowd.goes_on()
        after = cluster.host_nodes(shop)
        assert {name for name, node in before.items() if node is not victim} <= after.keys()
        figures.faults.append(f"kill -9 of {victim.name}")
        figures.notes["hosts on it"] = list(before.values()).count(victim)
        figures.until_first_hold = [
            max(seconds_until_hold(crowd.history, moment, (section,)) for section in SECTIONS)
        ]
    return judge(figures, cluster.ground.stack(cluster.url), show_id, crowd.history)


def _all_grant(history: list[Operation], moment: float) -> bool:
    """Every section, and so every block, has granted a hold that was asked for after the moment."""
    seats = [
        seat
        for operation in list(history)
        if operation.request.kind == "hold" and operation.effective and operation.invoked > moment
        for seat in operation.body["seats"]
    ]
    return all(any(seat.startswith(section) for seat in seats) for section in SECTIONS)


def _answer(shop: Shop) -> bool:
    return all(host["answers"] for host in shop.hosts())


def _services_run(shop: Shop) -> bool:
    services: list[dict[str, Any]] = shop.http.get(
        "/v1/operator/services", headers=shop.auth
    ).json()
    return all(service["running"] for service in services)
