"""Loading against a real mongod; the blocks are real too, over a journal in memory."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from actors.codec import decode_commit
from actors.domain.block import Block, apply
from actors.domain.identity import BlockKey
from actors.journal import JournalUnavailable
from cluster.services.loading import LEASE_MS, LoadingService, LoadingStore
from cluster.services.opening import open_show
from cluster.store.job import Job, JobState
from cluster.store.jobs import Jobs
from cluster.store.mongo import Collection, Database
from cluster.store.plans import Plans
from cluster.store.show import Area, Show
from cluster.store.shows import Shows
from tests.integration.local_blocks import LocalBlocks, now_ms

SHOW_ID = "saaaaaaaaaaaa"
WAIT_SECONDS_MAX = 30.0


class Silence:
    """Nobody announces anything."""

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.02))


class Clock:
    """Real time, and what a test adds to it."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def __call__(self) -> int:
        return now_ms() + self.ahead_ms


@pytest.fixture
async def store(mongodb_url: str) -> AsyncIterator[LoadingStore]:
    database = Database(mongodb_url, f"test_{secrets.token_hex(6)}")
    store = LoadingStore(Shows(database), Plans(database), Jobs(database))
    for collection in (store.shows, store.plans, store.jobs):
        await collection.ensure_indexes()
    yield store
    await database.close()


@pytest.fixture
async def show(store: LoadingStore) -> Show:
    show = Show(
        show_id=SHOW_ID,
        name="Faust",
        venue="Hall",
        starts_at=2_000_000_000_000,
        currency="EUR",
        prices={"cheap": 1_000, "dear": 5_000},
        areas=(Area("Pit", "cheap", 30),),
        hold_seconds=600,
        max_per_order=10,
        sale_opens_at=None,
        sale_closes_at=None,
        created_at=1,
        fingerprint="f1",
        tickets_max=20,
    )
    await store.shows.create(show)
    return show


def service(
    store: LoadingStore, blocks: LocalBlocks, owner: str = "w1", clock: Clock | None = None
):
    return LoadingService(store, blocks.ask, Silence(), clock or Clock(), owner)


def csv(section: str, seats: int) -> bytes:
    rows = [f"{section},{n // 10},{n % 10},dear" for n in range(seats)]
    return "\n".join(["section,row,seat,category", *rows]).encode()


async def upload(
    store: LoadingStore, job_id: str, body: bytes, media_type: str = "text/csv"
) -> None:
    await store.jobs.create(Job(job_id, SHOW_ID, media_type, job_id, now_ms()), body)


async def job_of(store: LoadingStore, job_id: str) -> Job:
    job = await store.jobs.get(job_id)
    assert job is not None
    return job


async def labels_on_sale(blocks: LocalBlocks) -> dict[int, list[str]]:
    """The seat ids of every open block of the show, folded from the journal."""
    found = dict[int, list[str]]()
    for number in range(1_000):
        block = Block()
        async for entry in blocks.journal.read(BlockKey(SHOW_ID, number), 0):
            for event in decode_commit(entry.payload).events:
                apply(block, event)
        if block.layout is not None:
            found[number] = block.layout.labels()
    return found


async def test_a_show_is_opened_with_its_registers_and_areas_as_often_as_one_likes(
    show: Show,
) -> None:
    blocks = LocalBlocks()
    await open_show(show, blocks.ask)
    first = blocks.stream.last_sequence
    await open_show(show, blocks.ask)
    assert blocks.stream.last_sequence == first
    on_sale = await labels_on_sale(blocks)
    assert [len(labels) for labels in on_sale.values()] == [0, 0, 0, 0, 15, 15]
    assert on_sale[5][-1] == "Pit-30"
    blocks.answers = 3
    with pytest.raises(JournalUnavailable):
        await open_show(show, blocks.ask)


async def test_a_file_is_loaded_and_what_is_wrong_with_it_is_reported(
    store: LoadingStore, show: Show
) -> None:
    blocks = LocalBlocks()
    body = csv("A", 45) + b"\nA,0,0,dear\nB,1,1,unpriced\nPit,1,,dear"
    await upload(store, "job1", body)
    assert await service(store, blocks).run_next()
    job = await job_of(store, "job1")
    assert (job.state, job.rows_read, job.seats_loaded) == (JobState.DONE, 48, 45)
    assert [error.code for error in job.errors] == [
        "duplicate_seat",
        "unknown_category",
        "empty_field",
    ]
    on_sale = await labels_on_sale(blocks)
    assert [len(on_sale[block]) for block in sorted(on_sale)] == [0, 0, 0, 0, 15, 15, 20, 20, 5]
    assert not await service(store, blocks).run_next()


async def test_a_seat_of_an_earlier_load_or_of_an_area_is_a_duplicate(
    store: LoadingStore, show: Show
) -> None:
    blocks = LocalBlocks()
    await upload(store, "job1", csv("A", 3))
    await upload(store, "job2", csv("A", 5))
    worker = service(store, blocks)
    assert await worker.run_next()
    assert await worker.run_next()
    assert (await job_of(store, "job1")).seats_loaded == 3
    job = await job_of(store, "job2")
    assert (job.seats_loaded, job.error_count) == (2, 3)
    labels = [label for block in (await labels_on_sale(blocks)).values() for label in block]
    assert len(labels) == len(set(labels)) == 30 + 5


@pytest.mark.parametrize(
    ("body", "media_type", "code"),
    [
        (b"section,row\n", "text/csv", "missing_column"),
        (b"\xff\xfe", "text/csv", "invalid_encoding"),
        (b"{", "application/json", "invalid_json"),
        (b"a", "image/png", "unsupported_media_type"),
    ],
)
async def test_a_file_that_cannot_be_read_fails_its_job_and_not_the_next_one(
    store: LoadingStore, show: Show, body: bytes, media_type: str, code: str
) -> None:
    blocks = LocalBlocks()
    await upload(store, "job1", body, media_type)
    await upload(store, "job2", csv("A", 1))
    worker = service(store, blocks)
    assert await worker.run_next()
    assert await worker.run_next()
    job = await job_of(store, "job1")
    assert (job.state, [error.code for error in job.errors]) == (JobState.FAILED, [code])
    assert (await job_of(store, "job2")).state is JobState.DONE


async def test_a_job_of_an_unknown_show_fails(store: LoadingStore) -> None:
    await upload(store, "job1", csv("A", 1))
    assert await service(store, LocalBlocks()).run_next()
    job = await job_of(store, "job1")
    assert (job.state, job.errors[0].code) == (JobState.FAILED, "show_not_found")


@pytest.mark.parametrize("answers", [0, 3, 6, 8, 14])
async def test_a_job_goes_on_where_its_dead_worker_left_it_in_the_same_blocks(
    store: LoadingStore, show: Show, answers: int
) -> None:
    """The worker is cancelled, as kill -9 would, when the hosts went away after so many answers."""
    blocks, clock = LocalBlocks(), Clock()
    await upload(store, "job1", csv("A", 200))
    blocks.answers = answers
    first = asyncio.create_task(service(store, blocks, "w1", clock).run_next())
    await eventually(lambda: blocks.answers == 0 and len(blocks.asked) > answers)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)

    blocks.answers = None
    second = service(store, blocks, "w2", clock)
    assert not await second.run_next()  # the lease of the dead one
    clock.ahead_ms += LEASE_MS * 2
    assert await second.run_next()
    job = await job_of(store, "job1")
    assert (job.state, job.seats_loaded, job.attempts) == (JobState.DONE, 200, 2)
    on_sale = await labels_on_sale(blocks)
    assert sorted(on_sale) == list(range(6 + 10))
    assert sum(len(labels) for labels in on_sale.values()) == 230


class Died(BaseException):
    """What kill -9 looks like from inside: nothing is cleaned up that uses the store."""


@pytest.mark.parametrize("calls", range(1, 24))
async def test_a_worker_may_die_at_any_call_to_the_store(
    store: LoadingStore, show: Show, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    """Once before the call is made and once after it: the call is done, and its caller never knows."""
    for after in (False, True):
        blocks, clock = LocalBlocks(), Clock()
        job_id = f"job-{after}"
        await upload(store, job_id, csv(f"A{after}", 50))
        with monkeypatch.context() as patch:
            _die(patch, calls, after)
            with suppress(Died):
                await service(store, blocks, "w1", clock).run_next()
        clock.ahead_ms += LEASE_MS * 2
        while await service(store, blocks, f"w2{after}", clock).run_next():
            pass
        job = await job_of(store, job_id)
        assert (job.state, job.seats_loaded, job.error_count) == (JobState.DONE, 50, 0)
        sizes = [len(labels) for labels in (await labels_on_sale(blocks)).values()]
        assert sizes == [0, 0, 0, 0, 15, 15, 20, 20, 10]
    on_sale = await store.shows.get(SHOW_ID)
    assert on_sale is not None
    assert on_sale.block_count == 6 + 3 + 3


def _die(patch: pytest.MonkeyPatch, calls: int, after: bool) -> None:
    """Let the worker die at the n-th call that it makes to any collection."""
    made = itertools.count(1)

    def dying(method: Any) -> Any:
        async def call(*args: Any, **kwargs: Any) -> Any:
            last = next(made) >= calls
            if last and not after:
                raise Died
            result = await method(*args, **kwargs)
            if last:
                raise Died
            return result

        return call

    for name in ("update", "find_and_update", "find", "find_one", "write_all", "delete"):
        patch.setattr(Collection, name, dying(getattr(Collection, name)))


async def test_a_worker_that_died_after_reserving_blocks_leaves_no_gap(
    store: LoadingStore, show: Show
) -> None:
    blocks, clock = LocalBlocks(), Clock()
    await upload(store, "job1", csv("A", 50))
    await upload(store, "job2", csv("B", 10))
    await store.jobs.claim("dead", clock(), LEASE_MS)
    await store.shows.begin_loading(SHOW_ID, "job1")
    await store.shows.reserve_blocks(SHOW_ID, "job1", 3)
    worker = service(store, blocks, "w2", clock)
    assert await worker.run_next()  # job2 has to wait for its turn
    assert (await job_of(store, "job2")).state is JobState.QUEUED
    clock.ahead_ms += LEASE_MS * 2
    while await worker.run_next():
        pass
    assert [(await job_of(store, job)).state for job in ("job1", "job2")] == [JobState.DONE] * 2
    assert sorted(await labels_on_sale(blocks)) == list(range(6 + 3 + 1))


async def test_hosts_that_are_away_delay_a_job_and_do_not_fail_it(
    store: LoadingStore, show: Show
) -> None:
    blocks = LocalBlocks()
    await upload(store, "job1", csv("A", 100))
    blocks.answers = 7
    worker = service(store, blocks)
    running = asyncio.create_task(worker.run())
    await eventually(lambda: len(blocks.asked) > 20)
    assert (await job_of(store, "job1")).state is JobState.RUNNING
    assert (await worker.health())["waiting_for"] == "the hosts are away"
    blocks.answers = None
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while not (await job_of(store, "job1")).state.over:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    await worker.stop()
    await asyncio.wait_for(running, WAIT_SECONDS_MAX)
    assert (await job_of(store, "job1")).seats_loaded == 100


async def test_a_job_that_kills_every_worker_is_given_up(store: LoadingStore, show: Show) -> None:
    clock = Clock()
    await upload(store, "job1", csv("A", 1))
    for attempt in range(10):
        clock.ahead_ms += LEASE_MS * 2
        assert await store.jobs.claim(f"dead{attempt}", clock(), LEASE_MS)
    clock.ahead_ms += LEASE_MS * 2
    assert await service(store, LocalBlocks(), "w", clock).run_next()
    job = await job_of(store, "job1")
    assert (job.state, job.errors[0].code) == (JobState.FAILED, "load_failed")


async def test_a_ticket_per_block_loads_the_same_way(store: LoadingStore, show: Show) -> None:
    await store.shows.create(
        replace(show, show_id="sbbbbbbbbbbbb", tickets_max=1, registers=1, areas=())
    )
    blocks = LocalBlocks()
    await store.jobs.create(Job("job1", "sbbbbbbbbbbbb", "text/csv", "f", 1), csv("A", 6))
    assert await service(store, blocks).run_next()
    opened = {key.block: command for key, command in blocks.asked}
    assert len(opened) == 1 + 6


async def eventually(condition) -> None:
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while not condition():
        assert time.monotonic() < deadline, "the condition never came true"
        await asyncio.sleep(0.01)
