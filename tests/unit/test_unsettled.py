"""Whether a process's own appends say that the journal stores nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cluster.journal.unsettled import UNSETTLED_SECONDS_MAX, Unsettled
from serve_app.api.health import left_unsettled


@dataclass
class World:
    now: float = 100.0
    connections: int = 0

    def unsettled(self) -> Unsettled:
        return Unsettled(lambda: self.now, lambda: self.connections)


def test_an_append_without_an_answer_counts_until_one_has_an_answer() -> None:
    world = World()
    one = world.unsettled()
    assert one.seconds() is None
    one.leave()
    world.now += 3
    assert one.seconds() == 3
    one.settle()
    assert one.seconds() is None


def test_a_server_that_was_started_anew_is_another_one() -> None:
    world = World()
    one = world.unsettled()
    one.leave()
    world.connections += 1
    assert one.seconds() is None
    one.leave()
    assert one.seconds() == 0


def test_it_does_not_count_for_ever() -> None:
    world = World()
    one = world.unsettled()
    one.leave()
    world.now += UNSETTLED_SECONDS_MAX - 0.1
    assert one.seconds() is not None
    world.now += 0.2
    assert one.seconds() is None


def test_the_hosts_are_named_whose_commits_are_not_answered() -> None:
    fine: dict[str, Any] = {"name": "host-0", "unsettled_seconds": None}
    assert left_unsettled([fine, {"name": "of-another-version"}]) == ""
    told = left_unsettled([fine, {"name": "host-1", "unsettled_seconds": 0.0}])
    assert told == "no definite answer to the last commit of host-1"
