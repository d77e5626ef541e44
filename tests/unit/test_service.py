"""Supervision: a service that fails is closed, and built again after a pause."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from cluster.services import service as services
from cluster.services.service import Supervised


class Flaky:
    """Fails as often as it is told, then runs until it is stopped."""

    def __init__(self, fails: bool) -> None:
        self.fails = fails
        self.stopping = asyncio.Event()

    async def run(self) -> None:
        if self.fails:
            raise RuntimeError("a defect")
        await self.stopping.wait()

    async def stop(self) -> None:
        self.stopping.set()

    async def health(self) -> dict[str, Any]:
        return {"lag": 0}


class Workshop:
    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.open = 0
        self.built = 0

    @asynccontextmanager
    async def build(self) -> AsyncIterator[Flaky]:
        self.open += 1
        self.built += 1
        try:
            yield Flaky(self.built <= self.failures)
        finally:
            self.open -= 1


async def test_a_service_that_fails_is_closed_and_built_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(services, "RESTART_SECONDS", 0.001)
    workshop = Workshop(failures=3)
    supervised = Supervised("flaky", workshop.build)
    supervised.start()
    async with asyncio.timeout(20):
        while workshop.built < 4 or supervised.service is None:
            await asyncio.sleep(0.001)
    assert workshop.open == 1  # what the failed ones had opened is closed
    health = await supervised.health()
    assert health == {
        "service": "flaky",
        "running": True,
        "healthy": True,
        "restarts": 3,
        "last_error": "RuntimeError: a defect",
        "failed_seconds_ago": 0,
        "lag": 0,
    }
    await supervised.stop()
    assert workshop.open == 0


async def test_a_service_that_loses_a_task_of_its_own_is_built_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It waits for a task that somebody has cancelled: the cancellation is not the supervisor's."""
    monkeypatch.setattr(services, "RESTART_SECONDS", 0.001)
    workshop, lost = Workshop(failures=0), list[bool]()

    async def loses(service: Flaky) -> None:
        if not lost:
            lost.append(True)
            task = asyncio.create_task(asyncio.sleep(60))
            task.cancel()
            await task
        await service.stopping.wait()

    monkeypatch.setattr(Flaky, "run", loses)
    supervised = Supervised("flaky", workshop.build)
    supervised.start()
    async with asyncio.timeout(20):
        while workshop.built < 2:
            await asyncio.sleep(0.001)
    await supervised.stop()
    assert (supervised.restarts, workshop.open) == (1, 0)
    assert supervised.last_error.startswith("CancelledError")


async def test_a_supervisor_that_is_cancelled_ends() -> None:
    workshop = Workshop(failures=0)
    supervised = Supervised("flaky", workshop.build)
    supervised.start()
    async with asyncio.timeout(20):
        while supervised.service is None:
            await asyncio.sleep(0.001)
    assert supervised._task is not None
    supervised._task.cancel()
    await asyncio.gather(supervised._task, return_exceptions=True)
    assert (supervised._task.cancelled(), workshop.open) == (True, 0)


async def test_a_service_that_cannot_tell_its_health_still_has_a_report() -> None:
    supervised = Supervised("silent", Workshop(0).build)
    assert await supervised.health() == {
        "service": "silent",
        "running": False,
        "healthy": False,
        "restarts": 0,
        "last_error": "",
        "failed_seconds_ago": None,
    }
