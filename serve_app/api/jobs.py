"""Bulk load of seats: a file is taken in, a job loads it, and says row by row what it could not load."""

from __future__ import annotations

import asyncio
import time

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from actors.domain.identity import TOKEN_PATTERN
from actors.domain.seat_files import SEAT_FILE_READERS, SeatFileError
from actors.domain.seat_rows import RowError, check_file
from cluster.store.creation import IdTaken
from cluster.store.job import ERRORS_MAX, Job
from cluster.store.jobs import BODY_BYTES_MAX, TooManyJobs
from serve_app.api.shows import existing_show
from serve_app.auth import require_admin
from serve_app.bodies import media_type, read_body
from serve_app.idempotency import REPLAYED, identify
from serve_app.openapi import creating, problems, seat_file_body
from serve_app.problems import Problem, unavailable
from serve_app.runtime import runtime_of

router = APIRouter(prefix="/v1", tags=["seats"])


class RowErrorAnswer(BaseModel):
    """`row` counts from 1: the line of a CSV or NDJSON file, the n-th seat of a plan; 0 is the file."""

    row: int
    code: str
    detail: str


class JobAnswer(BaseModel):
    """`errors` has the first thousand; `error_count` counts all."""

    job_id: str
    show_id: str
    state: str
    rows_read: int
    seats_loaded: int
    errors: list[RowErrorAnswer]
    error_count: int


class DryRunAnswer(BaseModel):
    """What a load of this file would come to; nothing was loaded."""

    rows_read: int
    seats_loadable: int
    errors: list[RowErrorAnswer]
    error_count: int


class Accepted(BaseModel):
    job_id: str


@router.post(
    "/shows/{show_id}/seats",
    status_code=202,
    operation_id="loadSeats",
    dependencies=[Depends(require_admin)],
    response_model=Accepted | DryRunAnswer,
    responses={200: {"model": DryRunAnswer}, **problems(401, 403, 404, 413, 415, 422, 503)},
    openapi_extra=creating(seat_file_body(list(SEAT_FILE_READERS), BODY_BYTES_MAX)),
)
async def load_seats(
    request: Request, response: Response, show_id: str, dry_run: bool = Query(default=False)
) -> Accepted | DryRunAnswer:
    """Take a file of seats; a job loads it. `dry_run=true` only checks it and answers 200 with the report."""
    runtime = runtime_of(request)
    kind = media_type(request)
    if kind not in SEAT_FILE_READERS:
        raise Problem("unsupported_media_type", f"send one of {', '.join(SEAT_FILE_READERS)}")
    show = await existing_show(runtime, show_id)
    body = await read_body(request, BODY_BYTES_MAX)
    try:
        file = await asyncio.to_thread(SEAT_FILE_READERS[kind], body)
    except SeatFileError as error:
        raise Problem(error.code, error.detail) from error
    if dry_run:
        known = await runtime.plans.seat_ids(show_id) | show.area_seat_ids()
        file = await asyncio.to_thread(check_file, file, frozenset(show.prices), known)
        response.status_code = 200
        errors = [_error(error) for error in file.errors[:ERRORS_MAX]]
        return DryRunAnswer(
            rows_read=file.rows_read,
            seats_loadable=len(file.rows),
            errors=errors,
            error_count=len(file.errors),
        )
    asked = (kind.encode(), body)
    identity = await asyncio.to_thread(identify, request, runtime, f"seats/{show_id}", *asked)
    now = time.time_ns() // 1_000_000
    job = Job(identity.token, show_id, kind, identity.fingerprint, now)
    try:
        created = await runtime.jobs.create(job, body)
    except TooManyJobs as error:
        raise unavailable("too many loads are waiting", retry_after_seconds=10) from error
    if isinstance(created, IdTaken):
        raise Problem("idempotency_key_reused")
    if created.replayed:
        response.headers.update(REPLAYED)
    await runtime.poke_loading()
    response.headers["Location"] = f"/v1/jobs/{created.record.job_id}"
    return Accepted(job_id=created.record.job_id)


@router.get("/jobs/{job_id}", operation_id="getJob", responses=problems(404, 503))
async def get_job(request: Request, job_id: str) -> JobAnswer:
    """How a load stands."""
    job = await runtime_of(request).jobs.get(job_id) if TOKEN_PATTERN.match(job_id) else None
    if job is None:
        raise Problem("job_not_found")
    return JobAnswer(
        job_id=job.job_id,
        show_id=job.show_id,
        state=job.state.value,
        rows_read=job.rows_read,
        seats_loaded=job.seats_loaded,
        errors=[_error(error) for error in job.errors],
        error_count=job.error_count,
    )


def _error(error: RowError) -> RowErrorAnswer:
    return RowErrorAnswer(row=error.row, code=error.code, detail=error.detail)
