"""Every rendered object against the schema of its kind: Kubernetes' own, and KubeRay's where it is at hand."""

from __future__ import annotations

import copy
from functools import cache

import kubernetes_validate
import pytest
from jsonschema import Draft202012Validator

from tests.manifests.crd import complaints, validator
from tests.manifests.rendered import OVERLAYS, ROOT, Document, named, of_kind, rendered

KUBERNETES = "1.34"
"""The oldest version that the manifests are for: the `sleep` of a preStop hook is stable since then."""

CORE_GROUPS = {"v1", "apps/v1", "policy/v1", "networking.k8s.io/v1", "rbac.authorization.k8s.io/v1"}
CUSTOM_GROUPS = {
    "external-secrets.io/v1",
    "gateway.networking.k8s.io/v1",
    "mongodbcommunity.mongodb.com/v1",
    "monitoring.googleapis.com/v1",
    "networking.gke.io/v1",
    "ray.io/v1",
}
KUBERAY_SCHEMA = ROOT.parent / "shared" / "schemas" / "kuberay-v1.7.0-rayservices.crd.yaml"

needs_the_schema = pytest.mark.skipif(
    not KUBERAY_SCHEMA.exists(),
    reason="../shared/schemas/kuberay-v1.7.0-rayservices.crd.yaml is absent",
)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_kinds_of_kubernetes_are_valid_and_have_no_unknown_fields(overlay: str) -> None:
    core = [document for document in rendered(overlay) if document["apiVersion"] in CORE_GROUPS]
    assert len(core) > 10
    for document in core:
        kubernetes_validate.validate(document, KUBERNETES, strict=True)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_group_is_known(overlay: str) -> None:
    groups = {document["apiVersion"] for document in rendered(overlay)}
    assert groups <= CORE_GROUPS | CUSTOM_GROUPS


def test_a_local_cluster_needs_nothing_of_googles() -> None:
    """kind has no load balancer, no managed Prometheus and no Secret Manager."""
    groups = {document["apiVersion"] for document in rendered("local")}
    assert groups & CUSTOM_GROUPS == {"ray.io/v1", "mongodbcommunity.mongodb.com/v1"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_objects_have_names_of_their_own_and_a_namespace(overlay: str) -> None:
    keys = [
        (document["kind"], document["metadata"].get("namespace"), document["metadata"]["name"])
        for document in rendered(overlay)
    ]
    assert len(keys) == len(set(keys))
    namespaces = {document["metadata"]["name"] for document in of_kind(overlay, "Namespace")}
    assert namespaces == {"frontrow", "frontrow-data"}
    assert {namespace for kind, namespace, _ in keys if kind != "Namespace"} == namespaces


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pod_templates_in_the_ray_service_are_valid_pods(overlay: str) -> None:
    """KubeRay's definition leaves out the rules that Kubernetes has for a pod."""
    service = named(overlay, "RayService", "frontrow")["spec"]["rayClusterConfig"]
    for each in (service["headGroupSpec"], *service["workerGroupSpecs"]):
        template = copy.deepcopy(each["template"])
        pod = {"apiVersion": "v1", "kind": "Pod", **template}
        kubernetes_validate.validate(pod, KUBERNETES, strict=True)


@cache
def kuberay() -> Draft202012Validator:
    return validator(KUBERAY_SCHEMA, "v1")


@needs_the_schema
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_ray_service_is_one_for_kuberay(overlay: str) -> None:
    assert complaints(kuberay(), named(overlay, "RayService", "frontrow")) == []


@needs_the_schema
@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "serveConfig"), "x"),
        (("spec", "rayClusterConfig", "rayversion"), "2.60.0"),
        (("spec", "upgradeStrategy", "type"), 7),
        (("spec", "rayClusterConfig", "authOptions", "mode"), "password"),
        (("spec", "rayClusterConfig", "headGroupSpec", "template", "spec", "container"), []),
    ],
)
def test_the_schema_is_read_strictly(path: tuple[str, ...], value: object) -> None:
    service = copy.deepcopy(named("production", "RayService", "frontrow"))
    place: Document = service
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert len(complaints(kuberay(), service)) == 1
