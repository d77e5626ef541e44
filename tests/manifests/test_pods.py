"""What every pod promises: no root, no writable image, memory that is there, probes, and time to end in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from serve_app.api.stream import LIFETIME_SECONDS_MAX
from tests.manifests.rendered import (
    ON_GKE,
    OVERLAYS,
    Pod,
    environment,
    named,
    nats_values,
    of_kind,
    pods,
    ray_cluster,
    ray_pods,
)

PROPAGATION_SECONDS = 10
"""Until the load balancer has heard that a pod is about to go."""


def ours(overlay: str) -> list[Pod]:
    """Pods whose containers are written out in the manifests."""
    return [pod for pod in pods(overlay) if pod.namespace == "frontrow"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nothing_runs_as_root_or_can_become_it(overlay: str) -> None:
    """What the Pod Security Standard `restricted` asks for, which the namespace enforces."""
    for pod in [*ours(overlay), nats_pod_of(overlay)]:
        security = pod.spec["securityContext"]
        assert security["runAsNonRoot"] is True
        assert security["runAsUser"] > 0
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod.spec)
    contexts = [
        container["securityContext"] for pod in ours(overlay) for container in pod.containers
    ]
    contexts.append(ray_cluster(overlay)["autoscalerOptions"]["securityContext"])
    contexts.append(nats_values(overlay)["container"]["merge"]["securityContext"])
    contexts.append(nats_values(overlay)["promExporter"]["merge"]["securityContext"])
    for context in contexts:
        assert context == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def nats_pod_of(overlay: str) -> Pod:
    (pod,) = (pod for pod in pods(overlay) if pod.name == "nats")
    return pod


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_namespaces_enforce_it(overlay: str) -> None:
    levels = {
        document["metadata"]["name"]: document["metadata"]["labels"][
            "pod-security.kubernetes.io/enforce"
        ]
        for document in of_kind(overlay, "Namespace")
    }
    assert levels == {"frontrow": "restricted", "frontrow-data": "baseline"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_ray_can_write_where_it_writes(overlay: str) -> None:
    """The image is read-only. Ray and HAProxy write below /tmp; KubeRay itself mounts /dev/shm."""
    for pod in ray_pods(overlay):
        assert [volume["name"] for volume in pod.spec["volumes"]] == ["tmp"]
        assert "emptyDir" in pod.spec["volumes"][0]
        for container in pod.containers:
            assert container["volumeMounts"] == [{"name": "tmp", "mountPath": "/tmp"}]
        written = environment(overlay, pod)["FRONTROW_DATA_DIR"]
        assert written is not None
        assert written.startswith("/tmp/")
    assert ray_cluster(overlay)["autoscalerOptions"]["volumeMounts"] == [
        {"name": "tmp", "mountPath": "/tmp"}
    ]


def resources(overlay: str) -> list[dict[str, Any]]:
    """Of every container of ours, of the journal and of the store."""
    found = [container["resources"] for pod in ours(overlay) for container in pod.containers]
    found.append(ray_cluster(overlay)["autoscalerOptions"]["resources"])
    found.append(nats_values(overlay)["container"]["resources"])
    found.append(nats_values(overlay)["promExporter"]["merge"]["resources"])
    (mongodb,) = of_kind(overlay, "MongoDBCommunity")
    template = mongodb["spec"]["statefulSet"]["spec"]["template"]["spec"]
    found += [container["resources"] for container in template["containers"]]
    return found


@pytest.mark.parametrize("overlay", ON_GKE)
def test_what_a_container_may_use_is_reserved_for_it(overlay: str) -> None:
    for each in resources(overlay):
        assert each["requests"] == each["limits"]
        assert set(each["limits"]) == {"cpu", "memory"}


def test_every_container_has_a_limit_of_memory_on_a_laptop_too() -> None:
    for each in resources("local"):
        assert {"cpu", "memory"} <= set(each["requests"])
        assert "memory" in each["limits"]


@pytest.mark.parametrize("overlay", ON_GKE)
def test_the_journal_keeps_its_garbage_below_its_limit(overlay: str) -> None:
    values = nats_values(overlay)
    assert values["container"]["resources"]["limits"] == {"cpu": "2", "memory": "8Gi"}
    limit = int(values["container"]["env"]["GOMEMLIMIT"].removesuffix("MiB"))
    assert 0.75 * 8192 <= limit <= 0.85 * 8192


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_journal_says_yes_when_it_is_on_disk(overlay: str) -> None:
    jetstream = nats_values(overlay)["config"]["jetstream"]
    assert jetstream["enabled"] is True
    assert jetstream["merge"]["sync_interval"] == "always"
    assert "pvc" in jetstream["fileStore"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_journal_meets_its_own_limit_before_its_volume_is_full(
    overlay: str, tmp_path: Path
) -> None:
    """The chart writes `maxSize` into the server's configuration, whose units are those of Kubernetes."""
    store = nats_values(overlay)["config"]["jetstream"]["fileStore"]
    assert 0.85 <= quantity(store["maxSize"]) / quantity(store["pvc"]["size"]) <= 0.9
    config = tmp_path / "nats.conf"
    config.write_text(f"jetstream {{ max_file_store: {store['maxSize']} }}")
    program = Path(sys.executable).with_name("nats-server")
    read = subprocess.run([str(program), "-c", str(config), "-t"], capture_output=True, timeout=60)
    assert read.returncode == 0, read.stderr


def quantity(text: str) -> int:
    """Bytes of Mi or Gi."""
    return int(text[:-2]) * {"Mi": 2**20, "Gi": 2**30}[text[-2:]]


@pytest.mark.parametrize("overlay", ON_GKE)
def test_the_journal_survives_a_server_and_a_zone(overlay: str) -> None:
    values = nats_values(overlay)
    assert values["config"]["cluster"] == {"enabled": True, "replicas": 3}
    for constraint in values["podTemplate"]["topologySpreadConstraints"].values():
        assert constraint == {"maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule"}
    assert set(values["podTemplate"]["topologySpreadConstraints"]) == {
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
    }
    assert values["podDisruptionBudget"]["enabled"] is True


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_probes_ask_what_answers_in_this_image(overlay: str) -> None:
    """By HTTP: the image has neither wget nor curl, which KubeRay's own probe of a worker needs."""
    head, serve, hosts = (pod.containers[0] for pod in ray_pods(overlay))
    for container in (head, serve, hosts):
        assert container["livenessProbe"]["httpGet"] == {"path": "/api/healthz", "port": 52365}
        for probe in ("livenessProbe", "readinessProbe"):
            assert container[probe]["timeoutSeconds"] >= 2
        patience = container["livenessProbe"]
        assert patience["failureThreshold"] * patience["periodSeconds"] >= 60
    for container in (head, hosts):
        assert container["readinessProbe"]["httpGet"]["path"] == "/api/healthz"
    assert serve["readinessProbe"]["httpGet"] == {"path": "/-/healthz", "port": "serve"}


@pytest.mark.parametrize("overlay", ON_GKE)
def test_a_pod_stays_until_its_connections_are_gone(overlay: str) -> None:
    (policy,) = of_kind(overlay, "GCPBackendPolicy")
    draining = policy["spec"]["default"]["connectionDraining"]["drainingTimeoutSec"]
    (serve,) = (pod for pod in ray_pods(overlay) if pod.name == "serve")
    sleep = serve.containers[0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    variables = environment(overlay, serve)
    drains = max(
        float(variables[name] or 0)
        for name in (
            "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S",
            "RAY_SERVE_PROXY_MIN_DRAINING_PERIOD_S",
        )
    )
    assert sleep >= draining + PROPAGATION_SECONDS
    assert serve.spec["terminationGracePeriodSeconds"] >= sleep + drains
    spec = named(overlay, "RayService", "frontrow")["spec"]
    assert spec["rayClusterDeletionDelaySeconds"] >= draining + PROPAGATION_SECONDS


@pytest.mark.parametrize("overlay", ON_GKE)
def test_streams_of_events_are_not_cut_by_the_load_balancer(overlay: str) -> None:
    (policy,) = of_kind(overlay, "GCPBackendPolicy")
    assert policy["spec"]["default"]["timeoutSec"] > LIFETIME_SECONDS_MAX
    (health,) = of_kind(overlay, "HealthCheckPolicy")
    assert health["spec"]["default"]["config"] == {
        "type": "HTTP",
        "httpHealthCheck": {"port": 8000, "requestPath": "/-/healthz"},
    }


@pytest.mark.parametrize("overlay", ON_GKE)
def test_what_must_not_go_is_not_on_spot_nodes(overlay: str) -> None:
    head, serve, hosts = ray_pods(overlay)
    assert head.spec["nodeSelector"] == hosts.spec["nodeSelector"] == {"frontrow.io/pool": "core"}
    assert serve.spec["nodeSelector"] == {"frontrow.io/pool": "serve"}
    for pod in pods(overlay):
        if pod.namespace == "frontrow-data":
            assert pod.spec["nodeSelector"] == {"frontrow.io/pool": "core"}
            assert "tolerations" not in pod.spec
    assert "tolerations" not in head.spec
    assert "tolerations" not in hosts.spec
    assert serve.spec["tolerations"] == [
        {"key": "frontrow.io/spot", "operator": "Equal", "value": "true", "effect": "NoSchedule"}
    ]


@pytest.mark.parametrize("overlay", ON_GKE)
def test_hosts_are_in_more_than_one_zone(overlay: str) -> None:
    *_, hosts = ray_pods(overlay)
    assert hosts.spec["topologySpreadConstraints"][0]["whenUnsatisfiable"] == "DoNotSchedule"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_store_is_a_replica_set_on_nodes_of_its_own(overlay: str) -> None:
    (mongodb,) = of_kind(overlay, "MongoDBCommunity")
    assert mongodb["spec"]["type"] == "ReplicaSet"
    assert mongodb["spec"]["members"] == (1 if overlay == "local" else 3)
    assert mongodb["spec"]["security"]["authentication"]["modes"] == ["SCRAM"]
    affinity = mongodb["spec"]["statefulSet"]["spec"]["template"]["spec"]["affinity"]
    (rule,) = affinity["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert rule["topologyKey"] == "kubernetes.io/hostname"
