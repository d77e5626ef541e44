"""All scenarios of several nodes, one after the other over one ground: three Ray clusters, five stories."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path

from tests.cluster.elastic import elastic
from tests.cluster.given import GivenCluster, Ground, Redis, given_cluster
from tests.cluster.head_loss import head_lost, head_returns
from tests.cluster.node_loss import node_lost
from tests.cluster.upgrade import upgraded
from tests.faults.judging import Figures


def has_redis() -> bool:
    return shutil.which("redis-server") is not None


def stories(directory: Path) -> Generator[Figures, None, None]:
    """Each in turn, judged. Raises AssertionError when a judge does not accept one.

    A node of the first cluster is lost; it is upgraded to a second one under load; then its head is lost, and nobody
    misses it; then the second one's head is, and comes back (only where there is a Redis). The third grows by itself.
    """
    ground = Ground(directory)
    try:
        yield from _fixed(ground)
        with given_cluster("elastic", ground, autoscaled=True) as cluster:
            yield elastic(cluster)
    finally:
        ground.stop()


def _fixed(ground: Ground) -> Generator[Figures, None, None]:
    with ExitStack() as parts:
        redis = None
        if has_redis():
            redis = Redis(ground.directory / "redis")
            parts.callback(redis.stop)
        old = parts.enter_context(given_cluster("old", ground))
        yield node_lost(old)

        def start() -> GivenCluster:
            return parts.enter_context(given_cluster("new", ground, redis))

        figures, new = upgraded(old, start)
        yield figures
        yield head_lost(old, new.url)
        if redis is not None:
            yield head_returns(new)
