"""The client of the ticket actors: finds the host of a block, and sends what queued up meanwhile as one call.

An actor call costs about as much as an HTTP request, so there is one call in flight per host and lane, and the rest
waits for the next. A caller that goes away cancels its own future and nothing else.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from actors.domain.commands import AbandonHold, Command, HoldQuantity, HoldTickets
from actors.domain.identity import BlockKey
from actors.domain.rejections import Rejection
from actors.metrics import HOST_CALL_SECONDS, HOST_CALLS_LOST
from actors.outcomes import Accepted, Outcome, Unavailable
from actors.placement import Placement
from actors.telemetry import SILENT, TRACE, Telemetry
from actors.wire import Encoded, decode_outcomes, encode_batch, encode_command

QUEUE_COMMANDS_MAX = 10_000
"""Commands of one replica waiting for one host; one more is answered 503 at once."""

CALL_COMMANDS_MAX = 512
"""Commands in one actor call."""

CALL_SECONDS_MAX = 9.0
"""A call that takes longer is given up by its transport; the block sorts out what was done. A host that waits for the
journal knows by then that it has no answer, and says so: given up before, it would be taken for one that hangs."""

SLOW_START_GROWTH = 4
"""A host that comes back is asked for one command first, then for so many times more with every call: a call is
answered when its slowest block is activated, and all of them at once would keep everybody waiting for the last."""

PATIENCE_SECONDS = 8.0
"""How long a command waits for a host that is being restarted, before its caller is told to come back."""

RETRY_SECONDS = 0.05
"""The pause after a call that did not reach its host."""

_log = structlog.get_logger()


class HostUnavailable(Exception):
    """A call did not come back: the host is gone, restarting, or not reachable. It may have been executed."""


class Transport(Protocol):
    """How a call gets to a host."""

    async def execute(self, host: str, payload: bytes) -> bytes:
        """The encoded outcomes of an encoded batch. Raises HostUnavailable."""
        ...


@dataclass(slots=True)
class _Waiting:
    key: BlockKey
    encoded: Encoded
    future: asyncio.Future[Outcome]
    deadline: float
    calls: int = 0


class TicketClient:
    """Asks blocks. Commands are idempotent, so a call whose answer was lost is sent again."""

    def __init__(
        self,
        transport: Transport,
        placement: Callable[[], Placement],
        time: Callable[[], float],
        telemetry: Telemetry = SILENT,
    ) -> None:
        self._transport = transport
        self._placement = placement
        self._time = time
        self._meter = telemetry.meter
        self._lanes: dict[str, deque[_Waiting]] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self.calls = 0

    async def ask(self, key: BlockKey, command: Command) -> Outcome:
        """The outcome of a command; `Unavailable` after PATIENCE_SECONDS without an answer."""
        outcome, calls = await self._ask(key, command)
        refused_again = calls > 1 and isinstance(outcome, Rejection)
        if refused_again and isinstance(command, HoldTickets | HoldQuantity):
            return await self._make_final(key, command, outcome)
        return outcome

    async def _ask(self, key: BlockKey, command: Command) -> tuple[Outcome, int]:
        """The outcome, and in how many calls the command went out."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        encoded = encode_command(key, command, TRACE.get())
        waiting = _Waiting(key, encoded, future, self._time() + PATIENCE_SECONDS)
        self._enqueue(waiting)
        return await future, waiting.calls

    async def _make_final(
        self, key: BlockKey, command: HoldTickets | HoldQuantity, refusal: Outcome
    ) -> Outcome:
        """A hold that was sent more than once is refused for good.

        An earlier copy may still be on its way (its call timed out, its host was stopped) and would be granted, to
        nobody, as soon as the seats are free again. So its epoch is ended first; if the copy was faster, that is the
        outcome.
        """
        terms = command.terms
        abandoned, _ = await self._ask(key, AbandonHold(terms.token, terms.epoch))
        if isinstance(abandoned, Accepted) and abandoned.hold is not None:
            outcome, _ = await self._ask(key, command)
            return outcome
        return abandoned if isinstance(abandoned, Unavailable) else refusal

    def _enqueue(self, waiting: _Waiting) -> None:
        host = self._placement().host_of(waiting.key)
        lane = self._lanes.setdefault(host, deque())
        if len(lane) >= QUEUE_COMMANDS_MAX:
            _answer(waiting, Unavailable("too many commands are waiting for this host"))
            return
        lane.append(waiting)
        if host not in self._running:
            self._running[host] = asyncio.create_task(self._drain(host, lane))

    async def _drain(self, host: str, lane: deque[_Waiting]) -> None:
        most = CALL_COMMANDS_MAX
        try:
            while lane:
                await asyncio.sleep(0)  # one turn of the loop: what has arrived already goes along
                batch = self._next_batch(host, lane, most)
                if not batch:
                    continue
                if await self._call(host, batch):
                    most = min(most * SLOW_START_GROWTH, CALL_COMMANDS_MAX)
                else:
                    most = 1
                    await asyncio.sleep(RETRY_SECONDS)
                    batch += lane  # the patience of those behind runs out too
                    lane.clear()
                    self._requeue(batch)
        finally:
            del self._running[host]
            self._lanes.pop(host, None)

    def _next_batch(self, host: str, lane: deque[_Waiting], most: int) -> list[_Waiting]:
        """What goes into the next call. Blocks that are placed elsewhere by now are sent there: a call to a host that
        has been retired would bring it back to life."""
        batch = [lane.popleft() for _ in range(min(len(lane), most))]
        placement = self._placement()
        moved = [waiting for waiting in batch if placement.host_of(waiting.key) != host]
        if not moved:
            return batch
        for waiting in moved:
            self._enqueue(waiting)
        return [waiting for waiting in batch if placement.host_of(waiting.key) == host]

    async def _call(self, host: str, batch: list[_Waiting]) -> bool:
        self.calls += 1
        for waiting in batch:
            waiting.calls += 1
        payload = encode_batch([waiting.encoded for waiting in batch])
        began = self._time()
        try:
            outcomes = decode_outcomes(await self._transport.execute(host, payload))
            pairs = list(zip(batch, outcomes, strict=True))
        except HostUnavailable as error:
            _log.info("client.host_unavailable", host=host, reason=str(error))
            self._meter.count(HOST_CALLS_LOST, 1)
            return False
        except Exception:
            _log.exception("client.call_failed", host=host)
            self._meter.count(HOST_CALLS_LOST, 1)
            return False
        self._meter.observe(HOST_CALL_SECONDS, self._time() - began)
        for waiting, outcome in pairs:
            _answer(waiting, outcome)
        return True

    def _requeue(self, batch: list[_Waiting]) -> None:
        """Send again what somebody still waits for, to wherever its block is placed now."""
        now = self._time()
        for waiting in batch:
            if waiting.future.done():
                continue
            if now >= waiting.deadline:
                _answer(waiting, Unavailable("the host of these seats does not answer"))
            else:
                self._enqueue(waiting)


def _answer(waiting: _Waiting, outcome: Outcome) -> None:
    """Set a result unless its caller has gone away: setting a cancelled future would end the loop for everybody."""
    if not waiting.future.done():
        waiting.future.set_result(outcome)
