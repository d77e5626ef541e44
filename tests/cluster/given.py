"""A Ray cluster of several nodes that is given, and Frontrow deployed on it as KubeRay deploys it."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from itertools import count

import httpx
import psutil

from cluster.embedded.haproxy import (
    REPLICA_PORT_FIRST,
    REPLICA_PORT_LAST,
    haproxy_environment,
)
from cluster.embedded.process import LOOPBACK, free_port
from cluster.embedded.ray_head import SWITCHES
from cluster.embedded.run_record import short_directory
from tests.cluster.ground import REPLICAS, Ground, Redis
from tests.cluster.groups import GROUP, HEAD, HOSTS, ROOT, SERVE, Resources, resources_of_groups
from tests.cluster.node import RayNode
from tests.shop import Shop, until

HOST_ROOM = 3.0
"""How many ticket hosts a node has room for: all of them, so that one node can do it alone."""

HOSTS_NODES = 2
DEPLOY_SECONDS_MAX = 360
REPLICA_PROCESS = "ray::ServeReplica"
HEALTH_CHECKS = {
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "5000",
    "RAY_health_check_failure_threshold": "5",
}
"""A node that answers nothing is given up after five seconds, by default after fifteen."""


class GivenCluster:
    """A head without room, nodes for ticket hosts and services, and nodes for one replica each, which may be spot."""

    def __init__(self, name: str, ground: Ground, redis: Redis | None = None) -> None:
        self.name = name
        self.ground = ground
        self.redis = redis
        self.port = free_port()
        self.files = short_directory()
        self.gcs_port = free_port()
        self._logs = ground.directory / name
        self._environment = self._inherited()
        self._numbers = count(1)
        self.hosts = list[RayNode]()
        self.serve = list[RayNode]()
        self._start_nodes()

    def _start_nodes(self) -> None:
        self.head = self.start_head()
        self.hosts += [self.add_node(HOSTS) for _ in range(HOSTS_NODES)]
        self.serve += [self.add_node(SERVE) for _ in range(REPLICAS)]

    @property
    def url(self) -> str:
        """HAProxy's, on the head."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def gcs_address(self) -> str:
        return f"{LOOPBACK}:{self.gcs_port}"

    @property
    def nodes(self) -> list[RayNode]:
        """But for those that an autoscaler has started."""
        return [self.head, *self.hosts, *self.serve]

    def start_head(self) -> RayNode:
        """Also again, over what the GCS has left in Redis."""
        redis = {}
        if self.redis is not None:
            redis = {
                "RAY_REDIS_ADDRESS": self.redis.address,
                "RAY_external_storage_namespace": self.name,
            }
        self.head = self.run_head([], redis)
        return self.head

    def run_head(self, arguments: list[str], environment: dict[str, str]) -> RayNode:
        """With more arguments and variables."""
        command = ["--port", str(self.gcs_port), "--files", str(self.files / "ray"), "--cpus", "0"]
        environment = {**self._environment, GROUP: HEAD, **environment}
        return self._run("head", [*command, *arguments], environment)

    def add_node(self, group: str) -> RayNode:
        """A node with what a pod of this group offers, but with room for all hosts."""
        offered = resources_of_groups()[group]
        if group == HOSTS:
            offered["ticket_host"] = HOST_ROOM
        cpus, others = _split(offered)
        arguments = ["--gcs", self.gcs_address, "--cpus", str(cpus)]
        arguments += ["--resources", json.dumps(others)]
        return self._run(group, arguments, {**self._environment, GROUP: group})

    def _run(self, kind: str, arguments: list[str], environment: dict[str, str]) -> RayNode:
        name = f"{kind}{next(self._numbers)}"
        log = self._logs / f"{name}.log"
        return RayNode(f"{self.name} {name}", arguments, log, environment)

    def deploy(self) -> None:
        """Returns when the application runs and is ready."""
        command = [sys.executable, "-m", "tests.cluster.deploy"]
        done = subprocess.run(
            [*command, self.gcs_address, str(self.port)],
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

    def host_nodes(self, shop: Shop) -> dict[str, RayNode | None]:
        """Where each ticket host that answers is now."""
        return {
            host["name"]: self._node_of(host["pid"]) for host in shop.hosts() if host["answers"]
        }

    def service_nodes(self, shop: Shop) -> dict[str, RayNode | None]:
        """Where each service that runs is now."""
        running = [service for service in shop.services() if service["running"]]
        return {service["service"]: self._node_of(service["pid"]) for service in running}

    def _node_of(self, pid: int) -> RayNode | None:
        return next((node for node in self.nodes if node.worker(pid)), None)

    def replica_count(self) -> int:
        """How many replicas there are, wherever they are."""
        return sum(process.name().startswith(REPLICA_PROCESS) for process in self.processes())

    def processes(self) -> Iterator[psutil.Process]:
        """All of the cluster that are alive."""
        for process in (one for node in self.nodes for one in node.descendants()):
            with suppress(psutil.NoSuchProcess):
                if process.status() != psutil.STATUS_ZOMBIE:
                    yield process

    def replica_url(self) -> str:
        """A replica, without HAProxy: as a proxy on its node would reach it."""
        return until(self._find_replica, "a replica on a worker listens")

    def _find_replica(self) -> str | None:
        for process in (worker for node in self.serve for worker in node.workers()):
            with suppress(psutil.NoSuchProcess):
                if not process.name().startswith(REPLICA_PROCESS):
                    continue
                ports = {c.laddr.port for c in process.net_connections() if c.status == "LISTEN"}
                for port in ports & {*range(REPLICA_PORT_FIRST, REPLICA_PORT_LAST)}:
                    return f"http://{LOOPBACK}:{port}"
        return None

    @property
    def stands(self) -> bool:
        """Whether all of its nodes run."""
        return all(node.running for node in self.nodes)

    def stop(self) -> None:
        for node in (*self.serve, *self.hosts, self.head):
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
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        return environment


def _split(offered: Resources) -> tuple[int, Resources]:
    """The CPUs, and the custom resources."""
    return int(offered["CPU"]), {n: amount for n, amount in offered.items() if n != "CPU"}
