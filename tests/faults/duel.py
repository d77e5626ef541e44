"""Two live ticket hosts made to own the same blocks: run as a program, because it starts a Ray of its own.

`python -m tests.faults.duel --attempts N [--pauses N] [--history FILE] DIRECTORY` starts nats-server, mongod and Ray,
lets the hosts fight, audits the journal, and prints what was told and what is written as one line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from actors.codec import decode_commit
from actors.domain.audit import BlockAudit
from actors.domain.identity import BlockKey
from cluster.embedded.mongod import Mongod
from cluster.embedded.nats import NatsServer
from cluster.embedded.ray_head import RayHead
from cluster.embedded.run_record import short_directory
from cluster.journal.connection import connect
from cluster.journal.jetstream import JetStreamJournal
from cluster.settings import Settings
from tests.history import Operation


def duel(directory: Path, attempts: int, pauses: int, history: Path | None) -> dict[str, Any]:
    """What the contenders were told and what the journal says, on servers started in `directory`."""
    nats, mongod = NatsServer.start(directory / "nats"), Mongod.start(directory / "mongod")
    settings = Settings(nats_url=nats.url, mongodb_url=mongod.url)
    files = short_directory()
    ray_head = RayHead(directory, files, "duel")
    recorded: list[Operation] | None = None if history is None else []
    try:
        ray_head.start(settings.environment())
        from tests.faults.duelists import BLOCKS, SHOW, fight  # imports Ray: now it may

        begun = time.monotonic()
        told = asyncio.run(fight(settings, attempts, pauses, recorded))
        fought = time.monotonic()
        blocks = [BlockKey(SHOW, block) for block in range(BLOCKS)]
        written = asyncio.run(audited(nats.url, blocks))
        seconds = {"fight": fought - begun, "audit": time.monotonic() - fought}
    finally:
        ray_head.stop()
        shutil.rmtree(files, ignore_errors=True)
        mongod.stop()
        nats.stop()
    if history is not None:
        history.write_bytes(msgspec.json.encode(recorded))
    return {"told": told, "written": written, "seconds": seconds}


def run_duel(directory: Path, attempts: int, pauses: int, *options: str) -> dict[str, Any]:
    """The program's figures. AssertionError when a seat went to both or (being free) to nobody, when a host that had
    been paused answered from its memory, or when what was told is not what is written."""
    command = [sys.executable, "-m", "tests.faults.duel", str(directory)]
    sizes = ["--attempts", str(attempts), "--pauses", str(pauses)]
    done = subprocess.run([*command, *sizes, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    told, written = figures["told"], figures["written"]
    assert told["double"] == told["none"] == told["wrong after a pause"] == 0, told
    assert told["accepted"] + told["held in pauses"] == told["released"] == written["held"], figures
    assert not written["violations"], written
    assert not written["live"], written
    return figures


async def audited(nats_url: str, blocks: list[BlockKey]) -> dict[str, Any]:
    """The journal's own account, by the auditor that shares no code with the hosts."""
    nc = await connect(nats_url, "audit")
    journal = JetStreamJournal(nc)
    written = {"commits": 0, "held": 0, "live": 0, "violations": list[str]()}
    changes, last_writer = 0, ""
    for block in blocks:
        audit = BlockAudit(block.block)
        async for entry in journal.read(block, 0):
            commit = decode_commit(entry.payload)
            audit.commit(entry.sequence, commit.at, commit.events)
            written["held"] += sum(type(event).__name__ == "TicketsHeld" for event in commit.events)
            changes, last_writer = changes + (commit.by != last_writer), commit.by
        written["commits"] += audit.commits
        written["live"] += len(audit.live)
        written["violations"] += [violation.detail for violation in audit.violations[:10]]
    await nc.close()
    return {**written, "changes of writer": changes}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("--attempts", type=int, required=True)
    parser.add_argument("--pauses", type=int, default=2)
    parser.add_argument("--history", type=Path)
    given = parser.parse_args()
    print(json.dumps(duel(given.directory, given.attempts, given.pauses, given.history)))


if __name__ == "__main__":
    main()
