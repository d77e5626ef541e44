"""The fleet: what may be drained, pinned and scaled, and what is placed where then."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.domain.identity import BlockKey
from actors.fleet import HOSTS_MAX, PINS_MAX, Fleet, FleetCode, FleetRefusal
from actors.placement import Placement

KEYS = [BlockKey(f"sabcdefghij{letter}2", n) for letter in "abcd" for n in range(250)]


def changed(fleet: Fleet | FleetRefusal) -> Fleet:
    assert isinstance(fleet, Fleet), fleet
    return fleet


def code(fleet: Fleet | FleetRefusal | int) -> FleetCode:
    assert isinstance(fleet, FleetRefusal), fleet
    assert fleet.detail
    return fleet.code


def placed(fleet: Fleet) -> list[str]:
    placement = Placement(fleet)
    return [placement.host_of(key) for key in KEYS]


@pytest.mark.parametrize("hosts", [0, -1, HOSTS_MAX + 1])
def test_the_number_of_hosts_has_bounds(hosts: int) -> None:
    with pytest.raises(ValueError, match="hosts must be"):
        Fleet(hosts)


def test_draining_a_host_moves_its_blocks_and_no_others_and_undoing_it_moves_them_back() -> None:
    whole = Fleet(4)
    drained = changed(whole.drain(2))
    before, after = placed(whole), placed(drained)
    moved = {key: host for key, host, was in zip(KEYS, after, before, strict=True) if host != was}
    assert set(moved) == {key for key, was in zip(KEYS, before, strict=True) if was == "host-2"}
    assert set(moved.values()) == {"host-0", "host-1", "host-3"}
    assert placed(drained.undrain(2)) == before
    assert drained.names() == ["host-0", "host-1", "host-2", "host-3"], "it still runs"


def test_the_last_host_cannot_be_drained() -> None:
    fleet = changed(Fleet(2).drain(0))
    assert code(fleet.drain(1)) is FleetCode.NO_HOST_LEFT
    assert fleet.drain(0) == fleet, "again is no change"
    assert code(Fleet(1).drain(0)) is FleetCode.NO_HOST_LEFT


def test_a_pinned_block_is_where_it_was_put_and_nothing_else_moves() -> None:
    whole = Fleet(3)
    pinned = whole
    for key in KEYS[:3]:
        pinned = changed(pinned.pin(key, 1))
    assert placed(pinned)[:3] == ["host-1"] * 3
    assert placed(pinned)[3:] == placed(whole)[3:]
    assert placed(changed(pinned.pin(KEYS[0], 2)))[0] == "host-2"
    assert placed(pinned.unpin(KEYS[0]).unpin(KEYS[1]).unpin(KEYS[2])) == placed(whole)
    assert pinned.unpin(KEYS[9]) == pinned


def test_a_pin_to_a_drained_host_rests_until_the_host_is_back() -> None:
    fleet = changed(Fleet(3).pin(KEYS[0], 1))
    drained = changed(fleet.drain(1))
    assert "host-1" not in placed(drained)
    assert placed(drained.undrain(1))[0] == "host-1"
    assert code(drained.pin(KEYS[1], 1)) is FleetCode.HOST_DRAINED


def test_the_number_of_pins_is_bounded_and_a_pinned_block_can_still_be_moved() -> None:
    full = Fleet(2, pinned={BlockKey("sabcdefghijkl", n): 0 for n in range(PINS_MAX)})
    assert code(full.pin(BlockKey("sabcdefghijkl", PINS_MAX), 1)) is FleetCode.TOO_MANY_PINS
    assert isinstance(full.pin(BlockKey("sabcdefghijkl", 0), 1), Fleet)


def test_scaling_down_is_refused_while_a_block_is_pinned_to_a_host_that_goes() -> None:
    fleet = changed(changed(Fleet(3).pin(KEYS[0], 2)).pin(KEYS[1], 2))
    assert code(fleet.scaled(2)) is FleetCode.HOST_PINNED
    assert changed(fleet.scaled(4)).pinned == fleet.pinned
    assert changed(fleet.unpin(KEYS[0]).unpin(KEYS[1]).scaled(2)) == Fleet(2)


def test_a_drained_host_that_goes_is_forgotten_and_a_new_one_of_its_name_is_not_drained() -> None:
    fleet = changed(Fleet(3).drain(2))
    assert changed(fleet.scaled(2)) == Fleet(2)
    assert changed(changed(fleet.scaled(2)).scaled(3)) == Fleet(3)
    assert code(changed(Fleet(3).drain(0)).scaled(1)) is FleetCode.NO_HOST_LEFT


def test_what_a_start_trims_is_always_a_fleet_that_can_be_placed_on() -> None:
    fleet = Fleet(3, frozenset({0, 2}), {KEYS[0]: 2, KEYS[1]: 1})
    assert fleet.trimmed(1) == Fleet(1, frozenset({0}), {})
    assert set(placed(fleet.trimmed(1))) == {"host-0"}, "somewhere they have to be"


@pytest.mark.parametrize("name", ["host-3", "host-03", "host", "host--1", "", "node-1", "host-1 "])
def test_a_host_that_is_not_there_is_named(name: str) -> None:
    assert code(Fleet(3).ordinal(name)) is FleetCode.HOST_NOT_FOUND
    assert Fleet(3).ordinal("host-2") == 2


@given(
    st.integers(1, 6),
    st.sets(st.integers(0, 7)),
    st.dictionaries(st.sampled_from(KEYS[:20]), st.integers(0, 7)),
)
def test_a_block_is_always_on_a_host_that_there_is_and_never_on_a_drained_one(
    hosts: int, drained: set[int], pinned: dict[BlockKey, int]
) -> None:
    fleet = Fleet(hosts, frozenset(drained), pinned)
    allowed = {f"host-{n}" for n in range(hosts) if n not in drained}
    assert set(placed(fleet)) <= (allowed or set(fleet.names()))


def test_drained_hosts_carry_nothing_and_count_for_nothing() -> None:
    fleet = changed(changed(Fleet(4).drain(1)).drain(3))
    assert fleet.serving_names() == ["host-0", "host-2"]
    assert fleet.size_for(2) == 4, "enough: what an operator has drained stays"
    assert fleet.size_for(3) == 5
    assert fleet.size_for(1) == 1
    assert Fleet(HOSTS_MAX).drain(0).size_for(HOSTS_MAX) == HOSTS_MAX  # type: ignore[union-attr]


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    hosts = draw(st.integers(1, 12))
    return Fleet(hosts, frozenset(draw(st.sets(st.integers(0, hosts - 1), max_size=hosts - 1))))


@given(fleets(), st.integers(1, 16))
def test_the_size_for_so_many_is_one_at_which_so_many_serve(fleet: Fleet, serving: int) -> None:
    size = fleet.size_for(serving)
    assert len(fleet.trimmed(size).serving()) == serving
    assert size >= serving
    if 1 < serving < len(fleet.serving()):
        assert len(fleet.trimmed(size - 1).serving()) < serving, "none that is not needed"


def test_strays_are_shared_hosts_that_are_none_of_the_fleet() -> None:
    names = ["host-3", "host-0", "host-2", "service-payment", "host-10", "host-sabc-0", "host-1000"]
    assert Fleet(2).strays(names) == ["host-2", "host-3", "host-10"]
    assert Fleet(11).strays(names) == []
