"""Fast replay of one subject: a throw-away pull consumer, whole batches, nothing missing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from nats.aio.client import Client

from actors.journal import JournalUnavailable
from cluster.journal.api import StoredMessage, call, position
from cluster.journal.pull import PullInbox

BATCH_MESSAGES = 1_000
BATCH_BYTES_MAX = 8 * 1_048_576
CONSUMER_IDLE_SECONDS = 30
"""After this the server forgets a replay whose reader went away."""

STALLS_MAX = 20
STALL_SECONDS = 0.25
"""A replay that gets nowhere for about STALLS_MAX * STALL_SECONDS has failed."""


async def replay(
    nc: Client, stream: str, subject: str, after: int, last: int
) -> AsyncIterator[StoredMessage]:
    """The messages of `subject` behind `after`, in order, at least up to the sequence `last`, which must exist.

    The consumer numbers its deliveries, so a batch that lost a message on the way (a reconnect) is noticed and
    fetched again from the last good one. Raises JournalUnavailable rather than ending early.
    """
    reached, stalls = after, 0
    while reached < last:
        try:
            async for message in _one_consumer(nc, stream, subject, reached, last):
                reached, stalls = message.sequence, 0
                yield message
        except JournalUnavailable:
            if stalls >= STALLS_MAX:
                raise
        if reached < last:
            stalls += 1
            if stalls > STALLS_MAX:
                raise JournalUnavailable(f"{subject}: replay stopped at {reached} of {last}")
            await asyncio.sleep(STALL_SECONDS)


async def _one_consumer(
    nc: Client, stream: str, subject: str, after: int, last: int
) -> AsyncIterator[StoredMessage]:
    """Messages as long as this consumer delivers them without a gap; ends at `last`, or early."""
    consumer = await _create(nc, stream, subject, after)
    numbered = 0
    reached = after
    try:
        async with PullInbox(nc, stream, consumer) as inbox:
            while reached < last:
                batch = await inbox.fetch_available(BATCH_MESSAGES, BATCH_BYTES_MAX)
                if not batch:
                    return
                for message in batch:
                    at = position(message)
                    numbered += 1
                    if at.consumer_sequence != numbered:
                        return
                    reached = at.sequence
                    yield StoredMessage(
                        message.subject,
                        at.sequence,
                        message.headers or {},
                        message.data,
                        at.stored_ms,
                    )
    finally:
        await _forget(nc, stream, consumer)


async def _create(nc: Client, stream: str, subject: str, after: int) -> str:
    config = {
        "filter_subject": subject,
        "deliver_policy": "by_start_sequence",
        "opt_start_seq": after + 1,
        "ack_policy": "none",
        "replay_policy": "instant",
        "mem_storage": True,
        "num_replicas": 1,
        "inactive_threshold": CONSUMER_IDLE_SECONDS * 1_000_000_000,
    }
    answer = await call(nc, f"CONSUMER.CREATE.{stream}", {"stream_name": stream, "config": config})
    return answer["name"]


async def _forget(nc: Client, stream: str, consumer: str) -> None:
    """Best effort and without waiting for the answer: the server forgets it by itself later."""
    try:
        await nc.publish(f"$JS.API.CONSUMER.DELETE.{stream}.{consumer}")
    except Exception:
        return
