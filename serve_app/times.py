"""Times at the edge: RFC 3339 in UTC with a Z; inside, milliseconds since the epoch."""

from __future__ import annotations

from datetime import UTC, datetime


def rfc3339(milliseconds: int) -> str:
    """`2026-11-22T15:04:05.678Z`."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def milliseconds(moment: datetime) -> int:
    """Of an aware datetime."""
    return round(moment.timestamp() * 1000)
