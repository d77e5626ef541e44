"""The whole product but Ray in one process: real NATS, real mongod, real HTTP; the hosts live in the test's loop.

Fast to start, so that the HTTP contract can be tested in detail; what Ray adds is tested on the running stack.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any

import httpx
import uvicorn
from pydantic import SecretStr

from actors.client import HostUnavailable
from actors.domain.identity import BlockKey
from actors.host import Host
from actors.telemetry import Telemetry
from actors.wire import decode_batch, encode_outcomes
from cluster.bootstrap import Runtime, connect
from cluster.host_process import commit_id, now
from cluster.journal.jetstream import JetStreamJournal
from cluster.services.loading import LoadingService, LoadingStore
from cluster.services.service import Service
from cluster.settings import Settings
from cluster.starting import make_ready
from cluster.ticketing.codes import TicketKeys
from serve_app.app import create_app

ADMIN_KEY = "test-admin-key"
AUTH = {"Authorization": f"Bearer {ADMIN_KEY}"}
TICKET_KEYS = TicketKeys.generate("T1")


class LocalTransport:
    """Hosts as plain objects; `down` makes some of them unreachable."""

    def __init__(self) -> None:
        self.runtime: Runtime | None = None
        self.hosts: dict[str, Host] = {}
        self.down: set[str] = set()
        self.calls = 0
        self.restarts = 0

    def host(self, name: str) -> Host:
        assert self.runtime is not None
        if name not in self.hosts:
            journal = JetStreamJournal(self.runtime.nc, telemetry=self.runtime.telemetry)
            telemetry = self.runtime.telemetry
            self.hosts[name] = Host(name, journal, now, commit_id, name, telemetry=telemetry)
        return self.hosts[name]

    async def execute(self, host: str, payload: bytes) -> bytes:
        self.calls += 1
        if host in self.down:
            raise HostUnavailable("down")
        return encode_outcomes(await self.host(host).execute(*decode_batch(payload)))

    async def reports(self, hosts: list[str]) -> list[dict[str, Any] | None]:
        for name in hosts:
            self.host(name)  # asking for a host makes it
        return [None if host in self.down else self._report(host) for host in hosts]

    def _report(self, host: str) -> dict[str, Any]:
        """The numbers of processes are made up: another one after each restart."""
        return {**asdict(self.host(host).report()), "pid": 1_000 + self.restarts}

    async def names(self) -> list[str]:
        return sorted(self.hosts)

    async def put_away(self, host: str, blocks: list[BlockKey] | None) -> int | None:
        return None if host in self.down else await self.host(host).put_away(blocks)

    async def restart(self, host: str) -> None:
        self.restarts += 1
        self.hosts.pop(host, None)
        self.down.discard(host)

    async def retire(self, host: str) -> None:
        self.hosts.pop(host, None)


class _Poke:
    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(0.02)


@dataclass(frozen=True)
class LocalServer:
    """A client with the base URL set, and the parts behind it."""

    http: httpx.AsyncClient
    url: str
    runtime: Runtime
    transport: LocalTransport

    async def show(self, **changes: Any) -> str:
        """A new show; its id."""
        body = {
            "name": "Test",
            "venue": "Hall",
            "starts_at": "2030-01-01T20:00:00Z",
            "currency": "EUR",
            "prices": {"A": 5000, "B": 3000},
            **changes,
        }
        answer = await self.http.post("/v1/shows", json=body, headers=AUTH)
        assert answer.status_code == 201, answer.text
        return answer.json()["show_id"]

    async def load(self, show_id: str, csv: str) -> dict[str, Any]:
        """Load seats and wait for the job."""
        answer = await self.http.post(
            f"/v1/shows/{show_id}/seats", content=csv, headers={**AUTH, "Content-Type": "text/csv"}
        )
        assert answer.status_code == 202, answer.text
        return await self.job(answer.json()["job_id"])

    async def job(self, job_id: str) -> dict[str, Any]:
        async with asyncio.timeout(30):
            while True:
                job = (await self.http.get(f"/v1/jobs/{job_id}")).json()
                if job["state"] in ("done", "failed"):
                    return job
                await asyncio.sleep(0.02)


Services = Callable[[Runtime], list[Service]]


def _no_services(_: Runtime) -> list[Service]:
    return []


@asynccontextmanager
async def local_server(
    nats_url: str,
    mongodb_url: str,
    services: Services = _no_services,
    telemetry: Telemetry | None = None,
    **changes: Any,
) -> AsyncIterator[LocalServer]:
    """`services` makes what runs beside the server, in the same loop; `telemetry` hears of everything."""
    settings = Settings(
        nats_url=nats_url,
        mongodb_url=mongodb_url,
        admin_key=SecretStr(ADMIN_KEY),
        ticket_keys=SecretStr(TICKET_KEYS),
        **changes,
    )
    await make_ready(settings)
    transport = LocalTransport()

    async def build() -> Runtime:
        runtime = await connect(settings, "test", transport, telemetry)
        transport.runtime = runtime
        return runtime

    server = uvicorn.Server(uvicorn.Config(create_app(build), port=0, log_level="warning"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
        assert not serving.done(), serving.exception()
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    runtime = transport.runtime
    assert runtime is not None
    store = LoadingStore(runtime.shows, runtime.plans, runtime.jobs)
    running: list[Service] = [
        LoadingService(store, runtime.client.ask, _Poke(), now, f"test-{commit_id()}"),
        *services(runtime),
    ]
    loops = [asyncio.create_task(service.run()) for service in running]
    try:
        async with httpx.AsyncClient(base_url=url, timeout=30) as http:
            yield LocalServer(http, url, runtime, transport)
    finally:
        await asyncio.gather(*[service.stop() for service in running])
        await asyncio.gather(*loops)
        server.should_exit = True
        await serving
