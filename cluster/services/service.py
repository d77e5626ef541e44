"""What every service is to its supervisor, and the supervision: run, restart after an error, report."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import structlog

from actors.metrics import SERVICE_RESTARTS
from actors.telemetry import SILENT, Meter

RESTART_SECONDS = 0.5
RESTART_SECONDS_MAX = 10.0
"""The pause before a service that failed is built again doubles up to this."""

STEADY_SECONDS = 60.0
"""A service that ran this long is healthy again: the next pause is the short one."""

HEALTH_SECONDS_MAX = 3.0
"""Asking a service for its health asks NATS or MongoDB, which may be what is broken."""

STOP_SECONDS_MAX = 25.0

_log = structlog.get_logger()


class Service(Protocol):
    """A long-running loop. Outages of what it depends on are its own to wait for; what it raises is a defect."""

    async def run(self) -> None:
        """Work until `stop`."""
        ...

    async def stop(self) -> None:
        """Finish what is in hand, then let `run` return."""
        ...

    async def health(self) -> dict[str, Any]:
        """Plain data for `frontrow doctor`; `lag` counts what waits. May raise."""
        ...


BuildService = Callable[[], AbstractAsyncContextManager[Service]]
"""Connects what a service needs, and disconnects it when the service has ended or failed."""


class Supervised:
    """Builds a service and runs it for ever; an error ends that instance, and the next one is built after a pause."""

    def __init__(self, name: str, build: BuildService, meter: Meter = SILENT.meter) -> None:
        self.name = name
        self.service: Service | None = None
        self.restarts = 0
        self.last_error = ""
        self._failed_at: float | None = None
        self._build = build
        self._meter = meter
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._supervise())

    async def stop(self) -> None:
        """Let the service end by itself; cancel it after STOP_SECONDS_MAX."""
        self._stopping.set()
        if self.service is not None:
            await self.service.stop()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=STOP_SECONDS_MAX)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def health(self) -> dict[str, Any]:
        """The service's own report with its supervision; never raises. `healthy` is False while it cannot tell."""
        failed_at, now = self._failed_at, asyncio.get_running_loop().time()
        report: dict[str, Any] = {
            "service": self.name,
            "running": self.service is not None,
            "healthy": self.service is not None,
            "restarts": self.restarts,
            "last_error": self.last_error,
            "failed_seconds_ago": None if failed_at is None else int(now - failed_at),
        }
        if self.service is None:
            return report
        try:
            async with asyncio.timeout(HEALTH_SECONDS_MAX):
                return {**report, **await self.service.health()}
        except Exception as error:
            reason = f"no health: {type(error).__name__}: {error}"
            return {**report, "healthy": False, "last_error": reason}

    async def _supervise(self) -> None:
        clock = asyncio.get_running_loop().time
        pause = RESTART_SECONDS
        while not self._stopping.is_set():
            began = clock()
            try:
                async with self._build() as self.service:
                    await self.service.run()
            except asyncio.CancelledError as error:
                if _being_cancelled():
                    raise
                self._failed(error)  # it has waited for a task of its own that was cancelled
            except Exception as error:
                self._failed(error)
            self.service = None
            if clock() - began > STEADY_SECONDS:
                pause = RESTART_SECONDS
            await wait(self._stopping, pause)
            pause = min(pause * 2, RESTART_SECONDS_MAX)

    def _failed(self, error: BaseException) -> None:
        self.restarts += 1
        self._failed_at = asyncio.get_running_loop().time()
        self._meter.count(SERVICE_RESTARTS, 1, self.name)
        self.last_error = f"{type(error).__name__}: {error}"
        _log.exception("service.failed", service=self.name)


def _being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def wait(event: asyncio.Event, seconds: float) -> bool:
    """Wait until the event is set, at most so long; whether it is."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return event.is_set()
    return True
