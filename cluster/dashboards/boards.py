"""The dashboards, as data: what is looked at together, from the buyer inwards."""

from __future__ import annotations

from dataclasses import dataclass

from actors import metrics as m
from cluster.dashboards.promql import increase, most, quantile, rate, total
from cluster.dashboards.slo import FAST_SECONDS, HOLD, failed_ratio, slow_ratio

HOUR = "1h"


@dataclass(frozen=True, slots=True)
class Panel:
    """`queries` are (legend, expression). `unit` is Grafana's name for it; a `stat` shows the last value, red over 0 if
    it `must_be_zero`."""

    title: str
    queries: tuple[tuple[str, str], ...]
    unit: str = "short"
    stat: bool = False
    must_be_zero: bool = False
    about: str = ""


@dataclass(frozen=True, slots=True)
class Board:
    uid: str
    title: str
    rows: tuple[tuple[str, tuple[Panel, ...]], ...]


def _quantiles(metric: m.Metric, match: str = "") -> tuple[tuple[str, str], ...]:
    return tuple((f"p{q * 100:g}", quantile(q, metric, match=match)) for q in (0.5, 0.95, 0.99))


def _zero(title: str, metric: m.Metric) -> Panel:
    return Panel(title, (("", most(metric)),), stat=True, must_be_zero=True, about=metric.help)


SALE = Board(
    "frontrow-sale",
    "Frontrow: the sale",
    (
        (
            "What must never be",
            (
                _zero("Oversold", m.OVERSOLD),
                _zero("Paid without seats", m.PAID_WITHOUT_SEATS),
                _zero("Sold without payment", m.SOLD_WITHOUT_PAYMENT),
                _zero("Journal violations", m.JOURNAL_VIOLATIONS),
                Panel(
                    "Looked at",
                    (("", f"time() - {most(m.WATCHED_AT)}"),),
                    "s",
                    stat=True,
                    about="How long ago the invariants were looked at.",
                ),
            ),
        ),
        (
            "Buyers",
            (
                Panel(
                    "Holds by answer",
                    (("{{status}}", rate(m.HTTP_SECONDS, "status", HOLD)),),
                    "reqps",
                ),
                Panel("Time of a hold", _quantiles(m.HTTP_SECONDS, HOLD), "s"),
                Panel(
                    "Holds that failed or were slow, of the last hour",
                    (
                        ("5xx", failed_ratio(HOUR)),
                        (f"over {FAST_SECONDS} s", slow_ratio(HOUR)),
                    ),
                    "percentunit",
                ),
                Panel(
                    "Requests by route",
                    (("{{method}} {{route}}", rate(m.HTTP_SECONDS, "method, route")),),
                    "reqps",
                ),
                Panel(
                    "Server errors by route",
                    (("{{route}}", rate(m.HTTP_SECONDS, "route", 'status="5xx"')),),
                    "reqps",
                ),
                Panel(
                    "Turned away for asking too often",
                    (("{{policy}}", rate(m.RATE_LIMITED, "policy")),),
                    "reqps",
                    about=m.RATE_LIMITED.help,
                ),
                Panel(
                    "In the replicas",
                    (
                        ("holds in flight", total(m.HOLDS_IN_FLIGHT)),
                        ("streams", total(m.SSE_CLIENTS)),
                        ("views", total(m.VIEWS)),
                    ),
                ),
            ),
        ),
        (
            "Tickets and orders",
            (
                Panel("Tickets by state", (("{{state}}", most(m.TICKETS, "state")),)),
                Panel(
                    "Orders by the state they came to",
                    (("{{state}}", rate(m.ORDER_TRANSITIONS, "state")),),
                    "ops",
                ),
                Panel(
                    "Commands by outcome",
                    (("{{outcome}}", rate(m.COMMANDS, "outcome")),),
                    "ops",
                ),
            ),
        ),
    ),
)

HOSTS = Board(
    "frontrow-hosts",
    "Frontrow: hosts and journal",
    (
        (
            "Hosts",
            (
                Panel(
                    "Hosts",
                    (("wanted", most(m.HOSTS_WANTED)), ("answer", most(m.HOSTS_ANSWERING))),
                ),
                Panel("Active blocks", (("blocks", total(m.ACTIVATIONS)),)),
                Panel(
                    "Commands waiting",
                    (("all", total(m.MAILBOX_DEPTH)), ("deepest block", most(m.MAILBOX_DEEPEST))),
                    about="A block takes 4,000.",
                ),
                Panel("Commands by kind", (("{{kind}}", rate(m.COMMANDS, "kind")),), "ops"),
                Panel("Commands decided together", _quantiles(m.BATCH_COMMANDS)),
                Panel("Deciding a batch", _quantiles(m.DECIDE_SECONDS), "s"),
                Panel("Rebuilding a block", _quantiles(m.ACTIVATION_SECONDS), "s"),
                Panel("Calls of hosts", _quantiles(m.HOST_CALL_SECONDS), "s"),
                Panel("Calls without an answer", (("", rate(m.HOST_CALLS_LOST)),), "ops"),
            ),
        ),
        (
            "Journal",
            (
                Panel("Commits", (("{{outcome}}", rate(m.APPENDS, "outcome")),), "ops"),
                Panel("A commit, until it is certain", _quantiles(m.APPEND_SECONDS), "s"),
                Panel(
                    "Answers that had to be settled",
                    (("{{answer}}", rate(m.APPEND_DOUBTS, "answer")),),
                    "ops",
                    about="10071 and 10164 are the fence: another writer was faster, or the first try was stored.",
                ),
            ),
        ),
    ),
)

SERVICES = Board(
    "frontrow-services",
    "Frontrow: payments and services",
    (
        (
            "Payments",
            (
                Panel(
                    "Calls of the provider",
                    (
                        (
                            "{{operation}} {{outcome}}",
                            rate(m.PAYMENT_CALL_SECONDS, "operation, outcome"),
                        ),
                    ),
                    "ops",
                ),
                Panel(
                    "Time of the provider (p95)",
                    (("{{operation}}", quantile(0.95, m.PAYMENT_CALL_SECONDS, "operation")),),
                    "s",
                ),
                Panel(
                    "Circuit open",
                    (("", most(m.BREAKER_OPEN)),),
                    stat=True,
                    must_be_zero=True,
                    about=m.BREAKER_OPEN.help,
                ),
                Panel("Webhooks: from event to order", _quantiles(m.WEBHOOK_LAG), "s"),
                Panel("Disputes told of in an hour", (("", increase(m.DISPUTE_NOTICES, HOUR)),)),
                Panel("Orders overdue", (("", most(m.ORDERS_OVERDUE)),)),
            ),
        ),
        (
            "Services",
            (
                Panel("Up", (("{{service}}", most(m.SERVICE_UP, "service")),)),
                Panel(
                    "Restarts in an hour",
                    (("{{service}}", increase(m.SERVICE_RESTARTS, HOUR, "service")),),
                ),
                Panel(
                    "Messages waiting",
                    (("{{stream}} {{consumer}}", most(m.CONSUMER_LAG, "stream, consumer")),),
                ),
                Panel(
                    "Age of messages when handled (p95)",
                    (
                        (
                            "{{stream}} {{consumer}}",
                            quantile(0.95, m.CONSUMER_DELAY, "stream, consumer"),
                        ),
                    ),
                    "s",
                ),
                Panel(
                    "Dead letters in an hour",
                    (
                        (
                            "{{stream}} {{consumer}}",
                            increase(m.DEAD_LETTERS, HOUR, "stream, consumer"),
                        ),
                    ),
                ),
                Panel("Expiry told after the deadline", _quantiles(m.EXPIRY_LAG), "s"),
                Panel("Read model behind (commits)", (("", most(m.PROJECTION_LAG)),)),
                Panel(
                    "Load jobs in an hour",
                    (("{{outcome}}", increase(m.LOAD_JOBS, HOUR, "outcome")),),
                ),
                Panel("Load jobs waiting", (("", most(m.LOAD_JOBS_WAITING)),)),
            ),
        ),
    ),
)

BOARDS = (SALE, HOSTS, SERVICES)
