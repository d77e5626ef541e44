"""A journal of which one write has failed, and that has room again: it answers every question and stores nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.journal import UNSETTLED
from cluster.embedded.nats import WRITE_ERROR, NatsServer
from tests.e2e.venue import grid, hall, held, hold, refused, until
from tests.local_server import LocalServer, local_server
from tests.small_disk import small_disk

pytestmark = pytest.mark.asyncio(loop_scope="session")

DISK_MEGABYTES = 32
HOLDS_MAX = 40


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", DISK_MEGABYTES) as directory:
        yield directory


def fill(directory: Path) -> Path:
    """A file that takes all the room that is left."""
    filler, size = directory / "filler", 1 << 20
    with filler.open("wb", buffering=0) as file:
        while size:
            try:
                file.write(bytes(size))
            except OSError:
                size //= 2
    return filler


async def _until_refused(server: LocalServer, show_id: str) -> None:
    """The last pages of a full disk take some more."""
    for number in range(HOLDS_MAX):
        answer = await hold(server, show_id, f"S-{number // 20 + 2}-{number % 20 + 1}")
        if answer.status_code != 201:
            assert refused(answer, 503, "unavailable")["detail"] == UNSETTLED
            return
    raise AssertionError("a full disk takes everything")


async def test_a_journal_that_is_read_and_not_written_is_not_ready(
    disk: Path, mongodb_url: str
) -> None:
    nats = await asyncio.to_thread(NatsServer.start, disk / "nats")
    try:
        async with local_server(nats.url, mongodb_url, mongodb_database="write-error") as server:
            show_id = await hall(server, grid(4, 20))
            filler = await asyncio.to_thread(fill, disk)
            await _until_refused(server, show_id)
            filler.unlink()
            assert WRITE_ERROR in await asyncio.to_thread(nats._complaint)
            await server.runtime.journal_ready()  # other streams store, and this one is read
            ready = await server.http.get("/readyz")
            assert ready.status_code == 503
            assert "no definite answer to the last commit of host-" in ready.json()["journal"]
            await asyncio.to_thread(nats.stop)
            nats = await asyncio.to_thread(NatsServer.start, disk / "nats", nats.port)

            async def is_ready() -> bool:
                return (await server.http.get("/readyz")).status_code == 200

            await until(is_ready, "another server is another journal")
            await held(server, show_id, "S-1-1")
    finally:
        await asyncio.to_thread(nats.stop)
