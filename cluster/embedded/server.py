"""A server on a port of loopback, run as a child: what nats-server, mongod and the local Stripe have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self

from cluster.embedded.process import OwnedProcess


class OwnedServer(ABC):
    """Its files are in `directory`: made again there, it has the same data. A subclass starts `_process`."""

    directory: Path
    port: int
    _process: OwnedProcess

    @abstractmethod
    def __init__(self, directory: Path, port: int | None = None) -> None:
        """Starts it; `port` None picks a free one."""

    @classmethod
    def start(cls, directory: Path, port: int | None = None) -> Self:
        """Starts it and waits until it is ready; a StartError otherwise."""
        server = cls(directory, port)
        server.wait_ready()
        return server

    @abstractmethod
    def wait_ready(self) -> None:
        """Returns when it can be used; a StartError otherwise."""

    def again(self) -> Self:
        """Starts it anew over the same files, at the same port. Raises OSError, StartError."""
        return type(self)(self.directory, self.port)

    def needs_restart(self) -> bool:
        """Whether it runs and does not work, and would work if it were started anew."""
        return False

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.running

    def stop(self) -> None:
        self._process.stop()

    def kill(self) -> None:
        self._process.kill()

    def log_tail(self) -> str:
        return self._process.log_tail()
