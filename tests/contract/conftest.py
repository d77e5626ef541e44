from __future__ import annotations

from collections.abc import Iterator

import pytest

from cluster.embedded.nats import NatsServer, start_cluster


@pytest.fixture(scope="session")
def journal_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of one real nats-server, shared by the session: tests use shows of their own."""
    server = NatsServer.start(tmp_path_factory.mktemp("nats"))
    yield server.url
    server.stop()


@pytest.fixture(scope="session")
def journal_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URLs of three real nats-servers in a cluster, shared by the session."""
    servers = start_cluster(tmp_path_factory.mktemp("nats-cluster"))
    yield ",".join(server.url for server in servers)
    for server in servers:
        server.stop()
