"""Rendezvous hashing: the same everywhere, even, and little moves."""

from __future__ import annotations

import pytest

from actors import placement as placement_module
from actors.domain.identity import BlockKey
from actors.fleet import Fleet
from actors.placement import Placement

KEYS = [BlockKey(f"sabcdefghij{letter}2", n) for letter in "abcdefgh" for n in range(500)]


def test_a_block_is_always_on_the_same_host() -> None:
    assert [Placement(Fleet(7)).host_of(k) for k in KEYS] == [
        Placement(Fleet(7)).host_of(k) for k in KEYS
    ]
    assert Placement(Fleet(4)).host_of(BlockKey("sabcdefghijkl", 0)) == "host-2", (
        "also in the next release"
    )


@pytest.mark.parametrize("hosts", [1, 2, 3, 7, 15])
def test_one_more_host_takes_its_share_and_nothing_moves_between_the_others(hosts: int) -> None:
    before, after = Placement(Fleet(hosts)), Placement(Fleet(hosts + 1))
    moved = [key for key in KEYS if before.host_of(key) != after.host_of(key)]
    assert {after.host_of(key) for key in moved} == {f"host-{hosts}"}
    assert len(moved) / len(KEYS) == pytest.approx(1 / (hosts + 1), rel=0.15)


def test_blocks_spread_evenly() -> None:
    placement = Placement(Fleet(8))
    names = [placement.host_of(key) for key in KEYS]
    counts = [names.count(name) for name in placement.names()]
    assert sum(counts) == len(KEYS)
    assert max(counts) < 1.2 * min(counts)


def test_dedicated_blocks_have_a_host_each() -> None:
    placement = Placement(Fleet(1), dedicated=True)
    assert len({placement.host_of(key) for key in KEYS}) == len(KEYS)
    assert placement.names() == []


def test_a_full_cache_starts_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement_module, "CACHED_BLOCKS_MAX", 10)
    placement = Placement(Fleet(3))
    assert [placement.host_of(k) for k in KEYS[:50]] == [
        Placement(Fleet(3)).host_of(k) for k in KEYS[:50]
    ]
