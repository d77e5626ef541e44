"""The loop that every service shares: a durable pull consumer, batches to a handler, acknowledgements after success.

At least once and in order: a message is handed over again after a crash or a lost acknowledgement, so handlers are
idempotent by its sequence. One that fails for good goes to DEADLETTERS, where `frontrow doctor` sees it, and the rest
goes on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from actors.journal import JournalUnavailable
from actors.metrics import CONSUMER_DELAY, DEAD_LETTERS
from actors.telemetry import SILENT, TRACE, Telemetry
from cluster.journal.api import (
    CONSUMER_NOT_FOUND,
    TRACEPARENT,
    ApiError,
    call,
    position,
    request,
)
from cluster.journal.ending import end
from cluster.journal.pull import PullInbox

BATCH_MESSAGES_MAX = 256
ATTEMPTS_MAX = 5
"""How often a message that fails alone is tried before it is buried."""

DELIVERIES_MAX = 10
"""A message delivered more often than this has killed its process time and again: it is buried unseen."""

DELIVERIES_TRUSTED_MAX = 3
"""Beyond this a batch may hold such a message, and is handled one by one."""

ACK_WAIT_SECONDS = 10
PROGRESS_SECONDS = 3.0
"""While a handler works, the server is told so this often."""

PULL_SECONDS = 30
HEARTBEAT_SECONDS = 5
SILENCES_MAX = 12
LISTEN_SECONDS = 1.0
"""How often a waiting consumer looks whether its connection is a new one; after SILENCES_MAX of these without even a
heartbeat it gives its pull up."""

PAUSE_SECONDS = 0.1
PAUSE_SECONDS_MAX = 2.0
DRAIN_SECONDS_MAX = 20.0
REASON_LENGTH_MAX = 300

BEGINNING = ("deliver_policy", "opt_start_seq")
"""What says where a consumer began."""

_NANOSECONDS_PER_SECOND = 1_000_000_000
_log = structlog.get_logger()


class TryLater(Exception):
    """Raised by a handler that cannot work now (its database is down). The messages are kept and handed over again
    after a pause, for as long as it takes; it counts as no attempt."""


@dataclass(slots=True, eq=False)
class Delivery:
    """A message in a handler's hands. What the handler does not settle itself is acknowledged when it returns.

    `stored_ms` is by the server's clock; `trace` is the `traceparent` that the message came with.
    """

    nc: Client
    reply: str
    subject: str
    sequence: int
    payload: bytes
    delivered: int
    stored_ms: int
    trace: str = ""
    settled: bool = False

    async def ack(self) -> None:
        await self._settle(b"+ACK")

    async def nak(self, delay_seconds: float = 0.0) -> None:
        """Give it back; the server delivers it again after the delay."""
        delay = msgspec.json.encode({"delay": int(delay_seconds * _NANOSECONDS_PER_SECOND)})
        await self._settle(b"-NAK " + delay if delay_seconds > 0 else b"-NAK")

    async def term(self) -> None:
        """Never deliver it again."""
        await self._settle(b"+TERM")

    async def progress(self) -> None:
        """Keep it from being delivered again while it is being worked on."""
        await _publish(self.nc, self.reply, b"+WPI")

    async def _settle(self, word: bytes) -> None:
        self.settled = True
        await _publish(self.nc, self.reply, word)


Handler = Callable[[list[Delivery]], Awaitable[None]]
"""Takes the deliveries in stream order. Raise TryLater for an outage; any other exception is about the messages."""


class DurableConsumer:
    """`start`, then `stop`. The position is the server's: whoever starts with the same name goes on from there."""

    def __init__(
        self,
        nc: Client,
        stream: str,
        name: str,
        subject_filter: str,
        handler: Handler,
        batch_max: int = BATCH_MESSAGES_MAX,
        telemetry: Telemetry = SILENT,
    ) -> None:
        self.stream = stream
        self.name = name
        self.consuming = False
        self._nc = nc
        self._filter = subject_filter
        self._handler = handler
        self._batch_max = batch_max
        self._telemetry = telemetry
        self._stopping = False
        self._working = False
        self._task: asyncio.Task[None] | None = None
        self._in_hand: list[Delivery] = []

    @property
    def ended(self) -> bool:
        """Whether the loop has stopped, or was never started."""
        return self._task is None or self._task.done()

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Let the handler finish (DRAIN_SECONDS_MAX), give back the rest at once, end."""
        self._stopping = True
        if self._task is None:
            return
        if self._working:
            await asyncio.wait([self._task], timeout=DRAIN_SECONDS_MAX)
        await end(self._task)

    async def lag(self) -> int:
        """Messages not yet acknowledged. Raises JournalUnavailable."""
        info = await call(self._nc, f"CONSUMER.INFO.{self.stream}.{self.name}")
        return info["num_pending"] + info["num_ack_pending"]

    async def _run(self) -> None:
        pause, reason = PAUSE_SECONDS, ""
        while not self._stopping:
            try:
                await self._ensure()
                async with PullInbox(self._nc, self.stream, self.name) as inbox:
                    self.consuming, pause = True, PAUSE_SECONDS
                    await self._consume(inbox)
            except (JournalUnavailable, NatsError, OSError) as error:
                if str(error) != reason:  # an outage repeats itself
                    _log.info("consumer.waiting", consumer=self.name, reason=str(error))
                reason = str(error)
            except (
                Exception
            ):  # a service that has quietly ended would be worse than one that repeats a bug
                _log.exception("consumer.broken", consumer=self.name)
            self.consuming = False
            if not self._stopping:
                await asyncio.sleep(pause)
                pause = min(pause * 2, PAUSE_SECONDS_MAX)

    async def _ensure(self) -> None:
        """Make the consumer, or bring an existing one in line; the position of an existing one stays, and where it
        began: after a restore that is not the stream's beginning, and the server lets nobody change it."""
        config = {
            "durable_name": self.name,
            "name": self.name,
            "filter_subject": self._filter,
            **await self._beginning(),
            "ack_policy": "explicit",
            "ack_wait": ACK_WAIT_SECONDS * _NANOSECONDS_PER_SECOND,
            "max_deliver": -1,
            "max_ack_pending": self._batch_max,
            "replay_policy": "instant",
        }
        method = f"CONSUMER.CREATE.{self.stream}.{self.name}.{self._filter}"
        await call(self._nc, method, {"stream_name": self.stream, "config": config})

    async def _beginning(self) -> dict[str, Any]:
        try:
            info = await call(self._nc, f"CONSUMER.INFO.{self.stream}.{self.name}")
        except ApiError as error:
            if error.code != CONSUMER_NOT_FOUND:
                raise
            return {"deliver_policy": "all"}
        return {name: info["config"][name] for name in BEGINNING if name in info["config"]}

    async def _consume(self, inbox: PullInbox) -> None:
        """Pull and handle until the pull, the consumer or the connection is in doubt."""
        reconnects, silences = self._nc.stats["reconnects"], 0
        options: dict[str, Any] = {
            "expires": PULL_SECONDS * _NANOSECONDS_PER_SECOND,
            "idle_heartbeat": HEARTBEAT_SECONDS * _NANOSECONDS_PER_SECOND,
        }
        await inbox.pull(self._batch_max, **options)
        try:
            while not self._stopping and self._nc.stats["reconnects"] == reconnects:
                if inbox.arrived:
                    await self._work(inbox)
                elif inbox.ended is None:
                    silences = 0 if await inbox.news(LISTEN_SECONDS) else silences + 1
                    if silences > SILENCES_MAX:
                        return
                elif inbox.ended.startswith(("408", "404", "batch complete")):
                    await inbox.pull(self._batch_max, **options)
                else:
                    raise JournalUnavailable(inbox.ended)
        finally:
            await _give_back(self._deliveries(inbox.take()))

    async def _work(self, inbox: PullInbox) -> None:
        """Handle what has arrived, while the server is kept from delivering it (and what follows) again."""
        self._in_hand = self._deliveries(inbox.take())
        self._working = True
        keeper = asyncio.create_task(self._keep(inbox))
        try:
            await self._handle(self._in_hand)
        finally:
            keeper.cancel()
            self._working = False
            await _give_back(self._in_hand)
            self._in_hand = []

    async def _keep(self, inbox: PullInbox) -> None:
        while True:
            await asyncio.sleep(PROGRESS_SECONDS)
            for delivery in [*self._in_hand, *self._deliveries(inbox.arrived)]:
                if not delivery.settled:
                    await delivery.progress()

    async def _handle(self, batch: list[Delivery]) -> None:
        worn = next((d for d in batch if d.delivered > DELIVERIES_MAX), None)
        if worn is not None:
            await self._bury(worn, f"delivered {worn.delivered} times")
        rest = [delivery for delivery in batch if not delivery.settled]
        trusted = all(delivery.delivered <= DELIVERIES_TRUSTED_MAX for delivery in rest)
        if rest and not (trusted and await self._try(rest)):
            for delivery in rest:
                if not delivery.settled and not self._stopping:
                    await self._try([delivery])

    async def _try(self, group: list[Delivery]) -> bool:
        """Hand a group over until it is settled; False when it must be tried one by one, or we are stopping."""
        attempts, pause = 0, PAUSE_SECONDS
        while not self._stopping or attempts == 0:
            group = [delivery for delivery in group if not delivery.settled]
            if not group:
                return True
            try:
                await self._hand_over(group)
            except TryLater as error:
                _log.info("consumer.try_later", consumer=self.name, reason=str(error))
                if self._stopping:
                    return False
            except Exception as error:
                attempts += 1
                _log.exception("consumer.failed", consumer=self.name, sequence=group[0].sequence)
                if len(group) > 1:
                    return False
                if attempts >= ATTEMPTS_MAX:
                    await self._bury(group[0], f"{type(error).__name__}: {error}")
                    return True
            else:
                for delivery in group:
                    if not delivery.settled:
                        await delivery.ack()
                delay = time.time() - min(delivery.stored_ms for delivery in group) / 1000
                meter = self._telemetry.meter
                meter.observe(CONSUMER_DELAY, max(0.0, delay), self.stream, self.name)
                return True
            await asyncio.sleep(pause)
            pause = min(pause * 2, PAUSE_SECONDS_MAX)
        return False

    async def _hand_over(self, group: list[Delivery]) -> None:
        """What is traced is handled as a part of the first trace, and linked to the others."""
        traces = list(dict.fromkeys(delivery.trace for delivery in group if delivery.trace))
        if not traces:
            TRACE.set("")
            return await self._handler(group)
        name = f"{self.stream} {self.name}"
        span = self._telemetry.tracer.start(name, traces[0], traces[1:], messages=len(group))
        TRACE.set(span.traceparent)
        failure = "failed"
        try:
            await self._handler(group)
            failure = ""
        finally:
            span.end(failure)

    async def _bury(self, delivery: Delivery, reason: str) -> None:
        """Keep a copy in DEADLETTERS, then never see it again. Raises JournalUnavailable: nothing is lost then."""
        _log.error("consumer.buried", consumer=self.name, sequence=delivery.sequence, reason=reason)
        headers = {
            "Nats-Msg-Id": f"{self.stream}-{self.name}-{delivery.sequence}",
            "Frontrow-Subject": delivery.subject,
            "Frontrow-Sequence": str(delivery.sequence),
            "Frontrow-Reason": reason[:REASON_LENGTH_MAX],
        }
        subject = f"deadletters.{self.stream}.{self.name}"
        answer = msgspec.json.decode(await request(self._nc, subject, delivery.payload, headers))
        if "error" in answer:
            raise JournalUnavailable(f"a dead letter was refused: {answer['error']}")
        self._telemetry.meter.count(DEAD_LETTERS, 1, self.stream, self.name)
        await delivery.term()

    def _deliveries(self, messages: Iterable[Msg]) -> list[Delivery]:
        return [_delivery(self._nc, message) for message in messages]


async def forget_consumer(nc: Client, stream: str, name: str) -> None:
    """Delete a durable position, so that the next start reads the stream from its beginning."""
    try:
        await call(nc, f"CONSUMER.DELETE.{stream}.{name}")
    except ApiError as error:
        if error.code != CONSUMER_NOT_FOUND:
            raise


def _delivery(nc: Client, message: Msg) -> Delivery:
    at = position(message)
    trace = message.headers.get(TRACEPARENT, "") if message.headers else ""
    return Delivery(
        nc,
        message.reply,
        message.subject,
        at.sequence,
        message.data,
        at.delivered,
        at.stored_ms,
        trace,
    )


async def _give_back(deliveries: Iterable[Delivery]) -> None:
    for delivery in deliveries:
        if not delivery.settled:
            await delivery.nak()


async def _publish(nc: Client, reply: str, word: bytes) -> None:
    """A word about a delivery. Lost without a connection: then the server delivers it again."""
    try:
        await nc.publish(reply, word)
    except (NatsError, OSError):
        return
