"""Logs: one JSON object a line, with plain tracebacks.

structlog's own default draws tracebacks with the local variables of every frame: that writes keys, hold ids and the
addresses of the stores into the log, and takes seconds in which the event loop serves nobody.
"""

from __future__ import annotations

import structlog


def configure_logs() -> None:
    """For this process; a process that has its own way of logging (a command at a terminal) keeps it."""
    if structlog.is_configured():
        return
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ]
    )
