"""The metrics of a running stack, as Prometheus reads them: every one that a dashboard or an alert names is there."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Callable

import httpx
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from actors.metrics import (
    APPENDS,
    COMMANDS,
    HOSTS_ANSWERING,
    HTTP_SECONDS,
    METRICS,
    ORDER_TRANSITIONS,
    OVERSOLD,
    PAID_WITHOUT_SEATS,
    TICKETS,
    Metric,
)
from cluster.embedded.process import LOOPBACK, free_port
from cluster.operate.crowd.browser import Browser, Card
from tests.shop import Shop, grid, until
from tests.stack import RunningStack

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Exporter:
    """What the exporter says now."""

    def __init__(self, port: int) -> None:
        self._url = f"http://{LOOPBACK}:{port}/metrics"
        self.text = ""
        self.samples: Samples = {}

    def read(self) -> Samples:
        self.text = httpx.get(self._url, timeout=30).text
        self.samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(self.text)
            for sample in family.samples
        }
        return self.samples

    def value(self, metric: Metric, part: str = "", **labels: str) -> float | None:
        """The sum over processes; None when there is no such series."""
        name, wanted = metric.exported + part, labels.items()
        found = [v for (n, all_), v in self.samples.items() if n == name and wanted <= set(all_)]
        return sum(found) if found else None

    def missing(self) -> list[str]:
        there = {name for name, _ in self.samples}
        return [name for metric in METRICS for name in metric.series if name not in there]


async def pay(stack: RunningStack, client_secret: str) -> None:
    async with Browser(stack.stripe_api_base) as browser:
        await browser.pay(client_secret, Card.GOOD)


SOLD = {
    "tickets sold": 1,
    "oversold": 0,
    "paid without seats": 0,
    "hosts answering": 2,
    "orders paid": 1,
    "holds accepted": 2,
    "requests for holds": 2,
}


def told(exporter: Exporter) -> dict[str, float | None]:
    """What the processes say of one sale: the watch, the payment service, the hosts and the replica."""
    return {
        "tickets sold": exporter.value(TICKETS, state="sold"),
        "oversold": exporter.value(OVERSOLD),
        "paid without seats": exporter.value(PAID_WITHOUT_SEATS),
        "hosts answering": exporter.value(HOSTS_ANSWERING),
        "orders paid": exporter.value(ORDER_TRANSITIONS, state="paid"),
        "holds accepted": exporter.value(COMMANDS, kind="hold_tickets", outcome="accepted"),
        "requests for holds": exporter.value(
            HTTP_SECONDS, "_count", route="/v1/shows/{show_id}/holds"
        ),
    }


@pytest.mark.timeout(600)
def test_every_metric_of_the_registry_is_exported_on_loopback_after_some_traffic(
    private_stack: Callable[..., RunningStack],
) -> None:
    port = free_port()
    stack = private_stack(environment={"FRONTROW_METRICS_PORT": str(port)})
    exporter = Exporter(port)
    with Shop(stack.url, stack.admin_key) as shop:
        short = shop.show(grid(1, 1, 1), hold_seconds=1)
        first = shop.http.post(f"/v1/shows/{short}/holds", json={"seats": ["S0-R0-0"]})
        assert len(first.headers.get_list("X-Request-Id")) == 1
        show_id = shop.show(grid(1, 2, 5))
        path = f"/v1/shows/{show_id}/holds"
        hold = shop.http.post(path, json={"seats": ["S0-R0-1"]}).json()
        body = {"hold_id": hold["hold_id"], "email": "a@example.com"}
        order = shop.http.post("/v1/orders", json=body).json()
        asyncio.run(pay(stack, order["client_secret"]))
        until(
            lambda: shop.http.get(f"/v1/orders/{order['order_id']}").json()["state"] == "paid",
            "the order is paid",
        )
    until(lambda: exporter.read() and not exporter.missing(), "every metric is exported", 180)
    # Each process tells in a rhythm of its own: they do not know of the sale at the same moment.
    until(lambda: exporter.read() and told(exporter) == SOLD, f"{SOLD}, as told")
    assert (exporter.value(APPENDS, outcome="stored") or 0) >= 4
    for secret in (hold["hold_id"], order["order_id"], "S0-R0-1", show_id):
        assert secret not in exporter.text
    _assert_on_loopback_only(stack, port)
    _assert_read_by_prometheus(exporter.text)


def _assert_read_by_prometheus(text: str) -> None:
    """By the real one, where it is."""
    if shutil.which("promtool") is None:
        return
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60
    )
    tastes = 3  # it would call some of Ray's metrics otherwise
    assert done.returncode in (0, tastes), done.stderr
    lines = done.stderr.splitlines()
    rays_labels = "label names should be written in 'snake_case'"  # WorkerId, on every series
    ours = [line for line in lines if line.startswith("ray_frontrow_") and rays_labels not in line]
    assert ours == []


def _assert_on_loopback_only(stack: RunningStack, port: int) -> None:
    addresses = {
        one.laddr.ip
        for process in stack.processes
        for one in process.net_connections("inet")
        if one.status == psutil.CONN_LISTEN and one.laddr.port == port
    }
    assert addresses == {LOOPBACK}
