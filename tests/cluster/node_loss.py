"""Nodes are lost in the middle of a sale, and others join."""

from __future__ import annotations

import time

from tests.cluster.buyers import HALL, Buyers
from tests.cluster.clusters import Clusters
from tests.cluster.given import GivenCluster
from tests.cluster.ground import REPLICAS, TICKET_HOSTS
from tests.cluster.groups import HOSTS, SERVE
from tests.faults.judging import Figures, seconds_until_hold
from tests.faults.recorder import now
from tests.history import Operation
from tests.shop import Shop, until

SECTIONS = [f"S{section}-" for section in range(HALL.sections)]


def node_lost(clusters: Clusters) -> Figures:
    """kill -9 of the raylet and all workers of the node that has most ticket hosts, and some of the services."""
    figures = Figures("node lost")
    with clusters.any() as cluster, Shop(cluster.url, clusters.ground.admin_key) as shop:
        before = cluster.host_nodes(shop)
        assert len(before) == TICKET_HOSTS
        assert set(before.values()) == set(cluster.hosts), "hosts are spread over their nodes"
        _on_hosts_nodes(cluster, shop)
        buyers = Buyers(clusters.ground, shop, cluster.url)
        with buyers.running():
            buyers.go_on()
            victim = max(cluster.hosts, key=list(before.values()).count)
            services = list(cluster.service_nodes(shop).values()).count(victim)
            moment, begun = now(), time.monotonic()
            victim.kill()
            cluster.hosts.remove(victim)
            history = buyers.holding.history
            until(lambda: all_grant(history, moment), "every block grants again")
            until(lambda: hosts_answer(shop), "all hosts answer")
            figures.notes["seconds until all hosts answer"] = round(time.monotonic() - begun, 1)
            until(lambda: services_run(shop), "all services run")
            figures.notes["seconds until all services run"] = round(time.monotonic() - begun, 1)
            _on_hosts_nodes(cluster, shop)
            buyers.go_on()
            cluster.hosts.append(cluster.add_node(HOSTS))
            buyers.go_on()
        after = cluster.host_nodes(shop)
        assert {name for name, node in before.items() if node is not victim} <= after.keys()
        figures.faults.append(f"kill -9 of {victim.name}")
        figures.notes["hosts on it"] = list(before.values()).count(victim)
        figures.notes["services on it"] = services
        figures.until_first_hold = [seconds_until_all_grant(history, moment)]
        return buyers.judged(figures, cluster.url)


def spot_node_lost(clusters: Clusters) -> Figures:
    """kill -9 of a node that has a replica: nothing that decides about seats or money was on it."""
    figures = Figures("spot node lost")
    with clusters.any() as cluster, Shop(cluster.url, clusters.ground.admin_key) as shop:
        _on_hosts_nodes(cluster, shop)
        pids = _pids(shop)
        until(lambda: cluster.replica_count() == REPLICAS, "all replicas are there")
        buyers = Buyers(clusters.ground, shop, cluster.url)
        with buyers.running():
            buyers.go_on()
            victim = cluster.serve.pop()
            moment, begun = now(), time.monotonic()
            victim.kill()
            buyers.go_on()
            cluster.serve.append(cluster.add_node(SERVE))
            until(lambda: cluster.replica_count() == REPLICAS, "all replicas are there again")
            figures.notes["seconds until all replicas run"] = round(time.monotonic() - begun, 1)
            buyers.go_on()
        assert _pids(shop) == pids, "no host and no service was started anew"
        figures.faults.append(f"kill -9 of {victim.name}")
        figures.until_first_hold = [seconds_until_hold(buyers.holding.history, moment)]
        return buyers.judged(figures, cluster.url)


def _on_hosts_nodes(cluster: GivenCluster, shop: Shop) -> None:
    """No service is on a node that may go at any time, nor on the head; no host either."""
    for where in (cluster.service_nodes(shop), cluster.host_nodes(shop)):
        assert where
        assert set(where.values()) <= set(cluster.hosts), where


def _pids(shop: Shop) -> dict[str, int]:
    """Of all hosts and services."""
    hosts = {host["name"]: host["pid"] for host in shop.hosts()}
    return hosts | {service["service"]: service["pid"] for service in shop.services()}


def all_grant(history: list[Operation], moment: float) -> bool:
    """Every section, and so every block, has granted a hold that was asked for after the moment."""
    seats = [
        seat
        for operation in list(history)
        if operation.request.kind == "hold" and operation.effective and operation.invoked > moment
        for seat in operation.body["seats"]
    ]
    return all(any(seat.startswith(section) for seat in seats) for section in SECTIONS)


def seconds_until_all_grant(history: list[Operation], moment: float) -> float:
    """Until the last of the blocks did."""
    return max(seconds_until_hold(history, moment, (section,)) for section in SECTIONS)


def hosts_answer(shop: Shop) -> bool:
    return all(host["answers"] for host in shop.hosts())


def services_run(shop: Shop) -> bool:
    return all(service["running"] for service in shop.services())
