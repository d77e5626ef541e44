"""A meter that remembers, and a tracer into memory: what a process told, for tests to ask."""

from __future__ import annotations

from collections import Counter, defaultdict

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext

from actors.metrics import METRICS, Kind, Metric
from actors.telemetry import Telemetry
from cluster.telemetry.otel import OtelTracer


def context_of(span: ReadableSpan) -> SpanContext:
    """Its ids."""
    assert span.context is not None
    return span.context


class RecordingMeter:
    """`actors.telemetry.Meter`. It insists on the registry: kinds, and as many labels as a metric has."""

    def __init__(self) -> None:
        self.counted: Counter[tuple[Metric, tuple[str, ...]]] = Counter()
        self.gauges: dict[tuple[Metric, tuple[str, ...]], float] = {}
        self.observed: defaultdict[tuple[Metric, tuple[str, ...]], list[float]] = defaultdict(list)

    def count(self, metric: Metric, number: float, *labels: str) -> None:
        self._check(metric, Kind.COUNTER, labels)
        assert number >= 0
        self.counted[metric, labels] += number  # type: ignore[assignment]

    def put(self, metric: Metric, value: float, *labels: str) -> None:
        self._check(metric, Kind.GAUGE, labels)
        self.gauges[metric, labels] = value

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        self._check(metric, Kind.HISTOGRAM, labels)
        assert value >= 0
        self.observed[metric, labels].append(value)

    def gauge(self, metric: Metric, *labels: str) -> float | None:
        return self.gauges.get((metric, labels))

    @staticmethod
    def _check(metric: Metric, kind: Kind, labels: tuple[str, ...]) -> None:
        assert metric in METRICS
        assert metric.kind is kind
        assert len(labels) == len(metric.labels)
        assert all(isinstance(label, str) for label in labels)


class Recorder:
    """Both, as `Telemetry`; `spans` are those that have ended."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.meter = RecordingMeter()
        self.telemetry = Telemetry(self.meter, OtelTracer(provider))

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self._exporter.get_finished_spans())

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.spans if span.name == name]
