"""Prometheus itself reads the alerts: each one fires in a world where it should, and none where all is well."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.service_processes import services
from cluster.settings import Settings
from tests.manifests.rendered import KUBERAY

pytestmark = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="needs promtool, of Debian's package prometheus"
)

RUN_SECONDS_MAX = 60
STEPS = 480
EVALUATED_AT = "4h"
"""The end of STEPS samples, one every 30 s: longer than any alert waits."""

HOLD = 'route="/v1/shows/{show_id}/holds",method="POST"'
COUNT, BUCKET = (
    "ray_frontrow_http_request_seconds_count",
    "ray_frontrow_http_request_seconds_bucket",
)
LAG = "ray_frontrow_consumer_lag_messages"
PAYMENT = {"stream": "JOURNAL", "consumer": "payment"}
DOCUMENTS = {"stream": "ORDERS", "consumer": "documents"}
GIB = 2**30

RUNNING = services(Settings(metrics_port=8080))
"""Those of an installation whose number of hosts nobody decides."""

CAPTURES = 'ray_frontrow_payment_call_seconds_count{operation="capture",outcome="ok"}'
DISPUTES = "ray_frontrow_dispute_notices_total"
WEBHOOKS = f'{COUNT}{{route="/webhooks/stripe",method="POST",status="2xx"}}'

Worlds = dict[str, str | None]


def steady(value: float) -> str:
    return f"{value}+0x{STEPS}"


def just_now(value: float) -> str:
    """Five minutes ago it was not there yet."""
    return f"_x{STEPS - 10} {value}+0x10"


def growing(step: float) -> str:
    """By so much every 30 s."""
    return f"0+{step}x{STEPS}"


def stored(server: str, used: float) -> Worlds:
    return {
        f'nats_server_total_message_bytes{{server_id="{server}"}}': steady(used * 100 * GIB),
        f'nats_server_max_storage{{server_id="{server}"}}': steady(100 * GIB),
    }


def consumer(labels: dict[str, str]) -> str:
    return f'{LAG}{{stream="{labels["stream"]}",consumer="{labels["consumer"]}"}}'


WELL: Worlds = {
    f'{COUNT}{{{HOLD},status="2xx"}}': growing(1000),
    f'{BUCKET}{{{HOLD},status="2xx",le="0.5"}}': growing(995),
    "ray_frontrow_oversold": steady(0),
    "ray_frontrow_paid_without_seats": steady(0),
    "ray_frontrow_sold_without_payment": steady(0),
    "ray_frontrow_journal_violations": steady(0),
    "ray_frontrow_watched_timestamp_seconds": growing(30),
    "ray_frontrow_hosts_answering": steady(4),
    "ray_frontrow_hosts_wanted": steady(4),
    "ray_frontrow_mailbox_deepest": steady(30),
    'ray_frontrow_commands_total{outcome="unavailable"}': steady(7),
    'ray_frontrow_appends_total{outcome="unknown"}': steady(1),
    "ray_frontrow_payment_breaker_open": steady(0),
    **{f'ray_frontrow_service_up{{service="{name}"}}': steady(1) for name in RUNNING},
    'ray_frontrow_service_restarts_total{service="payment"}': steady(2),
    consumer(PAYMENT): steady(12),
    consumer(DOCUMENTS): steady(40),
    'ray_frontrow_dead_letters_total{stream="JOURNAL",consumer="payment"}': steady(1),
    "ray_frontrow_projection_lag_commits": steady(200),
    'ray_frontrow_expiry_lag_seconds_bucket{le="1"}': growing(10),
    'ray_frontrow_expiry_lag_seconds_bucket{le="+Inf"}': growing(10),
    'ray_frontrow_webhook_lag_seconds_bucket{le="1"}': growing(10),
    'ray_frontrow_webhook_lag_seconds_bucket{le="+Inf"}': growing(10),
    DISPUTES: steady(1),
    CAPTURES: growing(5),
    WEBHOOKS: growing(10),
    "ray_frontrow_orders_overdue": steady(0),
    **stored("A", 0.3),
    **stored("B", 0.3),
    **stored("C", 0.3),
}

NO_SERVER: Worlds = {series: None for series in WELL if series.startswith("nats_")}
NOTHING: Worlds = {series: None for series in WELL if series.startswith("ray_")}


def failing(step: float) -> Worlds:
    return {f'{COUNT}{{{HOLD},status="5xx"}}': growing(step)}


def slow(fast: float) -> Worlds:
    return {f'{BUCKET}{{{HOLD},status="2xx",le="0.5"}}': growing(fast)}


def late(histogram: str) -> Worlds:
    """Of a hundred each time, so many wait for more than the last border."""
    name = f"ray_frontrow_{histogram}_lag_seconds_bucket"
    return {
        f'{name}{{le="1"}}': growing(50),
        f'{name}{{le="120"}}': growing(90),
        f'{name}{{le="+Inf"}}': growing(100),
    }


ILL: list[tuple[str, Worlds, list[dict[str, str]]]] = [
    ("HoldsFailing", failing(20), [{"window": "1h"}, {"window": "6h"}, {"window": "3d"}]),
    ("HoldsFailing", failing(8), [{"window": "6h"}, {"window": "3d"}]),
    ("HoldsFailing", failing(2), [{"window": "3d"}]),
    ("HoldsSlow", slow(800), [{"window": "1h"}, {"window": "6h"}, {"window": "3d"}]),
    ("HoldsSlow", slow(900), [{"window": "6h"}, {"window": "3d"}]),
    ("HoldsSlow", slow(980), [{"window": "3d"}]),
    ("Oversold", {"ray_frontrow_oversold": steady(1)}, [{}]),
    ("PaidWithoutSeats", {"ray_frontrow_paid_without_seats": steady(1)}, [{}]),
    ("SoldWithoutPayment", {"ray_frontrow_sold_without_payment": steady(1)}, [{}]),
    ("JournalViolations", {"ray_frontrow_journal_violations": steady(1)}, [{}]),
    ("InvariantsNotWatched", {"ray_frontrow_watched_timestamp_seconds": steady(60)}, [{}]),
    ("InvariantsNotWatched", {"ray_frontrow_watched_timestamp_seconds": None}, [{}]),
    ("NothingMeasured", NOTHING, [{}]),
    ("NoHostAnswers", {"ray_frontrow_hosts_answering": steady(0)}, [{}]),
    ("HostMissing", {"ray_frontrow_hosts_answering": steady(3)}, [{}]),
    ("MailboxFilling", {"ray_frontrow_mailbox_deepest": steady(2001)}, [{}]),
    (
        "CommandsUnanswered",
        {'ray_frontrow_commands_total{outcome="unavailable"}': growing(1)},
        [{}],
    ),
    ("CommitsUnknown", {'ray_frontrow_appends_total{outcome="unknown"}': growing(1)}, [{}]),
    ("BreakerOpen", {"ray_frontrow_payment_breaker_open": steady(1)}, [{}]),
    (
        "ServiceDown",
        {'ray_frontrow_service_up{service="payment"}': steady(0)},
        [{"service": "payment"}],
    ),
    *[
        (
            "ServiceGone",
            {f'ray_frontrow_service_up{{service="{name}"}}': None},
            [{"service": name}],
        )
        for name in RUNNING
    ],
    (
        "ServiceRestarting",
        {'ray_frontrow_service_restarts_total{service="payment"}': growing(1)},
        [{"service": "payment"}],
    ),
    ("ConsumerBehind", {consumer(PAYMENT): steady(1001)}, [PAYMENT]),
    ("DocumentsBehind", {consumer(DOCUMENTS): steady(1001)}, [DOCUMENTS]),
    (
        "DeadLetters",
        {'ray_frontrow_dead_letters_total{stream="JOURNAL",consumer="payment"}': growing(1)},
        [PAYMENT],
    ),
    ("ReadModelBehind", {"ray_frontrow_projection_lag_commits": steady(10001)}, [{}]),
    ("ExpiryLate", late("expiry"), [{}]),
    ("WebhooksLate", late("webhook"), [{}]),
    ("WebhooksSilent", {WEBHOOKS: steady(40)}, [{}]),
    ("WebhooksSilent", {WEBHOOKS: None}, [{}]),
    ("PaymentDisputed", {DISPUTES: growing(1)}, [{}]),
    ("OrdersOverdue", {"ray_frontrow_orders_overdue": steady(1)}, [{}]),
    ("JournalFilling", stored("B", 0.71), [{}]),
    ("JournalFull", stored("B", 0.91), [{}]),
    ("JournalServerMissing", dict.fromkeys(stored("B", 0.0)), [{}]),
    ("JournalServerMissing", NO_SERVER, [{}]),
]


@cache
def rules() -> list[dict[str, Any]]:
    documents = yaml.safe_load_all((KUBERAY / "observability/alerts.yaml").read_text())
    groups = [group for document in documents for group in document["spec"]["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def expected(alert: str, labels: dict[str, str]) -> dict[str, Any]:
    """What fires, with these labels beside those of its rule."""
    (rule,) = (
        rule
        for rule in rules()
        if rule["alert"] == alert and rule["labels"].get("window") == labels.get("window")
    )
    return {"exp_labels": {**rule["labels"], **labels}, "exp_annotations": rule["annotations"]}


def judged(tmp_path: Path, world: Worlds, wanted: dict[str, list[dict[str, Any]]]) -> str:
    """What promtool has against `wanted` (by alert) in this world; empty when it is so."""
    test = {
        "interval": "30s",
        "input_series": [
            {"series": series, "values": values} for series, values in world.items() if values
        ],
        "alert_rule_test": [
            {"eval_time": EVALUATED_AT, "alertname": alert, "exp_alerts": fires}
            for alert, fires in wanted.items()
        ],
    }
    tried = [rule for rule in rules() if rule["alert"] in wanted]
    groups = [{"name": "tried", "interval": "30s", "rules": tried}]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}))
    (tmp_path / "test.yaml").write_text(
        yaml.safe_dump(
            {"rule_files": ["rules.yaml"], "evaluation_interval": "30s", "tests": [test]}
        )
    )
    done = subprocess.run(
        ["promtool", "test", "rules", "test.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS_MAX,
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_nothing_fires_when_all_is_well(tmp_path: Path) -> None:
    assert judged(tmp_path, WELL, {rule["alert"]: [] for rule in rules()}) == ""


@pytest.mark.parametrize(("alert", "change", "labels"), ILL)
def test_an_alert_fires(
    tmp_path: Path, alert: str, change: Worlds, labels: list[dict[str, str]]
) -> None:
    fires = [expected(alert, each) for each in labels]
    assert judged(tmp_path, {**WELL, **change}, {alert: fires}) == ""


@pytest.mark.parametrize(
    "world",
    [
        {CAPTURES: steady(70), WEBHOOKS: steady(140)},
        {CAPTURES: None, WEBHOOKS: None},
        {WEBHOOKS: just_now(1)},
        {f'{COUNT}{{route="/webhooks/stripe",method="POST",status="4xx"}}': growing(1)},
    ],
    ids=["nobody pays", "nobody ever paid", "the first one came", "forged ones come as well"],
)
def test_webhooks_are_missed_only_where_there_should_be_some(tmp_path: Path, world: Worlds) -> None:
    assert judged(tmp_path, {**WELL, **world}, {"WebhooksSilent": []}) == ""


def test_the_loss_of_everything_is_one_page_and_not_one_for_each_service(tmp_path: Path) -> None:
    assert judged(tmp_path, {**WELL, **NOTHING}, {"ServiceGone": []}) == ""


def test_every_alert_is_seen_to_fire() -> None:
    assert {alert for alert, _, _ in ILL} == {rule["alert"] for rule in rules()}
