"""A live, ordered, gap-free feed of a stream, for caches in processes that come and go.

nats-py's own ordered consumer does come back after a server restart, but only after two missed heartbeats, with its
failures going to an error callback, and it never tells its user that it is not current; it also hands over entries
whose callback has failed as if they were done. A cache that answers buyers needs to know, so the subscription is our
own: a push consumer with heartbeats, flow control and numbered deliveries, made anew behind the last delivered sequence
after every doubt. Protocol: ADR-17 (ordered consumer), docs.nats.io "Flow control" and "Idle heartbeats".
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from actors.journal import JournalUnavailable
from cluster.journal.api import call, is_delivery, last_message, patiently, position, status
from cluster.journal.ending import end
from cluster.journal.streams import JOURNAL

HEARTBEAT_SECONDS = 2.0
HEARTBEATS_MISSED_MAX = 3
AUDIT_SECONDS = 5.0
"""How often a follower asks the leader whether it has everything: a replica cut off from its leader may deliver to us
and keep its heartbeats up while the rest of the cluster goes on."""

RESUME_SECONDS = 0.1
RESUME_SECONDS_MAX = 1.0
CONSUMER_IDLE_SECONDS = 30
"""After this the server forgets a consumer whose follower went away."""

OnEntry = Callable[[str, int, bytes], None]
"""Subject, sequence, payload. It must not block; when it raises, the entry is delivered again."""

OnStale = Callable[[str], None]
OnCurrent = Callable[[], None]

_NANOSECONDS_PER_SECOND = 1_000_000_000
_log = structlog.get_logger()


class JournalFeed:
    """Followers of one stream, the journal unless another is named."""

    def __init__(
        self, nc: Client, stream: str = JOURNAL, heartbeat_seconds: float = HEARTBEAT_SECONDS
    ) -> None:
        self._nc = nc
        self._stream = stream
        self._heartbeat_seconds = heartbeat_seconds

    async def last_sequence(self, subject_filter: str) -> int:
        """The sequence of the last message that matches, 0 if none does; asked of the leader.

        A follower that has delivered it has caught up with the moment of the question. Raises JournalUnavailable.
        """
        message = await patiently(partial(last_message, self._nc, self._stream, subject_filter))
        return 0 if message is None else message.sequence

    async def follow(
        self,
        subject_filter: str,
        after_sequence: int,
        on_entry: OnEntry,
        on_stale: OnStale | None = None,
        on_current: OnCurrent | None = None,
    ) -> Following:
        """Deliver everything that matches and stands behind `after_sequence`, in order, each entry once, until `stop`.

        Needs no connection yet. A follower is born stale; `on_current` is called when it has
        delivered all there is, `on_stale(reason)` when it can no longer know that.
        """
        following = Following(
            self,
            self._nc,
            self._stream,
            subject_filter,
            after_sequence,
            on_entry,
            self._heartbeat_seconds,
        )
        following.start(on_stale, on_current)
        return following


class Following:
    """One follower. `sequence` is the last delivered one (or where it began)."""

    def __init__(
        self,
        feed: JournalFeed,
        nc: Client,
        stream: str,
        subject_filter: str,
        after: int,
        on_entry: OnEntry,
        heartbeat_seconds: float,
    ) -> None:
        self.sequence = after
        self.stale_reason = "not yet connected"
        self._feed = feed
        self._nc = nc
        self._stream = stream
        self._filter = subject_filter
        self._on_entry = on_entry
        self._heartbeat_seconds = heartbeat_seconds
        self._on_stale: OnStale | None = None
        self._on_current: OnCurrent | None = None
        self._became_current = asyncio.Event()
        self._heard_at = 0.0
        self._task: asyncio.Task[None] | None = None

    @property
    def current(self) -> bool:
        """Whether everything has been delivered, as far as a heartbeat ago can tell."""
        return self._became_current.is_set() and not self._silent()

    def start(self, on_stale: OnStale | None, on_current: OnCurrent | None) -> None:
        self._on_stale, self._on_current = on_stale, on_current
        self._task = asyncio.create_task(self._run())

    async def wait_current(self, seconds: float) -> bool:
        """Wait until it is current; False when that takes longer than `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._became_current.wait()
        except TimeoutError:
            return False
        return True

    async def lag(self) -> int:
        """Sequences between the last matching message and the last delivered one. Raises JournalUnavailable."""
        return max(0, await self._feed.last_sequence(self._filter) - self.sequence)

    async def stop(self) -> None:
        if self._task is not None:
            await end(self._task)

    async def _run(self) -> None:
        pause = RESUME_SECONDS
        while True:
            began_at = self.sequence
            session = _Session(self, self._nc, self._stream, self._filter, self._heartbeat_seconds)
            try:
                reason = await session.run()
            except JournalUnavailable as error:
                reason = str(error)
            except (
                Exception
            ) as error:  # such as a callback's: stay stale and try again, never end quietly
                _log.exception("feed.broken", filter=self._filter)
                reason = type(error).__name__
            self.mark_stale(reason)
            pause = (
                RESUME_SECONDS if self.sequence > began_at else min(pause * 2, RESUME_SECONDS_MAX)
            )
            await asyncio.sleep(pause)

    def heard(self) -> None:
        self._heard_at = asyncio.get_running_loop().time()

    def deliver(self, subject: str, sequence: int, payload: bytes) -> None:
        self._on_entry(subject, sequence, payload)
        self.sequence = sequence

    def mark_current(self) -> None:
        if not self._became_current.is_set():
            self._became_current.set()
            self.stale_reason = ""
            if self._on_current is not None:
                self._on_current()

    def mark_stale(self, reason: str) -> None:
        was_current = self._became_current.is_set()
        self._became_current.clear()
        self.stale_reason = reason
        if was_current:
            _log.info("feed.stale", filter=self._filter, reason=reason)
            if self._on_stale is not None:
                self._on_stale(reason)

    def _silent(self) -> bool:
        quiet = asyncio.get_running_loop().time() - self._heard_at
        return quiet > self._heartbeat_seconds * HEARTBEATS_MISSED_MAX


class _Session:
    """One push consumer, from its creation to the first doubt about it."""

    def __init__(
        self,
        following: Following,
        nc: Client,
        stream: str,
        subject_filter: str,
        heartbeat_seconds: float,
    ) -> None:
        self._following = following
        self._nc = nc
        self._stream = stream
        self._filter = subject_filter
        self._heartbeat_seconds = heartbeat_seconds
        self._numbered = 0
        self._pending = 1  # unknown, but not none
        self._owed = 0
        self._audited = 0
        self._audit_at = 0.0
        self._ended: str | None = None
        self._wake = asyncio.Event()

    async def run(self) -> str:
        """Deliver until something is wrong; what it was. Raises JournalUnavailable when it cannot even begin."""
        inbox = self._nc.new_inbox()
        reconnects = self._nc.stats["reconnects"]
        consumer = ""
        try:
            subscription = await self._nc.subscribe(inbox, cb=self._on_message)
        except (NatsError, OSError) as error:
            raise JournalUnavailable(f"NATS: {type(error).__name__}") from None
        try:
            consumer, self._pending = await self._create(inbox)
            self._following.heard()
            self._note_pending(self._pending)
            while self._ended is None:
                await self._wait()
                if self._nc.stats["reconnects"] != reconnects or not self._nc.is_connected:
                    self._end("the connection was lost")
                elif self._ended is None:
                    await self._audit()
            return self._ended
        finally:
            self._ended = self._ended or "stopped"
            await self._leave(subscription, consumer)

    async def _create(self, inbox: str) -> tuple[str, int]:
        config = {
            "deliver_subject": inbox,
            "filter_subject": self._filter,
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": self._following.sequence + 1,
            "ack_policy": "none",
            "max_deliver": 1,
            "mem_storage": True,
            "num_replicas": 1,
            "flow_control": True,
            "idle_heartbeat": int(self._heartbeat_seconds * _NANOSECONDS_PER_SECOND),
            "inactive_threshold": CONSUMER_IDLE_SECONDS * _NANOSECONDS_PER_SECOND,
        }
        body = {"stream_name": self._stream, "config": config}
        answer = await call(self._nc, f"CONSUMER.CREATE.{self._stream}", body)
        # The deliveries may have begun before this answer: what they say is newer.
        pending = self._pending if self._numbered else answer["num_pending"]
        return answer["name"], pending

    async def _wait(self) -> None:
        """One heartbeat long, or until the session has ended. A silence ends it."""
        self._wake.clear()
        try:
            async with asyncio.timeout(self._heartbeat_seconds):
                await self._wake.wait()
        except TimeoutError:
            if self._following._silent():
                self._end("no heartbeat from the server")

    async def _audit(self) -> None:
        """Compare with the leader; a follower that stands still while there is more has been forgotten."""
        following, now = self._following, asyncio.get_running_loop().time()
        if now < self._audit_at:
            return
        self._audit_at = now + AUDIT_SECONDS
        message = await last_message(self._nc, self._stream, self._filter)
        last = 0 if message is None else message.sequence
        stood_still = following.sequence == self._audited
        if stood_still and following.sequence < self._owed:
            self._end(f"the leader has {self._owed}, {following.sequence} was delivered")
        elif last < following.sequence:
            self._end(
                f"the stream ends at {last}, {following.sequence} was delivered: it was replaced"
            )
        self._owed, self._audited = last, following.sequence

    async def _on_message(self, message: Msg) -> None:
        if self._ended is not None:
            return
        self._following.heard()
        if is_delivery(message):
            self._on_delivery(message)
            # A long replay arrives faster than it is applied: let others have the loop.
            await asyncio.sleep(0)
        elif not (line := status(message)).startswith("100"):
            self._end(line or "unknown status")
        elif message.reply:
            await self._resume_flow(message.reply)
        else:
            await self._on_heartbeat(message.headers or {})

    def _on_delivery(self, message: Msg) -> None:
        at = position(message)
        if at.consumer_sequence != self._numbered + 1:
            self._end(f"delivery {at.consumer_sequence} follows {self._numbered}")
            return
        try:
            self._following.deliver(message.subject, at.sequence, message.data)
        except Exception as error:
            _log.exception("feed.entry_failed", subject=message.subject, sequence=at.sequence)
            self._end(f"entry {at.sequence} could not be applied: {type(error).__name__}")
            return
        self._numbered = at.consumer_sequence
        self._note_pending(at.pending)

    async def _on_heartbeat(self, headers: dict[str, str]) -> None:
        if headers.get("Nats-Last-Consumer", str(self._numbered)) != str(self._numbered):
            self._end("the server has delivered more than has arrived")
        elif stalled := headers.get("Nats-Consumer-Stalled"):
            await self._resume_flow(stalled)

    async def _resume_flow(self, subject: str) -> None:
        """Tell the server that everything up to its flow control request has been taken."""
        try:
            await self._nc.publish(subject)
        except (NatsError, OSError):
            self._end("the connection was lost")

    def _note_pending(self, pending: int) -> None:
        self._pending = pending
        if pending == 0:
            self._following.mark_current()

    def _end(self, reason: str) -> None:
        self._ended = self._ended or reason
        self._wake.set()

    async def _leave(self, subscription: Subscription, consumer: str) -> None:
        """Best effort: the server forgets an unheard consumer by itself."""
        try:
            await subscription.unsubscribe()
            if consumer and self._nc.is_connected:
                await self._nc.publish(f"$JS.API.CONSUMER.DELETE.{self._stream}.{consumer}")
        except (NatsError, OSError):
            return
