"""What the runtime tells of itself: a meter for numbers and a tracer for the way of a request. Nothing here knows who
listens; silence is the default and costs nothing that can be measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol

from actors.metrics import Metric

TRACE: ContextVar[str] = ContextVar("frontrow_trace", default="")
"""The W3C `traceparent` of what this task works for; empty when nobody traces it.

Within a process a trace follows the tasks; between processes it is an explicit part of what is sent."""


class Meter(Protocol):
    """Takes numbers. `labels` are the values of the metric's labels, in their order."""

    def count(self, metric: Metric, number: float, *labels: str) -> None:
        """Add to a counter; `number` is not negative."""
        ...

    def put(self, metric: Metric, value: float, *labels: str) -> None:
        """Set a gauge."""
        ...

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        """One value of a histogram."""
        ...


class Span(Protocol):
    """A piece of work. `traceparent` is what its parts have as their parent."""

    @property
    def traceparent(self) -> str: ...

    def rename(self, name: str) -> None:
        """What it is was not known at its beginning."""
        ...

    def end(self, failure: str = "") -> None:
        """It is over; `failure` says in a word what went wrong."""
        ...


class Tracer(Protocol):
    def start(
        self, name: str, parent: str, links: Sequence[str] = (), **attributes: str | int
    ) -> Span:
        """A span under a parent (empty: the beginning of a trace). `links` are other traces that it works for too."""
        ...


class SilentMeter:
    """Nobody counts."""

    def count(self, metric: Metric, number: float, *labels: str) -> None:
        pass

    def put(self, metric: Metric, value: float, *labels: str) -> None:
        pass

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        pass


@dataclass(frozen=True, slots=True)
class PassingSpan:
    """Records nothing and hands the trace on: a process without a tracer is no gap for those behind it."""

    traceparent: str

    def rename(self, name: str) -> None:
        pass

    def end(self, failure: str = "") -> None:
        pass


class SilentTracer:
    def start(
        self, name: str, parent: str, links: Sequence[str] = (), **attributes: str | int
    ) -> Span:
        return PassingSpan(parent)


@dataclass(frozen=True, slots=True)
class Telemetry:
    """Both, as they are handed to whoever has something to tell."""

    meter: Meter = field(default_factory=SilentMeter)
    tracer: Tracer = field(default_factory=SilentTracer)


SILENT = Telemetry()
