"""Facts that every process of the cluster must agree on: how many hosts blocks are placed on.

One message per fact in the stream CLUSTER; its sequence is the fact's revision, and a change names the revision it
is based on. A reader may act on an old value for a moment: the journal's fence, not the placement, prevents two owners.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import msgspec
from nats.aio.client import Client

from actors.journal import JournalUnavailable
from cluster.journal.api import last_message, patiently, request
from cluster.journal.feed import Following, JournalFeed
from cluster.journal.streams import CLUSTER

HOSTS_SUBJECT = "cluster.hosts"
WRONG_REVISION = (10071, 10164)


@dataclass(frozen=True, slots=True)
class HostCount:
    """How many hosts there are, and the revision of this fact (0: never set)."""

    hosts: int
    revision: int


class HostCountConflict(Exception):
    """Somebody else has changed the host count since it was read; nothing was stored."""


class _Payload(msgspec.Struct):
    hosts: int


async def read_host_count(nc: Client) -> HostCount | None:
    """The host count, None when it was never set. Raises JournalUnavailable."""
    message = await patiently(partial(last_message, nc, CLUSTER, HOSTS_SUBJECT))
    return None if message is None else _host_count(message.sequence, message.payload)


async def write_host_count(nc: Client, hosts: int, revision: int) -> HostCount:
    """Set the host count if its revision is still `revision` (0: none yet).

    Raises HostCountConflict, or JournalUnavailable: then it may or may not be set, read it again.
    """
    headers = {"Nats-Expected-Last-Subject-Sequence": str(revision)}
    payload = msgspec.json.encode(_Payload(hosts))
    answer = msgspec.json.decode(await request(nc, HOSTS_SUBJECT, payload, headers))
    error = answer.get("error")
    if error is None:
        return HostCount(hosts, answer["seq"])
    if error.get("err_code") in WRONG_REVISION:
        raise HostCountConflict(f"the host count is no longer at revision {revision}")
    raise JournalUnavailable(f"the host count was refused: {error.get('description')}")


async def watch_host_count(nc: Client, on_change: Callable[[HostCount], None]) -> Following:
    """Call `on_change` with the count as it is and after every change, through outages, until `stop`."""

    def on_entry(_subject: str, sequence: int, payload: bytes) -> None:
        on_change(_host_count(sequence, payload))

    return await JournalFeed(nc, CLUSTER).follow(HOSTS_SUBJECT, 0, on_entry)


def _host_count(revision: int, payload: bytes) -> HostCount:
    return HostCount(msgspec.json.decode(payload, type=_Payload).hosts, revision)
