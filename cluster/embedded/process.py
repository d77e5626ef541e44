"""A child process that this process owns: logged to a file, stopped in order, gone with its owner.

The kernel kills the child when the thread that started it ends (PR_SET_PDEATHSIG), so even
`kill -9` of the owner leaves nothing behind. Start children from a thread that outlives them.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

STOP_SECONDS_MAX = 20.0
READY_SECONDS_MAX = 60.0
POLL_SECONDS = 0.02
LOG_TAIL_BYTES_MAX = 4_000
LOOPBACK = "127.0.0.1"
PORT_FIRST, PORT_LAST = 20_000, 26_000
"""Above the ports of Ray's workers, below the replicas' and the ephemeral ones of Linux."""

PORT_ATTEMPTS_MAX = 1_000


class StartError(RuntimeError):
    """A part of the stack did not start; the text says which, why, and ends with its log."""


class OwnedProcess:
    """One running child. `name` is for messages; stdout and stderr are appended to `log`."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self._child = subprocess.Popen(
                [*dying_with_us(), *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
            )

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child.poll() is None

    def wait_until(self, ready: Callable[[], bool], seconds_max: float = READY_SECONDS_MAX) -> None:
        """Polls `ready`; a StartError when the child ends first or the time is over."""
        deadline = time.monotonic() + seconds_max
        while not ready():
            if not self.running:
                raise StartError(
                    f"{self.name} ended with code {self._child.returncode}\n{self.log_tail()}"
                )
            if time.monotonic() > deadline:
                self.kill()
                raise StartError(
                    f"{self.name} was not ready after {seconds_max:.0f} s\n{self.log_tail()}"
                )
            time.sleep(POLL_SECONDS)

    def stop(self, seconds_max: float = STOP_SECONDS_MAX) -> None:
        """SIGTERM, and SIGKILL when that takes too long. A paused (SIGSTOP) child is woken."""
        if not self.running:
            return
        self._child.terminate()
        self._child.send_signal(signal.SIGCONT)
        try:
            self._child.wait(seconds_max)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        self._child.kill()
        self._child.wait()

    def log_tail(self) -> str:
        return tail(self.log)


def tail(path: Path) -> str:
    """The last lines of a log, at most LOG_TAIL_BYTES_MAX; empty when there is none."""
    if not path.exists():
        return ""
    with path.open("rb") as log:
        log.seek(0, os.SEEK_END)
        log.seek(max(0, log.tell() - LOG_TAIL_BYTES_MAX))
        return log.read().decode("utf-8", "replace")


def dying_with_us(signal_name: str = "KILL") -> list[str]:
    """The words before a command that make the kernel signal it when its parent ends.

    `setpriv` and not code between fork and exec: the parent may be full of Ray's threads.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise StartError("setpriv is needed to start local parts: install util-linux")
    return [setpriv, "--pdeathsig", signal_name]


_given = set[int]()  # ports of this process's servers, also of those that have not bound theirs yet


def reserve_port(port: int) -> None:
    """`free_port` does not give this one any more."""
    _given.add(port)


def free_port() -> int:
    """A port of loopback that nobody listens on, below those that the kernel gives to outgoing connections.

    One of theirs could be taken again by such a connection before its server binds it.
    """
    for _ in range(PORT_ATTEMPTS_MAX):
        port = random.randrange(PORT_FIRST, PORT_LAST)
        if port in _given:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
        reserve_port(port)
        return port
    raise StartError(f"no free port from {PORT_FIRST} to {PORT_LAST}")


def accepts(port: int) -> bool:
    """Whether something listens on that loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((LOOPBACK, port)) == 0
