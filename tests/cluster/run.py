"""All stories of several nodes, one after the other."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from tests.cluster.clusters import Clusters
from tests.cluster.elastic import elastic
from tests.cluster.ground import has_redis
from tests.cluster.head_loss import head_lost, head_returns
from tests.cluster.no_room import no_room
from tests.cluster.node_loss import node_lost, spot_node_lost
from tests.cluster.upgrade import upgraded
from tests.faults.judging import Figures


def stories(directory: Path) -> Generator[Figures, None, None]:
    """Each in turn, judged; in the order that starts the fewest clusters. Raises AssertionError when a judge does not
    accept one."""
    clusters = Clusters(directory)
    try:
        yield node_lost(clusters)
        yield spot_node_lost(clusters)
        yield no_room(clusters)
        yield upgraded(clusters)
        yield head_lost(clusters)
        if has_redis():
            yield head_returns(clusters)
        yield elastic(clusters)
    finally:
        clusters.stop()
