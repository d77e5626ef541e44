"""Requests to one server from many buyers at once: over many connections, sent again safely when an answer is lost."""

from __future__ import annotations

import asyncio
import itertools
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

from cluster.operate.client import UNAVAILABLE, problem_of, retry_after

POOLS = 16
CONNECTIONS_PER_POOL_MAX = 32
"""httpx looks at every connection of a pool for every request: many small pools cost a fraction of a large one."""

ANSWER_SECONDS_MAX = 30.0
TRIES_MAX = 20
"""How often one request is sent while the answer is 429, 503 or lost."""

LOST_PAUSE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Refusal:
    """A problem that is an answer: its `code`."""

    status: int
    code: str


class Pools:
    """Connections to one server. `retries` counts what was sent again, by what went wrong; `turned_away` those among
    them that the server answered, 429 or 503, by the problem's code."""

    def __init__(self, url: str, retries: Counter[str]) -> None:
        limits = httpx.Limits(
            max_connections=CONNECTIONS_PER_POOL_MAX,
            max_keepalive_connections=CONNECTIONS_PER_POOL_MAX,
        )
        trust = ssl.create_default_context()
        self._pools = [
            httpx.AsyncClient(base_url=url, limits=limits, timeout=ANSWER_SECONDS_MAX, verify=trust)
            for _ in range(POOLS)
        ]
        self._next_pool = itertools.cycle(self._pools)
        self.retries = retries
        self.turned_away = Counter[str]()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for pool in self._pools:
            await pool.aclose()

    @asynccontextmanager
    async def stream(self, path: str, headers: dict[str, str]) -> AsyncIterator[httpx.Response]:
        """An answer that goes on and on. Raises httpx.TransportError."""
        async with next(self._next_pool).stream(
            "GET", path, headers=headers, timeout=None
        ) as answer:
            yield answer

    async def send(self, method: str, path: str, **options: Any) -> httpx.Response | Refusal:
        """The answer, or the problem that it is; what may be temporary is sent again, the same key included."""
        refusal = Refusal(0, "no_answer")
        for _ in range(TRIES_MAX):
            try:
                response = await next(self._next_pool).request(method, path, **options)
            except httpx.TransportError as error:
                self.retries[type(error).__name__] += 1
                await asyncio.sleep(LOST_PAUSE_SECONDS)
                continue
            if response.is_success or response.status_code == httpx.codes.NOT_MODIFIED:
                return response
            problem = problem_of(response)
            refusal = Refusal(problem.status, problem.code)
            if response.status_code not in UNAVAILABLE:
                return refusal
            self.retries[problem.code] += 1
            self.turned_away[problem.code] += 1
            await asyncio.sleep(retry_after(response))
        return refusal
