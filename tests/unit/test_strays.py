"""Hosts that nobody wants are ended in time, and none that somebody may still be waiting for."""

from __future__ import annotations

from cluster.directory import SPAWN_SECONDS_MAX
from cluster.elasticity.strays import STRAY_SECONDS, Strays


def test_a_stray_has_time_to_be_used_and_is_ended_then() -> None:
    strays = Strays()
    assert strays.overdue(0, ["host-3"]) == []
    assert strays.overdue(STRAY_SECONDS - 1, ["host-3", "host-4"]) == []
    assert strays.overdue(STRAY_SECONDS, ["host-3", "host-4"]) == ["host-3"]


def test_one_that_was_of_the_fleet_meanwhile_begins_anew() -> None:
    strays = Strays()
    strays.overdue(0, ["host-3"])
    assert strays.overdue(10, []) == []
    assert strays.overdue(STRAY_SECONDS, ["host-3"]) == []
    assert strays.overdue(10 + 2 * STRAY_SECONDS, ["host-3"]) == ["host-3"]


def test_whoever_waits_for_a_growth_is_not_disturbed() -> None:
    assert STRAY_SECONDS > 2 * SPAWN_SECONDS_MAX
