"""The clocks of simulated buyers."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime


def seconds_of(moment: str) -> float:
    """An RFC 3339 time as seconds since the epoch."""
    return datetime.fromisoformat(moment).timestamp()


async def until(end: float, seconds: float) -> None:
    """A pause that does not outlast the sale, which ends at `end` (time.monotonic)."""
    await asyncio.sleep(max(0.0, min(seconds, end - time.monotonic())))
