"""A Ray node as processes of its own on loopback: a raylet, for a head the GCS as well, and whatever Ray places there.

`python -m tests.cluster.node` is the program of the node. Ray's command line replaces a loopback address by the
machine's own, so it does what `ray.cluster_utils.Cluster.add_node` does.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

from cluster.embedded.process import LOOPBACK, OwnedProcess

OBJECT_STORE_BYTES = 80 << 20
GONE_SECONDS_MAX = 30.0
START_SECONDS_MAX = 90.0
RUNS = "this node is registered"


class RayNode:
    """The node's processes, as somebody would see them who pauses the machine or pulls its plug. `log` is new for each.

    Raises StartError when the node does not come to run.
    """

    def __init__(
        self,
        name: str,
        arguments: list[str],
        log: Path,
        environment: Mapping[str, str],
    ) -> None:
        self.name = name
        command = [sys.executable, "-m", "tests.cluster.node", *arguments]
        self._program = OwnedProcess(name, command, log, environment)
        # One after the other: Ray gives a node up that is not registered after 30 s.
        self._program.wait_until(lambda: RUNS in self._program.log_tail(), START_SECONDS_MAX)
        self.raylet = self._find_raylet()

    @property
    def running(self) -> bool:
        return self._program.running

    def _find_raylet(self) -> psutil.Process:
        children = psutil.Process(self._program.pid).children()
        return next(child for child in children if child.name() == "raylet")

    def worker(self, pid: int) -> psutil.Process | None:
        """The worker with this pid, if it lives on this node."""
        return next((worker for worker in self.workers() if worker.pid == pid), None)

    def descendants(self) -> list[psutil.Process]:
        """All processes of the node, and of the nodes that an autoscaler on it has started; none when it is gone."""
        try:
            return psutil.Process(self._program.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def workers(self) -> list[psutil.Process]:
        """None when the node is gone."""
        try:
            return self.raylet.children()
        except psutil.NoSuchProcess:
            return []

    def kill(self) -> None:
        """kill -9 for all of it, the program first: nobody is left to start anything."""
        if not self._program.running:
            return
        program = psutil.Process(self._program.pid)
        processes = [program, *program.children(recursive=True)]
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, timeout=GONE_SECONDS_MAX)
        self._program.kill()

    def stop(self) -> None:
        """In order; what is left then is killed."""
        if not self._program.running:
            return
        left = psutil.Process(self._program.pid).children(recursive=True)
        self._program.stop()
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


def main() -> None:
    """Runs until SIGTERM. A raylet that ends is reaped, or its workers would take it for alive."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--gcs", help="join the cluster at this address")
    parser.add_argument("--port", type=int, help="be a head, with the GCS on this port")
    parser.add_argument("--files", help="the head's directory of sessions")
    parser.add_argument("--autoscaling", help="the configuration of the head's autoscaler")
    parser.add_argument("--cpus", type=int, default=8)
    parser.add_argument("--resources", type=json.loads, default={})
    given = parser.parse_args()
    from ray._private.node import Node
    from ray._private.parameter import RayParams

    parameters = RayParams(
        gcs_address=given.gcs,
        node_ip_address=LOOPBACK,
        node_manager_port=0,
        num_cpus=given.cpus,
        num_gpus=0,
        resources=given.resources,
        object_store_memory=OBJECT_STORE_BYTES,
        min_worker_port=0,
        max_worker_port=0,
    )
    parameters.update_if_absent(include_log_monitor=False)
    parameters.dashboard_agent_listen_port = None
    if given.gcs is None:
        parameters.update_if_absent(gcs_server_port=given.port, temp_dir=given.files)
        if given.autoscaling is not None:
            from ray.autoscaler._private.fake_multi_node.node_provider import FAKE_HEAD_NODE_ID

            identity = {
                "RAY_OVERRIDE_NODE_ID_FOR_TESTING": FAKE_HEAD_NODE_ID,
                "RAY_CLOUD_INSTANCE_ID": FAKE_HEAD_NODE_ID,
            }
            parameters.update_if_absent(autoscaling_config=given.autoscaling, env_vars=identity)
        parameters.include_dashboard = False
    node = Node(parameters, head=given.gcs is None, shutdown_at_exit=True, spawn_reaper=False)
    print(RUNS, flush=True)
    while True:
        time.sleep(0.1)
        node.dead_processes()


if __name__ == "__main__":
    main()
