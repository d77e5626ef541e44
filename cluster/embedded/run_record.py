"""What runs over a data directory: DIR/run.json, and the lock that says whether it still does."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from cluster.embedded.private_file import write_private

FILE = "run.json"
LOCK = "up.lock"
ADMIN_KEY = "admin.key"
TICKET_KEYS = "ticket.keys"
WEBHOOK_SECRET = "webhook.secret"
LOG = "up.log"
FILES_PREFIX = "frontrow-"


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run of the stack. The pids of parts that are given by URL are None.

    `sentinel` is the outermost process: when it is gone, all is gone. `files` is the run's directory
    for sockets. URLs may hold credentials, so the file has mode 600.
    """

    pid: int
    sentinel: int
    ready: bool
    url: str
    nats_url: str
    mongodb_url: str
    stripe_api_base: str | None
    nats_pid: int | None
    mongod_pid: int | None
    stripe_pid: int | None
    files: str

    def write(self, directory: Path) -> None:
        write_private(directory / FILE, json.dumps(asdict(self)) + "\n")

    @staticmethod
    def read(directory: Path) -> RunRecord | None:
        """The record of the running stack, or of the last one if it was killed.

        None without one, or with one of another version or cut short: the lock says whether something runs.
        """
        try:
            return RunRecord(**json.loads((directory / FILE).read_text()))
        except (FileNotFoundError, json.JSONDecodeError, TypeError):
            return None

    @staticmethod
    def remove(directory: Path) -> None:
        """Forgets a run that has ended, with the sockets that it left if it was killed."""
        last = RunRecord.read(directory)
        if last is not None and Path(last.files).name.startswith(FILES_PREFIX):
            shutil.rmtree(last.files, ignore_errors=True)
        (directory / FILE).unlink(missing_ok=True)


def short_directory() -> Path:
    """A directory of our own (mode 700) whose path leaves room for the names of unix sockets."""
    return Path(tempfile.mkdtemp(prefix=FILES_PREFIX, dir="/tmp"))


def try_lock(directory: Path) -> int | None:
    """The file descriptor that holds the directory's lock, or None while another process has it.

    The kernel lets the lock go when the last process that inherited the descriptor ends.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
