"""The head with the GCS is lost: what goes on, and what its return (with Redis) brings back."""

from __future__ import annotations

import time

from tests.cluster.given import HOSTS, GivenCluster
from tests.cluster.node_loss import HALL, HOLD_SECONDS
from tests.faults.crowd import Crowd
from tests.faults.judging import Figures, judge, seconds_until_hold
from tests.faults.recorder import now
from tests.shop import Shop, grid, until


def head_lost(cluster: GivenCluster, judged_at: str) -> Figures:
    """For good: buyers reach a replica on a worker node, which sells on without a GCS. `judged_at` outlives it."""
    figures = Figures("head lost, without Redis")
    with Shop(cluster.url, cluster.ground.admin_key) as shop:
        show_id = shop.show(grid(HALL.sections, HALL.rows, HALL.seats), hold_seconds=HOLD_SECONDS)
    crowd = Crowd(cluster.replica_url(), show_id, HALL)
    with crowd.running():
        crowd.goes_on()
        moment = now()
        cluster.head.kill()
        crowd.goes_on(200)
    figures.faults.append("kill -9 of the head")
    figures.until_first_hold = [seconds_until_hold(crowd.history, moment)]
    figures.notes["holds after it"] = crowd.holds_since(moment)
    return judge(figures, cluster.ground.stack(judged_at), show_id, crowd.history)


def head_returns(cluster: GivenCluster) -> Figures:
    """With Redis: the hosts are not even restarted, and everything is as before when the head is back."""
    figures = Figures("head lost, with Redis")
    with Shop(cluster.url, cluster.ground.admin_key) as shop:
        show_id = shop.show(grid(HALL.sections, HALL.rows, HALL.seats), hold_seconds=HOLD_SECONDS)
        pids = {host["name"]: host["pid"] for host in shop.hosts()}
        crowd = Crowd(cluster.replica_url(), show_id, HALL)
        with crowd.running():
            crowd.goes_on()
            moment, begun = now(), time.monotonic()
            cluster.head.kill()
            crowd.goes_on()
            cluster.start_head()
            cluster.wait_ready()
            figures.notes["seconds until HAProxy serves"] = round(time.monotonic() - begun, 1)
            crowd.goes_on()
            assert {host["name"]: host["pid"] for host in shop.hosts()} == pids
            until(lambda: shop.scale(HOSTS + 1).status_code == 200, "the GCS starts actors")
            figures.notes["seconds until hosts can be added"] = round(time.monotonic() - begun, 1)
            crowd.goes_on()
            assert shop.scale(HOSTS).status_code == 200
        figures.faults.append("kill -9 of the head")
        figures.until_first_hold = [seconds_until_hold(crowd.history, moment)]
        return judge(figures, cluster.ground.stack(cluster.url), show_id, crowd.history)
