"""Frontrow on several nodes, started as KubeRay starts it (what is arranged: `tests.cluster.run`)."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator

import pytest

from tests.cluster.run import has_redis, stories
from tests.faults.judging import Figures

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generator[Figures]]:
    """The stories go on where the last test has left them: they stand on each other's clusters."""
    stories_told = stories(tmp_path_factory.mktemp("cluster"))
    yield stories_told
    stories_told.close()


def test_a_node_that_is_lost_costs_seconds_and_no_hold(told: Generator[Figures]) -> None:
    figures = next(told)
    assert figures.scenario == "node lost"
    assert figures.notes["hosts on it"] >= 1


def test_an_upgrade_under_load_is_not_noticed(told: Generator[Figures]) -> None:
    figures = next(told)
    assert figures.scenario == "upgrade"
    assert figures.notes["errors"] == 0


def test_without_its_head_a_cluster_sells_on(told: Generator[Figures]) -> None:
    figures = next(told)
    assert figures.scenario == "head lost, without Redis"
    assert figures.notes["holds after it"] >= 200


def test_a_head_that_returns_finds_its_hosts_at_work(told: Generator[Figures]) -> None:
    if not has_redis() and "CI" not in os.environ:
        pytest.skip("redis-server is not installed")
    assert next(told).scenario == "head lost, with Redis"


def test_nodes_and_replicas_come_with_the_load_and_go_uncut(told: Generator[Figures]) -> None:
    figures = next(told)
    assert figures.scenario == "elastic"
    assert figures.notes["errors"] == 0
