"""Two live hosts own the same blocks: the journal lets one of them win, seat by seat, and both tell the truth.

Twice one of them is stopped (SIGSTOP) while the other sells what it believes to be free and frees what it believes to
be held; what it was asked meanwhile it answers itself when it goes on, by the journal and not by its memory.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.faults.duel import run_duel
from tests.faults.judging import SKEW_MS
from tests.history import Operation
from tests.linearizability import check

ATTEMPTS = 10_000
PAUSES = 2


@pytest.mark.timeout(300)
def test_two_hosts_that_own_the_same_blocks_never_both_sell_a_seat(tmp_path: Path) -> None:
    recorded = tmp_path / "history.json"
    figures = run_duel(tmp_path, ATTEMPTS, PAUSES, "--history", str(recorded))
    told = figures["told"]
    assert told["attempts"] == ATTEMPTS
    assert told["accepted"] == ATTEMPTS // 2
    assert told["pauses"] == PAUSES
    assert min(told["accepted by host-0"], told["accepted by host-1"]) > 0  # both really fought
    history = msgspec.json.decode(recorded.read_bytes(), type=list[Operation])
    assert len(history) > ATTEMPTS
    assert check(history, skew_ms=SKEW_MS) == []
    refused = next(one for one in history if one.request.kind == "hold" and one.status == 409)
    granted = next(one for one in history if one.request.kind == "hold" and one.status == 201)
    refused.status = 201
    refused.body = {
        **granted.body,
        "hold_id": f"{granted.body['hold_id'].rpartition('-')[0]}-{refused.request.key}",
        "seats": list(refused.request.seats),
    }
    assert check(history, skew_ms=SKEW_MS) != []  # it would have been noticed
