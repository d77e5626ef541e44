"""Frontrow on several nodes, started as KubeRay starts it. Each story takes a cluster, or starts what it needs."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.cluster.clusters import Clusters
from tests.cluster.elastic import elastic
from tests.cluster.ground import has_redis
from tests.cluster.head_loss import head_lost, head_returns
from tests.cluster.no_room import no_room
from tests.cluster.node_loss import node_lost, spot_node_lost
from tests.cluster.upgrade import upgraded

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clusters]:
    running = Clusters(tmp_path_factory.mktemp("cluster"))
    yield running
    running.stop()


def test_a_node_that_is_lost_costs_seconds_and_no_hold(clusters: Clusters) -> None:
    figures = node_lost(clusters)
    assert figures.notes["hosts on it"] >= 1


def test_a_spot_node_takes_nothing_with_it_that_decides(clusters: Clusters) -> None:
    assert spot_node_lost(clusters).faults


def test_where_the_hosts_of_a_dead_node_find_no_room_fewer_hosts_do(clusters: Clusters) -> None:
    assert no_room(clusters).notes["silent hosts"] >= 1


def test_an_upgrade_under_load_is_not_noticed_nor_is_the_way_back(clusters: Clusters) -> None:
    figures = upgraded(clusters)
    assert figures.notes["errors"] == 0


def test_without_its_head_a_cluster_sells_and_is_paid_until_another_one_does(
    clusters: Clusters,
) -> None:
    figures = head_lost(clusters)
    assert figures.notes["holds after it"] >= 200


@pytest.mark.skipif(
    not has_redis() and "CI" not in os.environ, reason="redis-server is not installed"
)
def test_a_head_that_returns_finds_its_hosts_at_work(clusters: Clusters) -> None:
    assert head_returns(clusters).notes["seconds until hosts can be added"] > 0


def test_nodes_and_replicas_come_with_the_load_and_go_uncut(clusters: Clusters) -> None:
    figures = elastic(clusters)
    assert figures.notes["errors"] == 0
