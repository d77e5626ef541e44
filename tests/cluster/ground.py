"""The ground that several Ray clusters share: NATS, MongoDB and Stripe; and the Redis of a head that returns."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

from pydantic import SecretStr

from cluster.embedded.mongod import Mongod
from cluster.embedded.nats import NatsServer
from cluster.embedded.process import LOOPBACK, OwnedProcess, accepts, free_port
from cluster.embedded.stripe import SECRET_KEY, LocalStripe
from cluster.payments.notice import KINDS
from cluster.settings import Settings
from cluster.ticketing.codes import TicketKeys
from tests.stack import RunningStack

TICKET_HOSTS = 3
REPLICAS = 2
WEBHOOK_SECRET = "whsec_cluster"


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
            STRIPE_WEBHOOK_SECRET=SecretStr(WEBHOOK_SECRET),
            STRIPE_API_BASE=self._stripe.url,
            hosts=TICKET_HOSTS,
            host_resource=1,
            service_resource=1,
            replicas=REPLICAS,
            replica_cpus=1,
        )

    @property
    def admin_key(self) -> str:
        assert self.settings.admin_key is not None
        return self.settings.admin_key.get_secret_value()

    @property
    def stripe_url(self) -> str:
        return self._stripe.url

    def webhooks_go_to(self, url: str) -> None:
        """Stripe knows the address that buyers know."""
        self._stripe.register_webhook(f"{url}/webhooks/stripe", WEBHOOK_SECRET, KINDS)

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


def has_redis() -> bool:
    return shutil.which("redis-server") is not None


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
