"""The loading service: a seat file becomes checked rows, rows become plans of blocks, blocks are opened.

Everything it does can be done again: the blocks of a job are reserved under the job's id, its plans never change once
stored, and opening an open block changes nothing. So a worker may die anywhere, and the next one goes on. Jobs of one
show run one after the other: each has to see the seats of the one before.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from actors.activation import Clock
from actors.domain.cutting import cut_blocks
from actors.domain.layout import Layout
from actors.domain.seat_files import SEAT_FILE_READERS, SeatFileError
from actors.domain.seat_rows import RowError, check_file
from actors.holding import Ask
from actors.journal import JournalUnavailable
from actors.metrics import LOAD_JOBS
from actors.telemetry import SILENT, Meter
from cluster.services.opening import (
    OPENINGS_IN_FLIGHT_MAX,
    Opening,
    open_blocks,
    open_show,
    opening,
)
from cluster.services.service import wait
from cluster.store.job import Job, Plan
from cluster.store.jobs import Jobs
from cluster.store.mongo import StoreUnavailable
from cluster.store.plans import Plans
from cluster.store.show import Show
from cluster.store.shows import Shows

LEASE_MS = 10_000
"""A job whose worker has been silent for so long is taken over."""

POLL_SECONDS = 2.0
"""Jobs are looked for this often, should the message that announces one be lost."""

TURN_MS = 1_000
"""How long a job waits for another job of its show before it looks again."""

RETRY_SECONDS = 0.5
RETRY_MS = 2_000
ATTEMPTS_MAX = 10
"""A job that has killed or failed its worker so often is given up."""

_log = structlog.get_logger()


class Poke(Protocol):
    """How the service hears of a new job at once."""

    async def wait(self, seconds: float) -> None:
        """Returns when a job was announced, or after so many seconds."""
        ...


class JobFailed(Exception):
    """The job cannot be done, ever; `error` is what its uploader is told."""

    def __init__(self, code: str, detail: str, rows_read: int = 0) -> None:
        super().__init__(detail)
        self.error = RowError(0, code, detail)
        self.rows_read = rows_read


class LeaseLost(Exception):
    """Another worker has taken the job over: it is no longer ours to report on."""


@dataclass(frozen=True, slots=True)
class LoadingStore:
    """The collections that loading works with."""

    shows: Shows
    plans: Plans
    jobs: Jobs


class LoadingService:
    """One job at a time. `owner` names this worker in leases and must be unique to it."""

    def __init__(
        self,
        store: LoadingStore,
        ask: Ask,
        poke: Poke,
        clock: Clock,
        owner: str,
        meter: Meter = SILENT.meter,
    ) -> None:
        self._shows, self._plans, self._jobs = store.shows, store.plans, store.jobs
        self._ask = ask
        self._poke = poke
        self._clock = clock
        self._owner = owner
        self._meter = meter
        self._stopping = asyncio.Event()
        self._current = ""
        self._done = 0
        self._waiting_for = ""

    async def run(self) -> None:
        while not self._stopping.is_set():
            try:
                worked = await self.run_next()
                self._waiting_for = ""
            except StoreUnavailable as error:
                self._waiting_for, worked = str(error), False
            if not worked:
                await self._idle()

    async def stop(self) -> None:
        self._stopping.set()

    async def health(self) -> dict[str, Any]:
        return {
            "lag": await self._jobs.waiting(),
            "job": self._current,
            "jobs_done": self._done,
            "waiting_for": self._waiting_for,
        }

    async def run_next(self) -> bool:
        """Run the next job, if there is one, to its end or until it has to wait; whether there was one."""
        job = await self._jobs.claim(self._owner, self._clock(), LEASE_MS)
        if job is None:
            return False
        self._current = job.job_id
        try:
            await self._keeping_lease(job)
        except (LeaseLost, StoreUnavailable) as error:
            _log.info("loading.interrupted", job=job.job_id, reason=str(error))
            if isinstance(error, StoreUnavailable):
                raise
        except JobFailed as failure:
            await self._jobs.failed(job, self._owner, failure.error, failure.rows_read)
            await self._shows.end_loading(job.show_id, job.job_id)
            self._meter.count(LOAD_JOBS, 1, "failed")
        except Exception:
            _log.exception("loading.failed", job=job.job_id)
            until = self._clock() + RETRY_MS
            await self._jobs.put_back(job, self._owner, until, attempted=True)
            self._meter.count(LOAD_JOBS, 1, "put_back")
        finally:
            self._current = ""
        return True

    async def _idle(self) -> None:
        """Until a job is announced, it is time to look, or the service stops."""
        signs: set[asyncio.Task[Any]] = {
            asyncio.create_task(self._poke.wait(POLL_SECONDS)),
            asyncio.create_task(self._stopping.wait()),
        }
        _, pending = await asyncio.wait(signs, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)

    async def _keeping_lease(self, job: Job) -> None:
        """Load, while the lease is renewed; loading ends when the lease is lost."""
        work = asyncio.create_task(self._load(job))
        keeper = asyncio.create_task(self._keep(job))
        try:
            await asyncio.wait((work, keeper), return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise LeaseLost("the lease could not be renewed")
            work.result()
        finally:
            for task in (work, keeper):
                task.cancel()
            await asyncio.gather(work, keeper, return_exceptions=True)

    async def _keep(self, job: Job) -> None:
        """Returns when the lease is lost, or may have run out."""
        until = self._clock() + LEASE_MS
        while self._clock() < until:
            await asyncio.sleep(LEASE_MS / 4_000)
            try:
                if not await self._jobs.renew(job.job_id, self._owner, self._clock() + LEASE_MS):
                    return
                until = self._clock() + LEASE_MS
            except StoreUnavailable:
                continue

    async def _load(self, job: Job) -> None:
        if job.attempts > ATTEMPTS_MAX:
            raise JobFailed("load_failed", f"given up after {ATTEMPTS_MAX} attempts")
        show = await self._shows.get(job.show_id)
        if show is None:
            raise JobFailed("show_not_found", "the show does not exist")
        if not await self._turn(job):
            until = self._clock() + TURN_MS
            await self._jobs.put_back(job, self._owner, until, attempted=False)
            return
        if job.first_block is None:
            plan = await self._plan(job, show)
            first, count = plan.first, plan.count
        else:
            first, count = job.first_block, job.block_count
        loaded = await self._open(job, show, first, count)
        self._must(await self._jobs.done(job, self._owner, loaded))
        await self._shows.end_loading(job.show_id, job.job_id)
        self._done += 1
        self._meter.count(LOAD_JOBS, 1, "done")

    async def _turn(self, job: Job) -> bool:
        """Whether this job may load seats of its show now."""
        holder = await self._shows.begin_loading(job.show_id, job.job_id)
        if holder is None or holder == job.job_id:
            return True
        other = await self._jobs.get(holder)
        if other is not None and not other.state.over:
            return False
        # Its worker died between finishing the job and saying so to the show.
        await self._shows.end_loading(job.show_id, holder)
        return await self._shows.begin_loading(job.show_id, job.job_id) == job.job_id

    async def _plan(self, job: Job, show: Show) -> Plan:
        """Read the file, check its rows, cut them into blocks, and store these as plans."""
        reader = SEAT_FILE_READERS.get(job.media_type)
        if reader is None:
            raise JobFailed("unsupported_media_type", f"no reader for {job.media_type}")
        body = await self._jobs.body(job)
        known = await self._plans.seat_ids(job.show_id, except_job=job.job_id)
        try:
            # In a thread: a file of 200,000 rows takes seconds, and the lease has to be kept meanwhile.
            layouts, file_errors, rows_read = await asyncio.to_thread(
                _cut, reader, body, show, known
            )
        except SeatFileError as error:
            raise JobFailed(error.code, error.detail) from None
        first = await self._shows.reserve_blocks(job.show_id, job.job_id, len(layouts))
        if first is None:
            raise JobFailed("too_many_blocks", "the show has no room for so many blocks", rows_read)
        await self._plans.put(job.show_id, job.job_id, first, layouts)
        seats = sum(layout.size for layout in layouts)
        plan = Plan(first, len(layouts), rows_read, seats, file_errors, len(file_errors))
        self._must(await self._jobs.planned(job.job_id, self._owner, plan))
        return plan

    async def _open(self, job: Job, show: Show, first: int, count: int) -> int:
        """Open the blocks of the job, however long that takes; how many seats they have."""
        await self._patiently(lambda: open_show(show, self._ask))
        loaded = 0
        async for group in self._groups(job, show, first, count):
            await self._patiently(lambda group=group: open_blocks(group, self._ask))
            loaded += sum(command.layout.size for _, command in group)
            if loaded > job.seats_loaded:
                self._must(await self._jobs.progress(job.job_id, self._owner, loaded))
        return loaded

    async def _groups(
        self, job: Job, show: Show, first: int, count: int
    ) -> AsyncIterator[list[Opening]]:
        group = list[Opening]()
        async for block, layout in self._plans.read(job.show_id, first, count):
            group.append(opening(show.show_id, block, layout, show.rules, job.job_id))
            if len(group) >= OPENINGS_IN_FLIGHT_MAX:
                yield group
                group = []
        if group:
            yield group

    async def _patiently(self, work: Callable[[], Awaitable[None]]) -> None:
        """The hosts or the journal may be away: the job waits for them. Stopping ends it; it goes on elsewhere."""
        while True:
            try:
                return await work()
            except JournalUnavailable as error:
                self._waiting_for = str(error)
            if await wait(self._stopping, RETRY_SECONDS):
                raise LeaseLost("stopping")

    def _must(self, ours: bool) -> None:
        if not ours:
            raise LeaseLost("another worker has the job")


def _cut(
    reader: Callable[[bytes], Any], body: bytes, show: Show, known: set[str]
) -> tuple[list[Layout], tuple[RowError, ...], int]:
    """Raises SeatFileError."""
    file = check_file(reader(body), show.prices.keys(), known | show.area_seat_ids())
    return cut_blocks(file.rows, show.prices, show.tickets_max), file.errors, file.rows_read
