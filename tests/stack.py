"""The real parts for tests: servers that a session shares, and the whole running product."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from cluster.embedded.mongod import Mongod
from cluster.embedded.nats import NatsServer, start_cluster
from cluster.embedded.run_record import LOG, RunRecord
from cluster.settings import Settings, variable

COMMAND_SECONDS_MAX = 300


@dataclass(frozen=True)
class RunningStack:
    """What `frontrow up --detach` started over `data`; the same object stays valid after `up()`
    again only for its key and data: take the new one that `up` returns."""

    data: Path
    url: str
    admin_key: str
    nats_url: str
    mongodb_url: str
    stripe_api_base: str
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def auth(self) -> dict[str, str]:
        """The headers of an organizer or operator."""
        return {"Authorization": f"Bearer {self.admin_key}"}

    @property
    def record(self) -> RunRecord:
        """The pids of the run, as run.json has them now."""
        record = RunRecord.read(self.data)
        assert record is not None, f"nothing runs over {self.data}"
        return record

    @property
    def processes(self) -> list[psutil.Process]:
        """Every process of the stack, the sentinel first."""
        sentinel = psutil.Process(self.record.sentinel)
        return [sentinel, *sentinel.children(recursive=True)]

    def down(self) -> None:
        """The orderly end; nothing happens when it does not run."""
        frontrow("down", "--data", str(self.data), environment=self.environment)

    def kill(self) -> list[psutil.Process]:
        """kill -9 for every process at once, as a power cut would; those that were killed."""
        processes = self.processes
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, timeout=30)
        return processes


def frontrow(
    *arguments: str, environment: Mapping[str, str] | None = None, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Runs the command with nothing of Frontrow inherited from the environment."""
    ours = {variable(name) for name in Settings.model_fields}
    inherited = {name: value for name, value in os.environ.items() if name not in ours}
    done = subprocess.run(
        [sys.executable, "-m", "cluster.operate", *arguments],
        env={**inherited, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS_MAX,
        check=False,
    )
    if check:
        assert done.returncode == 0, f"frontrow {' '.join(arguments)}: {done.stdout}{done.stderr}"
    return done


def up(data: Path, *options: str, environment: Mapping[str, str] | None = None) -> RunningStack:
    """`frontrow up --detach --port 0` over `data`; give options for another port or hosts."""
    port = () if "--port" in options else ("--port", "0")
    command = ("up", "--detach", "--json", "--data", str(data), *port, *options)
    answer = json.loads(frontrow(*command, environment=environment).stdout)
    return RunningStack(
        data,
        answer["url"],
        answer["admin_key"],
        answer["nats_url"],
        answer["mongodb_url"],
        answer["stripe_api_base"],
        environment or {},
    )


@pytest.fixture(scope="session")
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    """One nats-server for the session: tests use names of their own, and never stop it."""
    server = NatsServer.start(tmp_path_factory.mktemp("nats"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def nats_url(nats_server: NatsServer) -> str:
    return nats_server.url


@pytest.fixture(scope="session")
def nats_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[NatsServer]]:
    """Three nats-servers in one cluster for the session; never stop one of them."""
    servers = start_cluster(tmp_path_factory.mktemp("nats-cluster"))
    yield servers
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def mongodb_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One mongod, a replica set of one, for the session: tests use databases of their own."""
    mongod = Mongod.start(tmp_path_factory.mktemp("mongod"))
    yield mongod.url
    mongod.stop()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """The whole product, shared by the session: tests use shows of their own and break nothing."""
    running = up(tmp_path_factory.mktemp("stack"))
    yield running
    log = (running.data / LOG).read_text()
    running.down()
    assert "a part has ended" not in log, log


@pytest.fixture
def private_stack(tmp_path: Path) -> Iterator[Callable[..., RunningStack]]:
    """Starts stacks that a test may break; each call with the same `data` resumes its state.

    `private_stack(*options, data=..., environment=...)`; all are taken down at the end.
    """
    started: dict[Path, RunningStack] = {}

    def start(
        *options: str, data: Path | None = None, environment: Mapping[str, str] | None = None
    ) -> RunningStack:
        directory = data or tmp_path / "stack"
        started[directory] = up(directory, *options, environment=environment)
        return started[directory]

    yield start
    for running in started.values():
        running.down()
