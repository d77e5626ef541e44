"""Stores that take no more: told at once as 503, named by /readyz, and nothing that was acknowledged is lost."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from pymongo.errors import BulkWriteError, OperationFailure

from cluster.embedded.nats import NatsServer
from cluster.store import mongo
from cluster.store.mongo import Collection, StoreError, StoreUnavailable
from tests.e2e.venue import audit, current, grid, hall, held, hold, refused, until
from tests.local_server import AUTH, LocalServer, local_server

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIMIT_BYTES = 200_000
HOLDS_MAX = 400


class SmallServer(NatsServer):
    """A nats-server that may store no more than LIMIT_BYTES."""

    def _config(self) -> str:
        limit = f"max_file_store: {LIMIT_BYTES}"
        return (
            super()._config().replace("sync_interval: always", f"sync_interval: always\n  {limit}")
        )


async def _fill(server: LocalServer, show_id: str) -> list[str]:
    """Hold and give back until nothing more is stored; the ids of what was acknowledged and kept."""
    kept = list[str]()
    for number in range(HOLDS_MAX):
        answer = await hold(server, show_id, f"S-{number // 50 + 1}-{number % 50 + 1}")
        if answer.status_code != 201:
            problem = refused(answer, 503, "unavailable")
            assert "the journal is full" in problem["detail"]
            assert answer.headers["Retry-After"]
            return kept
        kept.append(answer.json()["hold_id"])
    raise AssertionError(f"{HOLDS_MAX} holds have not filled {LIMIT_BYTES} bytes")


async def test_a_full_journal_is_told_at_once_and_keeps_what_it_has(
    tmp_path: Path, mongodb_url: str
) -> None:
    nats = await asyncio.to_thread(SmallServer.start, tmp_path / "nats")
    async with local_server(nats.url, mongodb_url, mongodb_database="full-journal") as server:
        show_id = await hall(server, grid(8, 50))
        assert (await server.http.get("/readyz")).status_code == 200
        kept = await _fill(server, show_id)
        before = await current(server, show_id)
        async with asyncio.timeout(5):  # nobody waits for what cannot be
            refused(await hold(server, show_id, "S-8-50", key="later"), 503, "unavailable")

        async def unready() -> bool:
            ready = await server.http.get("/readyz")
            return ready.status_code == 503 and "the journal is full" in ready.json()["journal"]

        await until(unready, "/readyz says why")
        assert (await server.http.get(f"/v1/shows/{show_id}/availability")).status_code == 200
        made = {"name": "Late", "venue": "V", "starts_at": "2030-01-01T20:00:00Z"}
        body = {**made, "currency": "EUR", "prices": {"A": 1}}
        refused(await server.http.post("/v1/shows", json=body, headers=AUTH), 503, "unavailable")

        await asyncio.to_thread(nats.stop)
        nats = await asyncio.to_thread(NatsServer.start, tmp_path / "nats", nats.port)

        async def ready() -> bool:
            return (await server.http.get("/readyz")).status_code == 200

        await until(ready, "the journal takes more")
        for hold_id in kept:
            assert (await server.http.get(f"/v1/holds/{hold_id}")).status_code == 200
        assert await current(server, show_id) == before
        await held(server, show_id, "S-8-50", key="later")
        assert await audit(server.runtime, show_id) == await current(server, show_id)
    await asyncio.to_thread(nats.stop)


@pytest.mark.parametrize("code", sorted(mongo.CANNOT_WRITE))
async def test_a_mongod_that_cannot_write_is_unavailable_and_no_defect(code: int) -> None:
    class Full:
        async def insert_one(self, _: object) -> None:
            raise OperationFailure("28: No space left on device", code)

        async def bulk_write(self, *_: object, **__: object) -> None:
            raise BulkWriteError({"writeErrors": [{"index": 0, "code": code}]})

    collection = Collection(Full())  # type: ignore[arg-type]
    with pytest.raises(StoreUnavailable, match="disk full"):
        await collection.insert({})
    with pytest.raises(StoreUnavailable, match="disk full"):
        await collection.write_all([mongo.Write({}, {"$set": {"a": 1}})])


async def test_another_refusal_of_mongod_is_a_defect() -> None:
    class Strict:
        async def insert_one(self, _: object) -> None:
            raise OperationFailure("failed to parse", 9)

    with pytest.raises(StoreError, match="code 9"):
        await Collection(Strict()).insert({})  # type: ignore[arg-type]
