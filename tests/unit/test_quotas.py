"""Quotas over a clock that stands still until it is told to go on."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from serve_app import quotas
from serve_app.quotas import SECOND, Quota, Use, Uses


class Clock:
    """Nanoseconds, by hand."""

    def __init__(self) -> None:
        self.now = 1_000 * SECOND

    def __call__(self) -> int:
        return self.now

    def go(self, seconds: float) -> None:
        self.now += round(seconds * SECOND)


def test_a_quota_is_read() -> None:
    assert Quota.of("3000/60") == Quota(3000, 60)


def test_a_whole_quota_can_be_used_at_once_and_no_more() -> None:
    uses = Uses(Quota(3, 60), Clock())
    assert [uses.use("ada") for _ in range(5)] == [
        Use(True, 2, 20),
        Use(True, 1, 20),
        Use(True, 0, 20),
        Use(False, 0, 20),
        Use(False, 0, 20),
    ]
    assert uses.use("bob") == Use(True, 2, 20)


def test_what_was_used_comes_back_evenly() -> None:
    clock = Clock()
    uses = Uses(Quota(3, 60), clock)
    for _ in range(3):
        uses.use("ada")
    clock.go(19.5)
    assert uses.use("ada") == Use(False, 0, 1)
    clock.go(0.5)
    assert uses.use("ada") == Use(True, 0, 20)
    clock.go(45)
    assert uses.use("ada") == Use(True, 1, 15)
    clock.go(3_600)
    assert uses.use("ada") == Use(True, 2, 20)


def test_a_fast_quota_says_a_second_at_least() -> None:
    uses = Uses(Quota(3000, 60), Clock())
    assert uses.use("ada") == Use(True, 2999, 1)


@given(
    st.integers(1, 50),
    st.integers(1, 100),
    st.lists(st.floats(0, 30), min_size=1, max_size=120),
)
def test_nobody_gets_more_than_the_quota_and_what_came_back(
    units: int, seconds: int, pauses: list[float]
) -> None:
    clock = Clock()
    uses, began = Uses(Quota(units, seconds), clock), clock.now
    allowed = 0
    for pause in pauses:
        clock.go(pause)
        use = uses.use("ada")
        allowed += use.allowed
        came_back = (clock.now - began) * units / (seconds * SECOND)
        assert allowed <= units + came_back + 1e-6
        assert use.allowed or use.remaining == 0
        assert 0 <= use.remaining < units or units == 1
        assert 1 <= use.seconds <= -(-seconds // units) + 1


@given(st.integers(1, 50), st.integers(1, 100), st.integers(0, 60))
def test_after_the_seconds_that_it_said_there_is_one_more(
    units: int, seconds: int, uses_before: int
) -> None:
    clock = Clock()
    uses = Uses(Quota(units, seconds), clock)
    last = Use(True, units, 1)
    for _ in range(uses_before + 1):
        last = uses.use("ada")
    clock.go(last.seconds)
    assert uses.use("ada").allowed
    if not last.allowed:
        assert last.seconds <= -(-seconds // units)


def test_the_clients_that_are_remembered_are_bounded(monkeypatch) -> None:
    monkeypatch.setattr(quotas, "CLIENTS_MAX", 3)
    uses = Uses(Quota(1, 60), Clock())
    for name in "abca":
        uses.use(name)
    uses.use("d")  # a is the one that was away longest: refusals do not count
    assert len(uses) == 3
    assert [uses.use(name).allowed for name in "bcd"] == [False, False, False]
    assert uses.use("a").allowed
