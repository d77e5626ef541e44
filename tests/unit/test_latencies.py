"""Percentiles of recent commits."""

from __future__ import annotations

from actors.latencies import RECENT_COMMITS, Latencies


def test_percentiles_are_of_the_nearest_rank() -> None:
    latencies = Latencies()
    assert latencies.percentile_ms(50) is None
    latencies.add(0.5)
    assert (latencies.percentile_ms(50), latencies.percentile_ms(99)) == (500.0, 500.0)
    for n in range(1, 100):
        latencies.add(n / 1000)
    assert (latencies.percentile_ms(50), latencies.percentile_ms(99)) == (50.0, 99.0)
    assert latencies.percentile_ms(100) == 500.0


def test_old_commits_are_forgotten() -> None:
    latencies = Latencies()
    latencies.add(9.0)
    for _ in range(RECENT_COMMITS):
        latencies.add(0.001)
    assert latencies.percentile_ms(100) == 1.0
