"""A full disk is a 503 and the end of nothing: with room again the supervisor starts what needs it, and all is there.

The supervisor is the real one, and so are its nats-server and mongod, on a small disk of their own; Ray is not there.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.embedded.mongod import Mongod
from cluster.embedded.nats import NatsServer
from cluster.embedded.process import StartError
from cluster.embedded.stack import Stack
from cluster.settings import Settings
from tests.e2e.venue import audit, current, grid, hall, until
from tests.local_server import AUTH, LocalServer, local_server
from tests.small_disk import small_disk

DISK_MEGABYTES = 700
"""mongod alone takes 300 MB to begin with."""

FULL_SECONDS = 15.0
BACK_SECONDS_MAX = 150.0
PAUSE_SECONDS = 0.2
CHUNK = bytes(1 << 20)


class _NoRay:
    """Runs until it is told not to."""

    running = True
    files = Path("/nowhere")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", DISK_MEGABYTES) as directory:
        yield directory


@pytest.fixture
def supervised(disk: Path) -> Iterator[tuple[str, str]]:
    """A nats-server and a mongod that are kept running on the disk; their URLs."""
    stack, ray = Stack(Settings(data_dir=disk), 1, disk), _NoRay()
    stack._ray = ray  # type: ignore[assignment]
    nats = stack._kept("nats", NatsServer.start(disk / "nats"))
    mongod = stack._kept("mongod", Mongod.start(disk / "mongod"))

    def watch() -> None:
        try:
            stack.watch()
        except StartError:
            return

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield nats.url, mongod.url
    finally:
        ray.running = False
        watching.join(60)
        for part in stack._parts.values():
            part.server.stop()


def fill(directory: Path) -> Path:
    """A file that takes all the room that is left."""
    filler, size = directory / "filler", len(CHUNK)
    with filler.open("wb", buffering=0) as file:
        while size:
            try:
                file.write(CHUNK[:size])
            except OSError:
                size //= 2
    return filler


class Asking:
    """A hold, reads and a new show, again and again; the answers by what was asked and their status."""

    def __init__(self, server: LocalServer, show_id: str) -> None:
        self.server, self.show_id = server, show_id
        self.answers = Counter[tuple[str, int]]()
        self.held = list[str]()
        self.stopped = False

    async def run(self) -> None:
        number = 0
        while not self.stopped:
            show: dict[str, Any] = {"name": f"N{number}", "venue": "V", "prices": {"A": 1}}
            show |= {"starts_at": "2030-01-01T20:00:00Z", "currency": "EUR"}
            seat = {"seats": [f"S-{number // 50 % 20 + 1}-{number % 50 + 1}"]}
            path = f"/v1/shows/{self.show_id}"
            await self._ask("hold", "POST", f"{path}/holds", seat)
            await self._ask("availability", "GET", f"{path}/availability")
            await self._ask("shows", "GET", "/v1/shows")
            await self._ask("new show", "POST", "/v1/shows", show)
            number += 1
            await asyncio.sleep(PAUSE_SECONDS)

    async def _ask(self, what: str, method: str, path: str, body: Any = None) -> None:
        answer = await self.server.http.request(method, path, json=body, headers=AUTH)
        self.answers[what, answer.status_code] += 1
        if (what, answer.status_code) == ("hold", 201):
            self.held.append(answer.json()["hold_id"])


@pytest.mark.timeout(400)
async def test_a_full_disk_is_told_and_when_there_is_room_everything_is_there(
    disk: Path, supervised: tuple[str, str]
) -> None:
    nats_url, mongodb_url = supervised
    async with local_server(nats_url, mongodb_url, mongodb_database="full") as server:
        asking = Asking(server, await hall(server, grid(20, 50)))
        task = asyncio.create_task(asking.run())

        async def is_ready() -> bool:
            return (await server.http.get("/readyz")).status_code == 200

        async def is_refused() -> bool:
            return asking.answers["hold", 503] > 0

        await until(is_ready, "ready")
        filler = await asyncio.to_thread(fill, disk)
        full = time.monotonic()
        await until(is_refused, "a hold is refused")
        await asyncio.sleep(max(0.0, full + FULL_SECONDS - time.monotonic()))
        ready = (await server.http.get("/readyz")).json()
        assert ready["journal"].startswith("unavailable")
        filler.unlink()
        await until(is_ready, "ready again", BACK_SECONDS_MAX)
        granted = len(asking.held)

        async def sells() -> bool:
            return len(asking.held) > granted

        await until(sells, "selling goes on")
        asking.stopped = True
        await task
        assert {status for _, status in asking.answers} <= {200, 201, 503}
        assert asking.answers["availability", 503] == 0
        for hold_id in asking.held:
            assert (await server.http.get(f"/v1/holds/{hold_id}")).status_code == 200
        assert await audit(server.runtime, asking.show_id) == await current(server, asking.show_id)
