"""Gauges that are read at times, and not whenever they change: lags, depths, sizes."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from actors.metrics import Metric
from actors.telemetry import Meter
from cluster.journal.ending import end

SAMPLE_SECONDS = 5.0
"""Ray's agent forgets a gauge that nobody has told for 20 seconds: what cannot be read vanishes, and does not lie."""

READING_SECONDS_MAX = 3.0

_log = structlog.get_logger()

Read = Callable[[], float | Awaitable[float]]
"""The value now. What it raises is logged, and the gauge is left alone."""


@dataclass(frozen=True, slots=True)
class _Watched:
    metric: Metric
    read: Read
    labels: tuple[str, ...]


class Sampler:
    """`watch` what there is, `start`, and `close` in the end."""

    def __init__(self, meter: Meter, seconds: float = SAMPLE_SECONDS) -> None:
        self._meter = meter
        self._seconds = seconds
        self._watched: list[_Watched] = []
        self._task: asyncio.Task[None] | None = None

    def watch(self, metric: Metric, read: Read, *labels: str) -> None:
        self._watched.append(_Watched(metric, read, labels))

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        if self._task is not None:
            await end(self._task)

    async def sample(self) -> None:
        """Every gauge once, at the same time: one that is slow does not hold up the others."""
        await asyncio.gather(*[self._sample(watched) for watched in list(self._watched)])

    async def _sample(self, watched: _Watched) -> None:
        try:
            value = watched.read()
            if inspect.isawaitable(value):
                value = await asyncio.wait_for(value, READING_SECONDS_MAX)
            self._meter.put(watched.metric, value, *watched.labels)
        except Exception as error:  # whatever is away, the others are told all the same
            _log.debug("gauge.not_read", metric=watched.metric.name, reason=repr(error))

    async def _run(self) -> None:
        while True:
            await self.sample()
            await asyncio.sleep(self._seconds)
