"""Messages that are stored once under an id, for services to work on: payment notices, and what happened to orders."""

from __future__ import annotations

import msgspec
from nats.aio.client import Client

from actors.journal import JournalUnavailable
from cluster.journal.api import request, traced


async def publish_once(nc: Client, subject: str, message_id: str, payload: bytes) -> None:
    """Returns when the message is stored, now or before (JetStream's message ids, within the stream's window).

    Raises JournalUnavailable: then it may or may not be stored, and can be published again.
    """
    headers = traced({"Nats-Msg-Id": message_id})
    answer = msgspec.json.decode(await request(nc, subject, payload, headers))
    if "error" in answer:
        raise JournalUnavailable(f"a message was refused: {answer['error'].get('description')}")
