"""Ending a task for certain."""

from __future__ import annotations

import asyncio

AGAIN_SECONDS = 0.1


async def end(task: asyncio.Task[None]) -> None:
    """Cancel until it is over: before Python 3.12 `asyncio.wait_for`, and so every request of nats-py, swallows a
    cancellation that comes together with its answer. What the task raises at its end is of no interest."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=AGAIN_SECONDS)
    if not task.cancelled():
        task.exception()
