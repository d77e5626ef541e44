"""A cluster that grows by itself: Ray's autoscaler adds nodes, Serve replicas; and what grew goes away uncut."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.cluster.buyers import Buyers
from tests.cluster.clusters import Clusters
from tests.cluster.ground import TICKET_HOSTS
from tests.cluster.groups import HOSTS, SERVE, group_of, resources_of_groups
from tests.cluster.switch import Switch
from tests.faults.judging import Figures
from tests.shop import Shop, until

BUYERS = 3
STREAMS = 120
"""Ongoing requests that cost next to nothing: with one replica's target of 64 they ask for two."""

CHANGED_SECONDS_MAX = 180.0
NODES = {HOSTS: 2, SERVE: 1}
"""What the hosts to begin with, the services and one replica need."""

GROWN = {HOSTS: 3, SERVE: 2}


def elastic(clusters: Clusters) -> Figures:
    """From the least nodes to one more of each group, and back, while buyers buy: for hosts, and for requests."""
    figures = Figures("elastic")
    room = int(resources_of_groups()[HOSTS]["ticket_host"]) * NODES[HOSTS]
    assert room >= TICKET_HOSTS
    with clusters.autoscaled() as cluster, Shop(cluster.url, clusters.ground.admin_key) as shop:
        assert cluster.node_counts() == NODES, cluster.monitor_log
        assert cluster.replica_count() == 1
        switch = Switch(cluster.url)
        with switch.running():
            buyers = Buyers(clusters.ground, shop, switch.url, BUYERS)
            with buyers.running():
                buyers.go_on()
                begun = time.monotonic()
                with _streams(cluster.port, buyers.holding.show_id):
                    until(lambda: shop.scale(room + 1).status_code == 200, "a node for a host")
                    figures.notes["seconds until a node is added for a host"] = _since(begun)
                    until(lambda: cluster.replica_count() == 2, "two replicas", CHANGED_SECONDS_MAX)
                    figures.notes["seconds until two replicas, with a node"] = _since(begun)
                    assert cluster.node_counts() == GROWN
                    _in_their_groups(shop)
                    buyers.go_on()
                ended = time.monotonic()
                assert shop.scale(TICKET_HOSTS).status_code == 200
                until(lambda: cluster.node_counts()[HOSTS] == NODES[HOSTS], "a node less for hosts")
                figures.notes["seconds until the host's node has gone"] = _since(ended)
                until(lambda: cluster.replica_count() == 1, "one replica", CHANGED_SECONDS_MAX)
                figures.notes["seconds until one replica again"] = _since(ended)
                until(lambda: cluster.node_counts() == NODES, "a node less for replicas")
                figures.notes["seconds until the replica's node has gone"] = _since(ended)
                _in_their_groups(shop)
                buyers.go_on()
        figures.notes.update({"requests": switch.requests, "errors": switch.errors})
        return buyers.judged(figures, cluster.url)


def _in_their_groups(shop: Shop) -> None:
    """Hosts and services are on the nodes that are meant for them."""
    pids = [one["pid"] for one in (*shop.hosts(), *shop.services())]
    assert {group_of(pid) for pid in pids} == {HOSTS}


@contextmanager
def _streams(port: int, show_id: str) -> Iterator[None]:
    """Open streams of events that nobody reads."""
    request = f"GET /v1/shows/{show_id}/stream HTTP/1.1\r\nHost: test\r\n\r\n".encode()
    with ExitStack() as sockets:
        for _ in range(STREAMS):
            stream = sockets.enter_context(socket.create_connection(("127.0.0.1", port)))
            stream.sendall(request)
        yield


def _since(moment: float) -> float:
    return round(time.monotonic() - moment, 1)
