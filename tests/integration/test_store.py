"""The catalogue, plans and jobs against a real mongod, each test in a database of its own."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from actors.domain.cutting import cut_blocks
from actors.domain.layout import Layout
from actors.domain.seat_rows import RowError, SeatRow
from cluster.embedded.process import free_port
from cluster.store.creation import Created, IdTaken
from cluster.store.job import ERRORS_MAX, Job, JobState, Plan
from cluster.store.jobs import CHUNK_BYTES, Jobs
from cluster.store.mongo import Database, StoreError, StoreUnavailable
from cluster.store.plans import Plans
from cluster.store.show import BLOCKS_MAX, Area, Show
from cluster.store.shows import InvalidCursor, Shows

LEASE_MS = 1_000


@pytest.fixture
async def database(mongodb_url: str) -> AsyncIterator[Database]:
    database = Database(mongodb_url, f"test_{secrets.token_hex(6)}")
    yield database
    await database.close()


@pytest.fixture
async def shows(database: Database) -> Shows:
    shows = Shows(database)
    await shows.ensure_indexes()
    return shows


@pytest.fixture
async def jobs(database: Database) -> Jobs:
    jobs = Jobs(database)
    await jobs.ensure_indexes()
    return jobs


def a_show(show_id: str = "saaaaaaaaaaaa", created_at: int = 1) -> Show:
    return Show(
        show_id=show_id,
        name="Faust",
        venue="Große Halle",
        starts_at=2_000_000_000_000,
        currency="EUR",
        prices={"Parkett.1": 4500, "$teh": 1500},
        areas=(Area("Pit", "$teh", 2_500),),
        hold_seconds=600,
        max_per_order=10,
        sale_opens_at=None,
        sale_closes_at=None,
        created_at=created_at,
        fingerprint="f1",
    )


def a_job(job_id: str = "job1", created_at: int = 1) -> Job:
    return Job(job_id, "saaaaaaaaaaaa", "text/csv", "f1", created_at)


def layouts(seats: int, tickets_max: int) -> list[Layout]:
    rows = [SeatRow(n, "A", str(n // 10), str(n % 10), "c", n / 3, -1.5) for n in range(seats)]
    return cut_blocks(rows, {"c": 100}, tickets_max)


async def test_a_show_comes_back_as_it_was_stored_with_its_first_blocks_counted(
    shows: Shows,
) -> None:
    created = await shows.create(a_show())
    stored = replace(a_show(), block_count=4 + 2)
    assert created == Created(stored)
    assert await shows.get(a_show().show_id) == stored
    assert await shows.get("unknown") is None


async def test_the_same_creation_again_gets_the_show_and_another_one_the_conflict(
    shows: Shows,
) -> None:
    await shows.create(a_show())
    again = await shows.create(replace(a_show(), created_at=99))
    assert isinstance(again, Created)
    assert again.replayed
    assert again.record.created_at == 1
    assert await shows.create(replace(a_show(), fingerprint="f2")) == IdTaken(a_show().show_id)


async def test_twenty_creations_at_once_make_one_show(shows: Shows) -> None:
    created = await asyncio.gather(*[shows.create(a_show()) for _ in range(20)])
    assert sum(isinstance(one, Created) and not one.replayed for one in created) == 1


async def test_pages_lead_through_all_shows_newest_first_even_of_one_instant(shows: Shows) -> None:
    for n in range(7):
        await shows.create(a_show(f"s{n}", created_at=n // 3))
    seen, cursor = list[str](), None
    while True:
        page = await shows.page(cursor, 2)
        seen += [show.show_id for show in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == ["s6", "s5", "s4", "s3", "s2", "s1", "s0"]


async def test_an_unlisted_show_is_on_no_page_and_can_be_had_by_its_id(shows: Shows) -> None:
    hidden = replace(a_show("s2", created_at=2), unlisted=True)
    for show in (a_show("s1", created_at=1), hidden, a_show("s3", created_at=3)):
        await shows.create(show)
    first = await shows.page(None, 1)
    second = await shows.page(first.next_cursor, 1)
    assert [show.show_id for show in (*first.items, *second.items)] == ["s3", "s1"]
    assert second.next_cursor is None
    found = await shows.get("s2")
    assert found is not None
    assert found.unlisted


@pytest.mark.parametrize("cursor", ["", "x", "äöü", "bm90IGpzb24", "WzEsMl0"])
async def test_a_cursor_that_was_never_given_out_is_refused(shows: Shows, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        await shows.page(cursor, 10)


async def test_block_numbers_are_reserved_without_gaps_or_overlap_and_once_per_owner(
    shows: Shows,
) -> None:
    await shows.create(a_show())
    owners = [f"job{n}" for n in range(10)] * 2
    firsts = await asyncio.gather(
        *[shows.reserve_blocks(a_show().show_id, owner, 5) for owner in owners]
    )
    assert firsts[:10] == firsts[10:]
    assert sorted(first for first in firsts[:10] if first is not None) == list(range(6, 56, 5))
    stored = await shows.get(a_show().show_id)
    assert stored is not None
    assert stored.block_count == 56


async def test_a_reservation_beyond_the_room_of_a_show_or_of_another_size_is_refused(
    shows: Shows,
) -> None:
    await shows.create(a_show())
    show_id = a_show().show_id
    assert await shows.reserve_blocks(show_id, "job1", BLOCKS_MAX) is None
    assert await shows.reserve_blocks(show_id, "job1", 3) == 6
    assert await shows.reserve_blocks(show_id, "job1", 4) is None
    assert await shows.reserve_blocks("unknown", "job1", 3) is None


async def test_one_job_at_a_time_loads_seats_of_a_show(shows: Shows) -> None:
    await shows.create(a_show())
    show_id = a_show().show_id
    assert await shows.begin_loading(show_id, "job1") == "job1"
    assert await shows.begin_loading(show_id, "job2") == "job1"
    assert await shows.begin_loading(show_id, "job1") == "job1"
    await shows.end_loading(show_id, "job1")
    assert await shows.begin_loading(show_id, "job2") == "job2"
    assert await shows.begin_loading("unknown", "job2") is None


async def test_plans_come_back_as_they_were_cut_and_never_change(database: Database) -> None:
    plans = Plans(database)
    await plans.ensure_indexes()
    cut = layouts(995, 3)
    await plans.put("s1", "job1", 6, cut)
    await plans.put("s1", "job1", 6, layouts(50, 2))
    stored = [plan async for plan in plans.read("s1", 6, len(cut))]
    assert stored[:100] == list(enumerate(cut, start=6))[:100]
    assert [block for block, _ in stored] == list(range(6, 6 + len(cut)))


async def test_the_seat_ids_of_a_show_leave_out_what_the_asking_job_has_stored(
    database: Database,
) -> None:
    plans = Plans(database)
    cut = layouts(25, 10)
    await plans.put("s1", "job1", 0, cut[:2])
    await plans.put("s1", "job2", 2, cut[2:])
    assert await plans.seat_ids("s1") == {label for layout in cut for label in layout.labels()}
    assert await plans.seat_ids("s1", except_job="job1") == set(cut[2].labels())
    assert await plans.seat_ids("s2") == set()


async def test_a_body_larger_than_a_document_comes_back_whole(jobs: Jobs) -> None:
    body = secrets.token_bytes(1024) * (CHUNK_BYTES * 2 // 1024) + b"tail"
    assert await jobs.create(a_job(), body) == Created(a_job())
    assert await jobs.body(a_job()) == body


async def test_the_same_upload_again_gets_the_job_and_another_one_the_conflict(jobs: Jobs) -> None:
    await jobs.create(a_job(), b"abc")
    assert await jobs.create(a_job(), b"abc") == Created(a_job(), replayed=True)
    other = replace(a_job(), fingerprint="f2")
    assert await jobs.create(other, b"xyz") == IdTaken("job1")
    assert await jobs.body(a_job()) == b"abc"


async def test_jobs_are_claimed_oldest_first_and_by_one_worker_each(jobs: Jobs) -> None:
    for n in (3, 1, 2):
        await jobs.create(a_job(f"job{n}", created_at=n), b"")
    claimed = [await jobs.claim(f"w{n}", 1_000, LEASE_MS) for n in range(4)]
    assert [job and job.job_id for job in claimed] == ["job1", "job2", "job3", None]


async def test_a_job_of_a_dead_worker_is_taken_over_and_the_dead_one_reports_in_vain(
    jobs: Jobs,
) -> None:
    await jobs.create(a_job(), b"abc")
    assert await jobs.claim("first", 1_000, LEASE_MS)
    assert await jobs.claim("second", 1_999, LEASE_MS) is None
    job = await jobs.claim("second", 2_000, LEASE_MS)
    assert job is not None
    assert job.attempts == 2
    assert not await jobs.renew("job1", "first", 9_000)
    assert not await jobs.progress("job1", "first", 1)
    assert not await jobs.done(job, "first", 1)
    assert await jobs.body(job) == b"abc"
    assert await jobs.done(job, "second", 7)
    over = await jobs.get("job1")
    assert over is not None
    assert (over.state, over.seats_loaded) == (JobState.DONE, 7)
    assert await jobs.body(over) == b""
    assert await jobs.claim("third", 99_000, LEASE_MS) is None


async def test_a_job_that_is_put_back_waits_and_does_not_count_the_attempt(jobs: Jobs) -> None:
    await jobs.create(a_job(), b"abc")
    claimed = await jobs.claim("first", 1_000, LEASE_MS)
    assert claimed is not None
    assert await jobs.put_back(claimed, "first", 5_000, attempted=False)
    assert await jobs.claim("second", 4_999, LEASE_MS) is None
    job = await jobs.claim("second", 5_000, LEASE_MS)
    assert job is not None
    assert job.attempts == 1


async def test_a_worker_gets_a_job_back_that_it_was_interrupted_in(jobs: Jobs) -> None:
    await jobs.create(a_job(), b"abc")
    await jobs.claim("first", 1_000, LEASE_MS)
    assert await jobs.claim("first", 1_001, LEASE_MS)


async def test_errors_of_a_job_are_capped_and_all_of_them_counted(jobs: Jobs) -> None:
    await jobs.create(a_job(), b"abc")
    await jobs.claim("w", 1_000, LEASE_MS)
    errors = tuple(RowError(n, "duplicate_seat", "again") for n in range(ERRORS_MAX + 5))
    assert await jobs.planned("job1", "w", Plan(6, 2, 3_000, 1_995, errors, len(errors)))
    job = await jobs.get("job1")
    assert job is not None
    assert len(job.errors) == ERRORS_MAX
    assert (job.error_count, job.first_block, job.block_count) == (ERRORS_MAX + 5, 6, 2)
    assert await jobs.failed(job, "w", RowError(0, "load_failed", "it broke"))
    job = await jobs.get("job1")
    assert job is not None
    assert (job.state, job.errors[0].code) == (JobState.FAILED, "load_failed")


async def test_a_store_that_is_down_says_so_soon_and_without_its_address() -> None:
    port = free_port()
    down = Database(f"mongodb://frontrow:hunter2@127.0.0.1:{port}/?directConnection=true", "test")
    with pytest.raises(StoreUnavailable) as caught:
        await asyncio.wait_for(Shows(down).get("s1"), 10)
    assert not any(secret in str(caught.value) for secret in ("hunter2", str(port), "127.0.0.1"))
    assert caught.value.__cause__ is None
    await down.close()


def test_a_malformed_url_is_not_repeated() -> None:
    with pytest.raises(StoreError) as caught:
        Database("mongodb://frontrow:hunter2@[::1/", "test")
    assert "hunter2" not in str(caught.value)
