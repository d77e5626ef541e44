"""What the doctor makes of what it is told."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from cluster.embedded.stripe import SECRET_KEY
from cluster.operate.check import State
from cluster.operate.clock_checks import host_clock_checks, ms_of, skew_check
from cluster.operate.lag_checks import projection_check, queue_check, storage_check
from cluster.operate.package_checks import compared, package_checks
from cluster.operate.server_checks import (
    ERROR_CHARS_MAX,
    RECENT_SECONDS,
    host_check,
    ready_check,
    service_checks,
)
from cluster.operate.setting_checks import dangers, setting_checks, sync_checks
from cluster.operate.show_checks import NAMED_MAX, show_checks
from cluster.operate.target import Target
from cluster.settings import Settings

KEY = "k" * 24


@pytest.mark.parametrize(
    ("told", "state", "word"),
    [
        (1_000, State.OK, "agrees"),
        (1_100, State.OK, "agrees"),
        (900, State.OK, "100 ms behind"),
        (1_600, State.OK, "500 ms ahead"),
        (499, State.WARNING, "501 ms behind"),
        (1_601, State.WARNING, "501 ms ahead"),
    ],
)
def test_a_clock_may_differ_by_its_bound(told: int, state: State, word: str) -> None:
    check = skew_check("clock", told, 1_000, 1_100, 500)
    assert check.state is state
    assert word in check.detail


def test_hosts_have_one_line_unless_a_clock_is_wrong() -> None:
    good = [{"name": f"host-{n}", "now": 1_050} for n in range(3)]
    told = host_clock_checks(good, 1_000, 1_100)
    assert [check.name for check in told] == ["clocks of hosts"]
    wrong = host_clock_checks([*good, {"name": "host-3", "now": 9_000}], 1_000, 1_100)
    assert [(check.name, check.state) for check in wrong] == [("clock host-3", State.WARNING)]
    assert host_clock_checks([{"name": "host-0"}], 1_000, 1_100) == []


def test_times_of_nats_are_read_to_the_millisecond() -> None:
    assert ms_of("1970-01-01T00:00:01.234567891Z") == 1_234
    assert ms_of("1970-01-01T00:00:01.5Z") == 1_500
    assert ms_of("1970-01-01T00:00:01Z") == 1_000


def test_packages_are_compared_with_what_is_pinned() -> None:
    there = {"ray": "2.60.0", "httpx": "0.27.0"}

    def installed(name: str) -> str:
        if name not in there:
            raise PackageNotFoundError(name)
        return there[name]

    wanted = [
        "ray[serve]==2.60.0",
        "httpx==0.28.1",
        "motor==3.7.1",
        'gcsfs==1; extra == "gcp"',
        "loose>=1",
    ]
    checks = {check.name: check for check in compared(wanted, installed)}
    assert checks.keys() == {"ray", "httpx", "motor", "packages"}
    assert checks["ray"].state is State.OK
    assert (checks["httpx"].state, checks["motor"].state) == (State.WARNING, State.FAILED)
    assert checks["httpx"].detail == "0.27.0; tested with 0.28.1"
    assert checks["packages"].detail == "1 are as pinned"


def test_this_environment_is_as_pinned() -> None:
    assert {check.state for check in package_checks()} == {State.OK}


@pytest.mark.parametrize(
    ("given", "state", "word"),
    [
        ({"scanner_key": SecretStr(KEY)}, State.FAILED, "SCANNER_KEY"),
        ({"smtp_url": SecretStr("smtp://mail")}, State.WARNING, "PUBLIC_URL"),
        ({"public_url": "https://x.test"}, State.WARNING, "SMTP_URL"),
        ({"nats_url": "nats://a", "journal_replicas": 3}, State.WARNING, "TICKET_KEYS"),
        (
            {"nats_url": "nats://a,nats://b", "ticket_keys": SecretStr("x")},
            State.WARNING,
            "JOURNAL_REPLICAS",
        ),
        (
            {
                "stripe_secret_key": SecretStr(SECRET_KEY),
                "stripe_webhook_secret": SecretStr("w"),
                "stripe_publishable_key": "pk_test_x",
            },
            State.FAILED,
            "everybody knows",
        ),
        (
            {"stripe_secret_key": SecretStr("sk_test_x"), "stripe_publishable_key": "pk_test_x"},
            State.WARNING,
            "WEBHOOK_SECRET",
        ),
        (
            {"stripe_secret_key": SecretStr("sk_test_x"), "stripe_webhook_secret": SecretStr("w")},
            State.WARNING,
            "STRIPE_PUBLISHABLE_KEY is not set: the pages cannot take cards",
        ),
        (
            {
                "stripe_secret_key": SecretStr("rk_live_x"),
                "stripe_webhook_secret": SecretStr("w"),
                "stripe_publishable_key": "pk_live_x",
            },
            State.WARNING,
            "STRIPE_SECRET_KEY is live",
        ),
        (
            {
                "nats_url": "nats://a",
                "ticket_keys": SecretStr("x"),
                "stripe_secret_key": SecretStr("sk_live_x"),
                "stripe_webhook_secret": SecretStr("w"),
                "stripe_publishable_key": "pk_live_x",
                "stripe_api_base": "http://elsewhere",
            },
            State.WARNING,
            "live key",
        ),
        (
            {
                "stripe_secret_key": SecretStr("sk_test_x"),
                "stripe_webhook_secret": SecretStr("w"),
                "stripe_publishable_key": "pk_test_x",
                "public_url": "https://x.test",
                "smtp_url": SecretStr("smtp://mail"),
            },
            State.WARNING,
            "test mode",
        ),
    ],
)
def test_what_is_dangerous_is_named_without_its_value(
    given: dict[str, Any], state: State, word: str
) -> None:
    found = list(dangers(Settings(**given), KEY))
    assert [check.state for check in found] == [state]
    assert word in found[0].detail
    assert KEY not in found[0].detail
    assert "sk_" not in found[0].detail


def test_a_short_admin_key_is_a_warning_and_nothing_is_nothing() -> None:
    assert [check.state for check in dangers(Settings(), "short")] == [State.WARNING]
    assert list(dangers(Settings(), KEY)) == []
    assert list(dangers(Settings(), None)) == []


@pytest.fixture
def target(tmp_path: Path) -> Target:
    return Target("http://x", tmp_path, KEY, None, None, None, Settings())


def test_whether_the_journal_syncs_is_read_where_it_can_be(target: Target) -> None:
    assert sync_checks(target) == []
    assert setting_checks(target)[0].detail == "nothing dangerous"
    config = target.data_dir / "nats" / "nats.conf"
    config.parent.mkdir()
    config.write_text("jetstream {\n  sync_interval: always\n}\n")
    assert sync_checks(target)[0].state is State.OK
    config.write_text("jetstream {\n}\n")
    assert sync_checks(target)[0].state is State.FAILED
    elsewhere = replace(target, settings=Settings(nats_url="nats://a"))
    assert "cannot be seen" in sync_checks(elsewhere)[0].detail


def test_a_read_model_that_is_behind_or_rebuilt_is_a_warning() -> None:
    assert projection_check(5_000, 4_990, False).state is State.OK
    assert projection_check(5_000, 3_000, False).state is State.WARNING
    assert projection_check(5_000, 5_000, True).state is State.WARNING
    assert projection_check(5, 9, False).detail == "0 behind the journal"


def test_hosts_with_a_queue_are_named() -> None:
    idle = {"name": "host-0", "answers": True, "depth": 3, "mailbox_max": 4_000}
    silent = {"name": "host-2", "answers": False, "depth": None, "mailbox_max": None}
    assert queue_check([idle, silent]).detail == "3 commands wait"
    busy = {**idle, "name": "host-1", "depth": 2_000}
    check = queue_check([idle, busy])
    assert (check.state, "host-1 (2,000)" in check.detail) == (State.WARNING, True)


def test_a_disk_that_fills_up_is_a_warning_before_it_is_full() -> None:
    assert storage_check({"storage": 5_000_000, "limits": {"max_storage": -1}}).state is State.OK
    assert storage_check({"storage": 70, "limits": {"max_storage": 100}}).state is State.OK
    assert storage_check({"storage": 90, "limits": {"max_storage": 100}}).state is State.WARNING


def test_a_server_that_is_not_ready_says_which_part_is_away() -> None:
    told = {"status": "not ready", "journal": "ok", "store": "unavailable (X)", "hosts": "ok"}
    check = ready_check(503, told)
    assert check.state is State.FAILED
    assert check.detail == "journal ok, store unavailable (X), hosts ok"
    assert ready_check(200, {**told, "status": "ready", "store": "ok"}).state is State.OK


@pytest.mark.parametrize("told", [None, [], {}, "starting"])
def test_an_answer_that_is_not_the_server_s_is_not_ready(told: Any) -> None:
    check = ready_check(502, told)
    assert (check.state, check.detail) == (State.FAILED, "not ready (HTTP 502)")


def test_hosts_that_are_silent_fail_and_hosts_that_are_drained_are_told() -> None:
    items = [{"name": f"host-{n}", "answers": True, "drained": n == 1} for n in range(2)]
    answer = {"hosts": 2, "dedicated": False, "items": items}
    assert host_check(answer).detail == "2 answer, host-1 is drained"
    assert host_check(answer).state is State.OK
    items[0]["answers"] = False
    assert (host_check(answer).state, host_check(answer).detail) == (
        State.FAILED,
        "no answer from host-0",
    )
    items[0]["answers"], items[1]["answers"] = True, False
    assert (host_check(answer).state, host_check(answer).detail) == (
        State.WARNING,
        "1 answer, host-1 is drained and does not answer",
    )
    one_each = {"hosts": 0, "dedicated": True, "items": []}
    assert host_check(one_each).detail == "one per block"


def report(**changes: Any) -> dict[str, Any]:
    """A service that is well, as GET /v1/operator/services has it."""
    well = {"service": "payment", "running": True, "healthy": True, "restarts": 0, "pid": 7}
    return {**well, "last_error": "", "failed_seconds_ago": None, **changes}


def test_services_have_one_line_unless_one_of_them_is_not_well() -> None:
    once = report(service="loading", restarts=1, last_error="X", failed_seconds_ago=RECENT_SECONDS)
    (check,) = service_checks([report(), once])
    assert (check.name, check.state, check.detail) == ("services", State.OK, "2 run")


@pytest.mark.parametrize(
    ("changes", "state", "words"),
    [
        (
            {"running": False, "healthy": False, "last_error": "StoreUnavailable: away"},
            State.FAILED,
            "does not run: StoreUnavailable: away",
        ),
        ({"running": False, "healthy": False}, State.FAILED, "does not run: it is starting"),
        (
            {"running": False, "pid": None, "last_error": "TimeoutError"},
            State.FAILED,
            "its process does not answer (TimeoutError)",
        ),
        (
            {"healthy": False, "last_error": "no health: X"},
            State.WARNING,
            "cannot tell how it is: no health: X",
        ),
        (
            {"restarts": 3, "failed_seconds_ago": 20, "last_error": "KeyError: 'x'\nand more"},
            State.WARNING,
            "runs, and was restarted 3 times, the last time 20 s ago: KeyError: 'x'",
        ),
    ],
)
def test_a_service_that_is_not_well_is_named_with_its_last_error(
    changes: dict[str, Any], state: State, words: str
) -> None:
    (check,) = service_checks([report(), report(**changes), report(service="loading")])
    assert (check.name, check.state) == ("service payment", state)
    assert words in check.detail
    assert "\n" not in check.detail


def test_a_long_error_is_cut_off() -> None:
    (check,) = service_checks([report(running=False, last_error="x" * 10_000)])
    assert len(check.detail) < 2 * ERROR_CHARS_MAX


def block(number: int, **changes: Any) -> dict[str, Any]:
    """A block that is well, as GET /v1/operator/shows/{show_id} has it."""
    well = {"block": number, "section": f"S{number}", "tickets": 10, "available": 4, "frozen": None}
    return {**well, "host": "host-1", "pinned": False, "answers": True, "detail": "", **changes}


def show(*blocks: dict[str, Any], **changes: Any) -> dict[str, Any]:
    register = block(0, section="", tickets=0, available=0)
    times = {"sale_opens_at": "A", "sale_closes_at": None}
    return {"sale": "open", **times, "behind": False, "blocks": [register, *blocks], **changes}


def told(found: dict[str, Any]) -> list[str]:
    return [f"{check.state} {check.name}: {check.detail}" for check in show_checks(found)]


def test_a_show_that_is_well_has_two_lines() -> None:
    assert told(show(block(4), block(5))) == [
        "ok sale: open",
        "ok blocks: 3 answer, 8 tickets are available",
    ]


def test_a_sale_that_is_not_open_says_when_it_is() -> None:
    assert told(show(sale="not_yet"))[0] == "warning sale: opens at A"
    assert told(show(sale="over", sale_closes_at="B"))[0] == "warning sale: closed at B"
    assert told(show(sale_closes_at="B"))[0] == "ok sale: open until B"


def test_a_view_that_is_behind_is_told() -> None:
    assert "warning view: the seat map is older than the journal" in told(show(behind=True))


def test_blocks_that_do_not_answer_are_named_with_host_and_reason() -> None:
    silent = {"answers": False, "detail": "cannot be read"}
    found = show(block(4, **silent), block(5))
    found["blocks"][0] |= silent
    assert told(found)[1:] == [
        "failed blocks: 2 of 3 do not answer",
        "failed block 0: a register, on host-1: cannot be read",
        "failed block 4: S4, on host-1: cannot be read",
    ]
    many = [block(number, **silent) for number in range(NAMED_MAX * 3)]
    assert len(told(show(*many))) == 2 + NAMED_MAX


def test_what_has_been_done_by_hand_is_told() -> None:
    frozen = {"block": 4, "reason": "water", "by": "ada"}
    found = show(
        block(4, frozen=frozen), block(5, pinned=True), block(6, frozen={**frozen, "by": ""})
    )
    assert told(found)[2:] == [
        "warning block 4: S4, frozen: water (ada)",
        "warning block 6: S6, frozen: water",
        "ok pinned: block 5 on host-1",
    ]
    many = [block(number, frozen=frozen, pinned=True) for number in range(NAMED_MAX + 5)]
    lines = told(show(*many))
    assert lines[-2] == f"warning frozen: {NAMED_MAX + 5} blocks in all"
    assert lines[-1].endswith("and 5 more")
