"""The head with the GCS is lost: what goes on, and what its return (with Redis) brings back."""

from __future__ import annotations

import time

from tests.cluster.buyers import Buyers
from tests.cluster.clusters import Clusters
from tests.cluster.ground import TICKET_HOSTS
from tests.cluster.switch import Switch
from tests.faults.judging import Figures, seconds_until_hold
from tests.faults.recorder import now
from tests.shop import Shop, until

HOLDS = 200


def head_lost(clusters: Clusters) -> Figures:
    """For good: replicas and hosts sell on without a GCS, and orders are paid, until buyers are led to another cluster
    over the same journal."""
    figures = Figures("head lost, without Redis")
    with clusters.any(redis=False) as cluster, clusters.any() as other:
        switch = Switch(cluster.replica_url())
        with Shop(other.url, clusters.ground.admin_key) as shop, switch.running():
            buyers = Buyers(clusters.ground, shop, switch.url)
            with buyers.running():
                buyers.go_on()
                moment = now()
                cluster.head.kill()
                buyers.go_on(HOLDS)
                figures.notes["holds after it"] = buyers.holding.holds_since(moment)
                figures.notes["seconds without a head"] = round((now() - moment) / 1000, 1)
                switch.turn(other.url)
                led = now()
                cluster.stop()
                buyers.go_on()
        figures.faults += ["kill -9 of the head", "another cluster"]
        figures.until_first_hold = [
            seconds_until_hold(buyers.holding.history, instant) for instant in (moment, led)
        ]
        return buyers.judged(figures, other.url)


def head_returns(clusters: Clusters) -> Figures:
    """With Redis: the hosts are not even restarted, orders are paid meanwhile, and everything is as before when the
    head is back."""
    figures = Figures("head lost, with Redis")
    with (
        clusters.any(redis=True) as cluster,
        Shop(cluster.url, clusters.ground.admin_key) as shop,
    ):
        pids = {host["name"]: host["pid"] for host in shop.hosts()}
        buyers = Buyers(clusters.ground, shop, cluster.replica_url())
        with buyers.running():
            buyers.go_on()
            moment, begun = now(), time.monotonic()
            cluster.head.kill()
            buyers.go_on()
            cluster.start_head()
            cluster.wait_ready()
            figures.notes["seconds until HAProxy serves"] = round(time.monotonic() - begun, 1)
            buyers.go_on()
            assert {host["name"]: host["pid"] for host in shop.hosts()} == pids
            more = TICKET_HOSTS + 1
            until(lambda: shop.scale(more).status_code == 200, "the GCS starts actors")
            figures.notes["seconds until hosts can be added"] = round(time.monotonic() - begun, 1)
            buyers.go_on()
            assert shop.scale(TICKET_HOSTS).status_code == 200
        figures.faults.append("kill -9 of the head")
        figures.until_first_hold = [seconds_until_hold(buyers.holding.history, moment)]
        return buyers.judged(figures, cluster.url)
