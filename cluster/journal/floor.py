"""The floor: fewer hosts than this the policy does not leave until a known on-sale is over."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from nats.aio.client import Client

from cluster.journal.fact import read_fact, write_fact

FLOOR_SUBJECT = "cluster.floor"


@dataclass(frozen=True, slots=True)
class Floor:
    """`until` is ms since the epoch; afterwards there is no floor."""

    hosts: int
    until: int

    def at(self, now: int) -> int:
        """The least hosts at a time."""
        return self.hosts if now < self.until else 1

    def joined(self, other: Floor, now: int) -> Floor:
        """Both, for as long as either asks: the higher one, and the longer time."""
        if self.at(now) == 1:
            return other
        return Floor(max(self.hosts, other.hosts), max(self.until, other.until))


NO_FLOOR = Floor(1, 0)


class _Payload(msgspec.Struct):
    hosts: int
    until: int


async def read_floor(nc: Client) -> Floor:
    """Raises JournalUnavailable."""
    return (await _read(nc))[0]


async def raise_floor(nc: Client, floor: Floor, now: int) -> Floor:
    """Have at least this floor; the one that is in force then. Raises JournalUnavailable, FactConflict."""
    before, revision = await _read(nc)
    joined = before.joined(floor, now)
    payload = msgspec.json.encode(_Payload(joined.hosts, joined.until))
    await write_fact(nc, FLOOR_SUBJECT, payload, revision)
    return joined


async def _read(nc: Client) -> tuple[Floor, int]:
    fact = await read_fact(nc, FLOOR_SUBJECT)
    if fact is None:
        return NO_FLOOR, 0
    stored = msgspec.json.decode(fact.payload, type=_Payload)
    return Floor(stored.hosts, stored.until), fact.sequence
