from __future__ import annotations

import json
import os
import signal
import socket
import stat
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
import pytest

from tests.stack import RunningStack, frontrow

WAIT_SECONDS_MAX = 60.0


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while not condition():
        assert time.monotonic() < deadline, "the condition never came true"
        time.sleep(0.1)


def gone(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def ready(stack: RunningStack) -> bool:
    try:
        return httpx.get(f"{stack.url}/readyz", timeout=10).status_code == 200
    except httpx.TransportError:
        return False


def new_show(stack: RunningStack) -> str:
    show = {
        "name": "Kept",
        "venue": "Hall",
        "starts_at": "2031-01-01T20:00:00Z",
        "currency": "EUR",
        "prices": {"A": 1000},
    }
    answer = httpx.post(f"{stack.url}/v1/shows", json=show, headers=stack.auth, timeout=30)
    assert answer.status_code == 201, answer.text
    return answer.json()["show_id"]


def test_a_started_stack_is_ready_and_its_secrets_are_private(stack: RunningStack) -> None:
    assert ready(stack)
    for name in ("run.json", "admin.key", "ray.token"):
        assert stat.S_IMODE((stack.data / name).stat().st_mode) == 0o600
    assert (stack.data / "admin.key").read_text().strip() == stack.admin_key


def test_everything_listens_on_loopback_but_the_replicas_internal_port(stack: RunningStack) -> None:
    # Serve's replica opens a gRPC port for other deployments on all interfaces and has no switch.
    addresses = {
        process.name(): connection.laddr.ip
        for process in stack.processes
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
        and connection.laddr.ip.removeprefix("::ffff:") != "127.0.0.1"
    }
    assert all(name.startswith("ray::ServeRepli") for name in addresses), addresses


def test_a_second_up_over_the_same_directory_is_refused(stack: RunningStack) -> None:
    again = frontrow(
        "up", "--detach", "--port", "0", "--data", str(stack.data), "--json", check=False
    )
    assert again.returncode == 1
    assert f"a stack already runs over {stack.data} at {stack.url}" in again.stderr
    assert json.loads(again.stdout)["error"]["code"] == "not_started"
    assert ready(stack)


def test_a_taken_port_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused = frontrow("up", "--detach", "--port", port, "--data", str(tmp_path), check=False)
    assert refused.returncode == 1
    assert f"port {port} on 127.0.0.1 cannot be used" in refused.stderr
    assert not (tmp_path / "nats").exists()


def test_a_bad_setting_is_refused_by_the_name_of_its_variable(tmp_path: Path) -> None:
    refused = frontrow(
        *("up", "--detach", "--port", "0", "--data", str(tmp_path)),
        environment={"FRONTROW_HOLD_SECONDS": "0"},
        check=False,
    )
    assert refused.returncode == 1
    assert "FRONTROW_HOLD_SECONDS: " in refused.stderr


def test_down_without_a_stack_says_so(tmp_path: Path) -> None:
    answer = frontrow("down", "--data", str(tmp_path), "--json")
    assert json.loads(answer.stdout) == {"stopped": False}


@pytest.mark.timeout(400)
def test_a_stack_beside_another_stops_resumes_and_leaves_nothing_even_when_killed(
    stack: RunningStack, private_stack: Callable[..., RunningStack]
) -> None:
    own = private_stack()
    show_id = new_show(own)
    assert httpx.get(f"{stack.url}/v1/shows/{show_id}", timeout=30).status_code == 404
    processes, files = own.processes, Path(own.record.files)
    own.down()
    assert all(gone(process) for process in processes)
    assert not files.exists()
    assert not (own.data / "run.json").exists()

    again = private_stack(data=own.data)
    assert again.admin_key == own.admin_key
    assert httpx.get(f"{again.url}/v1/shows/{show_id}", timeout=30).status_code == 200
    processes, files = again.processes, Path(again.record.files)
    os.kill(again.record.pid, signal.SIGKILL)
    eventually(lambda: all(gone(process) for process in processes))
    assert not files.exists()
    assert ready(stack)


@pytest.mark.timeout(400)
def test_parts_that_die_are_started_again_and_a_killed_sentinel_ends_the_stack_in_order(
    private_stack: Callable[..., RunningStack],
) -> None:
    own = private_stack()
    show_id = new_show(own)
    for part in ("nats_pid", "mongod_pid"):
        before = getattr(own.record, part)
        os.kill(before, signal.SIGKILL)
        eventually(lambda part=part, before=before: getattr(own.record, part) != before)
        eventually(lambda: ready(own))
    assert httpx.get(f"{own.url}/v1/shows/{show_id}", timeout=30).status_code == 200

    processes, files = own.processes, Path(own.record.files)
    os.kill(own.record.sentinel, signal.SIGKILL)
    eventually(lambda: all(gone(process) for process in processes))
    own.down()
    assert not files.exists()
