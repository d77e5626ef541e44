"""Block -> host, the same everywhere without asking anybody: rendezvous hashing (Thaler and Ravishankar, 1998).

Changing the number of hosts from N to N+1 moves one block in N+1. Placement is advice, not ownership: two processes
that disagree for a moment are kept apart by the journal.
"""

from __future__ import annotations

import hashlib

from actors.domain.identity import BlockKey

HOSTS_MAX = 256
CACHED_BLOCKS_MAX = 100_000


class Placement:
    """Where blocks are: on `hosts` shared hosts, or (`dedicated`) each block on a host of its own."""

    def __init__(self, hosts: int, dedicated: bool = False) -> None:
        if not 1 <= hosts <= HOSTS_MAX:
            raise ValueError(f"hosts must be 1 to {HOSTS_MAX}")
        self.hosts = hosts
        self.dedicated = dedicated
        self._cache: dict[BlockKey, str] = {}

    def host_of(self, block: BlockKey) -> str:
        """The name of the host that a block lives on."""
        name = self._cache.get(block)
        if name is None:
            if len(self._cache) >= CACHED_BLOCKS_MAX:
                self._cache.clear()
            name = (
                dedicated_host(block)
                if self.dedicated
                else shared_host(_highest(block, self.hosts))
            )
            self._cache[block] = name
        return name

    def names(self) -> list[str]:
        """The shared hosts (none when every block has its own)."""
        return [] if self.dedicated else [shared_host(ordinal) for ordinal in range(self.hosts)]


def shared_host(ordinal: int) -> str:
    return f"host-{ordinal}"


def dedicated_host(block: BlockKey) -> str:
    return f"host-{block.show_id}-{block.block}"


def _highest(block: BlockKey, hosts: int) -> int:
    return max(range(hosts), key=lambda host: _weight(block, host))


def _weight(block: BlockKey, host: int) -> bytes:
    return hashlib.blake2b(f"{block}|{host}".encode(), digest_size=8).digest()
