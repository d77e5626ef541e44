"""Ticket hosts on a real Ray that has room for two: `python -m tests.integration.two_places DIR` prints what became of
a third one, and of a name whose host was ended by somebody else, as JSON.

A process of its own: Ray reads its switches when it is imported.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cluster.embedded.ray_head import RayHead
from cluster.embedded.run_record import short_directory

NAMESPACE = "places"
WAIT_SECONDS_MAX = 120.0


async def build(name: str) -> Any:
    """A host over a journal in its own memory."""
    from actors.host import Host
    from cluster.host_process import commit_id, now
    from cluster.journal.memory import MemoryJournal, MemoryStream

    return Host(name, MemoryJournal(MemoryStream()), now, commit_id, name)


async def until(ask: Callable[[], Any]) -> Any:
    """Poll until `ask` gives something true; that, or what it gave last."""
    end = time.monotonic() + WAIT_SECONDS_MAX
    while not (found := await ask()) and time.monotonic() < end:
        await asyncio.sleep(0.2)
    return found


async def look() -> dict[str, Any]:
    from actors.ticket_host import RayTransport

    ours, others = (RayTransport(NAMESPACE, build, claim=1) for _ in range(2))

    async def pids(transport: RayTransport, *names: str) -> list[int]:
        reports = await transport.reports(list(names))
        return [report["pid"] for report in reports if report is not None]

    async def both() -> bool:
        return len(await pids(ours, "host-0", "host-1")) == 2

    async def only_two() -> bool:
        return sorted(await ours.names()) == ["host-0", "host-1"]

    answered = await until(both)
    (before,) = await pids(others, "host-1")
    waits = await pids(ours, "host-2")
    there = sorted(await ours.names())
    await ours.retire("host-2")
    gone = await until(only_two)
    await ours.retire("host-1")
    after = await until(lambda: pids(others, "host-1"))
    return {
        "answered": answered,
        "third answers": bool(waits),
        "there": there,
        "third gone": gone,
        "another process": after not in ([], [before]),
    }


def main(directory: Path) -> None:
    files = short_directory()
    os.environ["RAY_OVERRIDE_RESOURCES"] = json.dumps({"ticket_host": 2})
    head = RayHead(directory, files, NAMESPACE)
    head.start({"PYTHONPATH": str(Path(__file__).resolve().parents[2])})
    import ray

    try:
        print(json.dumps(asyncio.run(look())))
    finally:
        ray.shutdown()
        shutil.rmtree(files, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
