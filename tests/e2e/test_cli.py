"""The operators' commands against the running product, for people and with --json."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.stack import RunningStack, frontrow

CSV = "section,row,seat,category\n" + "".join(f"Stalls,A,{n},Gold\n" for n in range(1, 11))
PLAN_SHOW = {
    "name": "Commands",
    "venue": "A hall",
    "starts_at": "2040-01-01T19:00:00Z",
    "currency": "EUR",
    "prices": {"Gold": 2500},
    "areas": [{"area": "Floor", "category": "Gold", "capacity": 5}],
}


@pytest.fixture
def show_id(stack: RunningStack) -> str:
    """A show without seats."""
    answer = httpx.post(f"{stack.url}/v1/shows", json=PLAN_SHOW, headers=stack.auth, timeout=30)
    assert answer.status_code == 201, answer.text
    return answer.json()["show_id"]


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    file = tmp_path / "hall.csv"
    file.write_text(CSV)
    return file


@pytest.fixture
def loaded(stack: RunningStack, show_id: str, csv: Path) -> str:
    """A show with the ten seats of the file."""
    run(stack, "load", str(csv), "--show", show_id)
    return show_id


def run(stack: RunningStack, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = frontrow(*arguments, "--data", str(stack.data), check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert stack.admin_key not in done.stdout + done.stderr
    return done


def run_json(stack: RunningStack, *arguments: str, code: int = 0) -> Any:
    return json.loads(run(stack, *arguments, "--json", code=code).stdout)


def test_load_says_how_many_seats_it_loaded(stack: RunningStack, show_id: str, csv: Path) -> None:
    done = run(stack, "load", str(csv), "--show", show_id)
    assert "loaded: 10 seats from 10 rows, none refused" in done.stdout


def test_loading_a_file_again_does_nothing(stack: RunningStack, loaded: str, csv: Path) -> None:
    again = run_json(stack, "load", str(csv), "--show", loaded)
    assert (again["replayed"], again["state"], again["seats_loaded"]) == (True, "done", 10)


def test_a_dry_run_reports_and_loads_nothing(stack: RunningStack, show_id: str, csv: Path) -> None:
    report = run_json(stack, "load", str(csv), "--show", show_id, "--dry-run")
    assert (report["seats_loadable"], report["error_count"]) == (10, 0)
    run(stack, "inspect", show_id, "Stalls-A-1", code=1)


def test_refused_rows_are_reported_and_fail_only_when_asked_to(
    stack: RunningStack, show_id: str, tmp_path: Path
) -> None:
    file = tmp_path / "twice.csv"
    file.write_text(CSV + "Stalls,A,1,Gold\nStalls,A,11,Lead\n")
    done = run(stack, "load", str(file), "--show", show_id)
    assert "10 seats from 12 rows, 2 refused" in done.stdout
    assert "duplicate_seat" in done.stdout
    assert "unknown_category" in done.stdout
    report = run_json(stack, "load", str(file), "--show", show_id, "--strict", code=1)
    assert [error["row"] for error in report["errors"]] == [12, 13]


def test_a_load_that_cannot_be_done_fails_in_one_line(
    stack: RunningStack, show_id: str, csv: Path, tmp_path: Path
) -> None:
    unknown = run(stack, "load", str(csv), "--show", "saaaaaaaaaaaa", code=1)
    assert unknown.stderr.startswith("error: show_not_found")
    assert len(unknown.stderr.splitlines()) == 1
    missing = run_json(stack, "load", str(tmp_path / "no.csv"), "--show", show_id, code=1)
    assert missing["error"]["code"] == "no_file"
    headless = tmp_path / "headless.csv"
    headless.write_text("section,row,seat\nA,1,1\n")
    refused = run_json(stack, "load", str(headless), "--show", show_id, code=1)
    assert refused["error"]["code"] == "missing_column"


def test_hosts_are_listed_with_their_processes(stack: RunningStack, loaded: str) -> None:
    hosts = run_json(stack, "hosts")
    assert len(hosts["items"]) == hosts["hosts"]
    text = run(stack, "hosts").stdout
    assert all(item["name"] in text and str(item["pid"]) in text for item in hosts["items"])


def test_hosts_can_be_added_and_taken_away(stack: RunningStack, loaded: str) -> None:
    before = run_json(stack, "hosts")["hosts"]
    assert run_json(stack, "scale", str(before + 1))["hosts"] == before + 1
    assert f"host-{before}" not in run(stack, "scale", str(before)).stdout
    run(stack, "scale", "0", code=2)


def test_inspect_tells_a_seat_s_history_without_the_buyer_s_authority(
    stack: RunningStack, loaded: str
) -> None:
    holds = f"{stack.url}/v1/shows/{loaded}/holds"
    hold = httpx.post(holds, json={"seats": ["Stalls-A-4", "Stalls-A-5"]}, timeout=30).json()
    released = httpx.delete(f"{stack.url}/v1/holds/{hold['hold_id']}", timeout=30)
    assert released.status_code == 204
    text = run(stack, "inspect", loaded, "Stalls-A-4")
    told = run_json(stack, "inspect", loaded, "Stalls-A-4")
    assert [moment["what"] for moment in told["history"]] == ["opened", "held", "released"]
    assert told["status"] == "available"
    token = hold["hold_id"].rpartition("-")[2]
    assert token not in text.stdout + json.dumps(told)
    assert "held" in text.stdout


def test_inspect_knows_units_of_areas_and_refuses_what_is_not_there(
    stack: RunningStack, loaded: str
) -> None:
    assert run_json(stack, "inspect", loaded, "Floor-5")["status"] == "available"
    assert (
        run_json(stack, "inspect", loaded, "Floor-6", code=1)["error"]["code"] == "seat_not_found"
    )
    wrong = run_json(stack, "inspect", "saaaaaaaaaaaa", "A-1-1", code=1)
    assert wrong["error"]["code"] == "show_not_found"
    assert "no show id" in run(stack, "inspect", "nonsense.>", "A-1-1", code=1).stderr


def test_verify_is_clean_for_one_show_and_for_all(stack: RunningStack, loaded: str) -> None:
    report = run_json(stack, "verify", loaded)
    assert (report["ok"], report["shows"]) == (True, 1)
    assert sum(report["tickets"].values()) == 15
    assert (report["ledgers"]["provider"], report["ledgers"]["orders"]) == (True, {})
    assert "clean" in run(stack, "verify").stdout
    run(stack, "verify", "saaaaaaaaaaaa", code=1)


def test_the_doctor_finds_everything_in_order_and_shows_no_secret(stack: RunningStack) -> None:
    report = run_json(stack, "doctor")
    assert report["ok"] is True
    names = {check["name"] for check in report["checks"]}
    assert {
        "python",
        "ray",
        "server",
        "clock",
        "hosts",
        "services",
        "nats-server",
        "streams",
        "dead letters",
        "payments",
        "webhooks",
        "mongod",
        "orders",
        "refunds",
    } <= names
    assert "nats-server" in run(stack, "doctor").stdout


@pytest.mark.parametrize(
    "command", [("hosts",), ("scale", "2"), ("doctor",), ("verify",), ("inspect", "s", "A-1-1")]
)
def test_without_a_server_every_command_says_so(command: tuple[str, ...], tmp_path: Path) -> None:
    done = frontrow(*command, "--data", str(tmp_path), check=False)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("error: ")


def test_a_server_that_does_not_answer_is_named(stack: RunningStack) -> None:
    done = run(stack, "hosts", "--url", "http://127.0.0.1:1", code=1)
    assert done.stderr == "error: no answer from http://127.0.0.1:1 (ConnectError)\n"
