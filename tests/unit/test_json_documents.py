"""What commands print with `--json` is described: every key of theirs is in docs/operating/json.md."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer

from actors.domain.block import Status
from cluster.ledgers.balance import Balance
from cluster.operate.backup.documents import Fitting
from cluster.operate.backup.manifest import Manifest
from cluster.operate.backup.restoring import Restored
from cluster.operate.check import Check
from cluster.operate.cli import main
from cluster.operate.history import History, Moment
from cluster.operate.inspect import Place, _plain
from cluster.operate.rehearsal.rehearse import plain
from cluster.operate.rehearsal.running import Rehearsal
from cluster.operate.replay import LiveHold
from cluster.operate.replay import Moment as BlockMoment
from cluster.operate.verify import Finding, LedgerReport, VerifyReport
from serve_app.api.freezing import FrozenBlock
from serve_app.api.hosts import BlockPlaced, Hosts

PAGE = Path(__file__).resolve().parents[2] / "docs/operating/json.md"
MEASURING = {"demo", "bench"}


def described() -> dict[str, set[str]]:
    """The keys in the row of each command."""
    found = dict[str, set[str]]()
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| `") and len(cells) == 2:
            for command in re.findall(r"`(\w+)`", cells[0]):
                found[command] = set(re.findall(r"`(\w+)`", cells[1]))
    return found


def names(*kinds: type) -> set[str]:
    return {field.name for kind in kinds for field in fields(kind)}


def keys(document: Any) -> Iterator[str]:
    """Every key of a document, but those of counts by name."""
    for key, value in document.items() if isinstance(document, dict) else ():
        yield key
        for one in value if isinstance(value, list) else [value]:
            yield from keys(one)


def verdict() -> set[str]:
    report = VerifyReport(ledgers=LedgerReport(True, {}, {"EUR": Balance()}), tickets={})
    report.add(Finding("s", "A-1", 1, "x"))
    return set(keys(json.loads(msgspec.json.encode(report.plain())))) - {"EUR"}


def seat() -> set[str]:
    history = History(Status.SOLD, 1, "EUR", "c", (Moment(1, 1, "b", "sold"),))
    return set(keys(_plain("s", "A-1", Place(1, 2, "host-0"), history)))


def rehearsal() -> set[str]:
    shadow = {"show_id": "s", "sale_closes_at": "t"}
    return set(keys(plain("s", shadow, Rehearsal(), 1, 1.0)))


PRINTED = {
    "inspect": seat(),
    "verify": verdict(),
    "rehearse": rehearsal(),
    "replay": names(BlockMoment, LiveHold),
    "doctor": names(Check),
    "backup": set(Manifest("b", 1, 2, (), ()).plain()),
    "restore": set(Restored("b", None, dry_run=False, fitting=Fitting({}, 0, 0)).plain()),
    "freeze": set(FrozenBlock.model_fields),
    "move": set(BlockPlaced.model_fields),
    "hosts": set(Hosts.model_fields),
}


@pytest.mark.parametrize("command", PRINTED)
def test_every_key_of_a_command_is_described(command: str) -> None:
    assert PRINTED[command] <= described()[command]


def test_every_command_is_described() -> None:
    group = typer.main.get_command(main)
    assert set(group.commands) - MEASURING == set(described())  # type: ignore[attr-defined]
