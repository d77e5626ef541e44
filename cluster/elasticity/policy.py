"""How many hosts the load of the last minutes needs. Pure.

The rule is that of Kubernetes' Horizontal Pod Autoscaler (kubernetes.io, "Horizontal Pod Autoscaling", algorithm
details and stabilization window): the load divided by what one host should carry, of the two measures the one that
asks for more, with a tolerance around "enough". It grows when all of the last GROW_SECONDS ask for more, and shrinks
when all of the last SHRINK_SECONDS ask for less; a host that is silent counts as idle for growing and as busy for
shrinking. Hosts are those that blocks are placed on: one that is drained carries nothing and counts for nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

CPU_TARGET = 0.6
"""The share of one core that a host should use: it is one process with one loop, and queues grow without bound at 1."""

DEPTH_TARGET = 64.0
"""Commands that should wait in a host: at a group commit of a few milliseconds they are gone before a buyer notices."""

TOLERANCE = 0.2
"""Within this share of the target, there are enough hosts: measures waver, and a move costs replays."""

GROW_SECONDS = 15
SHRINK_SECONDS = 300
GROW_FACTOR_MAX = 2
"""At most so many times as many hosts in one step: what was measured of a few says little about many."""

SHRINK_SHARE_MAX = 0.25
"""At most this share of the hosts (one at least) goes in one step."""

SHARES = 1_000_000
"""Loads are added up in millionths of a host, so that their sum does not depend on their order."""


@dataclass(frozen=True, slots=True)
class HostUse:
    """`cpu` is the share of one core since the sample before, `depth` the commands that waited."""

    cpu: float
    depth: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at the hosts that blocks are placed on, at `at` (seconds of a steady clock). `uses` has those that
    answered."""

    at: float
    hosts: int
    uses: tuple[HostUse, ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """The least and the most hosts. The least is of those that blocks are placed on."""

    least: int
    most: int

    def __post_init__(self) -> None:
        if not 1 <= self.least <= self.most:
            raise ValueError("limits must be 1 <= least <= most")

    def clamp(self, hosts: int) -> int:
        return min(max(hosts, self.least), self.most)

    def beside(self, drained: int) -> Limits:
        """The limits of those that blocks are placed on: the drained ones take room as well."""
        most = max(1, self.most - drained)
        return Limits(min(self.least, most), most)


@dataclass(frozen=True, slots=True)
class Tuning:
    """What an installation may set: how busy a host should be, and how long a load lasts before it counts."""

    cpu_target: float = CPU_TARGET
    grow_seconds: float = GROW_SECONDS
    shrink_seconds: float = SHRINK_SECONDS


DEFAULT = Tuning()


def wanted_hosts(samples: Sequence[Sample], limits: Limits, tuning: Tuning = DEFAULT) -> int:
    """The hosts that blocks should be placed on after the last of `samples` (oldest first, at least one)."""
    last = samples[-1]
    if limits.clamp(last.hosts) != last.hosts:
        return limits.clamp(last.hosts)
    grown = [needed(one, tuning.cpu_target) for one in _all_of(samples, tuning.grow_seconds)]
    if grown and (hosts := min(grown)) > last.hosts:
        return limits.clamp(min(hosts, last.hosts * GROW_FACTOR_MAX))
    shrunk = [needed(one, tuning.cpu_target) for one in _all_of(samples, tuning.shrink_seconds)]
    if shrunk and (hosts := max(shrunk)) < last.hosts:
        step = max(1, math.floor(last.hosts * SHRINK_SHARE_MAX))
        return limits.clamp(max(hosts, last.hosts - step))
    return last.hosts


def needed(sample: Sample, cpu_target: float = CPU_TARGET) -> int:
    """The hosts that the load of one sample asks for, whatever the limits."""
    load = _load(sample.uses, cpu_target)
    if load > sample.hosts * (1 + TOLERANCE):
        return math.ceil(load)
    silent = max(0, sample.hosts - len(sample.uses))
    if load + silent < sample.hosts * (1 - TOLERANCE):
        return max(1, math.ceil(load + silent))
    return sample.hosts


def _load(uses: Sequence[HostUse], cpu_target: float) -> float:
    """In hosts that carry what they should."""
    cpu = sum(round(use.cpu / cpu_target * SHARES) for use in uses)
    depth = sum(round(use.depth / DEPTH_TARGET * SHARES) for use in uses)
    return max(cpu, depth) / SHARES


def _all_of(samples: Sequence[Sample], seconds: float) -> list[Sample]:
    """The samples of the last seconds; none when the history does not reach back so far."""
    since = samples[-1].at - seconds
    if samples[0].at > since:
        return []
    return [sample for sample in samples if sample.at >= since]
