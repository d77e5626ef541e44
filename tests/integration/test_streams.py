"""Connecting, and keeping the streams as they are defined."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client

from actors.journal import JournalUnavailable
from cluster.embedded.nats import NatsServer
from cluster.embedded.process import free_port
from cluster.journal import connection
from cluster.journal.api import ApiError, call
from cluster.journal.connection import connect
from cluster.journal.jetstream import CommitTooLarge, JetStreamJournal
from cluster.journal.streams import (
    DEFINITIONS,
    JOURNAL,
    PAYLOAD_BYTES_MAX,
    WAKEUPS,
    Drift,
    StreamsUnfit,
    drift,
    ensure_streams,
)
from tests.journal_worlds import connected, new_block, until


@pytest.fixture
async def nc(tmp_path: Path) -> AsyncIterator[Client]:
    server = NatsServer.start(tmp_path / "nats")
    async with connected(server.url) as client:
        yield client
    server.stop()


async def config_of(nc: Client, stream: str) -> dict[str, Any]:
    return (await call(nc, f"STREAM.INFO.{stream}"))["config"]


async def test_streams_are_made_once_and_by_all_at_the_same_time(nc: Client) -> None:
    assert {found.stream for found in await drift(nc, 1)} == set(DEFINITIONS)
    await asyncio.gather(*(ensure_streams(nc, 1) for _ in range(4)))
    assert await drift(nc, 1) == []
    await ensure_streams(nc, 1)


async def test_nothing_can_be_deleted_from_the_journal(nc: Client) -> None:
    await ensure_streams(nc, 1)
    await JetStreamJournal(nc).append(new_block(), 0, "a", b"x")
    for method, body in (
        (f"STREAM.PURGE.{JOURNAL}", {}),
        (f"STREAM.MSG.DELETE.{JOURNAL}", {"seq": 1}),
    ):
        with pytest.raises(ApiError):
            await call(nc, method, body)


async def test_drift_is_named_and_repaired_where_the_server_allows_it(nc: Client) -> None:
    await ensure_streams(nc, 1)
    drifted = {**await config_of(nc, WAKEUPS), "max_age": 0}
    await call(nc, f"STREAM.UPDATE.{WAKEUPS}", drifted)
    wanted = DEFINITIONS[WAKEUPS]["max_age"]
    assert await drift(nc, 1) == [Drift(WAKEUPS, "max_age", wanted, 0)]
    await ensure_streams(nc, 1)
    assert await drift(nc, 1) == []


async def test_drift_that_cannot_be_repaired_is_an_error_that_names_it(nc: Client) -> None:
    await call(
        nc,
        f"STREAM.CREATE.{JOURNAL}",
        {"name": JOURNAL, "subjects": ["journal.>"], "storage": "memory"},
    )
    with pytest.raises(StreamsUnfit, match=r"JOURNAL.*storage"):
        await ensure_streams(nc, 1)


async def test_more_replicas_than_servers_is_an_error(nc: Client) -> None:
    await ensure_streams(nc, 1)
    with pytest.raises((StreamsUnfit, JournalUnavailable)):
        await ensure_streams(nc, 3)


async def test_a_commit_over_the_limit_is_refused_before_it_is_sent(nc: Client) -> None:
    await ensure_streams(nc, 1)
    journal, block = JetStreamJournal(nc), new_block()
    with pytest.raises(CommitTooLarge):
        await journal.append(block, 0, "a", b"x" * (PAYLOAD_BYTES_MAX + 1))
    sequence = await journal.append(block, 0, "b", b"x" * PAYLOAD_BYTES_MAX)
    first = await journal.first(block)
    assert first is not None
    assert (first.sequence, len(first.payload)) == (sequence, PAYLOAD_BYTES_MAX)


async def test_connecting_is_bounded_and_silent_about_the_password(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(connection, "CONNECT_SECONDS_MAX", 0.5)
    with pytest.raises(JournalUnavailable) as refused:
        await connect(f"nats://user:hunter2@127.0.0.1:{free_port()}", "test")
    with pytest.raises(JournalUnavailable) as malformed:
        await connect("nats://user:hunter2@127.0.0.1:notaport", "test")
    shown = "".join(capfd.readouterr())
    for text in (str(refused.value), str(malformed.value), shown):
        assert "hunter2" not in text
    assert refused.value.__cause__ is None
    assert malformed.value.__cause__ is None


async def test_an_outage_and_its_end_are_told_and_publishes_meanwhile_fail_at_once(
    tmp_path: Path,
) -> None:
    server = NatsServer.start(tmp_path / "nats")
    told = list[bool]()
    client = await connect(server.url, "test", told.append)
    await ensure_streams(client, 1)
    journal, block = JetStreamJournal(client, settle_seconds=0.2), new_block()
    first = await journal.append(block, 0, "a", b"")
    server.kill()
    await until(lambda: told == [False])
    with pytest.raises(JournalUnavailable):
        await journal.append(block, first, "b", b"")
    assert client.pending_data_size < 1_000
    again = NatsServer.start(server.directory, server.port)
    await until(lambda: told == [False, True])
    assert [entry.commit_id async for entry in journal.read(block, 0)] == ["a"]
    await journal.append(block, first, "c", b"")
    await client.close()
    again.stop()
