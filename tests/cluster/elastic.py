"""A cluster that grows by itself: Ray's autoscaler adds nodes, Serve replicas; and what grew goes away uncut."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.cluster.given import HOST_ROOM, HOSTS, GivenCluster
from tests.cluster.node_loss import HALL, HOLD_SECONDS
from tests.cluster.switch import Switch
from tests.faults.crowd import Crowd
from tests.faults.judging import Figures, judge
from tests.shop import Shop, grid, until

BUYERS = 3
STREAMS = 120
"""Ongoing requests that cost next to nothing: with one replica's target of 64 they ask for two."""

GROWN_SECONDS_MAX = 180.0


def elastic(cluster: GivenCluster) -> Figures:
    """From one node and one replica to two of each, and back to one replica, while buyers buy."""
    figures = Figures("elastic")
    assert HOSTS <= HOST_ROOM
    with Shop(cluster.url, cluster.ground.admin_key) as shop:
        show_id = shop.show(grid(HALL.sections, HALL.rows, HALL.seats), hold_seconds=HOLD_SECONDS)
        switch = Switch(cluster.url)
        crowd = Crowd(switch.url, show_id, HALL, buyers=BUYERS)
        with switch.running(), crowd.running():
            crowd.goes_on()
            assert cluster.replica_count() == 1
            begun = time.monotonic()
            with _streams(cluster.port, show_id):
                nodes = cluster.node_count()
                until(lambda: shop.scale(HOST_ROOM + 1).status_code == 200, "a node for a host")
                figures.notes["seconds until a node is added for a host"] = _since(begun)
                assert cluster.node_count() == nodes + 1
                until(lambda: cluster.replica_count() == 2, "two replicas", GROWN_SECONDS_MAX)
                figures.notes["seconds until two replicas"] = _since(begun)
                crowd.goes_on()
            ended = time.monotonic()
            until(lambda: cluster.replica_count() == 1, "one replica", GROWN_SECONDS_MAX)
            figures.notes["seconds until one replica again"] = _since(ended)
            assert shop.scale(HOSTS).status_code == 200
            crowd.goes_on()
        figures.notes.update({"requests": switch.requests, "errors": switch.errors})
        return judge(figures, cluster.ground.stack(cluster.url), show_id, crowd.history)


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
