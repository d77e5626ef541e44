"""What the image does, without a container: the same export of the lock, the same folders, the same entry points."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.embedded.haproxy import write_wrapper
from tests.manifests.rendered import ROOT

SECONDS_MAX = 110
NOT_IN_THE_IMAGE = {
    *tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["local"],
    *tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["dev"],
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def name_of(requirement: str) -> str:
    return requirement.partition("==")[0].partition("[")[0].strip()


def uv() -> str:
    """The one of the machine, else the one that .ci/setup has installed."""
    found = shutil.which("uv") or ROOT / ".uv/bin/uv"
    assert Path(found).exists(), "make setup"
    return str(found)


@pytest.fixture(scope="module")
def bill(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The software bill of materials, as `make sbom` and the image have it."""
    path = tmp_path_factory.mktemp("sbom") / "sbom.cdx.json"
    subprocess.run(
        # --old-file: an environment that runs tests is good enough, even if it is older than its definition.
        ["make", "-s", "-C", str(ROOT), "--old-file=.venv/.setup", "sbom", f"SBOM={path}"],
        check=True,
        capture_output=True,
        timeout=SECONDS_MAX,
    )
    return json.loads(path.read_text())


def test_the_bill_of_materials_is_that_of_the_lock(bill: dict[str, Any]) -> None:
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    listed = {component["name"]: component["version"] for component in bill["components"]}
    locked = {
        package["name"]: package["version"]
        for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    }
    assert listed.items() <= locked.items()
    extras = PROJECT["optional-dependencies"]
    needed = [*PROJECT["dependencies"], *extras["gcp"], *extras["otel"]]
    assert {name_of(requirement) for requirement in needed} <= set(listed)
    assert all(component["purl"].startswith("pkg:pypi/") for component in bill["components"])


def test_tools_and_local_parts_are_not_in_it(bill: dict[str, Any]) -> None:
    listed = {component["name"] for component in bill["components"]}
    needed_anyway = {  # Ray's own dependencies, and the extra `otel`
        "jsonschema",
        "opentelemetry-exporter-otlp-proto-http",
        "prometheus-client",
        "pyyaml",
    }
    assert listed & ({name_of(each) for each in NOT_IN_THE_IMAGE} - needed_anyway) == set()


def test_the_dockerfile_makes_the_same_bill() -> None:
    (recipe,) = (
        line.strip().removesuffix("--output-file $(SBOM)").strip()
        for line in (ROOT / "Makefile").read_text().splitlines()
        if "cyclonedx" in line
    )
    options = recipe[recipe.index("--frozen") :]
    dockerfile = " ".join((ROOT / "kuberay/Dockerfile").read_text().replace("\\\n", " ").split())
    assert f"uv export {options} --output-file /opt/sbom.cdx.json" in dockerfile


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """/app and /opt/venv of the image in one folder: packages from the lock, the product copied and not installed."""
    app = tmp_path_factory.mktemp("app")
    for file in ("pyproject.toml", "uv.lock"):
        shutil.copy(ROOT / file, app)
    for folder in ("actors", "cluster", "serve_app"):
        shutil.copytree(ROOT / folder, app / folder)
    extras = ["--extra", "gcp", "--extra", "otel"]
    install = ["sync", "--frozen", "--no-default-groups", *extras, "--no-install-project"]
    for attempt in (["--offline"], []):
        result = subprocess.run(
            [uv(), *install, "--python", sys.executable, *attempt],
            cwd=app,
            env={
                **os.environ,
                "UV_PROJECT_ENVIRONMENT": str(app / ".venv"),
                "UV_PYTHON_DOWNLOADS": "never",
            },
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
        )
        if result.returncode == 0:
            break
    unreachable = re.search("Failed to (fetch|download)", result.stderr)
    if result.returncode != 0 and unreachable:
        pytest.skip("packages of the image are neither cached nor within reach")
    assert result.returncode == 0, result.stderr
    yield app
    shutil.rmtree(app, ignore_errors=True)  # half a gigabyte


def inside(container: Path, *command: str) -> str:
    """A command of the image's CMD or KubeRay's, in its environment."""
    venv = container / ".venv/bin"
    result = subprocess.run(
        [str(venv / command[0]), *command[1:]],
        cwd=container,
        env={"PATH": f"{venv}:/usr/bin:/bin", "PYTHONPATH": str(container), "HOME": "/tmp"},
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_application_is_found_and_needs_nothing_else(container: Path) -> None:
    found = inside(
        container,
        "python",
        "-c",
        "import ray, sys\n"
        "from serve_app.deployment import build\n"
        "from cluster.ticketing.objects import Objects\n"
        "Objects('gs://bucket/tickets')\n"
        # The head's other programs, and the job that empties Redis when a cluster is gone.
        "import ray.autoscaler._private.kuberay.run_autoscaler, ray.dashboard.http_server_agent\n"
        "from ray._private.gcs_utils import cleanup_redis_storage\n"
        "print(ray.__version__, build.__module__, 'pytest' in sys.modules)",
    )
    ray = next(each for each in PROJECT["dependencies"] if each.startswith("ray["))
    assert found.split() == [ray.partition("==")[2], "serve_app.deployment", "False"]


def test_operators_find_their_commands(container: Path) -> None:
    commands = inside(container, "python", "-m", "cluster.operate", "--help")
    for command in ("verify", "scale", "load", "doctor"):
        assert command in commands


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Ray Serve's own models
def test_haproxy_answers_for_itself_and_shows_its_statistics_to_nobody(tmp_path: Path) -> None:
    """The wrapper that the image is built with, over the configuration that Serve writes; HAProxy itself checks it."""
    from ray.serve._private.haproxy import BackendConfig, HAProxyApi, HAProxyConfig, ServerConfig
    from ray.serve.config import HTTPOptions

    wrapper = write_wrapper(tmp_path, "*")
    configuration = tmp_path / "haproxy.cfg"
    everywhere = HTTPOptions(host="0.0.0.0", port=8000)
    replica = ServerConfig("replica", "127.0.0.1", 26_000)
    backend = BackendConfig("frontrow", "/", servers=[replica], app_name="frontrow")
    serve = HAProxyApi(
        HAProxyConfig(http_options=everywhere), {"frontrow": backend}, str(configuration)
    )
    serve._generate_config_file_internal()
    result = subprocess.run(
        [str(wrapper), "-c", "-f", str(configuration)],
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
    )
    assert result.returncode == 0, result.stderr
    text = configuration.read_text()
    assert [line.split()[1] for line in text.splitlines() if "bind" in line] == [
        "*:9101",
        "*:8000",
        "127.0.0.1:8404",
    ]
    assert text.count(f"{tmp_path}/unavailable.http") == 3
    assert text.count("option forwardfor") == 1
    assert (tmp_path / "unavailable.http").read_bytes().startswith(b"HTTP/1.1 503 ")
