"""One fact of the cluster: the last message of a subject in the stream CLUSTER; its sequence is the fact's revision."""

from __future__ import annotations

from functools import partial

import msgspec
from nats.aio.client import Client

from actors.journal import JournalUnavailable
from cluster.journal.api import StoredMessage, last_message, patiently, request
from cluster.journal.streams import CLUSTER

WRONG_REVISION = (10071, 10164)


class FactConflict(Exception):
    """Somebody else has changed the fact since it was read; nothing was stored."""


async def read_fact(nc: Client, subject: str) -> StoredMessage | None:
    """The fact as the stream's leader has it, None when it was never set. Raises JournalUnavailable."""
    return await patiently(partial(last_message, nc, CLUSTER, subject))


async def write_fact(nc: Client, subject: str, payload: bytes, revision: int) -> int:
    """Set the fact if its revision is still `revision` (0: none yet); the new revision.

    Raises FactConflict, or JournalUnavailable: then it may or may not be set, read it again.
    """
    headers = {"Nats-Expected-Last-Subject-Sequence": str(revision)}
    answer = msgspec.json.decode(await request(nc, subject, payload, headers))
    error = answer.get("error")
    if error is None:
        return answer["seq"]
    if error.get("err_code") in WRONG_REVISION:
        raise FactConflict(f"{subject} is no longer at revision {revision}")
    raise JournalUnavailable(f"{subject} was refused: {error.get('description')}")
