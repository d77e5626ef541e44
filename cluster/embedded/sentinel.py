"""A small process above the supervisor that sees to it that nothing outlives it.

Ray's agents go on for a minute after `kill -9` of the process that owns them. The sentinel adopts all
orphans of its descendants (PR_SET_CHILD_SUBREAPER) and, once the supervisor has ended for whatever
reason, kills and reaps what is left. If the sentinel itself is killed, the supervisor stops in order.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable

import psutil

PR_SET_PDEATHSIG = 1  # linux/prctl.h
PR_SET_CHILD_SUBREAPER = 36
CLEAN_SECONDS_MAX = 10.0
POLL_SECONDS = 0.05
FORWARDED = (signal.SIGTERM, signal.SIGINT)


def run_guarded(work: Callable[[], int]) -> int:
    """Runs `work` in a forked child and returns its exit code when no descendant is left.

    To be called before there are threads. SIGTERM and SIGINT reach the child as SIGTERM.
    """
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    sentinel = os.getpid()
    signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED)
    child = os.fork()
    if child == 0:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != sentinel:
            os._exit(1)
        os._exit(_code_of(work))
    for signum in FORWARDED:
        signal.signal(signum, lambda *_: _pass_on(child))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED)
    code = _reap_until(child)
    _kill_the_rest()
    return code


def _code_of(work: Callable[[], int]) -> int:
    try:
        return work()
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _pass_on(child: int) -> None:
    try:
        os.kill(child, signal.SIGTERM)
    except ProcessLookupError:
        return  # it has ended already: what it left is being cleaned up


def _reap_until(child: int) -> int:
    while True:
        pid, status = os.wait()
        if pid == child:
            return os.waitstatus_to_exitcode(status)


def _kill_the_rest() -> None:
    deadline = time.monotonic() + CLEAN_SECONDS_MAX
    while time.monotonic() < deadline:
        for descendant in psutil.Process().children(recursive=True):
            try:
                descendant.kill()
            except psutil.NoSuchProcess:
                continue
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(POLL_SECONDS)
