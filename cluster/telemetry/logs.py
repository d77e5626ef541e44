"""Logs: one JSON object a line, with plain tracebacks, and the ids by which lines of one request are found.

structlog's own default draws tracebacks with the local variables of every frame: that writes keys, hold ids and the
addresses of the stores into the log, and takes seconds in which the event loop serves nobody.
"""

from __future__ import annotations

import logging

import structlog
from structlog.typing import EventDict, WrappedLogger

from actors.telemetry import TRACE

TRACE_ID = slice(3, 35)
"""Where the trace id is in a `traceparent` (W3C Trace Context: version, trace id, parent id, flags)."""


def configure_logs(level: str = "info") -> None:
    """For this process; a process that has its own way of logging (a command at a terminal) keeps it."""
    if structlog.is_configured():
        return
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            with_trace_id,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level_number(level)),
    )


def level_number(level: str) -> int:
    """The number of a level by its lower-case name."""
    return logging.getLevelNamesMapping()[level.upper()]


def with_trace_id(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Lines of a traced request say so."""
    if trace := TRACE.get():
        event["trace_id"] = trace[TRACE_ID]
    return event
