"""Work that goes on when its client has hung up: Serve cancels the task of such a request."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog

from cluster.bootstrap import Runtime

T = TypeVar("T")

_log = structlog.get_logger()


async def undisturbed(runtime: Runtime, work: Coroutine[Any, Any, T]) -> T:
    """The work in a task of its own, so that it is not left half done."""
    task = asyncio.create_task(work)
    runtime.in_flight.add(task)
    task.add_done_callback(runtime.in_flight.discard)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(_abandoned)
        raise


def _abandoned(task: asyncio.Task[Any]) -> None:
    """Its client has hung up: nobody else will hear of what went wrong."""
    error = None if task.cancelled() else task.exception()
    if error is not None:
        _log.warning("request.abandoned", reason=repr(error))
