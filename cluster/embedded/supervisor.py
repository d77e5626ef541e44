"""The process behind `frontrow up`: `python -m cluster.embedded.supervisor --data DIR --port N`."""

from __future__ import annotations

import argparse
import functools
import os
import shutil
import signal
import sys
from pathlib import Path

from cluster.embedded.process import StartError
from cluster.embedded.run_record import short_directory
from cluster.embedded.sentinel import FORWARDED, run_guarded
from cluster.embedded.stack import Stack
from cluster.settings import Settings, SettingsError, read_settings


def main() -> None:
    """Runs the stack until SIGTERM. The lock's descriptor is inherited and kept open to the end."""
    parser = argparse.ArgumentParser(prog="frontrow-supervisor")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--hosts", type=int)
    parser.add_argument("--lock", type=int, required=True)
    given = parser.parse_args()
    os.set_inheritable(given.lock, False)
    try:
        settings = read_settings(data_dir=given.data, hosts=given.hosts)
    except SettingsError as error:
        sys.exit(f"error: {error}")
    files = short_directory()
    try:
        code = run_guarded(functools.partial(supervise, settings, given.port, files))
    finally:
        shutil.rmtree(files, ignore_errors=True)
    sys.exit(code)


def supervise(settings: Settings, port: int, files: Path) -> int:
    """Starts, watches and stops the stack; the exit code."""
    stack = Stack(settings, port, files)
    _end_on_signal()
    try:
        stack.start()
        _end_on_signal()  # Ray has put a handler of its own there
        stack.watch()
    except (StartError, OSError) as error:  # OSError: there is no room for its files, say
        print(f"error: {error}", file=sys.stderr, flush=True)
        return 1
    except SystemExit:
        return 0
    finally:
        for signum in FORWARDED:
            signal.signal(signum, signal.SIG_IGN)
        stack.stop()
    return 0


def _end_on_signal() -> None:
    for signum in FORWARDED:
        signal.signal(signum, lambda *_: sys.exit(0))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED)


if __name__ == "__main__":
    main()
