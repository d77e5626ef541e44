"""Two live hosts own one block: the journal lets one of them win, seat by seat, and both tell the truth."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from actors.codec import decode_commit
from actors.domain.audit import BlockAudit
from actors.domain.identity import BlockKey
from cluster.embedded.nats import NatsServer
from cluster.journal.connection import connect
from cluster.journal.jetstream import JetStreamJournal

KEY = BlockKey("sduelduelduel", 0)  # as in tests.faults.duelists, which imports Ray
ATTEMPTS = 10_000


@pytest.mark.timeout(300)
async def test_two_hosts_that_own_one_block_never_both_sell_a_seat(
    tmp_path: Path, mongodb_url: str
) -> None:
    (tmp_path / "nats").mkdir()
    server = NatsServer.start(tmp_path / "nats")
    try:
        command = [
            sys.executable,
            "-m",
            "tests.faults.duel",
            str(tmp_path),
            server.url,
            mongodb_url,
        ]
        done = subprocess.run(  # noqa: ASYNC221 (nothing else runs in this loop)
            [*command, str(ATTEMPTS)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout.splitlines()[-1])
        assert told["attempts"] == ATTEMPTS
        assert told["double"] == 0
        assert told["none"] == 0  # a seat that is free is never refused to everybody
        assert told["accepted"] == told["released"] == ATTEMPTS // 2
        assert min(told["accepted by host-0"], told["accepted by host-1"]) > 0  # both really fought
        audit = await audited(server.url)
        assert audit.violations == []
        assert not audit.live
    finally:
        server.stop()


async def audited(nats_url: str) -> BlockAudit:
    """The journal's own account, by the auditor that shares no code with the hosts."""
    nc = await connect(nats_url, "audit")
    audit, held = BlockAudit(KEY.block), 0
    async for entry in JetStreamJournal(nc).read(KEY, 0):
        commit = decode_commit(entry.payload)
        audit.commit(entry.sequence, commit.at, commit.events)
        held += sum(type(event).__name__ == "TicketsHeld" for event in commit.events)
    await nc.close()
    assert held == ATTEMPTS // 2  # what was told is what is written
    return audit
