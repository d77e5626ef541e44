"""Many people who look at one large show: what its page weighs and costs, and a thousand who watch it live.

The figures are printed (`pytest -s`) and kept in docs/performance.md. The bounds of time are for a machine that is busy
with other things; those of size and memory are what is wanted.
"""

from __future__ import annotations

import asyncio
import json
import resource
import statistics
import sys
import time
from collections.abc import AsyncIterator, Iterator

import httpx
import psutil
import pytest
import pytest_asyncio

from cluster.embedded.nats import NatsServer
from cluster.venues.stadium import STADIUM_CATEGORIES, stadium_csv
from tests.e2e.venue import hall, held
from tests.local_server import LocalServer, local_server

pytestmark = pytest.mark.asyncio(loop_scope="session")

STREAMS = 1_000
STREAMS_MEMORY_MAX = 150_000_000
HEARD_SECONDS_MAX = 10.0
PAGE_BYTES_MAX = 60_000
PAGE_SECONDS_MAX = 1.0
LOOKS = 15

PRICES = dict.fromkeys(STADIUM_CATEGORIES, 5_000)


@pytest.fixture(scope="module", autouse=True)
def files() -> Iterator[None]:
    """Room for the sockets of both ends."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4 * STREAMS
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"{hard} open files are allowed here, {wanted} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def crowded(nats_server: NatsServer, mongodb_url: str) -> AsyncIterator[LocalServer]:
    async with local_server(nats_server.url, mongodb_url, mongodb_database="crowded") as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stadium(crowded: LocalServer) -> str:
    return await hall(crowded, stadium_csv(), prices=PRICES)


async def looked(server: LocalServer, path: str, **headers: str) -> tuple[float, httpx.Response]:
    began = time.perf_counter()
    answer = await server.http.get(path, headers=headers)
    return time.perf_counter() - began, answer


async def test_the_page_of_a_stadium_is_small_and_fast(crowded: LocalServer, stadium: str) -> None:
    path = f"/shows/{stadium}"
    first, answer = await looked(crowded, path)
    assert answer.status_code == 200
    assert ">311<" in answer.text  # a section by name: the numbers are there
    times = {"first": first}
    for what, headers in (("again", {}), ("kept", {"If-None-Match": answer.headers["etag"]})):
        looks = [await looked(crowded, path, **headers) for _ in range(LOOKS)]
        assert {seen.status_code for _, seen in looks} == {304 if headers else 200}
        times[what] = statistics.median(took for took, _ in looks)
    sent = int(answer.headers["content-length"])
    shown = {what: round(seconds * 1e3, 1) for what, seconds in times.items()}
    print(f"page of {path}: {len(answer.content)} bytes, {sent} as sent; ms: {shown}")
    assert len(answer.content) < PAGE_BYTES_MAX
    assert max(times["again"], times["kept"]) < PAGE_SECONDS_MAX


async def test_a_thousand_watch_and_all_hear_of_a_change(
    crowded: LocalServer, stadium: str
) -> None:
    before = psutil.Process().memory_info().rss
    listeners = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "cluster.operate.bench.listeners", crowded.url, stadium, str(STREAMS)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert listeners.stdout is not None
    assert await listeners.stdout.readline() == b"open\n"
    assert crowded.runtime.views.watchers == STREAMS
    memory = psutil.Process().memory_info().rss - before
    began = time.time()
    await held(crowded, stadium, best_available={"quantity": 2})
    answered = time.time() - began
    heard = [at - began for at in json.loads(await listeners.stdout.read())]
    assert await listeners.wait() == 0
    print(
        f"{STREAMS} streams: {memory / 1e6:.0f} MB; the hold took {answered:.3f} s, heard after "
        f"{heard[0]:.3f} s by the first, {heard[-1]:.3f} s by the last"
    )
    assert len(heard) == STREAMS
    assert memory < STREAMS_MEMORY_MAX
    assert heard[-1] < HEARD_SECONDS_MAX
