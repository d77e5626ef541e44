"""Times as operators write and read them: RFC 3339; and this machine's clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from cluster.operate.command import CommandError


def now_ms() -> int:
    """Milliseconds since the epoch, by this machine's clock."""
    return int(time.time() * 1000)


def moment_of(text: str) -> int:
    """Milliseconds since the epoch; a time without an offset is UTC. Raises CommandError."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(
            f"{text} is no time such as 2026-11-24T20:15:00Z", "invalid_time"
        ) from None
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def rfc3339(ms: int) -> str:
    """In UTC, to the millisecond."""
    told = datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
    return told.replace("+00:00", "Z")
