"""A stack of one's own for the length of a command: the demo's and the benchmark's."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cluster.embedded.process import StartError
from cluster.embedded.run_record import RunRecord
from cluster.operate.command import CommandError
from cluster.operate.lifecycle import NotRunning, start_stack, stop_stack


@contextmanager
def own_stack(data: Path, *, port: int = 0, hosts: int | None = None) -> Iterator[RunRecord]:
    """Runs for the length of a block; stopped in order whatever ends it, SIGTERM and a second Ctrl-C included.

    `port` 0 picks a free one. Even if this process is killed, the stack goes with it. Raises CommandError.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    record = started(data, port=port, hosts=hosts)
    try:
        yield record
    finally:
        stopped(data)


def started(data: Path, *, port: int = 0, hosts: int | None = None) -> RunRecord:
    """Starts it, or resumes what is in `data`; returns when it is ready. Raises CommandError."""
    try:
        return start_stack(data, port=port, hosts=hosts, attached=True)
    except StartError as error:
        raise CommandError(str(error), "start_failed") from None


def stopped(data: Path) -> None:
    """Stops it and returns when it is gone; Ctrl-C does not cut that short."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with suppress(NotRunning):
            stop_stack(data)
    except StartError as error:
        raise CommandError(str(error), "stop_failed") from None
    finally:
        signal.signal(signal.SIGINT, before)


def _interrupt(signum: int, frame: object) -> None:
    raise KeyboardInterrupt
