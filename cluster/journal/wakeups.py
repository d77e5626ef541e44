"""Durable wake-ups: the server itself delivers a message at a time, however often anything restarted meanwhile.

JetStream schedules (ADR-51, nats-server 2.12 or newer): a stored message with `Nats-Schedule: @at <RFC 3339>` is
published to `Nats-Schedule-Target`, a subject of the same stream, when the time has come; one that is overdue fires at
once. A wake-up is a hint, never a decision: it may come late, twice, or for nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
from nats.aio.client import Client

from actors.domain.identity import BlockKey
from actors.journal import JournalUnavailable
from cluster.journal.api import request
from cluster.journal.consumer import Delivery, DurableConsumer, Handler
from cluster.journal.streams import WAKEUP_DAYS_MAX, WAKEUPS

CONSUMER = "expiration"
DUE = "wakeups.due"
_WAKEUP_MS_MAX = WAKEUP_DAYS_MAX * 86_400_000


MakeConsumer = Callable[[str, str, str, Handler], DurableConsumer]
"""Makes a consumer of a stream under a name, of these subjects (such as `partial(DurableConsumer, nc)`)."""


class _Payload(msgspec.Struct):
    at: int


@dataclass(frozen=True, slots=True)
class Wakeup:
    """Something in `block` was due at `at_ms` (ms since the epoch), or earlier; it came at `fired_ms`, by the clock of
    the server, which is the one that wake-ups are timed by."""

    block: BlockKey
    at_ms: int
    fired_ms: int
    delivery: Delivery


async def schedule_wakeup(nc: Client, block: BlockKey, at_ms: int, now_ms: int) -> None:
    """Have the block woken at `at_ms`, rounded up to a second; twice for the same second is once.

    Returns when the schedule is stored. Raises JournalUnavailable, ValueError for a time that the stream would have
    forgotten by then.
    """
    if at_ms - now_ms > _WAKEUP_MS_MAX:
        raise ValueError(f"a wake-up lies at most {WAKEUP_DAYS_MAX} days ahead")
    second = -(-at_ms // 1000)
    headers = {
        "Nats-Schedule": f"@at {datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%SZ}",
        "Nats-Schedule-Target": f"{DUE}.{block.show_id}.{block.block}",
    }
    subject = f"wakeups.at.{block.show_id}.{block.block}.{second}"
    answer = msgspec.json.decode(
        await request(nc, subject, msgspec.json.encode(_Payload(at_ms)), headers)
    )
    if "error" in answer:
        raise JournalUnavailable(f"the wake-up was refused: {answer['error'].get('description')}")


def wakeup_consumer(
    consumer: MakeConsumer, handler: Callable[[list[Wakeup]], Awaitable[None]]
) -> DurableConsumer:
    """The consumer of due wake-ups, to be started; the rules for its handler are DurableConsumer's."""

    async def handle(deliveries: list[Delivery]) -> None:
        await handler([_wakeup(delivery) for delivery in deliveries])

    return consumer(WAKEUPS, CONSUMER, f"{DUE}.>", handle)


def _wakeup(delivery: Delivery) -> Wakeup:
    _, _, show_id, block = delivery.subject.split(".")
    at_ms = msgspec.json.decode(delivery.payload, type=_Payload).at
    return Wakeup(BlockKey(show_id, int(block)), at_ms, delivery.stored_ms, delivery)
