"""The Ray clusters of a run of stories, over one ground: every story takes what it needs, and leaves what still stands.

So a story can be told alone and in any order; told one after the other they start few clusters.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from tests.cluster.autoscaling import AutoscaledCluster
from tests.cluster.given import GivenCluster
from tests.cluster.ground import TICKET_HOSTS, Ground, Redis
from tests.shop import Shop, until


class Clusters:
    """Raises AssertionError where a cluster does not start."""

    def __init__(self, directory: Path) -> None:
        self.ground = Ground(directory)
        self._redis: Redis | None = None
        self._left = list[GivenCluster]()
        self._numbers = count(1)

    @contextmanager
    def any(self, *, redis: bool | None = None) -> Iterator[GivenCluster]:
        """One that a story has left, or a new one; with or without a Redis, if that matters."""
        fitting = [one for one in self._left if redis in (None, one.redis is not None)]
        if not fitting:
            with self.new(redis=bool(redis)) as cluster:
                yield cluster
            return
        self._left.remove(fitting[0])
        with self._told_on(fitting[0]) as cluster:
            with Shop(cluster.url, self.ground.admin_key) as shop:
                until(lambda: shop.scale(TICKET_HOSTS).status_code == 200, "as many hosts as ever")
            yield cluster

    @contextmanager
    def new(self, *, redis: bool = False) -> Iterator[GivenCluster]:
        """One that nothing has happened to."""
        cluster = GivenCluster(self._name(), self.ground, self._some_redis() if redis else None)
        with self._told_on(cluster):
            cluster.deploy()
            yield cluster

    @contextmanager
    def autoscaled(self) -> Iterator[AutoscaledCluster]:
        """One that grows by itself; nothing is left of it, nor of others: they would take the machine from it."""
        self._stop_left()
        cluster = AutoscaledCluster(self._name(), self.ground)
        try:
            cluster.deploy()
            yield cluster
        finally:
            cluster.stop()

    def stop(self) -> None:
        self._stop_left()
        if self._redis is not None:
            self._redis.stop()
        self.ground.stop()

    def _stop_left(self) -> None:
        while self._left:
            self._left.pop().stop()

    @contextmanager
    def _told_on(self, cluster: GivenCluster) -> Iterator[GivenCluster]:
        """What a story has broken, or has failed on, is not left to others."""
        try:
            yield cluster
        except BaseException:
            cluster.stop()
            raise
        if cluster.stands:
            self._left.append(cluster)
        else:
            cluster.stop()

    def _name(self) -> str:
        return f"cluster{next(self._numbers)}"

    def _some_redis(self) -> Redis:
        if self._redis is None:
            self._redis = Redis(self.ground.directory / "redis")
        return self._redis
