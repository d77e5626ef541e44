from __future__ import annotations

import pytest

from cluster.embedded.nats import NatsServer


@pytest.fixture(scope="session")
def journal_server(nats_server: NatsServer) -> str:
    """The URL of one real nats-server, shared by the session: tests use shows of their own."""
    return nats_server.url


@pytest.fixture(scope="session")
def journal_cluster(nats_cluster: list[NatsServer]) -> str:
    """The URLs of three real nats-servers in a cluster, shared by the session."""
    return ",".join(server.url for server in nats_cluster)
