"""The groups of worker nodes, with the resources that the manifest gives their pods (kuberay/base/rayservice.yaml)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psutil
import yaml

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = ROOT / "kuberay" / "base" / "rayservice.yaml"
HEAD, HOSTS, SERVE = "head", "hosts", "serve"
GROUP = "RAY_NODE_TYPE_NAME"
"""The variable from which a raylet knows its group; KubeRay sets it in every pod."""

Resources = dict[str, float]


def resources_of_groups() -> dict[str, Resources]:
    """What a node of each group offers."""
    service: dict[str, Any] = yaml.safe_load(MANIFEST.read_text())
    groups = service["spec"]["rayClusterConfig"]["workerGroupSpecs"]
    return {
        group["groupName"]: {name: float(amount) for name, amount in group["resources"].items()}
        for group in groups
    }


def group_of(pid: int) -> str:
    """The group of the node that a worker lives on."""
    raylet = psutil.Process(pid).parent()
    assert raylet is not None
    assert raylet.name() == "raylet", f"{pid} is no worker of Ray"
    return raylet.environ()[GROUP]
