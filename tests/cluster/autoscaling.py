"""The configuration of a head whose autoscaler adds nodes on this machine.

`ray.cluster_utils.AutoscalingCluster` cannot be used: the wheel lacks the file that it reads, and it begins and ends
with `ray stop --force`, which ends every Ray of the machine. This is the same kind of configuration.
"""

from __future__ import annotations

import json
from pathlib import Path

PROVIDER = "tests.cluster.loopback_nodes.LoopbackNodes"
WORKER = "worker"
HEAD = "ray.head.default"
NODES_MAX = 3
ENVIRONMENT = {"RAY_FAKE_CLUSTER": "1", "AUTOSCALER_UPDATE_INTERVAL_S": "1"}
"""What the head needs for it."""


def write_configuration(path: Path, gcs_address: str, resources: dict[str, float]) -> None:
    """Up to NODES_MAX nodes with these resources, added when something waits for them."""
    provider = {
        "type": "external",
        "module": PROVIDER,
        "gcs_address": gcs_address,
        "use_node_id_as_ip": True,  # all nodes have one address
        "disable_node_updaters": True,
    }
    configuration = {
        "cluster_name": "frontrow",
        "max_workers": NODES_MAX,
        "idle_timeout_minutes": 60,
        "provider": provider,
        "auth": {},
        "available_node_types": {
            HEAD: {"resources": {"CPU": 0}, "node_config": {}, "max_workers": 0},
            WORKER: {
                "resources": resources,
                "node_config": {},
                "min_workers": 0,
                "max_workers": NODES_MAX,
            },
        },
        "head_node_type": HEAD,
        "head_node": {},
        "worker_nodes": {},
        "file_mounts": {},
        "cluster_synced_files": [],
        "initialization_commands": [],
        "setup_commands": [],
        "head_setup_commands": [],
        "worker_setup_commands": [],
        "head_start_ray_commands": [],
        "worker_start_ray_commands": [],
    }
    path.write_text(json.dumps(configuration))
