"""A rolling upgrade: two Ray clusters side by side on one journal, and the traffic is switched over under load."""

from __future__ import annotations

from tests.cluster.buyers import Buyers
from tests.cluster.clusters import Clusters
from tests.cluster.ground import has_redis
from tests.cluster.switch import Switch
from tests.faults.judging import Figures, seconds_until_hold
from tests.faults.recorder import now
from tests.shop import Shop

BUYERS = 6
"""Few enough that the new cluster can start beside them."""


def upgraded(clusters: Clusters) -> Figures:
    """For a while both sell the same seats, then only the new one does; and back, and forth again: a rollback."""
    figures, ground = Figures("upgrade"), clusters.ground
    with clusters.any(redis=False) as old:
        switch = Switch(old.url)
        with switch.running():
            with Shop(old.url, ground.admin_key) as shop:
                buyers = Buyers(ground, shop, switch.url, BUYERS)
                kept = shop.hold(buyers.paying.show_id, "S3-R19-19").json()
            moments = dict[str, float]()
            with buyers.running():
                buyers.go_on()
                with clusters.new(redis=has_redis()) as new:
                    turns = {
                        "both clusters": (old.url, new.url),
                        "the new cluster alone": (new.url,),
                        "back to the old one": (old.url,),
                        "the new one again": (new.url,),
                    }
                    for turn, targets in turns.items():
                        switch.turn(*targets)
                        moments[turn] = now()
                        buyers.go_on()
            figures.faults = list(moments)
            figures.until_first_hold = [
                seconds_until_hold(buyers.holding.history, moment) for moment in moments.values()
            ]
            figures.notes = {
                "requests": switch.requests,
                "errors": switch.errors,
                "error rate": switch.errors / switch.requests,
            }
            with Shop(new.url, ground.admin_key) as shop:
                assert shop.find(kept["hold_id"]).status_code == 200
            return buyers.judged(figures, switch.url)
