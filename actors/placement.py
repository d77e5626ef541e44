"""Block -> host, the same everywhere without asking anybody: rendezvous hashing (Thaler and Ravishankar, 1998).

Changing the number of hosts from N to N+1 moves one block in N+1, draining one moves its blocks and no others, and a
pinned block is where it was put. Placement is advice, not ownership: two processes that disagree for a moment are kept
apart by the journal.
"""

from __future__ import annotations

import hashlib

from actors.domain.identity import BlockKey
from actors.fleet import Fleet, shared_host

CACHED_BLOCKS_MAX = 100_000


class Placement:
    """Where blocks are: on the hosts of a fleet, or (`dedicated`) each block on a host of its own."""

    def __init__(self, fleet: Fleet, dedicated: bool = False) -> None:
        self.fleet = fleet
        self.dedicated = dedicated
        self._serving = fleet.serving()
        self._cache: dict[BlockKey, str] = {}

    def host_of(self, block: BlockKey) -> str:
        """The name of the host that a block lives on."""
        name = self._cache.get(block)
        if name is None:
            if len(self._cache) >= CACHED_BLOCKS_MAX:
                self._cache.clear()
            name = dedicated_host(block) if self.dedicated else shared_host(self._ordinal(block))
            self._cache[block] = name
        return name

    def names(self) -> list[str]:
        """The shared hosts (none when every block has its own)."""
        return [] if self.dedicated else self.fleet.names()

    def pinned(self, block: BlockKey) -> bool:
        """Whether a block is where it is because somebody put it there."""
        return not self.dedicated and self.fleet.pinned.get(block) in self._serving

    def serving(self) -> list[str]:
        """Those of them that blocks are placed on."""
        return [] if self.dedicated else self.fleet.serving_names()

    def _ordinal(self, block: BlockKey) -> int:
        pinned = self.fleet.pinned.get(block)
        return pinned if pinned in self._serving else _highest(block, self._serving)


def dedicated_host(block: BlockKey) -> str:
    return f"host-{block.show_id}-{block.block}"


def _highest(block: BlockKey, hosts: tuple[int, ...]) -> int:
    return max(hosts, key=lambda host: _weight(block, host))


def _weight(block: BlockKey, host: int) -> bytes:
    return hashlib.blake2b(f"{block}|{host}".encode(), digest_size=8).digest()
