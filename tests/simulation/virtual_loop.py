"""An event loop in virtual time with processes inside: one seed, one order of everything.

It runs the ordinary asyncio code of the product. Time moves only when nothing is left to do, straight to the next
timer. Callbacks of one process run in the order in which they were scheduled, as asyncio has it; what is random
between processes comes from the delays of the network (`tests.simulation.network`).

A callback belongs to the process in whose context it was scheduled. The callbacks of a process that was killed never
run again, whichever `await` they stood at and without a `finally`: a kill -9. Those of a process that is stopped wait
until it continues: a SIGSTOP.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextvars import Context, ContextVar, copy_context
from typing import Any

STEPS_MAX = 100_000
"""A run that takes more callbacks than this does not come to an end."""


class Process:
    """A life of a process: `alive` until it is killed, `stopped` between SIGSTOP and SIGCONT.

    `fuse`: after so many more of its callbacks `on_death` is called, which has to kill it: between any two awaits.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        self.stopped = False
        self.fuse = 0
        self.on_death: Callable[[], None] = lambda: None
        self.waiting: deque[_Handle] = deque()
        self.context = copy_context()
        self.context.run(_PROCESS.set, self)

    @property
    def running(self) -> bool:
        return self.alive and not self.stopped


_PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)


class _Handle:
    """What asyncio wants of a handle."""

    __slots__ = ("_when", "args", "callback", "cancelled_", "context")

    def __init__(
        self, when: float, callback: Callable[..., Any], args: tuple[Any, ...], context: Context
    ) -> None:
        self._when = when
        self.callback = callback
        self.args = args
        self.context = context
        self.cancelled_ = False

    def cancel(self) -> None:
        self.cancelled_ = True

    def cancelled(self) -> bool:
        return self.cancelled_

    def when(self) -> float:
        return self._when


class NeverEnds(AssertionError):
    """The run is stuck, or runs in circles."""


class VirtualLoop(asyncio.AbstractEventLoop):
    """`steps` counts the callbacks that were run."""

    def __init__(self) -> None:
        self.steps = 0
        self._now = 0.0
        self._number = 0
        self._ready: deque[_Handle] = deque()
        self._timers: list[tuple[float, int, _Handle]] = []
        self._tasks: list[tuple[asyncio.Task[Any], Process | None]] = []
        self._closed = False

    # What asyncio asks of a loop.

    def time(self) -> float:
        return self._now

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return self._closed

    def call_soon(self, callback: Any, *args: Any, context: Context | None = None) -> Any:
        handle = _Handle(0.0, callback, args, copy_context() if context is None else context)
        self._ready.append(handle)
        return handle

    def call_later(
        self, delay: float, callback: Any, *args: Any, context: Context | None = None
    ) -> Any:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Any, *args: Any, context: Context | None = None
    ) -> Any:
        handle = _Handle(when, callback, args, copy_context() if context is None else context)
        self._number += 1  # of two at the same time the older one comes first
        heapq.heappush(self._timers, (when, self._number, handle))
        return handle

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(
        self, coro: Any, *, name: str | None = None, context: Context | None = None
    ) -> asyncio.Task[Any]:
        if self._closed:  # what is let go of wants to tidy up: nothing comes of that any more
            coro.close()
            return self.create_future()  # type: ignore[return-value]
        task = asyncio.Task(coro, loop=self, name=name or "task", context=context)
        process = _PROCESS.get() if context is None else context.get(_PROCESS)
        self._tasks.append((task, process))  # kept: it must not be collected half-way
        return task

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """asyncio says this when it collects its garbage, at no certain time; see `unhandled`."""

    # What a simulation asks of it.

    def run(self, main: Coroutine[Any, Any, None], seconds_max: float) -> None:
        """Run until `main` is done. Raises NeverEnds, or what `main` raises."""
        asyncio.events._set_running_loop(self)
        try:
            task = self.create_task(main)
            while not task.done():
                self._advance(seconds_max)
                self._run_ready()
            task.result()
        finally:
            asyncio.events._set_running_loop(None)

    def _advance(self, seconds_max: float) -> None:
        if self._ready:
            return
        timers = self._timers
        while timers and timers[0][2].cancelled_:
            heapq.heappop(timers)
        if not timers:
            raise NeverEnds("nothing is left that could happen")
        self._now = max(self._now, timers[0][0])
        if self._now > seconds_max:
            raise NeverEnds(f"still busy after {seconds_max:.0f} virtual seconds")
        while timers and timers[0][0] <= self._now:
            self._ready.append(heapq.heappop(timers)[2])

    def _run_ready(self) -> None:
        ready = self._ready
        while ready:
            handle = ready.popleft()
            if handle.cancelled_:
                continue
            process = handle.context.get(_PROCESS)
            if process is not None and not process.running:
                if process.alive:
                    process.waiting.append(handle)
                continue
            self.steps += 1
            if self.steps > STEPS_MAX:
                raise NeverEnds(f"more than {STEPS_MAX} steps")
            handle.context.run(handle.callback, *handle.args)
            if process is not None and process.fuse:
                process.fuse -= 1
                if process.fuse == 0:
                    process.on_death()

    def start(self, process: Process, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """A task of a process."""
        return self.create_task(work, context=process.context.copy())

    def kill(self, process: Process) -> None:
        process.alive = False
        process.waiting.clear()

    def stop(self, process: Process) -> None:  # type: ignore[override]
        process.stopped = True

    def carry_on(self, process: Process) -> None:
        """SIGCONT: everything that became due meanwhile happens now, in its order."""
        process.stopped = False
        self._ready.extend(process.waiting)
        process.waiting.clear()

    def unhandled(self) -> list[str]:
        """The exceptions that ended tasks of living processes, and that nobody was there to take."""
        return [
            f"{task.get_coro()}: {task.exception()!r}"
            for task, process in self._tasks
            if (process is None or process.alive) and task.done() and task._log_traceback  # type: ignore[attr-defined]
        ]

    def close(self) -> None:
        """Let go of what never ended, without a word."""
        self._closed = True
        asyncio.events._set_running_loop(self)
        for task, _ in self._tasks:
            if not task.done():
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                with contextlib.suppress(BaseException):
                    task.get_coro().close()  # type: ignore[union-attr]
        asyncio.events._set_running_loop(None)
        self._tasks.clear()
        self._ready.clear()
        self._timers.clear()


@contextlib.contextmanager
def virtual_loop() -> Iterator[VirtualLoop]:
    loop = VirtualLoop()
    try:
        yield loop
    finally:
        loop.close()
