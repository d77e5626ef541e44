"""Nodes for Ray's autoscaler that are raylets on this machine: Ray's own fake provider, on loopback."""

from __future__ import annotations

from typing import Any

from ray._private.node import Node
from ray._private.parameter import RayParams
from ray.autoscaler._private.fake_multi_node.node_provider import FakeMultiNodeProvider
from ray.autoscaler.tags import (
    NODE_KIND_WORKER,
    STATUS_UP_TO_DATE,
    TAG_RAY_NODE_KIND,
    TAG_RAY_NODE_NAME,
    TAG_RAY_NODE_STATUS,
    TAG_RAY_USER_NODE_TYPE,
)

from cluster.embedded.process import LOOPBACK
from tests.cluster.node import OBJECT_STORE_BYTES


class LoopbackNodes(FakeMultiNodeProvider):
    """Starts a node with the resources of its type, on loopback."""

    def _create_node_with_resources_and_labels(
        self,
        node_config: Any,
        tags: dict[str, str],
        count: int,
        resources: dict[str, float],
        labels: dict[str, str],
    ) -> None:
        with self.lock:
            node_id = self._next_hex_node_id()
            others = {name: amount for name, amount in resources.items() if name.islower()}
            parameters = RayParams(
                gcs_address=self._gcs_address,
                node_ip_address=LOOPBACK,
                node_manager_port=0,
                min_worker_port=0,
                max_worker_port=0,
                dashboard_agent_listen_port=0,
                num_cpus=int(resources.get("CPU", 0)),
                num_gpus=0,
                resources=others,
                object_store_memory=OBJECT_STORE_BYTES,
                labels=labels,
                env_vars={
                    "RAY_OVERRIDE_NODE_ID_FOR_TESTING": node_id,
                    "RAY_CLOUD_INSTANCE_ID": node_id,
                    "RAY_NODE_TYPE_NAME": tags[TAG_RAY_USER_NODE_TYPE],
                },
            )
            node = Node(parameters, head=False, shutdown_at_exit=False, spawn_reaper=False)
            known: dict[str, Any] = self._nodes
            known[node_id] = {
                "tags": {
                    TAG_RAY_NODE_KIND: NODE_KIND_WORKER,
                    TAG_RAY_NODE_NAME: node_id,
                    TAG_RAY_NODE_STATUS: STATUS_UP_TO_DATE,
                    **tags,
                },
                "node": node,
            }
