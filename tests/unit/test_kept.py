"""A local part that ends: started again at once, then after longer and longer pauses, for ever."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from cluster.embedded import nats as nats_module
from cluster.embedded.kept import ILL_SECONDS, PAUSE_SECONDS_MAX, STEADY_SECONDS, Kept
from cluster.embedded.nats import NatsServer
from cluster.embedded.server import OwnedServer


class Part(OwnedServer):
    """Runs until it is told not to; `room` says whether it can be started."""

    room = True
    starts = 0

    def __init__(self, directory: Path, port: int | None = None) -> None:
        if not Part.room:
            raise OSError(28, "No space left on device")
        Part.starts += 1
        self.directory, self.port, self.up, self.ill = directory, port or 1, True, False

    def wait_ready(self) -> None: ...

    @property
    def running(self) -> bool:
        return self.up

    def stop(self) -> None:
        self.up = False

    def needs_restart(self) -> bool:
        return self.ill

    def log_tail(self) -> str:
        return "its last words"


class Watch:
    """A `Kept` by a clock of its own."""

    def __init__(self) -> None:
        Part.room, Part.starts = True, 0
        self.now = 100.0
        self.kept = Kept(Part(Path("here"), 7), lambda: self.now)

    @property
    def part(self) -> Part:
        part = self.kept.server
        assert isinstance(part, Part)
        return part

    def looks(self, seconds: float, end_it: bool = False) -> list[float]:
        """Look every half a second; when it was started again, since the beginning."""
        begun, started = self.now, list[float]()
        while self.now < begun + seconds:
            if end_it:
                self.part.up = False
            if self.kept.look():
                started.append(self.now - begun)
            self.now += 0.5
        return started


@pytest.fixture
def watch() -> Watch:
    return Watch()


def test_a_part_that_runs_is_left_alone(watch: Watch) -> None:
    assert watch.looks(500) == []
    assert Part.starts == 1


def test_a_part_that_has_ended_is_started_again_at_once_where_it_was(watch: Watch) -> None:
    first = watch.part
    first.up = False
    assert watch.looks(100) == [0]
    assert (watch.part.directory, watch.part.port) == (first.directory, first.port)
    assert watch.part is not first


def test_one_that_ends_again_and_again_is_tried_for_ever_and_ever_more_rarely(watch: Watch) -> None:
    started = watch.looks(600, end_it=True)
    pauses = [after - before for before, after in itertools.pairwise(started)]
    assert pauses[:4] == [0.5, 1.0, 2.0, 4.0]
    assert set(pauses[6:]) == {PAUSE_SECONDS_MAX}
    assert started[-1] > 580


def test_after_a_steady_time_the_pauses_begin_anew(watch: Watch) -> None:
    watch.looks(100, end_it=True)
    watch.part.up = True
    assert watch.looks(STEADY_SECONDS + 1) == []
    assert watch.looks(2, end_it=True)[:2] == [0, 0.5]


def test_a_full_disk_ends_nothing_but_the_attempt(watch: Watch) -> None:
    watch.part.up, Part.room = False, False
    assert watch.looks(200) == []
    Part.room = True
    assert len(watch.looks(PAUSE_SECONDS_MAX + 1)) == 1


def test_one_that_says_that_it_needs_it_is_stopped_and_started_again(watch: Watch) -> None:
    ill = watch.part
    ill.ill = True
    assert watch.looks(20) == [ILL_SECONDS]
    assert not ill.running


@pytest.mark.parametrize(
    ("complaint", "free", "needed"),
    [
        ('{"error":"JetStream stream \'$G > JOURNAL\' write error: no space left"}', 1 << 30, True),
        ('{"error":"JetStream stream \'$G > JOURNAL\' write error: no space left"}', 0, False),
        ('{"error":"JetStream has not established contact with a meta leader"}', 1 << 30, False),
        ("", 1 << 30, False),
    ],
)
def test_a_nats_server_that_could_not_write_needs_a_restart_when_there_is_room(
    complaint: str, free: int, needed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Disk:
        def __init__(self, _: Path) -> None:
            self.free = free

    server = NatsServer.__new__(NatsServer)
    server.directory = Path("here")
    monkeypatch.setattr(NatsServer, "_complaint", lambda _: complaint)
    monkeypatch.setattr(nats_module.shutil, "disk_usage", Disk)
    assert server.needs_restart() is needed
