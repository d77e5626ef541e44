"""A local Stripe on loopback: localstripe (GPL-3, of the `local` dependency group) as a process of its own."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from cluster.embedded.process import LOOPBACK, OwnedProcess, StartError, accepts, free_port
from cluster.embedded.server import OwnedServer

SECRET_KEY = "sk_test_local"
PUBLISHABLE_KEY = "pk_test_local"
"""A local Stripe takes every key of the right form; nothing is guarded by these."""

ENDPOINT = "frontrow"
CONFIG_SECONDS_MAX = 10.0


class LocalStripe(OwnedServer):
    """One local Stripe over the file in `directory`; made again there, it has the same payments and webhooks.

    Events are delivered `webhook_delay_seconds` after they happen; a bank that takes its time (SEPA, and the test card
    whose refunds fail) answers after `settle_seconds`.
    """

    def __init__(
        self,
        directory: Path,
        port: int | None = None,
        *,
        webhook_delay_seconds: float = 0.0,
        settle_seconds: float = 5.0,
    ) -> None:
        if importlib.util.find_spec("localstripe") is None:
            raise StartError(
                "no localstripe found: install the `local` dependency group (uv sync), or set "
                "STRIPE_SECRET_KEY"
            )
        self.directory = directory
        self.port = port or free_port()
        command = [
            *(sys.executable, "-m", "cluster.embedded.stripe_process"),
            *("--port", str(self.port), "--directory", str(directory)),
            *("--webhook-delay-seconds", str(webhook_delay_seconds)),
            *("--settle-seconds", str(settle_seconds)),
        ]
        self._process = OwnedProcess("the local Stripe", command, directory / "stripe.log")

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def wait_ready(self) -> None:
        self._process.wait_until(lambda: accepts(self.port))

    def register_webhook(self, url: str, secret: str, kinds: Sequence[str] = ()) -> None:
        """All events, or those of some kinds, go there from now on, signed with `secret`; the last registration counts,
        also after a restart."""
        chosen = {"events": list(kinds)} if kinds else {}
        self._configure(f"webhooks/{ENDPOINT}", {"url": url, "secret": secret, **chosen})

    def settle(self, waiting_id: str) -> None:
        """The bank of a payment in processing, or of a refund that is to fail, answers now."""
        self._configure(f"settle/{waiting_id}", {})

    def _configure(self, path: str, data: dict[str, Any]) -> None:
        request = Request(
            f"{self.url}/_config/{path}",
            data=json.dumps(data).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urlopen(request, timeout=CONFIG_SECONDS_MAX):
            return
