"""A load job: a seat file on its way to tickets."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from actors.domain.seat_rows import RowError

ERRORS_MAX = 1_000
"""Row errors that a job keeps and shows; `error_count` counts all of them."""


class JobState(StrEnum):
    """Clients see these words: they are never renamed."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"

    @property
    def over(self) -> bool:
        return self in (JobState.DONE, JobState.FAILED)


@dataclass(frozen=True, slots=True)
class Plan:
    """What became of the file: its rows are checked, and `count` blocks from `first` are stored as plans."""

    first: int
    count: int
    rows_read: int
    seats: int
    errors: tuple[RowError, ...]
    error_count: int


@dataclass(frozen=True, slots=True)
class Job:
    """Times are ms since the epoch. `attempts` counts how often a worker has begun or taken over the job."""

    job_id: str
    show_id: str
    media_type: str
    fingerprint: str
    created_at: int
    state: JobState = JobState.QUEUED
    rows_read: int = 0
    seats_loaded: int = 0
    errors: tuple[RowError, ...] = ()
    error_count: int = 0
    attempts: int = 0
    first_block: int | None = None
    block_count: int = 0
