"""Starting and stopping the local stack: `frontrow up`, `frontrow down`, and what the demo stands on."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from cluster.embedded.process import LOOPBACK, StartError, dying_with_us, free_port, tail
from cluster.embedded.run_record import ADMIN_KEY, LOG, RunRecord, try_lock

UP_SECONDS_MAX = 300.0
DOWN_SECONDS_MAX = 90.0
POLL_SECONDS = 0.05


class NotRunning(Exception):
    """Nothing runs over that data directory."""


def start_stack(
    data: Path, *, port: int = 8000, hosts: int | None = None, attached: bool = False
) -> RunRecord:
    """Starts a stack in processes of its own and returns when it is ready.

    `port` 0 picks a free one. `attached`: it stops, in order, when the calling process ends. Raises
    StartError with the reason and the end of DIR/up.log.
    """
    lock = try_lock(data)
    if lock is None:
        raise StartError(_already_running(data))
    try:
        RunRecord.remove(data)
        port = port or free_port()
        _check_port(port)
        process = _spawn(data, port, hosts, lock, attached)
    finally:
        os.close(lock)
    with _stopped_on_failure(process):
        return _wait_ready(process, data)


def stop_stack(data: Path) -> None:
    """Stops what runs over `data` and returns when all of it is gone. Raises NotRunning."""
    if _free(data):
        RunRecord.remove(data)
        raise NotRunning(f"nothing runs over {data}")
    record = _await_record(data)
    _signal(record.sentinel, signal.SIGTERM)
    deadline = time.monotonic() + DOWN_SECONDS_MAX
    while not _free(data):
        if time.monotonic() > deadline:
            _signal(record.pid, signal.SIGKILL)  # the sentinel then clears up
            deadline = time.monotonic() + DOWN_SECONDS_MAX
        time.sleep(POLL_SECONDS)
    RunRecord.remove(data)


def admin_key_of(data: Path, given: str | None) -> str:
    """The key that the stack over `data` accepts: the given one, else the generated one."""
    return given or (data / ADMIN_KEY).read_text().strip()


def wait_until_ended(data: Path) -> None:
    """Returns when nothing runs over `data` any more."""
    lock = os.open(data / "up.lock", os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
    finally:
        os.close(lock)


def _spawn(
    data: Path, port: int, hosts: int | None, lock: int, attached: bool
) -> subprocess.Popen[bytes]:
    command = [
        *(dying_with_us("TERM") if attached else ()),
        *(sys.executable, "-m", "cluster.embedded.supervisor"),
        *("--data", str(data.absolute()), "--port", str(port), "--lock", str(lock)),
        *(("--hosts", str(hosts)) if hosts is not None else ()),
    ]
    with (data / LOG).open("wb") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=(lock,),
        )


def _wait_ready(process: subprocess.Popen[bytes], data: Path) -> RunRecord:
    deadline = time.monotonic() + UP_SECONDS_MAX
    while True:
        record = RunRecord.read(data)
        if record is not None and record.ready:
            return record
        if process.poll() is not None:
            raise StartError(f"the stack did not start; {data / LOG} ends with\n{tail(data / LOG)}")
        if time.monotonic() > deadline:
            raise StartError(
                f"not ready after {UP_SECONDS_MAX:.0f} s; {data / LOG} ends with\n{tail(data / LOG)}"
            )
        time.sleep(POLL_SECONDS)


@contextlib.contextmanager
def _stopped_on_failure(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """A start that fails, or that Ctrl-C ends, leaves nothing behind."""
    try:
        yield
    except BaseException:
        process.terminate()
        try:
            process.wait(DOWN_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
        raise


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise StartError(
                f"port {port} on {LOOPBACK} cannot be used ({error.strerror}): choose another with --port"
            ) from error


def _already_running(data: Path) -> str:
    record = RunRecord.read(data)
    where = f" at {record.url} (pid {record.pid})" if record is not None else ""
    return f"a stack already runs over {data}{where}: stop it with `frontrow down`, or use --data"


def _free(data: Path) -> bool:
    if not data.is_dir():
        return True
    lock = try_lock(data)
    if lock is not None:
        os.close(lock)
    return lock is not None


def _await_record(data: Path) -> RunRecord:
    """A stack that begins to start has the lock first and its record a moment later."""
    deadline = time.monotonic() + UP_SECONDS_MAX
    while (record := RunRecord.read(data)) is None:
        if _free(data):
            raise NotRunning(f"nothing runs over {data}")
        if time.monotonic() > deadline:
            raise StartError(f"{data} is locked, but nothing says by whom")
        time.sleep(POLL_SECONDS)
    return record


def _signal(pid: int, signum: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signum)
