"""What `frontrow prepare` prints is still true when the sale begins."""

from __future__ import annotations

from actors.host import IDLE_MS
from cluster.operate.command import out
from cluster.operate.prepare import _print

FOUND = {
    "peak": 5000,
    "hosts": 4,
    "hosts_before": 2,
    "hosts_planned": 4,
    "blocks": 112,
    "blocks_warm": 112,
    "replicas": 8,
    "replicas_warm": 8,
    "replicas_planned": 8,
    "kept_until": None,
}


def test_it_says_how_long_blocks_stay_in_memory_and_when_to_repeat_it() -> None:
    with out.capture() as captured:
        _print(FOUND)
    told = " ".join(captured.get().split())
    minutes = IDLE_MS // 60_000
    assert "112 of 112 in memory" in told
    assert f"for {minutes} minutes after its last command" in told
    assert f"repeat this in the last {minutes} before the sale" in told
