"""A second Ray node beside a running stack: a raylet of its own, on loopback, with whatever Ray places there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import psutil

from cluster.embedded.process import LOOPBACK
from tests.cluster.node import RayNode
from tests.stack import RunningStack

CONFLICT = "activation.conflict"
HOST_PROCESS = "ray::TicketHost"
NOT_INHERITED = {"RAY_JOB_ID", "RAY_NODE_ID", "RAY_RAYLET_PID"}
"""What Ray tells a worker about itself."""


class SecondNode(RayNode):
    """A node that can be paused, and whose workers' logs are read."""

    def __init__(
        self, gcs_address: str, log: Path, session: Path, environment: dict[str, str]
    ) -> None:
        super().__init__("second node", ["--gcs", gcs_address], log, environment)
        self.gcs_address = gcs_address
        self.environment = environment
        self._session = session

    def pause(self) -> list[psutil.Process]:
        """Stop all of it, as a hypervisor does that moves a machine; what was stopped, the raylet first."""
        self.raylet.suspend()  # it starts nothing any more
        workers = self.raylet.children(recursive=True)
        for worker in workers:
            with contextlib.suppress(psutil.NoSuchProcess):
                worker.suspend()
        return [self.raylet, *workers]

    def conflicts_of(self, host: psutil.Process, show_id: str = "") -> int:
        """How many appends of a host to blocks of a show (or all) were refused so far; its log says so."""
        logs = (self._session / "logs").glob(f"worker-*-{host.pid}.*")
        lines = [line for log in logs for line in log.read_text().splitlines()]
        return sum(CONFLICT in line and show_id in line for line in lines)


def _is_host(process: psutil.Process) -> bool:
    """Whether this is a ticket host: Ray adds what it is doing to its name."""
    try:
        return process.name().startswith(HOST_PROCESS)
    except psutil.NoSuchProcess:
        return False


@contextlib.contextmanager
def second_node(stack: RunningStack) -> Iterator[SecondNode]:
    """Joins the stack's Ray, with the environment that Ray's processes have there."""
    session = Path(stack.record.files) / "ray" / "session_latest"
    address = f"{LOOPBACK}:{next(session.glob('gcs_server_port*')).read_text()}"
    host = next(process for process in stack.processes if _is_host(process))
    environment = {k: v for k, v in host.environ().items() if k not in NOT_INHERITED}
    node = SecondNode(address, stack.data / "second_node.log", session, environment)
    try:
        yield node
    finally:
        node.stop()
