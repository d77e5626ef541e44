"""A Ray cluster of several nodes that is given, and the ground that several of them share: NATS, MongoDB and Stripe."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil
from pydantic import SecretStr

from cluster.embedded.haproxy import (
    REPLICA_PORT_FIRST,
    REPLICA_PORT_LAST,
    haproxy_environment,
)
from cluster.embedded.mongod import Mongod
from cluster.embedded.nats import NatsServer
from cluster.embedded.process import LOOPBACK, OwnedProcess, accepts, free_port
from cluster.embedded.ray_head import SWITCHES
from cluster.embedded.run_record import short_directory
from cluster.embedded.stripe import SECRET_KEY, LocalStripe
from cluster.settings import Settings
from cluster.ticketing.codes import TicketKeys
from tests.cluster.autoscaling import ENVIRONMENT as AUTOSCALING
from tests.cluster.autoscaling import write_configuration
from tests.cluster.node import RayNode
from tests.shop import Shop, until
from tests.stack import RunningStack

ROOT = Path(__file__).resolve().parents[2]
HOST_ROOM = 3
"""How many hosts a worker node has room for: all of them, so that one node can do it alone."""

WORKERS = 2
HOSTS = 3
REPLICAS = 2
DEPLOY_SECONDS_MAX = 360
REPLICA_PROCESS = "ray::ServeReplica"
HEALTH_CHECKS = {
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "5000",
    "RAY_health_check_failure_threshold": "5",
}
"""A node that answers nothing is given up after five seconds, by default after fifteen."""


class Ground:
    """What outlives every Ray cluster."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._nats = NatsServer.start(directory / "nats")
        self._mongod = Mongod.start(directory / "mongod")
        self._stripe = LocalStripe(directory / "stripe")
        self._stripe.wait_ready()
        self.settings = Settings(
            data_dir=directory,
            nats_url=self._nats.url,
            mongodb_url=self._mongod.url,
            admin_key=SecretStr(secrets.token_urlsafe()),
            ticket_keys=SecretStr(TicketKeys.generate("C1")),
            STRIPE_SECRET_KEY=SecretStr(SECRET_KEY),
            STRIPE_WEBHOOK_SECRET=SecretStr("whsec_cluster"),
            STRIPE_API_BASE=self._stripe.url,
            hosts=HOSTS,
            host_resource=1,
            replicas=REPLICAS,
            replica_cpus=1,
        )

    @property
    def admin_key(self) -> str:
        assert self.settings.admin_key is not None
        return self.settings.admin_key.get_secret_value()

    def stack(self, url: str) -> RunningStack:
        """The product behind an address, as the judges want it."""
        given = self.settings
        return RunningStack(
            self.directory,
            url,
            self.admin_key,
            given.nats_url or "",
            given.mongodb_url or "",
            given.stripe_api_base or "",
            given.environment(),
        )

    def stop(self) -> None:
        for part in (self._stripe, self._mongod, self._nats):
            part.stop()


class Redis:
    """Where the GCS keeps its state, so that it survives its node."""

    def __init__(self, directory: Path) -> None:
        binary = shutil.which("redis-server")
        assert binary is not None
        self.port = free_port()
        directory.mkdir(parents=True)
        command = [
            *(binary, "--bind", LOOPBACK, "--port", str(self.port)),
            *("--dir", str(directory), "--save", "", "--appendonly", "no"),
        ]
        self._process = OwnedProcess("redis-server", command, directory / "redis.log")
        self._process.wait_until(lambda: accepts(self.port))

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def stop(self) -> None:
        self._process.stop()


class GivenCluster:
    """A head without room for hosts and replicas, workers with it, and Frontrow deployed as KubeRay deploys it."""

    def __init__(
        self, name: str, ground: Ground, redis: Redis | None = None, *, autoscaled: bool = False
    ) -> None:
        """Autoscaled: workers come when something waits for them, and replicas when requests do."""
        self.name = name
        self.ground = ground
        self._autoscaled = autoscaled
        self.port = free_port()
        self.files = short_directory()
        self._logs = ground.directory / name
        self._gcs_port = free_port()
        self._environment = self._inherited()
        self._redis = redis
        self._count = 0
        self.head = self.start_head()
        self.workers = [] if autoscaled else [self.add_worker() for _ in range(WORKERS)]

    @property
    def url(self) -> str:
        """HAProxy's, on the head."""
        return f"http://{LOOPBACK}:{self.port}"

    def start_head(self) -> RayNode:
        """Also again, over what the GCS has left in Redis."""
        redis = {}
        if self._redis is not None:
            redis = {
                "RAY_REDIS_ADDRESS": self._redis.address,
                "RAY_external_storage_namespace": self.name,
            }
        arguments = [
            *("--port", str(self._gcs_port), "--files", str(self.files / "ray"), "--cpus", "0")
        ]
        if self._autoscaled:
            configuration = self.files / "autoscaling.json"
            write_configuration(
                configuration, f"{LOOPBACK}:{self._gcs_port}", {"CPU": 2, "ticket_host": HOST_ROOM}
            )
            arguments += ["--autoscaling", str(configuration)]
        environment = {**self._environment, **redis, **AUTOSCALING}
        self.head = RayNode(f"{self.name} head", arguments, self._logs / "head.log", environment)
        until(lambda: accepts(self._gcs_port), "the GCS listens")
        return self.head

    def add_worker(self) -> RayNode:
        self._count += 1
        resources = json.dumps({"ticket_host": HOST_ROOM})
        arguments = ["--gcs", f"{LOOPBACK}:{self._gcs_port}", "--resources", resources]
        log = self._logs / f"worker{self._count}.log"
        return RayNode(f"{self.name} worker {self._count}", arguments, log, self._environment)

    def deploy(self) -> None:
        """Returns when the application runs and is ready."""
        command = [sys.executable, "-m", "tests.cluster.deploy"]
        done = subprocess.run(
            [*command, f"{LOOPBACK}:{self._gcs_port}", str(self.port)],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=DEPLOY_SECONDS_MAX,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        self.wait_ready()

    def wait_ready(self) -> None:
        until(lambda: httpx.get(f"{self.url}/readyz", timeout=10).status_code == 200, "ready")

    def node_of(self, pid: int) -> RayNode | None:
        """The node that a worker lives on."""
        return next((node for node in (self.head, *self.workers) if node.worker(pid)), None)

    def host_nodes(self, shop: Shop) -> dict[str, RayNode | None]:
        """Where each host is now."""
        return {host["name"]: self.node_of(host["pid"]) for host in shop.hosts() if host["answers"]}

    def node_count(self) -> int:
        """Without the head; only of an autoscaled cluster, whose nodes its head has started."""
        return sum(process.name() == "raylet" for process in self._processes()) - 1

    def replica_count(self) -> int:
        """As `node_count`."""
        return sum(process.name().startswith(REPLICA_PROCESS) for process in self._processes())

    def _processes(self) -> Iterator[psutil.Process]:
        for process in self.head.descendants():
            with suppress(psutil.NoSuchProcess):
                process.name()
                yield process

    def replica_url(self) -> str:
        """A replica on a worker node, without HAProxy: as a proxy on that node would reach it."""
        return until(self._find_replica, "a replica on a worker listens")

    def _find_replica(self) -> str | None:
        for process in (worker for node in self.workers for worker in node.workers()):
            with suppress(psutil.NoSuchProcess):
                if not process.name().startswith(REPLICA_PROCESS):
                    continue
                ports = {c.laddr.port for c in process.net_connections() if c.status == "LISTEN"}
                for port in ports & {*range(REPLICA_PORT_FIRST, REPLICA_PORT_LAST)}:
                    return f"http://{LOOPBACK}:{port}"
        return None

    def kill_head(self) -> None:
        self.head.kill()

    def stop(self) -> None:
        for node in (*self.workers, self.head):
            node.kill()
        shutil.rmtree(self.files, ignore_errors=True)

    def _inherited(self) -> dict[str, str]:
        """What every process of the cluster has in its environment, as the pods of a RayCluster have it."""
        token = self.files / "ray.token"
        token.touch(mode=0o600)
        token.write_text(secrets.token_hex(32))
        environment = {
            **os.environ,
            **SWITCHES,
            **HEALTH_CHECKS,
            **haproxy_environment(self.files / "h"),
            **self.ground.settings.environment(),
            "RAY_AUTH_TOKEN_PATH": str(token),
            "PYTHONPATH": str(ROOT),
        }
        if self._autoscaled:
            environment |= {"FRONTROW_REPLICAS": "1", "FRONTROW_REPLICAS_MAX": "2"}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        return environment


@contextmanager
def given_cluster(
    name: str, ground: Ground, redis: Redis | None = None, *, autoscaled: bool = False
) -> Iterator[GivenCluster]:
    cluster = GivenCluster(name, ground, redis, autoscaled=autoscaled)
    try:
        cluster.deploy()
        yield cluster
    finally:
        cluster.stop()
