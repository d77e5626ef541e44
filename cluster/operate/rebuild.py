"""`frontrow rebuild`: the tickets read model, dropped and projected again from the journal."""

from __future__ import annotations

import asyncio
import time

from rich.progress import Progress

from cluster.operate.answers import Data, Json
from cluster.operate.backends import database
from cluster.operate.client import Client
from cluster.operate.command import CommandError, Url, err, out, print_json, reported
from cluster.operate.load import progress_bar
from cluster.operate.target import Target, find_target
from cluster.store.tickets import Tickets

REBUILD = "/v1/operator/rebuild"
POLL_SECONDS = 0.2
STALLED_SECONDS_MAX = 30.0
"""A read model that does not move for so long is given up; the projection goes on when it can."""


@reported
def rebuild(data: Data = None, url: Url = None, as_json: Json = False) -> None:
    """Drop the tickets read model and project it again; selling goes on. Returns when it is complete.

    Asked of the server: the projection service alone may send itself back to the beginning.
    """
    target = find_target(data, url)
    began = time.monotonic()
    with Client(target) as client:
        sequence = client.request("POST", REBUILD).json()["sequence"]
    with progress_bar(err, quiet=as_json) as progress:
        asyncio.run(_followed(target, sequence, progress))
    seconds = round(time.monotonic() - began, 1)
    if as_json:
        print_json({"sequence": sequence, "seconds": seconds})
    else:
        out.print(f"rebuilt up to sequence {sequence:,} of the journal in {seconds} s")


async def _followed(target: Target, sequence: int, progress: Progress) -> None:
    """Until the read model has come as far as `sequence`. Raises CommandError when it stands still."""
    task = progress.add_task("project", total=sequence)
    async with database(target) as opened:
        tickets, before, moved_at = Tickets(opened), -1, time.monotonic()
        while (state := await tickets.checkpoint()).clearing or state.sequence < sequence:
            if state.sequence != before:
                before, moved_at = state.sequence, time.monotonic()
            elif time.monotonic() - moved_at > STALLED_SECONDS_MAX:
                raise CommandError(
                    f"the read model stands still at {before} of {sequence}", "stalled"
                )
            progress.update(task, completed=state.sequence)
            await asyncio.sleep(POLL_SECONDS)
        progress.update(task, completed=sequence)
