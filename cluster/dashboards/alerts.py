"""What an operator is called for, and what to do then. Data; `rules.py` makes the file of it.

`page`: now, whatever the hour. `ticket`: on the next working day.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from actors import metrics as m
from cluster.dashboards.promql import increase, most, quantile, selector
from cluster.dashboards.slo import ANSWERED, BURNS, FAST, FAST_SECONDS, failed_ratio, slow_ratio

ALWAYS = tuple(one for one in m.SERVICES if one is not m.Emitter.ELASTICITY)
"""The services that every measured installation has; the elasticity service runs where the load decides only."""

UNKNOWN, UNAVAILABLE = 'outcome="unknown"', 'outcome="unavailable"'
DOCUMENTS, OTHERS = 'consumer="documents"', 'consumer!="documents"'

WEBHOOKS = 'route="/webhooks/stripe",method="POST",status="2xx"'
"""Notices of the provider that were stored."""

JOURNAL_STORED, JOURNAL_STORAGE = "nats_server_total_message_bytes", "nats_server_max_storage"
"""Of each NATS server, as the exporter in its pod calls them: prometheus-nats-exporter, `-jsz=all -prefix=nats`."""


class Runbook(StrEnum):
    """A page of docs/operating/."""

    ALERTS = "observability.md#alerts"
    """No page of its own: what to do is said with the alert."""

    ON_SALE_DAY = "on-sale-day.md"
    DEAD_HOST = "dead-host.md"
    DEAD_NODE = "dead-node.md"
    STUCK_SHOW = "stuck-show.md"
    STRIPE_DOWN = "stripe-down.md"
    MONGODB_DOWN = "mongodb-down.md"
    NATS_QUORUM = "nats-quorum.md"
    DISK_FULL = "disk-full.md"


@dataclass(frozen=True, slots=True)
class Alert:
    """`lasting` is how long it must be so. `meaning` and `action` are for people. `window` tells alerts of one name
    apart, which would be one series else; empty where there is one only."""

    name: str
    expr: str
    lasting: str
    severity: str
    meaning: str
    action: str
    runbook: Runbook = Runbook.ALERTS
    window: str = ""


def _gone() -> str:
    """Each service that tells nothing, with its name; nothing when none of them does, which is another alert."""
    named = [selector(m.SERVICE_UP, f'service="{one}"') for one in ALWAYS]
    silent = [f"absent({series})" for series in named]
    return f"({' or '.join(silent)}) unless on () absent({m.SERVICE_UP.exported})"


def _unheard(window: str) -> str:
    """Money was taken, and the provider told nothing that was taken in. A counter begins with its first event, so a
    series that was not there before the window is one."""
    captured = selector(m.PAYMENT_CALL_SECONDS, 'operation="capture",outcome="ok"', "count")
    heard = selector(m.HTTP_SECONDS, WEBHOOKS, "count")
    news = (
        f"sum(increase({heard}[{window}])) > 0 or sum({heard} unless {heard} offset {window}) > 0"
    )
    return f"sum(increase({captured}[{window}])) > 0 unless on () ({news})"


def _burning() -> list[Alert]:
    alerts = list[Alert]()
    for burn in BURNS:
        for name, ratio, goal, what in (
            ("HoldsFailing", failed_ratio, ANSWERED, "are answered with a 5xx"),
            ("HoldsSlow", slow_ratio, FAST, f"take longer than {FAST_SECONDS} s"),
        ):
            budget = round(burn.factor * (1 - goal), 6)
            expr = f"{ratio(burn.long)} > {budget} and {ratio(burn.short)} > {budget}"
            meaning = (
                f"More than {budget:.2%} of all holds of the last {burn.long} (and {burn.short}) {what}: the error "
                f"budget burns {burn.factor:g} times as fast as it may."
            )
            action = (
                "Look at `/readyz` and `frontrow doctor`: which part is away? Then at the dashboard of hosts "
                "and journal: a slow append is NATS or its disk, a full mailbox is too few hosts, "
                "neither is too few replicas."
            )
            alerts.append(
                Alert(
                    name,
                    expr,
                    burn.lasting,
                    burn.severity,
                    meaning,
                    action,
                    Runbook.ON_SALE_DAY,
                    burn.long,
                )
            )
    return alerts


_INVARIANTS = [
    Alert(
        "Oversold",
        f"{most(m.OVERSOLD)} > 0",
        "0m",
        "page",
        "The journal gave a ticket to one while it was another's.",
        "Stop the sale: `frontrow freeze SHOW_ID BLOCK` for each of its blocks. `frontrow verify` names the seat, "
        "`frontrow inspect` its history. The journal keeps what was, "
        "so silence the alert when the people have been looked after.",
    ),
    Alert(
        "PaidWithoutSeats",
        f"{most(m.PAID_WITHOUT_SEATS)} > 0",
        "1m",
        "page",
        "Somebody has paid, and the journal does not have the seats as sold to them.",
        "`frontrow verify` names the order by its reference. Give the money back, or the seats if they are free.",
    ),
    Alert(
        "SoldWithoutPayment",
        f"{most(m.SOLD_WITHOUT_PAYMENT)} > 0",
        "5m",
        "page",
        "A seat is sold to an order that is not there, or not (or no longer) paid.",
        "`frontrow verify` names seat and order. The payment service turns such sales out by itself: see that it runs.",
    ),
    Alert(
        "JournalViolations",
        f"{most(m.JOURNAL_VIOLATIONS)} > 0",
        "0m",
        "page",
        "The journal has something that the rules do not allow, or that cannot be read.",
        "`frontrow verify` names it. A version of the program that decides differently from the one before is the "
        "first thing to think of: go back to that one.",
    ),
    Alert(
        "InvariantsNotWatched",
        f"time() - {most(m.WATCHED_AT)} > 300 or absent({m.WATCHED_AT.exported})",
        "10m",
        "ticket",
        "Nobody has looked at the invariants for a while: that they are 0 says nothing now.",
        "`frontrow doctor`. After a restart the watch reads the whole journal first, which takes its time.",
    ),
]

_PARTS = [
    Alert(
        "NothingMeasured",
        f"absent({m.SERVICE_UP.exported})",
        "5m",
        "page",
        "No service of Frontrow is measured: the product is away, or its metrics are not collected. Most alerts cannot "
        "fire meanwhile.",
        "`/readyz` and `frontrow doctor`: do they answer? Then look at whatever collects the metrics.",
        Runbook.ON_SALE_DAY,
    ),
    Alert(
        "NoHostAnswers",
        f"{most(m.HOSTS_ANSWERING)} == 0 and {most(m.HOSTS_WANTED)} > 0",
        "1m",
        "page",
        "No ticket host answers: nothing can be held.",
        "`frontrow hosts`; is there room for their actors in the Ray cluster, and does NATS answer? A host that cannot "
        "reach it does not start.",
        Runbook.DEAD_HOST,
    ),
    Alert(
        "HostMissing",
        f"{most(m.HOSTS_ANSWERING)} < {most(m.HOSTS_WANTED)}",
        "5m",
        "page",
        "A ticket host does not answer: its seats cannot be held.",
        "`frontrow hosts` says which. Ray restarts it by itself if a node has room for it.",
        Runbook.DEAD_HOST,
    ),
    Alert(
        "MailboxFilling",
        f"{most(m.MAILBOX_DEEPEST)} > 2000",
        "2m",
        "page",
        "A block has half as many commands waiting as it takes (4,000): beyond that they are answered 503.",
        "If one show is wanted by everybody, its blocks are few: more hosts do not help there; `frontrow move` gives "
        "a block a host with less on it. "
        "If all are deep, `frontrow scale`.",
        Runbook.ON_SALE_DAY,
    ),
    Alert(
        "CommandsUnanswered",
        f"{increase(m.COMMANDS, '5m', match=UNAVAILABLE)} > 0",
        "10m",
        "page",
        "Hosts do not answer for some of their seats: a block cannot be read, or the journal is away.",
        "`frontrow doctor`, and `frontrow doctor --show SHOW_ID` for the shows on sale: it asks every block.",
        Runbook.STUCK_SHOW,
    ),
    Alert(
        "CommitsUnknown",
        f"{increase(m.APPENDS, '10m', match=UNKNOWN)} > 0",
        "0m",
        "ticket",
        "Commits ended without an answer from the journal; their callers were told 503.",
        "Look at NATS: a leader that changes, a disk that is slow or full. Nothing is lost: asking again tells.",
        Runbook.NATS_QUORUM,
    ),
    Alert(
        "BreakerOpen",
        f"{most(m.BREAKER_OPEN)} > 0",
        "2m",
        "page",
        "The payment provider does not answer; new orders are answered 503, those under way wait.",
        "Look at the provider's status page. Nothing has to be done here: it is tried again every ten seconds.",
        Runbook.STRIPE_DOWN,
    ),
    Alert(
        "ServiceDown",
        f"min by (service) ({m.SERVICE_UP.exported}) == 0",
        "5m",
        "page",
        "A service is being restarted, again and again.",
        "`frontrow doctor` gives the last error; what waits meanwhile is in the table of parts in "
        "docs/architecture.md.",
    ),
    Alert(
        "ServiceGone",
        _gone(),
        "5m",
        "page",
        "A service tells nothing: its process is gone, hangs, or finds no room. What it tells, its lags and whether "
        "it is up, cannot call anybody meanwhile.",
        "`frontrow doctor`: `its process does not answer`? Ray starts it again wherever there is room "
        "(`frontrow_service`); one that hangs goes with its pod or process. What waits meanwhile is in the table of "
        "parts in docs/architecture.md.",
        Runbook.DEAD_NODE,
    ),
    Alert(
        "ServiceRestarting",
        f"{increase(m.SERVICE_RESTARTS, '15m', 'service')} > 3",
        "0m",
        "ticket",
        "A service ends with errors and is built anew.",
        "Its log has the traceback (`service.failed`).",
        Runbook.DISK_FULL,
    ),
]

_LAGS = [
    Alert(
        "ConsumerBehind",
        f"{most(m.CONSUMER_LAG, 'stream, consumer', OTHERS)} > 1000",
        "5m",
        "page",
        "A service does not keep up with what it lives off.",
        "`payment` behind: orders are paid late. `expiration`: ends of holds are told late, seats can be had all "
        "the same. `door`: nothing is late at the door itself, tickets are issued before an order is paid. Look at its "
        "errors, then at MongoDB.",
        Runbook.MONGODB_DOWN,
    ),
    Alert(
        "DocumentsBehind",
        f"{most(m.CONSUMER_LAG, 'stream, consumer', DOCUMENTS)} > 1000",
        "2h",
        "ticket",
        "Tickets are mailed late. They are on the order's page all the same.",
        "After a rush it comes down by itself; if it does not, look at the mail server and the object store.",
    ),
    Alert(
        "DeadLetters",
        f"{increase(m.DEAD_LETTERS, '15m', 'stream, consumer')} > 0",
        "0m",
        "ticket",
        "A message could not be handled and was buried.",
        "It is in the DEADLETTERS stream with its reason; `frontrow doctor` counts them.",
    ),
    Alert(
        "ReadModelBehind",
        f"{most(m.PROJECTION_LAG)} > 10000",
        "10m",
        "ticket",
        "The read model of tickets is behind the journal. Nothing is decided from it.",
        "Look at MongoDB; `frontrow rebuild` makes it anew.",
        Runbook.MONGODB_DOWN,
    ),
    Alert(
        "ExpiryLate",
        f"{quantile(0.99, m.EXPIRY_LAG, window='10m')} > 30",
        "10m",
        "ticket",
        "The end of holds is told more than 30 s late. The seats can be sold all the same.",
        "Look at the consumers of the expiration service, and at NATS.",
    ),
    Alert(
        "WebhooksLate",
        f"{quantile(0.95, m.WEBHOOK_LAG, window='10m')} > 60",
        "10m",
        "ticket",
        "What the payment provider tells is heard more than a minute late.",
        "Does the payment service keep up (`frontrow doctor`)? Then look at the provider's deliveries. Orders are "
        "looked at by themselves as well.",
        Runbook.STRIPE_DOWN,
    ),
    Alert(
        "WebhooksSilent",
        _unheard("15m"),
        "5m",
        "ticket",
        "Orders are paid, and no webhook of the payment provider has been taken in meanwhile.",
        "At the provider: is the endpoint switched off, or are deliveries failing? Is its secret ours "
        "(`STRIPE_WEBHOOK_SECRET`)? `frontrow doctor` says when the last one came. Orders are looked at by themselves "
        "as well: they are late, not lost.",
        Runbook.STRIPE_DOWN,
    ),
    Alert(
        "PaymentDisputed",
        f"{increase(m.DISPUTE_NOTICES, '15m')} > 0",
        "0m",
        "ticket",
        "A buyer's bank asks for the money of an order back, or has decided about that.",
        "The payment service's log (`order.disputed`) names show and order. Answer at the provider. Nothing is done "
        "here by itself: the tickets stay valid.",
    ),
    Alert(
        "OrdersOverdue",
        f"{most(m.ORDERS_OVERDUE)} > 0",
        "5m",
        "page",
        "Orders have been due for more than ten seconds, for minutes: nobody goes on with them.",
        "Is the payment service up, and do MongoDB, the hosts and the provider answer? `frontrow doctor`.",
        Runbook.STRIPE_DOWN,
    ),
]

_JOURNAL = [
    Alert(
        "JournalFilling",
        f"max({JOURNAL_STORED} / ({JOURNAL_STORAGE} > 0)) > 0.7",
        "10m",
        "ticket",
        "A journal server has used more than 70 % of the storage that it may. When it is full, nothing can be held.",
        "`frontrow doctor` says how much is used. Make its volumes larger, and then its limit, before it is reached.",
        Runbook.DISK_FULL,
    ),
    Alert(
        "JournalFull",
        f"max({JOURNAL_STORED} / ({JOURNAL_STORAGE} > 0)) > 0.9",
        "1m",
        "page",
        "A journal server has used more than 90 % of the storage that it may. When it is full, nothing can be held.",
        "Make its volumes larger, and then its limit, now.",
        Runbook.DISK_FULL,
    ),
    Alert(
        "JournalServerMissing",
        f"(count({JOURNAL_STORAGE}) or vector(0)) < 3",
        "2m",
        "page",
        "One of the three journal servers is away, or more. With two away nothing can be held.",
        "`frontrow doctor` says which, and whether the replicas of the others follow.",
        Runbook.NATS_QUORUM,
    ),
]

PRODUCT, DATA = "frontrow", "frontrow-data"
"""Namespaces: of what Ray measures, and of the journal's servers."""

RULES: dict[str, dict[str, list[Alert]]] = {
    PRODUCT: {
        "service levels": _burning(),
        "invariants": _INVARIANTS,
        "parts": _PARTS,
        "lags": _LAGS,
    },
    DATA: {"journal servers": _JOURNAL},
}
"""By namespace, and by what they are about: managed Prometheus gives rules the series of their own namespace only."""

GROUPS = {name: alerts for groups in RULES.values() for name, alerts in groups.items()}
