"""Streams taken out and put back, on a real server and on a real cluster: sequences, headers and times stay."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client

from cluster.embedded.nats import NatsServer
from cluster.journal.api import call
from cluster.journal.consumer import Delivery, DurableConsumer
from cluster.journal.copying import (
    ForeignMessage,
    Message,
    Position,
    make_stream,
    positions,
    put_back,
    put_position,
    stream_state,
    taken,
)
from cluster.journal.fact import read_fact, write_fact
from cluster.journal.streams import CLUSTER, JOURNAL, NOTICES, drift, ensure_streams
from tests.journal_worlds import connected


@pytest.fixture
async def empty(tmp_path: Path) -> AsyncIterator[Client]:
    server = NatsServer.start(tmp_path / "empty")
    async with connected(server.url) as nc:
        yield nc
    server.stop()


def commits(count: int, blocks: int = 5) -> list[Message]:
    """A journal as it comes to be: each commit fenced by the last one of its block."""
    last, found = dict[int, int](), list[Message]()
    for n in range(1, count + 1):
        block = n % blocks
        headers = {
            "Nats-Msg-Id": f"commit{n}",
            "Nats-Expected-Last-Subject-Sequence": str(last.get(block, 0)),
        }
        found.append(Message(n, 1_000 + n, f"journal.show.{block}", headers, b"%d" % n))
        last[block] = n
    return found


async def everything(nc: Client, stream: str) -> list[Message]:
    state = await stream_state(nc, stream)
    assert state is not None
    return [message async for message in taken(nc, stream, 0, state.last)]


async def test_what_is_put_back_is_what_was_taken(empty: Client) -> None:
    journal = commits(700)
    await make_stream(empty, JOURNAL, 1, 1)
    assert await put_back(empty, JOURNAL, journal, 0) == 700
    assert await everything(empty, JOURNAL) == journal
    await ensure_streams(empty, 1)
    assert await drift(empty, 1) == []
    # The fences hold for whoever goes on.
    answer = await empty.request(
        "journal.show.1", b"x", headers={"Nats-Expected-Last-Subject-Sequence": "1"}
    )
    assert b"10071" in answer.data


async def test_it_goes_on_where_it_was_interrupted(empty: Client) -> None:
    journal = commits(300)
    await make_stream(empty, JOURNAL, 1, 1)
    await put_back(empty, JOURNAL, journal[:120], 0)
    # Somebody who does not know how far it came begins anew: what is there is not stored again.
    assert await put_back(empty, JOURNAL, journal, 0) == 300
    assert await everything(empty, JOURNAL) == journal


@pytest.mark.parametrize("where", [0, 3, 40])
async def test_what_somebody_else_has_stored_meanwhile_is_not_taken_for_ours(
    empty: Client, where: int
) -> None:
    """A host that still runs commits into the journal that is being restored."""
    journal = commits(120)
    await make_stream(empty, JOURNAL, 1, 1)
    await put_back(empty, JOURNAL, journal[:where], 0)
    await empty.request("journal.show.7", b"foreign")
    with pytest.raises(ForeignMessage, match=f"at {where + 1}$"):
        await put_back(empty, JOURNAL, journal[where:], where)


async def test_a_fact_that_was_changed_often_is_put_back(empty: Client) -> None:
    """The stream keeps the last message of a subject only: what its fence names is not there any more."""
    await ensure_streams(empty, 1)
    fleet, lease = "cluster.hosts", "cluster.elasticity"
    revision, renewed = await write_fact(empty, fleet, b"2 hosts", 0), 0
    for n in range(5):
        renewed = await write_fact(empty, lease, b"%d" % n, renewed)
        revision = await write_fact(empty, fleet, b"%d hosts" % n, revision)
    facts = await everything(empty, CLUSTER)
    assert [message.subject for message in facts] == [lease, fleet]
    await call(empty, f"STREAM.DELETE.{CLUSTER}")
    await make_stream(empty, CLUSTER, 1, facts[0].sequence)
    await put_back(empty, CLUSTER, facts, facts[0].sequence - 1)
    found = await read_fact(empty, fleet)
    assert found is not None
    assert found.payload == b"4 hosts"
    assert await write_fact(empty, fleet, b"3 hosts", found.sequence) > found.sequence


async def test_the_same_message_id_long_ago_does_not_swallow_a_message(empty: Client) -> None:
    notices = [
        Message(n, n, "notices.stripe", {"Nats-Msg-Id": f"evt_{n % 2}"}, b"%d" % n)
        for n in range(50, 56)
    ]
    await make_stream(empty, NOTICES, 1, 50)
    assert await put_back(empty, NOTICES, notices, 49) == 55
    assert await everything(empty, NOTICES) == notices
    state = await stream_state(empty, NOTICES)
    assert state is not None
    assert (state.first, state.last) == (50, 55)


async def test_a_cluster_takes_it_too(nats_cluster: list[NatsServer]) -> None:
    journal = commits(200, blocks=20)
    async with connected(nats_cluster[0].url) as nc:
        if await stream_state(nc, JOURNAL) is not None:
            await call(nc, f"STREAM.DELETE.{JOURNAL}", seconds=10)
        await make_stream(nc, JOURNAL, 3, 1)
        assert await put_back(nc, JOURNAL, journal, 0) == 200
        assert await everything(nc, JOURNAL) == journal
        await ensure_streams(nc, 3)
        await call(nc, f"STREAM.DELETE.{JOURNAL}", seconds=10)
        await ensure_streams(nc, 3)


async def test_a_service_goes_on_where_it_was(empty: Client) -> None:
    await make_stream(empty, JOURNAL, 1, 1)
    await put_back(empty, JOURNAL, commits(10), 0)
    config: dict[str, Any] = {
        "durable_name": "payment",
        "filter_subject": "journal.>",
        "ack_policy": "explicit",
        "deliver_policy": "all",
    }
    await put_position(empty, JOURNAL, "payment", Position(7, config))
    await put_position(empty, JOURNAL, "payment", Position(3, config))  # it is there
    info = await call(empty, f"CONSUMER.INFO.{JOURNAL}.payment")
    assert info["num_pending"] == 3
    assert (await positions(empty, JOURNAL))["payment"].done == 7
    heard = list[int]()

    async def handle(deliveries: list[Delivery]) -> None:
        heard.extend(delivery.sequence for delivery in deliveries)

    consumer = DurableConsumer(empty, JOURNAL, "payment", "journal.>", handle)
    consumer.start()
    async with asyncio.timeout(30):
        while len(heard) < 3:
            await asyncio.sleep(0.02)
    await consumer.stop()
    assert heard == [8, 9, 10]


async def test_a_stream_that_is_not_there_is_told_at_once(empty: Client) -> None:
    async with asyncio.timeout(2):
        assert await stream_state(empty, JOURNAL) is None
