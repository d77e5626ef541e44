"""Load jobs, their uploaded files in chunks, and the leases under which workers run them.

A job is created by its document, which comes after the chunks of its body. A worker holds it under a lease; one that
dies is succeeded by whoever claims the job when the lease has run out. Every report names the lease's owner, so a
worker that lost its lease without noticing changes nothing any more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from actors.domain.seat_rows import RowError
from cluster.store.creation import Created, IdTaken
from cluster.store.job import ERRORS_MAX, Job, JobState, Plan
from cluster.store.mongo import Collection, Database, Document

BODY_BYTES_MAX = 32 * 1024 * 1024
"""The largest file of seats that is taken."""

CHUNK_BYTES = 8 * 1024 * 1024
"""One piece of a body: a document has 16 MB at most."""

QUEUED_JOBS_MAX = 200
"""Jobs that wait or run; with all bodies at their limit about 6 GB of disk."""

_RUNNABLE = {"$in": [JobState.QUEUED, JobState.RUNNING]}


class TooManyJobs(Exception):
    """QUEUED_JOBS_MAX jobs are waiting: come back later."""


class Jobs:
    """Every method raises StoreUnavailable. `now` is ms since the epoch."""

    def __init__(self, database: Database) -> None:
        self._jobs: Collection = database.collection("jobs")
        self._bodies: Collection = database.collection("job_bodies")

    async def ensure_indexes(self) -> None:
        await self._jobs.ensure_index([("state", 1), ("created_at", 1)])
        await self._bodies.ensure_index([("body", 1), ("chunk", 1)])

    async def create(self, job: Job, body: bytes) -> Created[Job] | IdTaken:
        """Store a job with its file; the same request (by fingerprint) again gets the job as it stands.

        Raises TooManyJobs, and ValueError for a body over its limit (the edge answers 413 before it comes here).
        """
        if len(body) > BODY_BYTES_MAX:
            raise ValueError(f"a body has at most {BODY_BYTES_MAX} bytes")
        existing = await self.get(job.job_id)
        if existing is not None:
            return _replayed(existing, job)
        if await self.waiting() >= QUEUED_JOBS_MAX:
            raise TooManyJobs
        await self._put_body(_body_of(job), body)
        if await self._jobs.insert(_document(job)):
            return Created(job)
        existing = await self.get(job.job_id)
        if existing is None or existing.fingerprint != job.fingerprint:
            await self._bodies.delete({"body": _body_of(job)})
            return IdTaken(job.job_id)
        return _replayed(existing, job)

    async def get(self, job_id: str) -> Job | None:
        document = await self._jobs.find_one({"_id": job_id})
        return None if document is None else _job(document)

    async def waiting(self) -> int:
        """Jobs that are not over."""
        return await self._jobs.count({"state": _RUNNABLE}, QUEUED_JOBS_MAX)

    async def body(self, job: Job) -> bytes:
        """The uploaded file; empty once the job is over."""
        chunks = await self._bodies.find(
            {"body": _body_of(job)}, limit=BODY_BYTES_MAX // CHUNK_BYTES + 1, sort=[("chunk", 1)]
        )
        return b"".join(chunk["bytes"] for chunk in chunks)

    async def claim(self, owner: str, now: int, lease_ms: int) -> Job | None:
        """The oldest job that nobody else has a valid lease of, now under ours; None when there is none.

        A worker runs one job at a time: one that it still has a lease of was interrupted, and is claimed again; that
        counts as no further attempt.
        """
        free = [{"lease_until": {"$lte": now}}, {"lease_owner": owner}]
        again = {"$eq": ["$lease_owner", {"$literal": owner}]}
        take = {
            "state": JobState.RUNNING,
            "lease_owner": {"$literal": owner},
            "lease_until": now + lease_ms,
            "attempts": {"$add": ["$attempts", {"$cond": [again, 0, 1]}]},
        }
        document = await self._jobs.find_and_update(
            {"state": _RUNNABLE, "$or": free}, [{"$set": take}], sort=[("created_at", 1)]
        )
        return None if document is None else _job(document)

    async def renew(self, job_id: str, owner: str, until: int) -> bool:
        """Keep the lease until then; False when it is ours no longer."""
        return await self._report(job_id, owner, {"lease_until": until})

    async def put_back(self, job: Job, owner: str, until: int, *, attempted: bool) -> bool:
        """Give the job up for now; it can be claimed again from `until`. Waiting for its turn was no attempt."""
        return await self._report(
            job.job_id,
            owner,
            {
                "state": JobState.QUEUED,
                "lease_owner": "",
                "lease_until": until,
                "attempts": job.attempts if attempted else job.attempts - 1,
            },
        )

    async def planned(self, job_id: str, owner: str, plan: Plan) -> bool:
        """The file is read and its plans are stored; False when the lease is ours no longer."""
        return await self._report(
            job_id,
            owner,
            {
                "first_block": plan.first,
                "block_count": plan.count,
                "rows_read": plan.rows_read,
                "errors": _capped(plan.errors),
                "error_count": plan.error_count,
            },
        )

    async def progress(self, job_id: str, owner: str, seats_loaded: int) -> bool:
        """How many seats are on sale by now; False when the lease is ours no longer."""
        return await self._report(job_id, owner, {"seats_loaded": seats_loaded})

    async def done(self, job: Job, owner: str, seats_loaded: int) -> bool:
        """The job is over and its file is dropped; False when the lease is ours no longer."""
        return await self._finish(
            job, owner, {"state": JobState.DONE, "seats_loaded": seats_loaded}
        )

    async def failed(self, job: Job, owner: str, error: RowError, rows_read: int = 0) -> bool:
        """The job is over, and `error` says why nothing (more) of the file was loaded."""
        fields = {
            "state": JobState.FAILED,
            "errors": _capped((error, *job.errors)),
            "error_count": job.error_count + 1,
            "rows_read": max(rows_read, job.rows_read),
        }
        return await self._finish(job, owner, fields)

    async def _finish(self, job: Job, owner: str, fields: Document) -> bool:
        finished = await self._report(job.job_id, owner, fields)
        if finished:
            await self._bodies.delete({"body": _body_of(job)})
        return finished

    async def _report(self, job_id: str, owner: str, fields: Document) -> bool:
        return await self._jobs.update(
            {"_id": job_id, "lease_owner": owner, "state": JobState.RUNNING}, {"$set": fields}
        )

    async def _put_body(self, body_id: str, body: bytes) -> None:
        for chunk, first in enumerate(range(0, len(body), CHUNK_BYTES)):
            await self._bodies.update(
                {"_id": f"{body_id}/{chunk}"},
                {
                    "$set": {
                        "body": body_id,
                        "chunk": chunk,
                        "bytes": body[first : first + CHUNK_BYTES],
                    }
                },
                upsert=True,
            )


def _body_of(job: Job) -> str:
    """Bodies are named by their fingerprint too: two requests under one id must not mix their chunks."""
    return f"{job.job_id}/{job.fingerprint}"


def _replayed(existing: Job, job: Job) -> Created[Job] | IdTaken:
    if existing.fingerprint != job.fingerprint:
        return IdTaken(job.job_id)
    return Created(existing, replayed=True)


def _capped(errors: Iterable[RowError]) -> list[Document]:
    return [asdict(error) for error, _ in zip(errors, range(ERRORS_MAX), strict=False)]


def _document(job: Job) -> Document:
    document = asdict(job)
    document["_id"] = document.pop("job_id")
    return {**document, "lease_owner": "", "lease_until": 0}


def _job(document: Document) -> Job:
    fields = {key: value for key, value in document.items() if not key.startswith("lease_")}
    fields["job_id"] = fields.pop("_id")
    fields["state"] = JobState(fields["state"])
    fields["errors"] = tuple(RowError(**error) for error in fields["errors"])
    return Job(**fields)
