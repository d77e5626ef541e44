"""Everything that runs locally, in the order in which it depends on each other.

Whatever is given by URL is used, the rest is started here: nats-server, mongod, a local Stripe, Ray with Serve. The
stack builds nothing of the product itself: the composition root does, and Serve's import path.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar
from urllib.error import URLError
from urllib.request import urlopen

from pydantic import SecretStr

from cluster.embedded.kept import Kept
from cluster.embedded.mongod import Mongod
from cluster.embedded.nats import NatsServer
from cluster.embedded.private_file import generated
from cluster.embedded.process import LOOPBACK, StartError, reserve_port
from cluster.embedded.ray_head import RayHead
from cluster.embedded.run_record import ADMIN_KEY, TICKET_KEYS, WEBHOOK_SECRET, RunRecord
from cluster.embedded.server import OwnedServer
from cluster.embedded.stripe import PUBLISHABLE_KEY, SECRET_KEY, LocalStripe
from cluster.payments.notice import KINDS
from cluster.settings import Settings
from cluster.ticketing.codes import TicketKeys

APPLICATION = "serve_app.deployment:application"
STARTING = "cluster.starting"
WEBHOOK = "/webhooks/stripe"
LOCAL_KEY_ID = "L1"
READY_SECONDS_MAX = 120.0
READY_POLL_SECONDS = 0.05
PROBE_SECONDS_MAX = 5.0
WATCH_SECONDS = 0.5

Part = TypeVar("Part", bound=OwnedServer)


class Stack:
    """One local stack over `settings.data_dir`, serving on loopback and `port`."""

    def __init__(self, settings: Settings, port: int, files: Path) -> None:
        self.directory = settings.data_dir.absolute()
        self.port = port
        reserve_port(port)
        self._settings = settings
        self._nats: NatsServer | None = None
        self._mongod: Mongod | None = None
        self._stripe: LocalStripe | None = None
        self._parts: dict[str, Kept] = {}
        self._ray = RayHead(self.directory, files, settings.ray_namespace)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def start(self) -> None:
        """Returns when /readyz answers 200; a StartError names the part that failed."""
        if self._settings.nats_url is None:
            self._nats = self._kept("nats", NatsServer(self.directory / "nats"))
        if self._settings.mongodb_url is None:
            self._mongod = self._kept("mongod", Mongod(self.directory / "mongod"))
        if self._settings.stripe_secret_key is None and self._settings.stripe_api_base is None:
            self._stripe = self._kept("stripe", LocalStripe(self.directory / "stripe"))
        self._settings = self._complete()
        self._record(ready=False)
        self._timed("ray", self._start_ray)
        self._timed("nats-server, mongod and Stripe", self._wait_for_parts)
        # Serve's own processes and the ticket hosts do not need each other: both cores have work.
        with ThreadPoolExecutor(1) as pool:
            serve = pool.submit(self._ray.start_serve, self.port)
            self._timed("hosts and services", self._start_product)
            self._timed("serve", serve.result)
        self._timed("application", lambda: self._ray.deploy(APPLICATION))
        self._timed("readyz", self._wait_ready)
        self._record(ready=True)
        print(f"ready: {self.url}", flush=True)

    def watch(self) -> None:
        """Keeps the parts running; returns never. A StartError when Ray has ended: all is started anew then."""
        recorded = True
        while True:
            time.sleep(WATCH_SECONDS)
            if not self._ray.running:
                raise StartError("Ray has ended")
            if any([part.look() for part in self._parts.values()]):
                recorded = False
            if not recorded:
                with contextlib.suppress(OSError):  # no room: the next look tries again
                    self._record(ready=True)
                    recorded = True

    def stop(self) -> None:
        """Serve and Ray first, then what they stand on. Safe at any moment of the start."""
        self._ray.stop()
        for part in reversed(self._parts.values()):
            part.server.stop()
        RunRecord.remove(self.directory)

    def _kept(self, name: str, server: Part) -> Part:
        """A part of which `watch` and `stop` know."""
        self._parts[name] = Kept(server)
        return server

    def _pid(self, name: str) -> int | None:
        return self._parts[name].server.pid if name in self._parts else None

    def _start_ray(self) -> None:
        settings = self._settings
        self._ray.start(settings.environment(), settings.metrics_port, settings.log_level)

    def _start_product(self) -> None:
        importlib.import_module(STARTING).start(self._settings)

    def _wait_for_parts(self) -> None:
        if self._nats is not None:
            self._nats.wait_ready()
        if self._mongod is not None:
            self._mongod.wait_ready()
        if self._stripe is not None:
            self._stripe.wait_ready()
            secret = self._settings.webhook_secrets()[0]
            self._stripe.register_webhook(f"{self.url}{WEBHOOK}", secret, KINDS)

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS_MAX
        while (problem := _probe(f"{self.url}/readyz")) is not None:
            if time.monotonic() > deadline:
                raise StartError(f"/readyz after {READY_SECONDS_MAX:.0f} s: {problem}")
            time.sleep(READY_POLL_SECONDS)

    def _complete(self) -> Settings:
        """The settings with the addresses of what was started, and a key."""
        found: dict[str, object] = {"data_dir": self.directory}
        if self._nats is not None:
            found["nats_url"] = self._nats.url
        if self._mongod is not None:
            found["mongodb_url"] = self._mongod.url
        if self._settings.admin_key is None:
            found["admin_key"] = SecretStr(generated(self.directory / ADMIN_KEY, _random))
        if self._settings.ticket_keys is None:
            keys = generated(
                self.directory / TICKET_KEYS, lambda: TicketKeys.generate(LOCAL_KEY_ID)
            )
            found["ticket_keys"] = SecretStr(keys)
        if self._stripe is not None:
            found["stripe_api_base"] = self._stripe.url
            found["stripe_secret_key"] = SecretStr(SECRET_KEY)
            found["stripe_publishable_key"] = PUBLISHABLE_KEY
            secret = generated(self.directory / WEBHOOK_SECRET, lambda: f"whsec_{_random()}")
            found["stripe_webhook_secret"] = SecretStr(secret)
        return self._settings.model_copy(update=found)

    def _record(self, *, ready: bool) -> None:
        RunRecord(
            pid=os.getpid(),
            sentinel=os.getppid(),
            ready=ready,
            url=self.url,
            nats_url=self._settings.nats_url or "",
            mongodb_url=self._settings.mongodb_url or "",
            stripe_api_base=self._settings.stripe_api_base,
            nats_pid=self._pid("nats"),
            mongod_pid=self._pid("mongod"),
            stripe_pid=self._pid("stripe"),
            files=str(self._ray.files),
        ).write(self.directory)

    @staticmethod
    def _timed(what: str, step: Callable[[], None]) -> None:
        """The log of a start says where its time went."""
        begun = time.monotonic()
        step()
        print(f"{what}: {time.monotonic() - begun:.1f} s", flush=True)


def _random() -> str:
    return secrets.token_urlsafe(32)


def _probe(url: str) -> str | None:
    """None when the URL answers 200, else why not."""
    try:
        with urlopen(url, timeout=PROBE_SECONDS_MAX):
            return None
    except (URLError, OSError) as error:
        return str(error)
