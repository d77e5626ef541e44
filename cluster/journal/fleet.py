"""The fleet of hosts that blocks are placed on: a fact that every process of the cluster must agree on.

A change names the revision that it is based on. A reader may act on an old fleet for a moment: the journal's fence, not
the placement, prevents two owners.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from nats.aio.client import Client

from actors.domain.identity import BlockKey
from actors.fleet import Fleet
from cluster.journal.fact import read_fact, write_fact
from cluster.journal.feed import Following, JournalFeed
from cluster.journal.streams import CLUSTER

HOSTS_SUBJECT = "cluster.hosts"


@dataclass(frozen=True, slots=True)
class FleetFact:
    """The fleet as it was stored, and the revision of this fact."""

    fleet: Fleet
    revision: int


class _Pin(msgspec.Struct):
    show_id: str
    block: int
    host: int


class _Payload(msgspec.Struct, omit_defaults=True):
    """`{"hosts": 3}` is all that there was before hosts could be drained and blocks pinned."""

    hosts: int
    drained: list[int] = []
    pinned: list[_Pin] = []


async def read_fleet(nc: Client) -> FleetFact | None:
    """The fleet, None when it was never set. Raises JournalUnavailable."""
    message = await read_fact(nc, HOSTS_SUBJECT)
    return None if message is None else _fact(message.sequence, message.payload)


async def write_fleet(nc: Client, fleet: Fleet, revision: int) -> FleetFact:
    """Set the fleet if its revision is still `revision` (0: none yet). Raises FactConflict, JournalUnavailable."""
    return FleetFact(fleet, await write_fact(nc, HOSTS_SUBJECT, _payload(fleet), revision))


async def watch_fleet(nc: Client, on_change: Callable[[FleetFact], None]) -> Following:
    """Call `on_change` with the fleet as it is and after every change, through outages, until `stop`."""

    def on_entry(_subject: str, sequence: int, payload: bytes) -> None:
        on_change(_fact(sequence, payload))

    return await JournalFeed(nc, CLUSTER).follow(HOSTS_SUBJECT, 0, on_entry)


def _payload(fleet: Fleet) -> bytes:
    pinned = [_Pin(key.show_id, key.block, host) for key, host in sorted(fleet.pinned.items())]
    return msgspec.json.encode(_Payload(fleet.hosts, sorted(fleet.drained), pinned))


def _fact(revision: int, payload: bytes) -> FleetFact:
    stored = msgspec.json.decode(payload, type=_Payload)
    pinned = {BlockKey(pin.show_id, pin.block): pin.host for pin in stored.pinned}
    return FleetFact(Fleet(stored.hosts, frozenset(stored.drained), pinned), revision)
