"""Live availability: changes arrive, a client that comes back misses nothing or is told so, and there is a limit."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest

from cluster.embedded.nats import NatsServer
from cluster.reads import show_view, views
from serve_app.api import stream as stream_api
from tests.e2e.venue import (
    WAIT_SECONDS_MAX,
    Answer,
    current,
    grid,
    hall,
    held,
    refused,
    statuses,
    until,
)
from tests.local_server import AUTH, LocalServer, local_server

pytestmark = pytest.mark.asyncio(loop_scope="session")


@dataclass(frozen=True)
class ServerSent:
    """One event (HTML standard, 9.2.6), or a comment."""

    event: str
    id: int | None
    data: Answer
    comment: str = ""

    @property
    def changes(self) -> dict[str, str]:
        return {change["seat"]: change["status"] for change in self.data["changes"]}


class Listening:
    """A client of a stream."""

    def __init__(self, answer: httpx.Response) -> None:
        self._lines = answer.aiter_lines()

    async def next(self) -> ServerSent:
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            while True:
                fields = dict[str, str]()
                async for line in self._lines:
                    if not line:
                        break
                    name, _, value = line.partition(":")
                    fields[name] = value.strip()
                if "event" in fields or "" in fields:
                    number = int(fields["id"]) if "id" in fields else None
                    data = json.loads(fields.get("data", "{}"))
                    return ServerSent(fields.get("event", ""), number, data, fields.get("", ""))

    async def next_changes(self) -> ServerSent:
        while not (sent := await self.next()).data.get("changes"):
            pass
        return sent


@asynccontextmanager
async def listening(
    server: LocalServer, show_id: str, last: int | None = None
) -> AsyncIterator[Listening]:
    headers = {} if last is None else {"Last-Event-ID": str(last)}
    async with server.http.stream("GET", f"/v1/shows/{show_id}/stream", headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-cache"
        yield Listening(answer)


async def test_changes_arrive_as_they_happen(server: LocalServer) -> None:
    show_id = await hall(server, grid(2, 5))
    async with listening(server, show_id) as client:
        first = await client.next()
        assert (first.event, first.changes) == ("seats", {})
        hold = await held(server, show_id, "S-1-1", "S-2-5")
        change = await client.next_changes()
        assert (change.event, change.changes) == ("seats", {"S-1-1": "held", "S-2-5": "held"})
        assert change.id is not None
        assert first.id is not None
        assert change.id > first.id
        await server.http.delete(f"/v1/holds/{hold['hold_id']}")
        assert (await client.next_changes()).changes == {"S-1-1": "available", "S-2-5": "available"}


async def test_whoever_comes_back_gets_what_was_missed_exactly_once(server: LocalServer) -> None:
    show_id = await hall(server, grid(2, 10))
    seen = await statuses(server, show_id)
    version = (await server.http.get(f"/v1/shows/{show_id}/availability")).json()["version"]
    last, received = version, list[int]()
    for turn in range(4):
        await asyncio.gather(*[held(server, show_id, f"S-1-{turn * 2 + n}") for n in (1, 2)])
        async with listening(server, show_id, last) as client:
            await held(server, show_id, f"S-2-{turn + 1}")
            while seen.get(f"S-2-{turn + 1}") != "held":
                change = await client.next_changes()
                assert change.id is not None
                received.append(change.id)
                seen |= change.changes
                last = change.id
    assert received == sorted(set(received))
    assert seen == await current(server, show_id)
    path = f"/v1/shows/{show_id}/stream?last_event_id={version}"
    async with server.http.stream("GET", path) as answer:
        assert (await Listening(answer).next_changes()).id == received[0]


async def test_an_id_that_cannot_be_resumed_is_told_to_resync_and_where_to_go_on(
    server: LocalServer,
) -> None:
    show_id = await hall(server)
    await held(server, show_id, "S-1-1")
    await current(server, show_id)
    version = (await server.http.get(f"/v1/shows/{show_id}/availability")).json()["version"]
    for turn, last in enumerate((0, 1, version + 1_000_000, 9_999_999_999_999_999_999)):
        async with listening(server, show_id, last) as client:
            resync = await client.next()
            assert (resync.event, resync.id) == ("resync", version)
            async with listening(server, show_id, resync.id) as resumed:
                seat = f"S-2-{turn + 1}"
                await held(server, show_id, seat)
                assert (await resumed.next_changes()).changes == {seat: "held"}
            version = (await client.next_changes()).id or 0


async def test_what_is_too_old_is_forgotten(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(show_view, "CHANGES_REMEMBERED_MAX", 3)
    show_id = await hall(server)
    version = (await server.http.get(f"/v1/shows/{show_id}/availability")).json()["version"]
    async with listening(server, show_id) as client:
        ids = list[int]()
        for seat in range(1, 6):
            await held(server, show_id, f"S-1-{seat}")
            ids.append((await client.next_changes()).id or 0)
    async with listening(server, show_id, version) as late:
        assert (await late.next()).event == "resync"
    async with listening(server, show_id, ids[1]) as client:
        assert [(await client.next_changes()).id for _ in range(3)] == ids[2:]


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "\u0661", "1" * 20, "1; drop"])
async def test_an_id_that_is_none_of_ours_is_refused(server: LocalServer, last: str) -> None:
    show_id = await hall(server, grid(1, 1))
    headers = [(b"Last-Event-ID", last.encode())]
    refused(
        await server.http.get(f"/v1/shows/{show_id}/stream", headers=headers),
        422,
        "invalid_request",
    )


async def test_new_seats_are_a_reason_to_resync(server: LocalServer) -> None:
    show_id = await hall(server, grid(1, 2))
    async with listening(server, show_id) as client:
        first = await client.next()
        await server.load(show_id, grid(1, 2, "T"))
        resync = await client.next()
        assert resync.event == "resync"
        await held(server, show_id, "T-1-1")
        assert (await client.next_changes()).changes == {"T-1-1": "held"}
    async with listening(server, show_id, first.id) as late:
        assert [(await late.next()).event for _ in range(2)] == ["resync", "seats"]


async def test_a_quiet_stream_stays_open_and_ends_in_time(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_api, "HEARTBEAT_SECONDS", 0.05)
    show_id = await hall(server)
    async with listening(server, show_id) as client:
        await client.next()
        assert [(await client.next()).comment for _ in range(3)] == ["still here"] * 3
        await held(server, show_id, "S-1-1")
        assert (await client.next_changes()).changes == {"S-1-1": "held"}
    monkeypatch.setattr(stream_api, "LIFETIME_SECONDS_MAX", 0.2)
    async with (
        asyncio.timeout(WAIT_SECONDS_MAX),
        server.http.stream("GET", f"/v1/shows/{show_id}/stream") as answer,
    ):
        assert "still here" in (await answer.aread()).decode()


async def test_a_watcher_too_slow_for_the_sale_is_told_to_resync(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "WATCHER_CHANGES_MAX", 2)
    show_id = await hall(server)
    async with server.runtime.views.watch(show_id) as slow:
        for seat in range(1, 5):
            await held(server, show_id, f"S-1-{seat}")
        await until(lambda: _overflowed(slow), "the watcher overflows")


async def _overflowed(watcher: views.Watcher) -> bool:
    return watcher.overflowed


async def test_there_is_a_limit_to_streams_and_room_again_when_one_leaves(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    show_id = await hall(server)
    await until(lambda: _unwatched(server), "earlier streams have ended")
    monkeypatch.setattr(views, "WATCHERS_MAX", 2)
    path = f"/v1/shows/{show_id}/stream"
    async with listening(server, show_id) as first, listening(server, show_id) as second:
        await asyncio.gather(first.next(), second.next())
        refused(await server.http.get(path), 503, "unavailable")
        assert (await server.http.head(path)).status_code == 503

    async def room() -> bool:
        return not server.runtime.views.full

    await until(room, "a stream that was left is noticed")
    async with listening(server, show_id) as again:
        assert (await again.next()).event == "seats"
    assert (await server.http.head(path)).headers["content-type"].startswith("text/event-stream")


async def test_one_client_does_not_take_the_streams_of_all(
    nats_server: NatsServer, mongodb_url: str
) -> None:
    settings = {"rate_limits": "all", "streams_per_client": 2, "trusted_hops": 1}
    async with local_server(
        nats_server.url, mongodb_url, mongodb_database="stream-shares", **settings
    ) as server:
        show_id = await hall(server)
        path = f"/v1/shows/{show_id}/stream"

        async def asked(client: str, **fields: str) -> int:
            headers = {"X-Forwarded-For": client, **fields}
            answer = await server.http.head(path, headers=headers)
            assert (answer.status_code == 429) == ("Retry-After" in answer.headers)
            return answer.status_code

        for _ in range(2):
            async with listening(server, show_id) as first, listening(server, show_id) as second:
                await asyncio.gather(first.next(), second.next())
                refused(await server.http.get(path), 429, "too_many_requests")
                assert await asked("127.0.0.1") == 429
                assert await asked("192.0.2.1") == 200
                assert await asked("127.0.0.1", **AUTH) == 200

            async def left() -> bool:
                return await asked("127.0.0.1") == 200

            await until(left, "a stream that was left is noticed")


async def _unwatched(server: LocalServer) -> bool:
    return server.runtime.views.watchers == 0
