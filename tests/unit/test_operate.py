"""The pure parts of the operators' commands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from actors.journal import JournalUnavailable
from cluster.journal.streams import Drift
from cluster.operate import lag_checks
from cluster.operate.bench.wrk import parsed
from cluster.operate.client import problem_of, retry_after
from cluster.operate.command import CommandError
from cluster.operate.doctor import (
    State,
    dead_letter_check,
    described,
    nats_version_check,
)
from cluster.operate.lag_checks import consumer_check, consumer_checks
from cluster.operate.load import load_key, media_type_of, sniffed
from cluster.operate.money_checks import (
    notice_ms,
    overdue_check,
    owing_check,
    webhook_check,
)
from cluster.operate.server_checks import clock_check
from cluster.operate.target import find_target
from cluster.store.orders import DUE_ORDERS_MAX

NOON = 43_200.0
DATE = "Thu, 01 Jan 1970 12:00:00 GMT"


@pytest.mark.parametrize(
    ("beginning", "media_type"),
    [
        (b"section,row,seat,category\nA,1,1,x\n", "text/csv"),
        (b"\xef\xbb\xbfsection,row,seat,category\n", "text/csv"),
        (b'{"section":"A","row":"1"}\n{"section":"A"}\n', "application/x-ndjson"),
        (b'{\n  "name": "Plan",\n', "application/json"),
        (b'{"name":"Plan","zones":[]}', "application/json"),
    ],
)
def test_a_file_without_a_known_suffix_is_told_by_its_beginning(
    beginning: bytes, media_type: str
) -> None:
    assert sniffed(beginning) == media_type


def test_a_file_of_no_known_kind_is_refused() -> None:
    with pytest.raises(CommandError, match="neither CSV nor JSON"):
        sniffed(b"hello")


def test_the_suffix_of_a_file_counts_before_its_content(tmp_path: Path) -> None:
    file = tmp_path / "seats.JSONL"
    file.write_text("section,row\n")
    assert media_type_of(file) == "application/x-ndjson"


def test_the_key_of_a_load_follows_from_show_format_content_and_attempt(tmp_path: Path) -> None:
    one, same, other = tmp_path / "one", tmp_path / "same", tmp_path / "other"
    one.write_text("a")
    same.write_text("a")
    other.write_text("b")
    key = load_key("s1", "text/csv", one)
    assert key == load_key("s1", "text/csv", same)
    different = {
        key,
        load_key("s1", "text/csv", other),
        load_key("s2", "text/csv", one),
        load_key("s1", "application/json", one),
        load_key("s1", "text/csv", one, attempt=2),
    }
    assert len(different) == 5


def test_a_problem_becomes_an_error_with_its_code() -> None:
    body = {"code": "show_not_found", "title": "There is no such show", "status": 404}
    error = problem_of(httpx.Response(404, json=body))
    assert (error.status, error.code) == (404, "show_not_found")
    assert str(error) == "show_not_found: There is no such show (HTTP 404)"


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"detail":"x"}', b""])
def test_an_answer_that_is_no_problem_document_is_still_an_error(body: bytes) -> None:
    assert problem_of(httpx.Response(502, content=body)).code == "no_problem_document"


@pytest.mark.parametrize(("asked", "seconds"), [("3", 3.0), ("9999", 10.0), ("soon", 1.0)])
def test_the_pause_that_a_server_asks_for_is_bounded(asked: str, seconds: float) -> None:
    assert retry_after(httpx.Response(503, headers={"Retry-After": asked})) == seconds


@pytest.mark.parametrize(
    ("now", "state"),
    [
        (NOON, State.OK),
        (NOON + 2.0, State.OK),
        (NOON + 60, State.WARNING),
        (NOON - 60, State.WARNING),
    ],
)
def test_the_clock_may_differ_by_what_the_date_header_cannot_tell(now: float, state: State) -> None:
    assert clock_check(DATE, now, now + 0.01).state is state


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("<nats server v2.15.1>", State.OK),
        ("2.12.0-beta.1", State.OK),
        ("2.9.20", State.FAILED),
        ("", State.FAILED),
    ],
)
def test_a_nats_server_without_schedules_is_too_old(text: str, state: State) -> None:
    assert nats_version_check(text).state is state


def test_a_consumer_that_is_far_behind_is_a_warning() -> None:
    info = {"config": {"durable_name": "expiration"}, "num_pending": 5, "num_ack_pending": 1}
    assert consumer_check(info).state is State.OK
    assert consumer_check({**info, "num_pending": 1_000_000}).state is State.WARNING


def test_a_consumer_of_another_stream_is_named_with_it() -> None:
    info = {"config": {"durable_name": "payment"}, "stream_name": "NOTICES"}
    assert consumer_check(info).name == "consumer payment of NOTICES"


async def test_consumers_are_told_though_one_of_them_is_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A list of all is not answered while one server of a cluster is away."""

    async def call(_nc: Any, method: str) -> dict[str, Any]:
        kind, stream, *name = method.removeprefix("CONSUMER.").split(".")
        if kind == "NAMES":
            return {"consumers": ["payment", "a-view"] if stream == "JOURNAL" else None}
        if name == ["a-view"]:
            raise JournalUnavailable("no answer")
        return {"config": {"durable_name": name[0]}, "stream_name": stream, "num_pending": 2}

    monkeypatch.setattr(lag_checks, "call", call)
    found = await consumer_checks(None, None)  # type: ignore[arg-type]
    assert [(check.name, check.state) for check in found] == [
        ("consumer payment", State.OK),
        ("consumers", State.WARNING),
    ]
    assert "a-view" in found[1].detail


def test_dead_letters_are_told_by_stream_and_consumer() -> None:
    assert dead_letter_check(0, {}).state is State.OK
    check = dead_letter_check(3, {"deadletters.JOURNAL.payment": 2, "deadletters.ORDERS.door": 1})
    assert check.state is State.WARNING
    assert "2 of JOURNAL.payment, 1 of ORDERS.door" in check.detail


def test_overdue_orders_and_failed_refunds_are_warnings() -> None:
    assert overdue_check(0).state is State.OK
    assert owing_check(0).state is State.OK
    assert (overdue_check(1).state, owing_check(1).state) == (State.WARNING, State.WARNING)
    assert overdue_check(1).detail.startswith("1 order overdue")
    assert overdue_check(DUE_ORDERS_MAX).detail.startswith("200 or more orders overdue")


NOTICES_STATE = {"messages": 7, "last_ts": "1970-01-01T00:00:09.123456789Z"}
NO_NOTICES = {"messages": 0, "last_ts": "0001-01-01T00:00:00Z"}


def test_webhooks_that_stay_away_while_payments_move_are_a_warning() -> None:
    assert webhook_check(NOTICES_STATE, 0, 12_000).detail == "7 stored, the last one 3 s ago"
    silent = webhook_check(NOTICES_STATE, 2, 12_000)
    assert silent.state is State.WARNING
    assert silent.detail.startswith("2 payments have moved")
    assert webhook_check(NO_NOTICES, 0, 12_000).detail == "none has come yet"
    assert (notice_ms(NOTICES_STATE), notice_ms(NO_NOTICES)) == (9_000, 0)


def test_drift_is_told_in_words() -> None:
    assert described(Drift("JOURNAL", "name", "JOURNAL", None)) == "JOURNAL does not exist"
    said = described(Drift("JOURNAL", "deny_delete", True, False))
    assert said == "JOURNAL: deny_delete is False, should be True"


def test_wrk_s_result_is_read_from_its_own_line() -> None:
    line = '{"requests":100,"refused":10,"lost":0,"microseconds":2000000,"p50_us":5,"p99_us":9}'
    load = parsed(f"Running 2s test\nRESULT {line}\n")
    assert (load.succeeded, load.rate) == (90, 50.0)
    with pytest.raises(CommandError, match="no result"):
        parsed("Running 2s test")


def test_who_needs_the_stores_only_needs_no_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup of an installation whose servers are all down, say."""
    monkeypatch.setenv("FRONTROW_NATS_URL", "nats://127.0.0.1:1")
    with pytest.raises(CommandError) as caught:
        find_target(tmp_path, stores_suffice=True)
    assert caught.value.code == "no_server"
    monkeypatch.setenv("FRONTROW_MONGODB_URL", "mongodb://127.0.0.1:1")
    found = find_target(tmp_path, stores_suffice=True)
    assert (found.url, found.nats_url) == ("", "nats://127.0.0.1:1")
    with pytest.raises(CommandError) as caught:
        find_target(tmp_path)
    assert caught.value.code == "no_server"
