"""The manifests as `kubectl apply` would get them, and what is in them: pods, their containers, their names.

KubeRay makes pods of a RayService, Helm and an operator those of NATS and MongoDB. What they add is stated here with
its source, so that a selector can be held against the pods that there will be.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
KUBERAY = ROOT / "kuberay"
KUBECTL = Path(sys.executable).with_name("kubectl")
OVERLAYS = ("local", "staging", "production")
ON_GKE = ("staging", "production")
RENDER_SECONDS_MAX = 60

Document = dict[str, Any]


@dataclass(frozen=True)
class Pod:
    """A pod as it will run: `ports` by name, of all of its containers."""

    name: str
    namespace: str
    labels: dict[str, str]
    spec: Document
    ports: dict[str, int]

    @property
    def containers(self) -> list[Document]:
        return self.spec.get("containers", [])


@cache
def rendered(overlay: str) -> tuple[Document, ...]:
    """Every object of an overlay."""
    result = subprocess.run(
        [str(KUBECTL), "kustomize", str(KUBERAY / "overlays" / overlay)],
        capture_output=True,
        text=True,
        timeout=RENDER_SECONDS_MAX,
    )
    assert result.returncode == 0, result.stderr
    assert not result.stderr, result.stderr
    return tuple(yaml.load_all(result.stdout, yaml.CSafeLoader))


def of_kind(overlay: str, kind: str) -> list[Document]:
    return [document for document in rendered(overlay) if document["kind"] == kind]


def named(overlay: str, kind: str, name: str) -> Document:
    """The one object of this kind and name (without the hash that kustomize puts behind a generated one)."""
    (found,) = (
        document
        for document in of_kind(overlay, kind)
        if document["metadata"]["name"] == name
        or (kind == "ConfigMap" and document["metadata"]["name"].startswith(f"{name}-"))
    )
    return found


def ray_cluster(overlay: str) -> Document:
    return named(overlay, "RayService", "frontrow")["spec"]["rayClusterConfig"]


def group(overlay: str, name: str) -> Document:
    """A worker group by its name."""
    (found,) = (g for g in ray_cluster(overlay)["workerGroupSpecs"] if g["groupName"] == name)
    return found


def ray_pods(overlay: str) -> list[Pod]:
    """Head, serve and hosts, with the labels that KubeRay 1.7 adds (controllers/ray/common/pod.go, labelPod)."""
    cluster = ray_cluster(overlay)
    groups = [("head", "headgroup", cluster["headGroupSpec"])]
    groups += [("worker", g["groupName"], g) for g in cluster["workerGroupSpecs"]]
    return [
        _pod(
            name,
            "frontrow",
            {
                "ray.io/node-type": node_type,
                "ray.io/group": name,
                "ray.io/is-ray-node": "yes",
                **spec["template"]["metadata"]["labels"],
            },
            spec["template"]["spec"],
        )
        for node_type, name, spec in groups
    ]


def pods(overlay: str) -> list[Pod]:
    """Every pod of an installation."""
    deployments = [
        _pod(
            deployment["metadata"]["name"],
            deployment["metadata"]["namespace"],
            deployment["spec"]["template"]["metadata"]["labels"],
            deployment["spec"]["template"]["spec"],
        )
        for deployment in of_kind(overlay, "Deployment")
    ]
    return [*ray_pods(overlay), *deployments, nats_pod(overlay), _mongodb_pod(overlay)]


@cache
def nats_values(overlay: str) -> Document:
    """The values that Helm gets: the common ones, and on top those of GKE or of the local cluster."""
    special = "overlays/local" if overlay == "local" else "gke"
    common, own = (
        yaml.safe_load((KUBERAY / folder / "nats-values.yaml").read_text())
        for folder in ("data", special)
    )
    return _merged(common, own)


def nats_pod(overlay: str) -> Pod:
    """A pod of the chart `nats` 2.14.2, release `nats` (templates/_helpers.tpl, files/stateful-set)."""
    values = nats_values(overlay)
    labels = {
        "app.kubernetes.io/name": "nats",
        "app.kubernetes.io/instance": "nats",
        "app.kubernetes.io/component": "nats",
    }
    ports = {"nats": 4222, "cluster": 6222, "monitor": 8222}
    if values["promExporter"]["enabled"]:
        ports["prom-metrics"] = values["promExporter"]["port"]
    return Pod("nats", "frontrow-data", labels, values["podTemplate"]["merge"]["spec"], ports)


def _mongodb_pod(overlay: str) -> Pod:
    """A pod of MCK's StatefulSet: our template over its own, mongod on 27017."""
    (resource,) = of_kind(overlay, "MongoDBCommunity")
    template = resource["spec"]["statefulSet"]["spec"]["template"]
    labels = template["metadata"]["labels"]
    return Pod("mongodb", "frontrow-data", labels, template["spec"], {"mongodb": 27017})


def _pod(name: str, namespace: str, labels: dict[str, str], spec: Document) -> Pod:
    ports = {
        port["name"]: port["containerPort"]
        for container in spec["containers"]
        for port in container.get("ports", [])
    }
    return Pod(name, namespace, labels, spec, ports)


def _merged(below: Document, above: Document) -> Document:
    """As Helm merges values: maps key by key, null removes a key, everything else replaces."""
    result = dict(below)
    for key, value in above.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = _merged(result[key], value)
        else:
            result[key] = value
    return result


def selects(selector: Document, labels: dict[str, str]) -> bool:
    """A LabelSelector: matchLabels, and matchExpressions with `In`."""
    unknown = set(selector) - {"matchLabels", "matchExpressions"}
    assert not unknown, unknown
    equal = all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
    among = all(
        expression["operator"] == "In" and labels.get(expression["key"]) in expression["values"]
        for expression in selector.get("matchExpressions", [])
    )
    return equal and among


def environment(overlay: str, pod: Pod) -> dict[str, str | None]:
    """The variables of a pod's first container; None for one that comes from a Secret."""
    (container, *_) = pod.containers
    variables: dict[str, str | None] = {}
    for source in container.get("envFrom", []):
        variables |= named(overlay, "ConfigMap", source["configMapRef"]["name"])["data"]
    for entry in container.get("env", []):
        variables[entry["name"]] = entry.get("value")
    return variables


def secret_references(pod: Pod) -> Iterator[tuple[str, str]]:
    """Name and key of every Secret that a pod's containers read."""
    for container in pod.containers:
        for entry in container.get("env", []):
            reference = entry.get("valueFrom", {}).get("secretKeyRef")
            if reference is not None:
                yield reference["name"], reference["key"]
