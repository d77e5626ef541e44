"""The address that buyers know, in front of several clusters: as a Kubernetes Service whose selector is changed."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
from aiohttp import web

from cluster.embedded.process import LOOPBACK, free_port

START_SECONDS_MAX = 30.0
UNANSWERED = 502
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "host", "content-length"}


class Switch:
    """Sends each request to the next of `targets`; requests that are under way stay where they are."""

    def __init__(self, *targets: str) -> None:
        self.url = f"http://{LOOPBACK}:{free_port()}"
        self.requests = 0
        self.errors = 0
        self.turn(*targets)

    def turn(self, *targets: str) -> None:
        """From now on these, in turn."""
        self._targets = itertools.cycle(targets)

    @contextmanager
    def running(self) -> Iterator[Switch]:
        """It serves in a thread of its own while the block runs."""
        loop, started = asyncio.new_event_loop(), threading.Event()
        thread = threading.Thread(target=self._serve, args=(loop, started), daemon=True)
        thread.start()
        assert started.wait(START_SECONDS_MAX)
        try:
            yield self
        finally:
            loop.call_soon_threadsafe(self._stopping.set)
            thread.join(START_SECONDS_MAX)

    def _serve(self, loop: asyncio.AbstractEventLoop, started: threading.Event) -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(self._run(started))

    async def _run(self, started: threading.Event) -> None:
        self._stopping = asyncio.Event()
        async with aiohttp.ClientSession() as self._http:
            app = web.Application()
            app.router.add_route("*", "/{path:.*}", self._pass_on)
            served = web.AppRunner(app, access_log=None)
            await served.setup()
            await web.TCPSite(served, LOOPBACK, int(self.url.rpartition(":")[2])).start()
            started.set()
            await self._stopping.wait()
            await served.cleanup()

    async def _pass_on(self, request: web.Request) -> web.Response:
        self.requests += 1
        url = next(self._targets) + request.path_qs
        headers = {k: v for k, v in request.headers.items() if k.lower() not in HOP_BY_HOP}
        body = await request.read()
        try:
            async with self._http.request(
                request.method, url, headers=headers, data=body
            ) as answer:
                self.errors += answer.status >= 500
                kept = {k: v for k, v in answer.headers.items() if k.lower() not in HOP_BY_HOP}
                return web.Response(body=await answer.read(), status=answer.status, headers=kept)
        except aiohttp.ClientError:
            self.errors += 1
            return web.Response(status=UNANSWERED)
