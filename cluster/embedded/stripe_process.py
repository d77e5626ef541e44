"""The program of the local Stripe: `python -m cluster.embedded.stripe_process --port P --directory DIR`.

It runs localstripe's web application, adapted, on loopback only. localstripe is GPL-3 and is imported nowhere else: it
is a program that the product talks to over HTTP, and no part of it.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from cluster.embedded.process import LOOPBACK
from cluster.embedded.stripe_adaptations import adapt, is_client_secret, resume
from cluster.embedded.stripe_answers import Answer, Handler, SavedAnswers
from cluster.embedded.stripe_bank import Bank
from cluster.embedded.stripe_deliveries import Deliveries
from cluster.embedded.stripe_store import ObjectStore

SAVE_SECONDS = 1.0
"""What changes without a request (a delivery, a bank) is written so often."""

SHUTDOWN_SECONDS_MAX = 2.0
SETTLE_SECONDS = 5.0
ANSWER = "answer"
ELEMENTS = Path(__file__).parent / "stripe_elements.js"


class Process:
    """localstripe with its store, its webhooks and its answers replaced by ours."""

    def __init__(self, directory: Path, delay_seconds: float, settle_seconds: float) -> None:
        self._store = ObjectStore(directory)
        self._deliveries = Deliveries(self._store, delay_seconds)
        self._bank = Bank(settle_seconds, self._store.commit)
        self._answers = SavedAnswers(self._keep_answer)
        self._resources: Any = None
        self.app = self._application()

    def _application(self) -> web.Application:
        """In this order: its modules take each other's names when they are imported."""
        webhooks: Any = importlib.import_module("localstripe.webhooks")
        webhooks.register_webhook = self._deliveries.register
        webhooks.schedule_webhook = self._deliveries.schedule
        resources: Any = importlib.import_module("localstripe.resources")
        resources.store = self._store
        self._store.track(resources.StripeObject)
        adapt(resources, self._bank)
        self._resources = resources
        server: Any = importlib.import_module("localstripe.server")

        @web.middleware
        async def authorised(request: web.Request, handler: Handler) -> web.StreamResponse:
            if await self._is_buyer(request, server):
                return await handler(request)
            return await server.auth_middleware(request, handler)

        app: web.Application = server.app
        middlewares: list[Any] = [
            self._saving(),
            self._answering(),
            server.error_middleware,
            authorised,
        ]
        app.middlewares[:] = middlewares
        app.router.add_post("/_config/settle/{id}", self._settle)
        app.router.add_get("/js.stripe.com/elements.js", self._elements)
        app.cleanup_ctx.append(self._running)
        return app

    def _saving(self) -> Any:
        """Nobody hears of a change that `kill -9` could undo."""

        @web.middleware
        async def save(request: web.Request, handler: Handler) -> web.StreamResponse:
            try:
                return await handler(request)
            finally:
                self._store.commit()

        return save

    def _answering(self) -> Any:
        @web.middleware
        async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._answers.handle(request, handler)

        return answer

    async def _is_buyer(self, request: web.Request, server: Any) -> bool:
        """A browser pays and reads its own payment: with a publishable key and the payment's client secret."""
        match request.path.strip("/").split("/"):
            case ["v1", "payment_intents", payment_id, "confirm" | "_authenticate"] if (
                request.method == "POST"
            ):
                data = await server.get_post_data(request, remove_auth=False) or {}
            case ["v1", "payment_intents", payment_id] if request.method == "GET":
                data = request.query
            case _:
                return False
        key = data.get("key")
        return (
            isinstance(key, str)
            and key.startswith("pk_")
            and is_client_secret(self._resources, payment_id, data.get("client_secret"))
        )

    async def _settle(self, request: web.Request) -> web.Response:
        """For tests: the bank of a payment in processing, or of a refund that is to fail, answers now."""
        return web.Response(status=200 if self._bank.settle(request.match_info["id"]) else 404)

    async def _elements(self, _: web.Request) -> web.StreamResponse:
        """localstripe's own script has no payment element."""
        return web.FileResponse(ELEMENTS, headers={"Content-Type": "text/javascript"})

    async def _running(self, _app: web.Application) -> AsyncIterator[None]:
        self._store.load(self._resources)
        for key, text in self._store.texts(ANSWER):
            self._answers.saved[key] = msgspec.json.decode(text, type=Answer)
        self._deliveries.resume()
        resume(self._resources, self._bank)
        saving = asyncio.create_task(self._save_often())
        yield
        saving.cancel()
        await self._deliveries.close()
        self._store.close()

    async def _save_often(self) -> None:
        while True:
            await asyncio.sleep(SAVE_SECONDS)
            self._store.commit()

    def _keep_answer(self, key: str, answer: Answer | None) -> None:
        self._store.put_text(ANSWER, key, msgspec.json.encode(answer) if answer else None)


def main() -> None:
    parser = argparse.ArgumentParser(description="A local Stripe on loopback.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--webhook-delay-seconds", type=float, default=0.0)
    parser.add_argument("--settle-seconds", type=float, default=SETTLE_SECONDS)
    given = parser.parse_args()
    process = Process(given.directory, given.webhook_delay_seconds, given.settle_seconds)
    # No access log: a client secret may be in a query.
    web.run_app(
        process.app,
        host=LOOPBACK,
        port=given.port,
        access_log=None,
        print=lambda *_: None,
        shutdown_timeout=SHUTDOWN_SECONDS_MAX,
    )


if __name__ == "__main__":
    main()
