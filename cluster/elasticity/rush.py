"""What a known on-sale needs before it begins. Pure.

    peak      = buyers * HOLDS_PER_BUYER / RUSH_SECONDS            holds a second
    hosts     = ceil(peak / HOLDS_PER_HOST), but not more than the show has blocks
    replicas  = ceil(peak / HOLDS_PER_REPLICA)

The capacities are about half of what was measured (docs/performance.md): 0.32 ms of CPU of a host and 0.71 ms of a
replica for a hold on seats spread over all blocks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

HOLDS_PER_BUYER = 1.5
"""Attempts of one buyer in the rush: whoever is refused tries other seats."""

RUSH_SECONDS = 60
"""Everybody who is expected comes within so long."""

HOLDS_PER_HOST = 1_500
HOLDS_PER_REPLICA = 700
BUYERS_MAX = 10_000_000


@dataclass(frozen=True, slots=True)
class RushPlan:
    """`peak` in holds a second, rounded up."""

    peak: int
    hosts: int
    replicas: int


def plan_rush(buyers: int, blocks: int) -> RushPlan:
    """For so many expected buyers of a show with so many blocks (those with tickets)."""
    peak = math.ceil(buyers * HOLDS_PER_BUYER / RUSH_SECONDS)
    hosts = min(math.ceil(peak / HOLDS_PER_HOST), blocks)
    return RushPlan(peak, max(1, hosts), max(1, math.ceil(peak / HOLDS_PER_REPLICA)))
