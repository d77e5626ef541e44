"""A cluster whose nodes Ray's autoscaler starts and ends, on this machine: `ray.cluster_utils.AutoscalingCluster`."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from ray.autoscaler._private.fake_multi_node.node_provider import FAKE_HEAD_NODE_ID
from ray.cluster_utils import AutoscalingCluster

from tests.cluster.given import GivenCluster
from tests.cluster.groups import GROUP, resources_of_groups
from tests.cluster.node import RayNode

PROVIDER = "tests.cluster.loopback_nodes.LoopbackNodes"
HEAD_TYPE = "ray.head.default"
NODES_MAX = 4
IDLE_SECONDS = 5
"""After so long without anything on it a node goes; the manifest waits for five minutes."""

REPLICAS = {"FRONTROW_REPLICAS": "1", "FRONTROW_REPLICAS_MAX": "2"}
SWITCHES = {
    "RAY_FAKE_CLUSTER": "1",
    "RAY_enable_autoscaler_v2": "1",
    "AUTOSCALER_UPDATE_INTERVAL_S": "1",
}
"""As `AutoscalingCluster.start` sets them."""


class OwnAutoscalingCluster(AutoscalingCluster):
    """Ray's cluster to test the autoscaler (v2) with, which starts and ends nothing but its own nodes.

    Ray's own begins and ends with `ray stop --force`, which ends every Ray of the machine, and it reads a file that is
    not in the wheel. `gcs_address` is that of `cluster`, whose head this starts.
    """

    def __init__(self, cluster: GivenCluster) -> None:
        self._cluster = cluster
        types = {
            group: {
                "resources": offered,
                "node_config": {},
                "min_workers": 0,
                "max_workers": NODES_MAX,
            }
            for group, offered in resources_of_groups().items()
        }
        super().__init__({"CPU": 0}, types, autoscaler_v2=True)

    def _generate_config(
        self,
        head_resources: dict[str, float],
        worker_node_types: dict[str, Any],
        autoscaler_v2: bool = False,
        **config_kwargs: Any,
    ) -> dict[str, Any]:
        provider = {
            "type": "external",
            "module": PROVIDER,
            "gcs_address": self._cluster.gcs_address,
            "head_node_id": FAKE_HEAD_NODE_ID,
            "launch_multiple": autoscaler_v2,
            "disable_node_updaters": True,
        }
        head = {"resources": head_resources, "node_config": {}, "max_workers": 0}
        return {
            "cluster_name": "frontrow",
            "max_workers": NODES_MAX * len(worker_node_types),
            "idle_timeout_minutes": IDLE_SECONDS / 60,
            "provider": provider,
            "auth": {},
            "available_node_types": {**worker_node_types, HEAD_TYPE: head},
            "head_node_type": HEAD_TYPE,
            "file_mounts": {},
            "cluster_synced_files": [],
            "initialization_commands": [],
            "setup_commands": [],
            "head_setup_commands": [],
            "worker_setup_commands": [],
            "head_start_ray_commands": [],
            "worker_start_ray_commands": [],
            **config_kwargs,
        }

    def start(self, _system_config: Any = None, override_env: dict[str, str] | None = None) -> None:
        """The head, with its autoscaler."""
        configuration = self._cluster.files / "autoscaling.json"
        configuration.write_text(json.dumps(self._config))
        environment = {**SWITCHES, GROUP: HEAD_TYPE, **(override_env or {})}
        arguments = ["--autoscaling", str(configuration)]
        self.head: RayNode = self._cluster.run_head(arguments, environment)

    def shutdown(self) -> None:
        """The head, with all nodes that its autoscaler has started."""
        self.head.kill()


class AutoscaledCluster(GivenCluster):
    """Workers come when something waits for them, and replicas when requests do; both go again."""

    def _start_nodes(self) -> None:
        self._environment |= REPLICAS
        self._ray = OwnAutoscalingCluster(self)
        self._ray.start()
        self.head = self._ray.head

    def node_counts(self) -> Counter[str]:
        """How many nodes of each group the autoscaler has running."""
        groups = Counter[str]()
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                if process.name() == "raylet" and process.pid != self.head.raylet.pid:
                    groups[process.environ()[GROUP]] += 1
        return groups

    def stop(self) -> None:
        self._ray.shutdown()
        super().stop()

    @property
    def monitor_log(self) -> str:
        """What the autoscaler has to say."""
        logs = Path(self.files / "ray" / "session_latest" / "logs").glob("monitor.*")
        return "\n".join(log.read_text() for log in sorted(logs))
