"""What an operator may do during a sale, with the real commands on the running product."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.test_cli import csv, loaded, run, run_json, show_id
from tests.stack import RunningStack

__all__ = ["csv", "loaded", "show_id"]  # fixtures

SEAT = "Stalls-A-1"


def hold(stack: RunningStack, show: str, seat: str) -> httpx.Response:
    body = {"seats": [seat]}
    return httpx.post(f"{stack.url}/v1/shows/{show}/holds", json=body, timeout=30)


@pytest.fixture
def placed(stack: RunningStack, loaded: str) -> dict[str, Any]:
    """The seat, as `inspect` tells of it: `block` and `host`."""
    return run_json(stack, "inspect", loaded, SEAT)


def test_a_block_is_frozen_and_thawed_and_the_doctor_knows_why(
    stack: RunningStack, loaded: str, placed: dict[str, Any]
) -> None:
    place = (loaded, str(placed["block"]))
    told = run_json(stack, "freeze", *place, "--reason", "water in the hall", "--by", "ada")
    assert (told["frozen"], told["changed"]) == (True, True)
    assert hold(stack, loaded, SEAT).json()["code"] == "block_frozen"
    checks = run_json(stack, "doctor", "--show", loaded)["checks"]
    assert any("water in the hall (ada)" in check["detail"] for check in checks)
    assert f"block {place[1]} of {loaded} is thawed" in run(stack, "thaw", *place).stdout
    assert hold(stack, loaded, SEAT).status_code == 201


def test_a_block_without_seats_is_not_frozen(stack: RunningStack, loaded: str) -> None:
    done = run(stack, "freeze", loaded, "0", "--reason", "water", code=1)
    assert done.stderr.startswith("error: invalid_tickets")


def test_a_block_is_moved_and_moved_back(
    stack: RunningStack, loaded: str, placed: dict[str, Any]
) -> None:
    place = (loaded, str(placed["block"]))
    names = [item["name"] for item in run_json(stack, "hosts")["items"]]
    other = next(name for name in names if name != placed["host"])
    told = run_json(stack, "move", *place, other)
    assert (told["host"], told["pinned"]) == (other, True)
    assert hold(stack, loaded, SEAT).status_code == 201, "by its new host"
    assert "as all others are" in run(stack, "move", *place, "--auto").stdout
    error = run_json(stack, "move", *place, "host-99", code=1)["error"]
    assert error["code"] == "host_not_found"


def test_a_host_is_drained_taken_back_and_restarted(
    stack: RunningStack, loaded: str, placed: dict[str, Any]
) -> None:
    host = placed["host"]
    drained = run_json(stack, "drain", host)["items"]
    assert [item["activations"] for item in drained if item["drained"]] == [0]
    assert hold(stack, loaded, SEAT).status_code == 201, "by another host"
    before = {
        item["name"]: item["pid"] for item in run_json(stack, "drain", host, "--undo")["items"]
    }
    after = {item["name"]: item["pid"] for item in run_json(stack, "restart", host)["items"]}
    assert [name for name in before if before[name] != after[name]] == [host]
    assert hold(stack, loaded, "Stalls-A-2").status_code == 201


def test_seats_are_withheld_and_the_block_is_replayed(
    stack: RunningStack, loaded: str, placed: dict[str, Any]
) -> None:
    done = run_json(stack, "withhold", loaded, SEAT, "Stalls-A-2", "--reason", "the camera")
    assert (done["done"], done["refused"]) == (2, 0)
    block = run_json(stack, "replay", loaded, str(placed["block"]))
    assert (block["counts"]["withheld"], block["counts"]["available"]) == (2, 8)
    before = run_json(
        stack, "replay", loaded, str(placed["block"]), "--sequence", str(block["sequence"] - 1)
    )
    assert before["counts"]["withheld"] == 0
    back = run_json(stack, "withhold", loaded, SEAT, "--undo", "--reason", "no camera")
    assert back["done"] == 1
    assert hold(stack, loaded, SEAT).status_code == 201


def test_a_backup_is_taken_and_checked_while_the_product_runs(
    stack: RunningStack, loaded: str, tmp_path: Path
) -> None:
    taken = run_json(stack, "backup", str(tmp_path / "kept"))
    assert taken["sequence"] > 0
    assert taken["documents"]["shows"] >= 1
    assert run_json(stack, "backup", str(tmp_path / "kept"), "--verify")["verified"] is True
