"""Backups and the way back on Kubernetes: what an overlay gets that lists the component `backup`."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import kubernetes_validate
import pytest
import yaml

from cluster.operate.cli import main
from tests.manifests.rendered import (
    KUBECTL,
    KUBERAY,
    ON_GKE,
    RENDER_SECONDS_MAX,
    Document,
    Pod,
    environment,
    named,
    of_kind,
    ray_pods,
    rendered,
    selects,
)
from tests.manifests.test_schemas import KUBERNETES


@cache
def cron_jobs(overlay: str) -> dict[str, Document]:
    """By name, in a copy of the manifests whose overlay has one line more: the one that the page asks for."""
    with TemporaryDirectory() as place:
        copy = Path(place) / "kuberay"
        shutil.copytree(KUBERAY, copy)
        kustomization = copy / "overlays" / overlay / "kustomization.yaml"
        text = kustomization.read_text()
        assert text.count("  - ../../gke\n") == 1
        listed = text.replace("  - ../../gke\n", "  - ../../gke\n  - ../../backup\n")
        kustomization.write_text(listed)
        done = subprocess.run(
            [str(KUBECTL), "kustomize", str(kustomization.parent)],
            capture_output=True,
            text=True,
            timeout=RENDER_SECONDS_MAX,
        )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    documents: list[Document] = list(yaml.load_all(done.stdout, yaml.CSafeLoader))
    found = {one["metadata"]["name"]: one for one in documents if one["kind"] == "CronJob"}
    others = [one for one in documents if one["kind"] != "CronJob"]
    assert others == list(rendered(overlay)), "nothing else changes"
    return found


def template(overlay: str, name: str) -> Document:
    return cron_jobs(overlay)[name]["spec"]["jobTemplate"]["spec"]["template"]


def container(overlay: str, name: str) -> Document:
    (found,) = template(overlay, name)["spec"]["containers"]
    return found


BOTH = ("frontrow-backup", "frontrow-restore")
each = pytest.mark.parametrize(
    ("overlay", "name"), [(overlay, name) for overlay in ON_GKE for name in BOTH]
)


@pytest.mark.parametrize("overlay", ON_GKE)
def test_they_are_valid_and_only_backups_begin_by_themselves(overlay: str) -> None:
    assert set(cron_jobs(overlay)) == set(BOTH)
    for document in cron_jobs(overlay).values():
        kubernetes_validate.validate(document, KUBERNETES, strict=True)
    assert "suspend" not in cron_jobs(overlay)["frontrow-backup"]["spec"]
    assert cron_jobs(overlay)["frontrow-restore"]["spec"]["suspend"] is True
    assert of_kind(overlay, "CronJob") == [], "no overlay has them unasked"


@each
def test_what_runs_is_a_command_of_this_version_on_the_bucket(overlay: str, name: str) -> None:
    bucket = yaml.safe_load((KUBERAY / "overlays" / overlay / "installation.yaml").read_text())
    found = container(overlay, name)
    assert found["command"] == ["python", "-m", "cluster.operate"]
    command, place = found["args"]
    assert f"frontrow-{command}" == name
    known = [one.callback for one in main.registered_commands]
    assert command in [one.__name__ for one in known if one is not None]
    assert place == f"gs://{bucket['data']['bucket']}/backups"
    (of_the_product,) = ray_pods(overlay)[0].containers
    assert found["image"] == of_the_product["image"]


@each
def test_they_know_the_stores_as_the_product_does(overlay: str, name: str) -> None:
    """With the settings: how many replicas the journal's streams get, for one."""
    given = container(overlay, name)
    (of_the_product,) = ray_pods(overlay)[0].containers
    for variable in given["env"]:
        assert variable in of_the_product["env"]
    assert [one["name"] for one in given["env"]] == [
        "NATS_PASSWORD",
        "FRONTROW_NATS_URL",
        "FRONTROW_MONGODB_URL",
    ]
    pod = Pod(name, "frontrow", {}, template(overlay, name)["spec"], {})
    settings = environment(overlay, pod)
    assert settings["FRONTROW_JOURNAL_REPLICAS"] == "3"


@each
def test_they_may_reach_the_stores_and_stand_in_for_no_pod_of_the_product(
    overlay: str, name: str
) -> None:
    labels = template(overlay, name)["metadata"]["labels"]
    product = named(overlay, "NetworkPolicy", "product")
    assert selects(product["spec"]["podSelector"], labels)
    budgets = [
        one
        for one in of_kind(overlay, "PodDisruptionBudget")
        if one["metadata"]["namespace"] == "frontrow"
    ]
    assert not any(selects(one["spec"]["selector"], labels) for one in budgets)


@each
def test_they_are_as_restricted_as_the_product(overlay: str, name: str) -> None:
    of_the_product: dict[str, Any] = ray_pods(overlay)[2].spec
    spec = template(overlay, name)["spec"]
    for same in ("securityContext", "serviceAccountName", "volumes", "nodeSelector"):
        assert spec[same] == of_the_product[same]
    for same in ("securityContext", "volumeMounts"):
        assert container(overlay, name)[same] == of_the_product["containers"][0][same]
    resources = container(overlay, name)["resources"]
    assert resources["requests"] == resources["limits"]
