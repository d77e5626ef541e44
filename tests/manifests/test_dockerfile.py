"""kuberay/Dockerfile, read as data: the lock's versions, pinned bases, no root, no secrets. No Docker is needed."""

from __future__ import annotations

import re
import sys
import tomllib
from functools import cache
from typing import Any

import pytest

from tests.manifests.dockerfile import (
    RULES,
    Dockerfile,
    Rule,
    copied,
    is_let_through,
    pairs,
    parse,
)
from tests.manifests.rendered import KUBERAY, ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


@cache
def image() -> Dockerfile:
    return parse((KUBERAY / "Dockerfile").read_text())


@cache
def locked() -> dict[str, str]:
    packages: list[dict[str, Any]] = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    return {package["name"]: package["version"] for package in packages}


def arguments() -> dict[str, str]:
    """Every ARG with its default, wherever it is given."""
    found = {name: default or "" for name, default in image().arguments.items()}
    for stage in image().stages:
        for instruction in stage.all("ARG"):
            found |= {name: value for name, value in pairs(instruction).items() if value}
    return found


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rules_hold(rule: Rule) -> None:
    assert list(rule(image())) == []


def test_a_build_without_the_digest_of_its_base_fails() -> None:
    assert image().arguments["PYTHON_DIGEST"] is None
    bases = {stage.base for stage in image().stages}
    assert bases == {"python:${PYTHON_VERSION}-slim-trixie@${PYTHON_DIGEST}"}


def test_the_versions_are_those_of_the_lock_and_of_the_tests() -> None:
    given = arguments()
    assert given["RAY_VERSION"] == locked()["ray"]
    assert given["VERSION"] == locked()["frontrow"] == PROJECT["project"]["version"]
    assert given["PYTHON_VERSION"] == f"{sys.version_info.major}.{sys.version_info.minor}"
    setup = (ROOT / ".ci/setup").read_text()
    assert f"UV_VERSION={given['UV_VERSION']}\n" in setup


def test_python_is_one_that_the_product_allows() -> None:
    lowest, above = re.findall(r"3\.(\d+)", PROJECT["project"]["requires-python"])
    minor = int(arguments()["PYTHON_VERSION"].split(".")[1])
    assert int(lowest) <= minor < int(above)


def test_the_lock_is_installed_as_it_is_and_without_tools() -> None:
    (sync,) = [
        run.text
        for stage in image().stages
        for run in stage.all("RUN")
        if run.text.startswith("uv sync")
    ]
    install, export = sync.split(" && ")
    for command in (install, export):
        assert {"--frozen", "--no-default-groups"} <= set(command.split())
        assert set(re.findall(r"--extra (\w+)", command)) == {"gcp", "otel"}
        assert "--group" not in command
    assert "--compile-bytecode" in install
    assert "--format cyclonedx1.5" in export


def test_what_runs_is_the_product_and_its_bill_of_materials() -> None:
    assert copied(image()) == {"pyproject.toml", "uv.lock", "actors", "cluster", "serve_app"}
    build, final = image().stages
    assert [copy.flags["from"] for copy in final.all("COPY")] == [build.name] * 4
    targets = [copy.words[-1] for copy in final.all("COPY")]
    assert targets == [
        "/opt/venv",
        "/opt/haproxy",
        "/usr/share/frontrow/sbom.cdx.json",
        "/app",
    ]


def test_the_context_is_what_is_copied_and_nothing_else() -> None:
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    for path in copied(image()):
        assert (ROOT / path).exists()
        assert is_let_through(path, ignore)
    assert is_let_through("serve_app/web/page.html", ignore)
    for path in ("tests/stack.py", ".frontrow/admin.key", ".git/config", "kuberay/base", ".venv/x"):
        assert not is_let_through(path, ignore), path
    assert not is_let_through("cluster/__pycache__/settings.pyc", ignore)


def test_the_labels_name_what_is_inside() -> None:
    labels: dict[str, str] = {}
    for instruction in image().final.all("LABEL"):
        labels |= pairs(instruction)
    opencontainers = {
        f"org.opencontainers.image.{name}"
        for name in ("title", "description", "version", "revision", "base.name", "base.digest")
    }
    assert set(labels) == {*opencontainers, "io.ray.version"}
    assert labels["io.ray.version"] == "${RAY_VERSION}"


def test_what_kuberay_starts_is_on_the_path() -> None:
    """`/bin/bash -c -- "ulimit ...; ray start ..."`: bash is in Debian's image, ray in the environment's bin."""
    environment: dict[str, str] = {}
    for instruction in image().final.all("ENV"):
        environment |= pairs(instruction)
    assert environment["PATH"].split(":")[0] == "/opt/venv/bin"
    assert "/bin" in environment["PATH"].split(":")
    assert environment["PYTHONPATH"] == "/app"
    assert environment["HOME"] == "/tmp"
    assert environment["RAY_SERVE_HAPROXY_BINARY_PATH"] == "/opt/haproxy/haproxy"


GOOD = "ARG D\nFROM a:1@${D}\nUSER 7:7\n"


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        (GOOD, None),
        ("FROM a:1\nUSER 7:7", "bases_are_pinned"),
        ("ARG D\nFROM a@${D}\nUSER 7:7", "bases_are_pinned"),
        ("ARG D\nFROM a:latest@${D}\nUSER 7:7", "bases_are_pinned"),
        ("FROM a:1@${D}\nUSER 7:7", "bases_are_pinned"),
        ("ARG D\nFROM a:1@${D} AS b\nFROM b AS c\nUSER 7:7", None),
        ("ARG D\nFROM a:1@${D}", "the_user_is_a_number_and_not_root"),
        ("ARG D\nFROM a:1@${D}\nUSER 0:0", "the_user_is_a_number_and_not_root"),
        ("ARG D\nFROM a:1@${D}\nUSER frontrow", "the_user_is_a_number_and_not_root"),
        (f"{GOOD}ADD https://example.com/x /x", "nothing_is_fetched_by_add"),
        (f"{GOOD}ENV A=1 \\\n  DB_PASSWORD=x", "no_secrets"),
        (f"{GOOD}ARG GITHUB_TOKEN", "no_secrets"),
        (f"{GOOD}CMD python x.py", "commands_are_in_exec_form"),
        (f'{GOOD}ENTRYPOINT ["python"]', None),
        (
            f"{GOOD}RUN apt-get install -y --no-install-recommends x",
            "apt_leaves_nothing_behind",
        ),
        (
            f"{GOOD}RUN apt-get install x && rm -rf /var/lib/apt/lists/*",
            "apt_leaves_nothing_behind",
        ),
        (
            f"{GOOD}RUN apt-get install --no-install-recommends x && rm -rf /var/lib/apt/lists/*",
            None,
        ),
        (f"{GOOD}RUN pip install uv==1", "pip_is_pinned_and_keeps_no_cache"),
        (f"{GOOD}RUN pip install --no-cache-dir uv", "pip_is_pinned_and_keeps_no_cache"),
        (f"{GOOD}WORKDIR app", "directories_are_absolute"),
        (f"{GOOD}RUN chmod -R 777 /app", "nobody_becomes_root"),
    ],
)
def test_each_rule_finds_what_it_is_for(text: str, broken: str | None) -> None:
    found = [rule.__name__ for rule in RULES if list(rule(parse(text)))]
    assert found == ([broken] if broken else [])


@pytest.mark.parametrize(
    ("path", "lines", "through"),
    [
        ("a", [], True),
        ("a", ["*"], False),
        ("a", ["*", "!a"], True),
        ("a/b/c", ["*", "!a/"], True),
        ("a/b/c", ["*", "!a", "**/c"], False),
        ("a/c/d", ["*", "!a", "**/c"], False),
        ("b", ["# b", "", "b"], False),
    ],
)
def test_a_dockerignore_is_read_as_docker_reads_it(
    path: str, lines: list[str], through: bool
) -> None:
    assert is_let_through(path, lines) is through
