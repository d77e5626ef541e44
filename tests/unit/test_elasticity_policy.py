"""The policy of the number of hosts: it grows and shrinks in time, not on a whim, and within its limits."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.elasticity.policy import (
    CPU_TARGET,
    DEPTH_TARGET,
    GROW_FACTOR_MAX,
    GROW_SECONDS,
    SHRINK_SECONDS,
    TOLERANCE,
    HostUse,
    Limits,
    Sample,
    Tuning,
    needed,
    wanted_hosts,
)

WIDE = Limits(1, 256)
EVERY = 5.0


def steady(
    seconds: float, hosts: int, cpu: float, depth: int = 0, since: float = 0
) -> list[Sample]:
    """Samples of hosts that are all as busy, for so long."""
    count = int(seconds / EVERY) + 1
    uses = (HostUse(cpu, depth),) * hosts
    return [Sample(since + n * EVERY, hosts, uses) for n in range(count)]


def test_a_busy_minute_asks_for_as_many_hosts_as_carry_the_load() -> None:
    assert wanted_hosts(steady(60, 4, 0.9), WIDE) == 6  # 4 * 0.9 / 0.6


def test_a_long_queue_asks_for_more_hosts_although_their_cpu_is_idle() -> None:
    assert wanted_hosts(steady(60, 2, 0.0, depth=96), WIDE) == 3  # 2 * 96 / 64


def test_of_two_measures_the_one_that_asks_for_more_counts() -> None:
    assert needed(Sample(0, 2, (HostUse(0.9, 0), HostUse(0.9, 0)))) == 3
    assert needed(Sample(0, 2, (HostUse(0.9, 500), HostUse(0.9, 0)))) == 8


def test_one_busy_host_of_many_is_not_a_load_for_all() -> None:
    """It is one block that everybody wants, and a block is on one host, however many there are."""
    uses = (HostUse(1.0, 0), *[HostUse(0.55, 0)] * 3)
    assert wanted_hosts([Sample(at, 4, uses) for at in range(0, 600, 5)], WIDE) == 4


def test_a_spike_that_is_shorter_than_the_window_changes_nothing() -> None:
    calm, spike = steady(60, 2, 0.5), steady(GROW_SECONDS - EVERY, 2, 1.0, since=65)
    assert wanted_hosts(calm + spike, WIDE) == 2


def test_a_lull_that_is_shorter_than_the_window_changes_nothing() -> None:
    busy, lull = steady(60, 4, 0.6), steady(SHRINK_SECONDS - EVERY, 4, 0.0, since=65)
    assert wanted_hosts(busy + lull, WIDE) == 4


def test_without_enough_history_nothing_changes() -> None:
    assert wanted_hosts(steady(GROW_SECONDS - EVERY, 2, 1.0), WIDE) == 2
    assert wanted_hosts(steady(SHRINK_SECONDS - EVERY, 2, 0.0), WIDE) == 2


def test_it_grows_by_a_factor_at_most_and_shrinks_by_a_share() -> None:
    assert wanted_hosts(steady(60, 2, 1.0, depth=5_000), WIDE) == 2 * GROW_FACTOR_MAX
    assert wanted_hosts(steady(SHRINK_SECONDS, 8, 0.0), WIDE) == 6
    assert wanted_hosts(steady(SHRINK_SECONDS, 2, 0.0), WIDE) == 1


@pytest.mark.parametrize(("hosts", "wanted"), [(1, 3), (3, 3), (5, 5), (9, 5)])
def test_a_number_outside_of_the_limits_is_put_right_at_once(hosts: int, wanted: int) -> None:
    assert wanted_hosts(steady(0, hosts, CPU_TARGET), Limits(3, 5)) == wanted


def test_a_silent_host_neither_grows_nor_shrinks_the_fleet() -> None:
    """It may be restarting, or so busy that it does not answer."""
    one = [Sample(at, 4, (HostUse(0.3, 0),)) for at in range(0, 601, 5)]
    assert wanted_hosts(one, WIDE) == 4
    nobody = [Sample(at, 4, ()) for at in range(0, 601, 5)]
    assert wanted_hosts(nobody, WIDE) == 4


def test_a_fleet_half_of_which_is_silent_grows_for_what_the_others_say() -> None:
    assert needed(Sample(0, 2, (HostUse(0.5, 1_000),))) == math.ceil(1_000 / DEPTH_TARGET)


def test_an_installation_may_say_what_is_busy_and_for_how_long() -> None:
    eager = Tuning(cpu_target=0.1, grow_seconds=5, shrink_seconds=10)
    assert wanted_hosts(steady(5, 2, 0.2), WIDE, eager) == 4
    assert wanted_hosts(steady(5, 2, 0.2), WIDE) == 2
    assert wanted_hosts(steady(10, 2, 0.01), WIDE, eager) == 1
    assert wanted_hosts(steady(10, 2, 0.01), WIDE) == 2


@pytest.mark.parametrize(("drained", "least", "most"), [(0, 2, 5), (2, 2, 3), (4, 1, 1), (9, 1, 1)])
def test_drained_hosts_take_room_of_the_most(drained: int, least: int, most: int) -> None:
    assert Limits(2, 5).beside(drained) == Limits(least, most)


def test_limits_that_make_no_sense_are_refused() -> None:
    for least, most in ((0, 1), (3, 2)):
        with pytest.raises(ValueError, match="limits"):
            Limits(least, most)


uses = st.builds(HostUse, st.floats(0, 1), st.integers(0, 10_000))
limits = st.tuples(st.integers(1, 256), st.integers(1, 256)).map(lambda two: Limits(*sorted(two)))


@st.composite
def histories(draw: st.DrawFn) -> list[Sample]:
    at, samples = 0.0, list[Sample]()
    for _ in range(draw(st.integers(1, 100))):
        hosts = draw(st.integers(1, 12))
        samples.append(Sample(at, hosts, tuple(draw(st.lists(uses, max_size=hosts)))))
        at += draw(st.floats(1, 30))
    return samples


@given(histories(), limits)
def test_whatever_happened_the_limits_hold(samples: list[Sample], limits: Limits) -> None:
    assert limits.least <= wanted_hosts(samples, limits) <= limits.most


@given(histories())
def test_one_step_is_never_wild(samples: list[Sample]) -> None:
    before, after = samples[-1].hosts, wanted_hosts(samples, WIDE)
    assert before - max(1, before // 4) <= after <= before * GROW_FACTOR_MAX


@given(st.floats(0.0, 40.0), st.integers(1, 64))
def test_a_steady_load_comes_to_rest(load: float, hosts: int) -> None:
    """The load (hosts at their target) spreads over whatever hosts there are; in the end they are enough."""
    for _ in range(64):
        uses = (HostUse(load * CPU_TARGET / hosts, 0),) * hosts
        after = wanted_hosts([Sample(at, hosts, uses) for at in range(0, 601, 60)], WIDE)
        if after == hosts:
            break
        hosts = after
    else:
        pytest.fail("it never came to rest")
    assert load <= hosts * (1 + TOLERANCE) + 1e-3
    assert hosts == 1 or load >= hosts * (1 - TOLERANCE) - 1 - 1e-3
    assert wanted_hosts([Sample(at, hosts, uses) for at in range(0, 601, 60)], WIDE) == hosts


@given(
    st.integers(1, 32), st.floats(0, 1), st.floats(0, 1), st.integers(0, 500), st.integers(0, 500)
)
def test_more_load_never_asks_for_fewer_hosts(
    hosts: int, cpu: float, more_cpu: float, depth: int, more_depth: int
) -> None:
    low, high = sorted((cpu, more_cpu))
    short, long = sorted((depth, more_depth))
    assert needed(Sample(0, hosts, (HostUse(low, short),) * hosts)) <= needed(
        Sample(0, hosts, (HostUse(high, long),) * hosts)
    )
