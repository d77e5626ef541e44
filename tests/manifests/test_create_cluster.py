"""kuberay/create-cluster, run against programs that only write down how they were called, and read as text."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from tests.manifests.rendered import KUBERAY, ON_GKE, named, of_kind, ray_pods

SCRIPT = KUBERAY / "create-cluster"
RUN_SECONDS_MAX = 60
SECRETS = {
    "FRONTROW_SMTP_URL": "smtp://someone:hunter2@mail.example.com:587",
    "STRIPE_SECRET_KEY": "sk_test_do-not-print",
    "STRIPE_WEBHOOK_SECRET": "whsec_do-not-print",
    "FRONTROW_TICKET_KEYS": "K1:do-not-print",
}
RECORDER = """\
#!/bin/sh
echo "$(basename "$0") $*" >> "$CALLS"
case "$*" in
  *--data-file=-*) echo "stdin $(cat)" >> "$CALLS" ;;
  *projectNumber*) echo 4711 ;;
  *get-auth-string*) echo auth ;;
  *value\\(host\\)*) echo 10.0.0.3 ;;
  *" describe "*|*" list "*) {found} ;;
esac
"""
NOTHING_IS_THERE, EVERYTHING_IS_THERE = "exit 1", "echo something"
NOBODY = {
    "CLOUDSDK_CORE_PROJECT": "a-project",
    "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
    "CLOUDSDK_CORE_CHECK_GCE_METADATA": "0",
    "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "1",
}
"""With a configuration that knows no account, gcloud understands a command or not, and does nothing."""


def run(tmp_path: Path, found: str, **environment: str) -> tuple[int, str, list[str]]:
    """Exit code, what was printed, and the calls."""
    calls = tmp_path / "calls"
    calls.touch()
    for program in ("gcloud", "kubectl", "helm"):
        path = tmp_path / program
        path.write_text(RECORDER.replace("{found}", found))
        path.chmod(0o755)
    result = subprocess.run(
        [str(SCRIPT)],
        env={
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "CALLS": str(calls),
            "PROJECT": "a-project",
            "HOST": "tickets.example.com",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS_MAX,
    )
    return result.returncode, result.stdout + result.stderr, calls.read_text().splitlines()


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, str, list[str]]:
    """In an empty project: no description finds anything, also afterwards."""
    return run(tmp_path_factory.mktemp("first"), NOTHING_IS_THERE, **SECRETS)


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, str, list[str]]:
    return run(tmp_path_factory.mktemp("again"), EVERYTHING_IS_THERE)


def making(calls: list[str]) -> list[str]:
    return [call for call in calls if re.search(r" (create|connect|versions add) ", call)]


def test_it_runs_through_and_prints_what_the_overlay_needs(
    again: tuple[int, str, list[str]],
) -> None:
    code, printed, _ = again
    assert code == 0, printed
    overlay = KUBERAY / "overlays/production/installation.yaml"
    installation = yaml.safe_load(overlay.read_text())["data"]
    for key in set(installation) - {"mailFrom"}:
        assert f"  {key}: " in printed


def test_a_second_run_makes_nothing(again: tuple[int, str, list[str]]) -> None:
    _, _, calls = again
    assert making(calls) == []


def test_a_first_run_makes_everything_in_order(first: tuple[int, str, list[str]]) -> None:
    code, printed, calls = first
    assert code == 0, printed
    made = [re.sub(r" -.*", "", call) for call in making(calls)]
    assert len(made) == len(set(made)) > 25
    assert made.index("gcloud compute networks create frontrow") < made.index(
        "gcloud container clusters create frontrow"
    )


def test_secrets_travel_by_standard_input_only(first: tuple[int, str, list[str]]) -> None:
    _, printed, calls = first
    stored = {call.removeprefix("stdin ") for call in calls if call.startswith("stdin ")}
    assert set(SECRETS.values()) <= stored
    arguments = "\n".join(call for call in calls if not call.startswith("stdin "))
    for secret in SECRETS.values():
        assert secret not in arguments
        assert secret not in printed


def test_a_missing_secret_is_named_before_anything_is_made(tmp_path: Path) -> None:
    code, printed, calls = run(tmp_path, NOTHING_IS_THERE, STRIPE_SECRET_KEY="sk_test_x")
    assert code == 1
    assert "FRONTROW_SMTP_URL is not set" in printed
    assert making(calls) == []


def test_a_missing_project_is_named(tmp_path: Path) -> None:
    code, printed, calls = run(tmp_path, NOTHING_IS_THERE, PROJECT="")
    assert code == 1
    assert "PROJECT" in printed
    assert calls == []


@pytest.mark.skipif(shutil.which("gcloud") is None, reason="needs gcloud, signed in or not")
def test_gcloud_itself_understands_every_command_that_makes_something(
    first: tuple[int, str, list[str]], tmp_path: Path
) -> None:
    def stops_at(call: str) -> str:
        environment = {**os.environ, **NOBODY, "CLOUDSDK_CONFIG": str(tmp_path)}
        done = subprocess.run(
            call.split(),
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS_MAX,
        )
        return done.stderr

    wrong = "gcloud compute networks create frontrow --subnets=custom"
    assert "unrecognized arguments" in stops_at(wrong)
    made = [call for call in making(first[2]) if call.startswith("gcloud ")]
    with ThreadPoolExecutor(max_workers=2) as both:
        for call, error in zip(made, both.map(stops_at, made), strict=True):
            assert "do not currently have an active account" in error, f"{call}: {error}"


@pytest.mark.parametrize("overlay", ON_GKE)
def test_it_makes_what_the_manifests_name(overlay: str, first: tuple[int, str, list[str]]) -> None:
    calls = making(first[2])

    def is_made(command: str, *also: str) -> bool:
        return any(
            f"{call} ".startswith(f"{command} ") and all(part in call for part in also)
            for call in calls
        )

    (gateway,) = of_kind(overlay, "Gateway")
    (address,) = gateway["spec"]["addresses"]
    certmap = gateway["metadata"]["annotations"]["networking.gke.io/certmap"]
    backend = named(overlay, "GCPBackendPolicy", "frontrow")["spec"]["default"]
    tls = named(overlay, "GCPGatewayPolicy", "frontrow")["spec"]["default"]
    assert is_made(f"gcloud compute addresses create {address['value']}", "--global")
    assert is_made(f"gcloud certificate-manager maps create {certmap}")
    assert is_made(f"gcloud compute security-policies create {backend['securityPolicy']}")
    assert is_made(f"gcloud compute ssl-policies create {tls['sslPolicy']}")
    pools = {pod.spec["nodeSelector"]["frontrow.io/pool"] for pod in ray_pods(overlay)}
    for pool in pools:
        assert is_made(
            f"gcloud container node-pools create {pool}", f"--node-labels=frontrow.io/pool={pool}"
        )
    assert is_made(
        "gcloud container node-pools create serve-spot",
        "--spot",
        "--node-labels=frontrow.io/pool=serve",
        "--node-taints=frontrow.io/spot=true:NoSchedule",
    )
    for secret in of_kind(overlay, "ExternalSecret"):
        namespace = secret["metadata"]["namespace"]
        for entry in secret["spec"]["data"]:
            key = entry["remoteRef"]["key"]
            assert is_made(f"gcloud secrets create {key}")
            assert any(
                f"secrets add-iam-policy-binding {key} " in call
                and f"/subject/ns/{namespace}/sa/secrets" in call
                for call in first[2]
            )


def test_pods_may_write_the_bucket_by_their_accounts(first: tuple[int, str, list[str]]) -> None:
    bindings = [call for call in first[2] if "buckets add-iam-policy-binding" in call]
    accounts = {pod.spec["serviceAccountName"] for pod in ray_pods("production")}
    assert {call.rpartition("/sa/")[2] for call in bindings} == accounts
    assert all("roles/storage.objectUser" in call for call in bindings)


def test_charts_are_pinned_and_the_ones_that_the_values_are_for(
    again: tuple[int, str, list[str]],
) -> None:
    charts = dict[str, str]()
    for call in again[2]:
        match = re.match(r"helm upgrade --install (\S+) .*--version (\S+) ", call)
        if match is not None:
            charts[match[1]] = match[2]
    assert set(charts) == {"kuberay-operator", "external-secrets", "mongodb-kubernetes", "nats"}
    assert charts["kuberay-operator"] == "1.7.0"
    assert f"chart `nats` {charts['nats']} " in (KUBERAY / "data/nats-values.yaml").read_text()


def test_it_stops_at_the_first_failure() -> None:
    assert SCRIPT.read_text().splitlines()[0] == "#!/usr/bin/env bash"
    assert "set -euo pipefail" in SCRIPT.read_text()
    assert SCRIPT.stat().st_mode & 0o111
