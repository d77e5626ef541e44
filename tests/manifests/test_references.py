"""Whatever one object says of another is true: selectors select, names exist, ports are open at both ends."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import yaml

from tests.manifests.rendered import (
    KUBERAY,
    ON_GKE,
    OVERLAYS,
    ROOT,
    Document,
    Pod,
    group,
    named,
    nats_values,
    of_kind,
    pods,
    ray_cluster,
    ray_pods,
    secret_references,
    selects,
)

OPERATORS_PAGE = ROOT / "docs/operating/kubernetes.md"
SERVE_SERVICE = "frontrow-serve-svc"
"""The Service that KubeRay makes for a RayService called `frontrow` (GenerateServeServiceName)."""

MADE_BY_THE_OPERATOR = {("frontrow", "frontrow-mongodb")}
"""MCK writes the connection string, where `connectionStringSecret...` says."""

METRICS_PORTS = {"metrics": 8080, "as-metrics": 44217, "dash-metrics": 44227, "haproxy": 9101}


def within(overlay: str, namespace: str) -> list[Pod]:
    return [pod for pod in pods(overlay) if pod.namespace == namespace]


def selected(overlay: str, namespace: str, selector: Document) -> list[Pod]:
    return [pod for pod in within(overlay, namespace) if selects(selector, pod.labels)]


def by_namespace(overlay: str, kind: str) -> Iterator[tuple[str, Document]]:
    for document in of_kind(overlay, kind):
        yield document["metadata"]["namespace"], document


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_disruption_budget_is_for_one_kind_of_pod(overlay: str) -> None:
    found = {
        document["metadata"]["name"]: [
            pod.name for pod in selected(overlay, namespace, document["spec"]["selector"])
        ]
        for namespace, document in by_namespace(overlay, "PodDisruptionBudget")
    }
    assert found == {
        "frontrow-head": ["headgroup"],
        "frontrow-serve": ["serve"],
        "frontrow-hosts": ["hosts"],
        "mongodb": ["mongodb"],
    }


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_node_can_be_drained_of_every_worker(overlay: str) -> None:
    """A budget of anything but a number of pods that stay asks their owner for its scale: a RayCluster has none, and
    then Kubernetes allows no eviction at all."""
    budgets = {
        document["metadata"]["name"]: document["spec"]
        for namespace, document in by_namespace(overlay, "PodDisruptionBudget")
        if namespace == "frontrow"
    }
    for budget in budgets.values():
        assert set(budget) == {"minAvailable", "selector"}
        assert type(budget["minAvailable"]) is int
    for name in ("serve", "hosts"):
        least = group(overlay, name)["minReplicas"]
        assert budgets[f"frontrow-{name}"]["minAvailable"] == least - 1
    assert budgets["frontrow-head"]["minAvailable"] == 1, "an operator says when it goes"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_are_spread_among_their_own_kind(overlay: str) -> None:
    for pod in ray_pods(overlay)[1:]:
        (spread,) = pod.spec["topologySpreadConstraints"]
        assert spread["topologyKey"] == "topology.kubernetes.io/zone"
        assert selected(overlay, pod.namespace, spread["labelSelector"]) == [pod]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_services_lead_to_ports_that_exist(overlay: str) -> None:
    for namespace, service in by_namespace(overlay, "Service"):
        (pod,) = selected(overlay, namespace, {"matchLabels": service["spec"]["selector"]})
        for port in service["spec"]["ports"]:
            assert pod.ports[port["targetPort"]] == port["port"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_requests_reach_the_serve_group_only(overlay: str) -> None:
    """KubeRay's Service selects every worker that is ready; its port is named, and only `serve` has that name."""
    spec = named(overlay, "RayService", "frontrow")["spec"]
    assert spec["serveService"]["spec"]["ports"] == [
        {"name": "serve", "port": 8000, "targetPort": "serve"}
    ]
    assert spec["excludeHeadPodFromServeSvc"] is True
    head, *workers = ray_pods(overlay)
    assert head.ports["serve"] == 8000, "from here KubeRay knows that there is such a Service"
    assert [pod.name for pod in workers if "serve" in pod.ports] == ["serve"]
    assert yaml.safe_load(spec["serveConfigV2"])["http_options"] == {
        "host": "0.0.0.0",
        "port": 8000,
    }


@pytest.mark.parametrize("overlay", ON_GKE)
def test_the_load_balancer_leads_to_that_service(overlay: str) -> None:
    (gateway,) = of_kind(overlay, "Gateway")
    listeners = {
        each["name"]: (each["protocol"], each["port"]) for each in gateway["spec"]["listeners"]
    }
    assert listeners == {"https": ("HTTPS", 443), "http": ("HTTP", 80)}
    secure, redirect = (
        named(overlay, "HTTPRoute", "frontrow"),
        named(overlay, "HTTPRoute", "frontrow-to-https"),
    )
    for route, listener in ((secure, "https"), (redirect, "http")):
        assert route["spec"]["parentRefs"] == [
            {"name": gateway["metadata"]["name"], "sectionName": listener}
        ]
    (rule,) = secure["spec"]["rules"]
    assert rule["backendRefs"] == [{"name": SERVE_SERVICE, "port": 8000}]
    (filtered,) = redirect["spec"]["rules"]
    assert "backendRefs" not in filtered, "nothing is served without TLS"
    for kind in ("GCPBackendPolicy", "HealthCheckPolicy"):
        (policy,) = of_kind(overlay, kind)
        assert policy["spec"]["targetRef"] == {
            "group": "",
            "kind": "Service",
            "name": SERVE_SERVICE,
        }
    (policy,) = of_kind(overlay, "GCPGatewayPolicy")
    assert policy["spec"]["targetRef"]["name"] == gateway["metadata"]["name"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nobody_talks_to_anybody_unless_it_is_written_down(overlay: str) -> None:
    for namespace in ("frontrow", "frontrow-data"):
        denials = [
            policy
            for place, policy in by_namespace(overlay, "NetworkPolicy")
            if place == namespace
            and policy["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
        ]
        assert len(denials) == 1


def peers(overlay: str, policy: Document, direction: str) -> Iterator[tuple[Document, list[int]]]:
    """The peers of a policy's rules with their ports; no ports are all."""
    for rule in policy["spec"].get(direction, []):
        ports = [port["port"] for port in rule.get("ports", [])]
        for peer in rule["from" if direction == "ingress" else "to"]:
            yield peer, ports


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_network_policies_are_about_pods_that_exist(overlay: str) -> None:
    known = {"kube-system", "kuberay-system", "gmp-system", "gke-gmp-system"}
    for namespace, policy in by_namespace(overlay, "NetworkPolicy"):
        assert selected(overlay, namespace, policy["spec"]["podSelector"]), policy["metadata"]
        for direction in ("ingress", "egress"):
            for peer, ports in peers(overlay, policy, direction):
                place = namespace
                if "namespaceSelector" in peer:
                    selector = peer["namespaceSelector"]
                    named_spaces = [
                        name
                        for name in ("frontrow", "frontrow-data")
                        if selects(selector, {"kubernetes.io/metadata.name": name})
                    ]
                    outside = {
                        value
                        for expression in selector.get("matchExpressions", [])
                        for value in expression["values"]
                    } | set(selector.get("matchLabels", {}).values())
                    if not named_spaces:
                        assert outside <= known, peer
                        continue
                    (place,) = named_spaces
                if "podSelector" not in peer:
                    assert set(peer) == {"ipBlock"}
                    continue
                targets = selected(overlay, place, peer["podSelector"])
                assert targets, peer
                if direction == "egress" and ports:
                    assert all(set(ports) <= set(target.ports.values()) for target in targets)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_may_leave_one_pod_may_enter_the_other(overlay: str) -> None:
    """From the product to the journal, the store and, locally, Redis: both ends have a rule."""
    ways = {("nats", 4222), ("mongodb", 27017)}
    if overlay == "local":
        ways.add(("redis", 6379))
    for name, port in ways:
        (target,) = (pod for pod in pods(overlay) if pod.name == name)
        head = ray_pods(overlay)[0]
        assert _allowed(overlay, head, target, port, "egress"), name
        assert _allowed(overlay, target, head, port, "ingress"), name


def _allowed(overlay: str, pod: Pod, other: Pod, port: int, direction: str) -> bool:
    for namespace, policy in by_namespace(overlay, "NetworkPolicy"):
        if namespace != pod.namespace or not selects(policy["spec"]["podSelector"], pod.labels):
            continue
        for peer, ports in peers(overlay, policy, direction):
            if port not in ports or "podSelector" not in peer:
                continue
            space = peer.get("namespaceSelector")
            same = (
                pod.namespace == other.namespace
                if space is None
                else selects(space, {"kubernetes.io/metadata.name": other.namespace})
            )
            if same and selects(peer["podSelector"], other.labels):
                return True
    return False


@pytest.mark.parametrize("overlay", ON_GKE)
def test_the_front_ends_of_google_reach_http_and_nothing_else(overlay: str) -> None:
    policy = named(overlay, "NetworkPolicy", "load-balancer")
    assert [pod.name for pod in selected(overlay, "frontrow", policy["spec"]["podSelector"])] == [
        "serve"
    ]
    found = [(peer["ipBlock"]["cidr"], ports) for peer, ports in peers(overlay, policy, "ingress")]
    assert found == [("130.211.0.0/22", [8000]), ("35.191.0.0/16", [8000])]


@pytest.mark.parametrize("overlay", ON_GKE)
def test_everything_that_is_measured_is_collected(overlay: str) -> None:
    collected: set[tuple[str, str]] = set()
    for namespace, monitoring in by_namespace(overlay, "PodMonitoring"):
        found = selected(overlay, namespace, monitoring["spec"]["selector"])
        assert found
        for endpoint in monitoring["spec"]["endpoints"]:
            for pod in found:
                assert endpoint["port"] in pod.ports, (monitoring["metadata"]["name"], pod.name)
                collected.add((pod.name, endpoint["port"]))
    offered = {
        (pod.name, port)
        for pod in pods(overlay)
        for port in pod.ports
        if "metrics" in port or port == "haproxy"
    }
    assert collected == offered
    for pod in ray_pods(overlay):
        assert {n: p for n, p in pod.ports.items() if n in METRICS_PORTS}.items() <= (
            METRICS_PORTS.items()
        )


@pytest.mark.parametrize("overlay", ON_GKE)
def test_collectors_are_let_in(overlay: str) -> None:
    for namespace in ("frontrow", "frontrow-data"):
        (policy,) = (
            document
            for place, document in by_namespace(overlay, "NetworkPolicy")
            if place == namespace and document["metadata"]["name"] == "metrics"
        )
        (rule,) = policy["spec"]["ingress"]
        open_ports = {port["port"] for port in rule["ports"]}
        measured = {
            pod.ports[endpoint["port"]]
            for place, monitoring in by_namespace(overlay, "PodMonitoring")
            if place == namespace
            for pod in selected(overlay, place, monitoring["spec"]["selector"])
            for endpoint in monitoring["spec"]["endpoints"]
        }
        assert open_ports == measured


@pytest.mark.parametrize("overlay", ON_GKE)
def test_alerts_are_evaluated_where_the_metrics_are(overlay: str) -> None:
    """Managed Prometheus gives `Rules` the series of their own namespace only."""
    prefixes = {"frontrow": "ray_", "frontrow-data": "nats_"}
    read = {
        (namespace, name)
        for namespace, rules in by_namespace(overlay, "Rules")
        for group in rules["spec"]["groups"]
        for rule in group["rules"]
        for name in re.findall(r"\b(?:ray|nats)_\w+", rule["expr"])
    }
    assert {namespace for namespace, _ in read} == set(prefixes)
    assert {pair for pair in read if not pair[1].startswith(prefixes[pair[0]])} == set()


def wanted(overlay: str) -> set[tuple[str, str, str]]:
    """Namespace, name and key of every Secret that anything reads."""
    found = {
        (pod.namespace, name, key) for pod in pods(overlay) for name, key in secret_references(pod)
    }
    password = ray_cluster(overlay)["gcsFaultToleranceOptions"]["redisPassword"]
    reference = password["valueFrom"]["secretKeyRef"]
    found.add(("frontrow", reference["name"], reference["key"]))
    reference = nats_values(overlay)["container"]["env"]["NATS_PASSWORD"]["valueFrom"][
        "secretKeyRef"
    ]
    found.add(("frontrow-data", reference["name"], reference["key"]))
    (mongodb,) = of_kind(overlay, "MongoDBCommunity")
    (user,) = mongodb["spec"]["users"]
    found.add(("frontrow-data", user["passwordSecretRef"]["name"], "password"))
    assert ("frontrow", user["connectionStringSecretName"]) in MADE_BY_THE_OPERATOR
    return {each for each in found if each[:2] not in MADE_BY_THE_OPERATOR}


@pytest.mark.parametrize("overlay", ON_GKE)
def test_every_secret_comes_from_secret_manager(overlay: str) -> None:
    made = {
        (namespace, secret["spec"]["target"]["name"], entry["secretKey"])
        for namespace, secret in by_namespace(overlay, "ExternalSecret")
        for entry in secret["spec"]["data"]
    }
    assert made == wanted(overlay)
    stores = {
        (namespace, store["metadata"]["name"])
        for namespace, store in by_namespace(overlay, "SecretStore")
    }
    for namespace, secret in by_namespace(overlay, "ExternalSecret"):
        assert secret["spec"]["secretStoreRef"]["kind"] == "SecretStore"
        assert (namespace, secret["spec"]["secretStoreRef"]["name"]) in stores


def test_every_secret_of_a_local_cluster_is_made_by_a_documented_command() -> None:
    page = OPERATORS_PAGE.read_text().replace("\\\n", " ")
    for namespace, name, key in wanted("local"):
        (command,) = (
            line
            for line in page.splitlines()
            if f"create secret generic {name} " in line and f"--namespace {namespace} " in line
        )
        assert f"--from-literal={key}=" in command


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_secret_is_in_a_manifest(overlay: str) -> None:
    assert of_kind(overlay, "Secret") == []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_service_accounts_exist(overlay: str) -> None:
    existing = {
        (namespace, account["metadata"]["name"])
        for namespace, account in by_namespace(overlay, "ServiceAccount")
    }
    used = {(pod.namespace, pod.spec["serviceAccountName"]) for pod in ray_pods(overlay)}
    used |= {
        (
            namespace,
            store["spec"]["provider"]["gcpsm"]["auth"]["workloadIdentity"]["serviceAccountRef"][
                "name"
            ],
        )
        for namespace, store in by_namespace(overlay, "SecretStore")
    }
    assert used == existing


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_only_the_head_can_talk_to_kubernetes(overlay: str) -> None:
    for _, account in by_namespace(overlay, "ServiceAccount"):
        may = account.get("automountServiceAccountToken", True)
        assert may == (account["metadata"]["name"] == "frontrow-head")


def test_every_file_is_part_of_something() -> None:
    """No manifest that nobody renders."""
    listed: set[str] = set()
    for kustomization in KUBERAY.rglob("kustomization.yaml"):
        content = yaml.safe_load(kustomization.read_text())
        entries = [
            *content.get("resources", []),
            *content.get("components", []),
            *content.get("configurations", []),
            *(patch["path"] for patch in content.get("patches", [])),
            *(replacement["path"] for replacement in content.get("replacements", [])),
        ]
        listed |= {str((kustomization.parent / entry).resolve()) for entry in entries}
    for path in KUBERAY.rglob("*.yaml"):
        if path.name not in ("kustomization.yaml", "nats-values.yaml"):
            assert str(path.resolve()) in listed, path
