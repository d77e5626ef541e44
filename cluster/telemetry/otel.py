"""Traces through OpenTelemetry's SDK: the one file that imports it, and only when traces are wanted (the extra `otel`).

Whether a request is traced is decided at its edge; from there on a trace is followed wherever its `traceparent` goes
(W3C Trace Context). Spans name shows, blocks and kinds of commands, never holds or orders: their ids are authority.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, Status, StatusCode, TraceFlags

TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
LINKS_MAX = 32
"""Other traces that one span names: a commit may work for 256 requests."""

EXPORT_MS = 1_000
"""How long spans are gathered before they are sent."""


class OtelTracer:
    """`actors.telemetry.Tracer` over the SDK."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("frontrow")

    def start(
        self, name: str, parent: str, links: Sequence[str] = (), **attributes: str | int
    ) -> OtelSpan:
        others = [Link(one) for link in links[:LINKS_MAX] if (one := _context(link)) is not None]
        above = _context(parent)
        # An empty context, not the current one: a trace follows what is sent, and nothing else.
        context = Context()
        if above is not None:
            context = trace.set_span_in_context(NonRecordingSpan(above), context)
        return OtelSpan(self._tracer.start_span(name, context, links=others, attributes=attributes))


class OtelSpan:
    """`actors.telemetry.Span`."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span
        at = span.get_span_context()
        self.traceparent = f"00-{at.trace_id:032x}-{at.span_id:016x}-{at.trace_flags:02x}"

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def end(self, failure: str = "") -> None:
        if failure:
            self._span.set_status(Status(StatusCode.ERROR, failure))
        self._span.end()


def open_tracer(url: str, name: str) -> OtelTracer:
    """Spans of this process go to a collector (OTLP over HTTP), or into a file of their own below a `file:///` folder,
    one JSON object each."""
    provider = TracerProvider(resource=Resource.create({"service.name": f"frontrow-{name}"}))
    exporter = _file(url, name) if url.startswith("file:") else _collector(url)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=EXPORT_MS))
    return OtelTracer(provider)


def _collector(url: str) -> SpanExporter:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(url)


def _file(url: str, name: str) -> SpanExporter:
    folder = Path(unquote(urlsplit(url).path))
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / f"{name}-{os.getpid()}.jsonl").open("a")
    return ConsoleSpanExporter(out=file, formatter=lambda span: span.to_json(indent=None) + "\n")


def _context(traceparent: str) -> SpanContext | None:
    """None for what is no `traceparent`."""
    match = TRACEPARENT.fullmatch(traceparent)
    if match is None:
        return None
    trace_id, span_id, flags = (int(part, 16) for part in match.groups())
    found = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags))
    return found if found.is_valid else None
