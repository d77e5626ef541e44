"""Lease, floor and roll call over a real nats-server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from nats.aio.client import Client

from cluster.journal.fact import FactConflict, read_fact, write_fact
from cluster.journal.floor import NO_FLOOR, Floor, raise_floor, read_floor
from cluster.journal.lease import LEASE_SECONDS, Lease
from cluster.journal.roll import answer_roll, call_roll
from cluster.journal.streams import ensure_streams
from tests.journal_worlds import connected


@pytest.fixture
async def nc(nats_url: str) -> AsyncIterator[Client]:
    async with connected(nats_url) as client:
        await ensure_streams(client, 1)
        yield client


@pytest.fixture
def subject() -> str:
    return f"cluster.test-{uuid4().hex}"


async def test_a_fact_is_changed_only_by_who_knows_it(nc: Client, subject: str) -> None:
    assert await read_fact(nc, subject) is None
    first = await write_fact(nc, subject, b"one", 0)
    for stale in (0, first + 1):
        with pytest.raises(FactConflict):
            await write_fact(nc, subject, b"two", stale)
    await write_fact(nc, subject, b"two", first)
    found = await read_fact(nc, subject)
    assert found is not None
    assert found.payload == b"two"


async def test_of_two_one_holds_the_lease_until_it_is_silent_for_long(
    nc: Client, subject: str
) -> None:
    time = 0.0
    ours, theirs = (Lease(nc, subject, name, lambda: time) for name in ("ours", "theirs"))
    assert await ours.hold()
    assert not await theirs.hold()
    time = LEASE_SECONDS
    assert await ours.hold()  # renewed
    time += 1
    assert not await theirs.hold()
    time += LEASE_SECONDS
    assert not await theirs.hold()  # has looked at the renewed lease for less than that
    time += LEASE_SECONDS
    assert await theirs.hold()
    assert not await ours.hold()


async def test_two_that_take_a_free_lease_at_once_are_not_both_holders(
    nc: Client, subject: str
) -> None:
    leases = [Lease(nc, subject, str(n), lambda: 0.0) for n in range(8)]
    assert sum(await asyncio.gather(*[lease.hold() for lease in leases])) == 1


async def test_a_floor_is_raised_and_never_lowered_before_its_time(nc: Client) -> None:
    assert await read_floor(nc) == NO_FLOOR
    assert await raise_floor(nc, Floor(4, 1_000), now=0) == Floor(4, 1_000)
    assert await raise_floor(nc, Floor(2, 2_000), now=0) == Floor(4, 2_000)
    assert await read_floor(nc) == Floor(4, 2_000)
    assert await raise_floor(nc, Floor(2, 3_000), now=2_000) == Floor(2, 3_000)


async def test_a_roll_call_counts_who_is_there_and_who_has_done_it(
    nc: Client, nats_url: str, subject: str
) -> None:
    heard = list[bytes]()

    async def does(payload: bytes) -> bool:
        heard.append(payload)
        return True

    async def refuses(_: bytes) -> bool:
        return False

    async def breaks(_: bytes) -> bool:
        raise ValueError

    assert await call_roll(nc, subject, b"", 5) == (0, 0)
    async with connected(nats_url) as other:
        for handle in (does, does, refuses, breaks):
            await answer_roll(other, subject, handle)
        await other.flush()
        assert await call_roll(nc, subject, b"hello", 5) == (4, 2)
    assert heard == [b"hello", b"hello"]


async def test_a_roll_call_does_not_wait_for_ever(nc: Client, nats_url: str, subject: str) -> None:
    async def sleeps(_: bytes) -> bool:
        await asyncio.sleep(60)
        return True

    async with connected(nats_url) as other:
        await answer_roll(other, subject, sleeps)
        await other.flush()
        assert await call_roll(nc, subject, b"", 1.5) == (1, 0)
