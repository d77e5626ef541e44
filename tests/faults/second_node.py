"""A second Ray node beside a running stack: a raylet of its own, on loopback, with whatever Ray places there.

`python -m tests.faults.second_node GCS_ADDRESS` is the program of the node. Ray's command line replaces a loopback
address by the machine's own, so it does what `ray.cluster_utils.Cluster.add_node` does.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from cluster.embedded.process import LOOPBACK, OwnedProcess
from tests.shop import until
from tests.stack import RunningStack

OBJECT_STORE_BYTES = 80 << 20
CONFLICT = "activation.conflict"
HOST_PROCESS = "ray::TicketHost"
NOT_INHERITED = {"RAY_JOB_ID", "RAY_NODE_ID", "RAY_RAYLET_PID"}
"""What Ray tells a worker about itself."""


class SecondNode:
    """The node's processes, as somebody who pauses the machine would see them."""

    def __init__(
        self, program: OwnedProcess, session: Path, gcs_address: str, environment: dict[str, str]
    ) -> None:
        self.gcs_address = gcs_address
        self.environment = environment
        self._program = program
        self._session = session
        self.raylet = until(self._find_raylet, "the second raylet runs")

    def _find_raylet(self) -> psutil.Process | None:
        children = psutil.Process(self._program.pid).children()
        return next((child for child in children if child.name() == "raylet"), None)

    def worker(self, pid: int) -> psutil.Process | None:
        """The worker with this pid, if it lives on this node."""
        return next((worker for worker in self.raylet.children() if worker.pid == pid), None)

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
    command = [sys.executable, "-m", "tests.faults.second_node", address]
    program = OwnedProcess("second node", command, stack.data / "second_node.log", environment)
    try:
        yield SecondNode(program, session, address, environment)
    finally:
        left = psutil.Process(program.pid).children(recursive=True)
        program.stop()
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


def main(gcs_address: str) -> None:
    """Runs until SIGTERM. A raylet that ends is reaped, or its workers would take it for alive."""
    from ray._private.node import Node
    from ray._private.parameter import RayParams

    parameters = RayParams(
        gcs_address=gcs_address,
        node_ip_address=LOOPBACK,
        node_manager_port=0,
        num_cpus=8,
        num_gpus=0,
        object_store_memory=OBJECT_STORE_BYTES,
        min_worker_port=0,
        max_worker_port=0,
    )
    parameters.update_if_absent(include_log_monitor=False)
    parameters.dashboard_agent_listen_port = None
    node = Node(parameters, head=False, shutdown_at_exit=True, spawn_reaper=False)
    while True:
        time.sleep(0.1)
        node.dead_processes()


if __name__ == "__main__":
    main(sys.argv[1])
