"""The fleet: how many shared hosts there are, which of them are drained, and which blocks an operator has pinned.

Pure. A change that cannot be made is a value with a code, like the rejections of the core.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from actors.domain.identity import BlockKey

HOSTS_MAX = 256
PINS_MAX = 1_000
"""Pinned blocks: all of them travel in one message, and each is one more thing that somebody has to remember."""

_HOST_PATTERN = re.compile(r"host-(0|[1-9][0-9]{0,2})\Z")


def shared_host(ordinal: int) -> str:
    return f"host-{ordinal}"


class FleetCode(StrEnum):
    HOST_NOT_FOUND = "host_not_found"
    HOST_DRAINED = "host_drained"
    HOST_PINNED = "host_pinned"
    NO_HOST_LEFT = "no_host_left"
    TOO_MANY_PINS = "too_many_pins"


@dataclass(frozen=True, slots=True)
class FleetRefusal:
    """Why a fleet is not changed like that."""

    code: FleetCode
    detail: str


@dataclass(frozen=True, slots=True)
class Fleet:
    """`drained` are ordinals of hosts on which nothing is placed; `pinned` maps a block to the ordinal of its host.

    A pin to a drained host rests until the host is back.
    """

    hosts: int
    drained: frozenset[int] = frozenset()
    pinned: Mapping[BlockKey, int] = field(default_factory=dict[BlockKey, int])

    def __post_init__(self) -> None:
        if not 1 <= self.hosts <= HOSTS_MAX:
            raise ValueError(f"hosts must be 1 to {HOSTS_MAX}")

    def names(self) -> list[str]:
        return [shared_host(ordinal) for ordinal in range(self.hosts)]

    def serving(self) -> tuple[int, ...]:
        """The hosts that blocks are placed on: all, if every one of them were drained."""
        left = tuple(ordinal for ordinal in range(self.hosts) if ordinal not in self.drained)
        return left or tuple(range(self.hosts))

    def serving_names(self) -> list[str]:
        return [shared_host(ordinal) for ordinal in self.serving()]

    def size_for(self, serving: int) -> int:
        """How many hosts there have to be so that blocks are placed on `serving` of them. Drained ones carry nothing
        and count for nothing; hosts are added behind the last one, and those that go are the last."""
        now = self.serving()
        if serving < len(now):
            return now[serving - 1] + 1
        return min(self.hosts + serving - len(now), HOSTS_MAX)

    def strays(self, names: Iterable[str]) -> list[str]:
        """The shared hosts among `names` that are none of this fleet: started for a growth that was given up, say."""
        ordinals = [int(match.group(1)) for name in names if (match := _HOST_PATTERN.match(name))]
        return [shared_host(ordinal) for ordinal in sorted(ordinals) if ordinal >= self.hosts]

    def ordinal(self, name: str) -> int | FleetRefusal:
        """The host of a name."""
        match = _HOST_PATTERN.match(name)
        if match is not None and int(match.group(1)) < self.hosts:
            return int(match.group(1))
        last = f" to {shared_host(self.hosts - 1)}" if self.hosts > 1 else " only"
        return FleetRefusal(
            FleetCode.HOST_NOT_FOUND, f"there is no {name}: there is {shared_host(0)}{last}"
        )

    def trimmed(self, hosts: int) -> Fleet:
        """So many hosts; what was said about those that are gone is forgotten."""
        return Fleet(
            hosts,
            frozenset(ordinal for ordinal in self.drained if ordinal < hosts),
            {block: ordinal for block, ordinal in self.pinned.items() if ordinal < hosts},
        )

    def scaled(self, hosts: int) -> Fleet | FleetRefusal:
        """So many hosts; refused while a block is pinned to one that goes, or when only drained ones would stay."""
        fleet = self.trimmed(hosts)
        lost = sorted(self.pinned.keys() - fleet.pinned.keys())
        if lost:
            more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
            return FleetRefusal(
                FleetCode.HOST_PINNED,
                f"block {lost[0]}{more} is pinned to a host that would go: move it first",
            )
        if len(fleet.drained) == hosts:
            return _nobody_left("all hosts that would stay are drained")
        return fleet

    def drain(self, host: int) -> Fleet | FleetRefusal:
        drained = self.drained | {host}
        if len(drained) == self.hosts:
            return _nobody_left(f"{shared_host(host)} is the only one that is not drained")
        return replace(self, drained=drained)

    def undrain(self, host: int) -> Fleet:
        return replace(self, drained=self.drained - {host})

    def pin(self, block: BlockKey, host: int) -> Fleet | FleetRefusal:
        if host in self.drained:
            return FleetRefusal(FleetCode.HOST_DRAINED, f"{shared_host(host)} is drained")
        if block not in self.pinned and len(self.pinned) >= PINS_MAX:
            return FleetRefusal(FleetCode.TOO_MANY_PINS, f"{PINS_MAX} blocks are pinned already")
        return replace(self, pinned={**self.pinned, block: host})

    def unpin(self, block: BlockKey) -> Fleet:
        kept = {pinned: host for pinned, host in self.pinned.items() if pinned != block}
        return replace(self, pinned=kept)


def _nobody_left(why: str) -> FleetRefusal:
    return FleetRefusal(FleetCode.NO_HOST_LEFT, f"{why}: nothing would be left to place blocks on")
