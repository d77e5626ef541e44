"""What the machine can do: the disk's fdatasync decides how fast anything can be durable."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from cluster.operate.crowd.tally import percentile

WRITES = 1_000
WRITE_BYTES = 4_096


@dataclass(frozen=True, slots=True)
class Machine:
    """`fdatasync` in milliseconds: a write of 4 KiB at the end of a file, then fdatasync, where the journal is."""

    cpus: int
    memory_gb: float
    kernel: str
    python: str
    load_before: float
    fdatasync_p50_ms: float
    fdatasync_p99_ms: float


def measured_machine(directory: Path) -> Machine:
    took = _fdatasync_seconds(directory / "fdatasync")
    return Machine(
        os.cpu_count() or 1,
        round(psutil.virtual_memory().total / 1e9, 1),
        platform.release(),
        platform.python_version(),
        round(os.getloadavg()[0], 2),
        round(percentile(took, 50) * 1e3, 3),
        round(percentile(took, 99) * 1e3, 3),
    )


def _fdatasync_seconds(path: Path) -> list[float]:
    block, took = os.urandom(WRITE_BYTES), list[float]()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        for _ in range(WRITES):
            began = time.perf_counter()
            os.write(descriptor, block)
            os.fdatasync(descriptor)
            took.append(time.perf_counter() - began)
    finally:
        os.close(descriptor)
        path.unlink()
    return took
