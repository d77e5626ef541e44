"""Every metric of the product, as data: what is emitted, the dashboards, the alerts and the documents follow it.

No label ever names a seat, a buyer, a hold or an order: such values have no bound, and some are secrets. `frontrow_` is
the prefix of ours; Ray's exporter adds `ray_` before it, and `_total` behind a counter.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from actors.domain.audit import STATES
from actors.domain.order import State

EXPORTER_PREFIX = "ray_"

FAST_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5)
CALL_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LAG_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0)
BATCH_SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)


class Kind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Emitter(StrEnum):
    """The processes: a metric is emitted by some of them, which make its first values when they start."""

    REPLICA = "replica"
    HOST = "host"
    ELASTICITY = "elasticity"
    EXPIRATION = "expiration"
    FULFILMENT = "fulfilment"
    LOADING = "loading"
    PAYMENT = "payment"
    PROJECTION = "projection"
    WATCH = "watch"


SERVICES = tuple(one for one in Emitter if one not in (Emitter.REPLICA, Emitter.HOST))


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """`unit` is in the name, as Prometheus wants it. `starts` are the values of the labels with which a counter exists
    from the start, so that its first event is seen as a change from 0 to 1."""

    name: str
    kind: Kind
    help: str
    emitters: tuple[Emitter, ...]
    labels: tuple[str, ...] = ()
    unit: str = ""
    buckets: tuple[float, ...] = ()
    starts: tuple[tuple[str, ...], ...] = ()

    @property
    def exported(self) -> str:
        """The name in Prometheus (of a histogram without `_bucket`, `_sum`, `_count`)."""
        return EXPORTER_PREFIX + self.name + ("_total" if self.kind is Kind.COUNTER else "")

    @property
    def series(self) -> tuple[str, ...]:
        """Every name that a query may ask for."""
        if self.kind is not Kind.HISTOGRAM:
            return (self.exported,)
        return tuple(f"{self.exported}_{part}" for part in ("bucket", "sum", "count"))


_JOURNAL_WRITERS = (Emitter.HOST,)
_ORDER_WRITERS = (Emitter.REPLICA, Emitter.PAYMENT)
_CALLERS = (Emitter.REPLICA, Emitter.EXPIRATION, Emitter.LOADING, Emitter.PAYMENT)
_CONSUMERS = (Emitter.EXPIRATION, Emitter.FULFILMENT, Emitter.PAYMENT)
_NO_LABELS = ((),)

HTTP_SECONDS = Metric(
    "frontrow_http_request_seconds",
    Kind.HISTOGRAM,
    "Time until a request's response begins. `route` is a template, `status` a class such as 2xx.",
    (Emitter.REPLICA,),
    ("method", "route", "status"),
    "seconds",
    CALL_SECONDS,
)
RATE_LIMITED = Metric(
    "frontrow_rate_limited",
    Kind.COUNTER,
    "Requests that were turned away with 429 because one client had asked too often, by policy.",
    (Emitter.REPLICA,),
    ("policy",),
    starts=(("reads",), ("holds",), ("orders",), ("sign_ins",)),
)
HOLDS_IN_FLIGHT = Metric(
    "frontrow_holds_in_flight",
    Kind.GAUGE,
    "Requests for holds and orders that a replica has under way (at most 4,000).",
    (Emitter.REPLICA,),
)
SSE_CLIENTS = Metric(
    "frontrow_sse_clients", Kind.GAUGE, "Streams that a replica serves.", (Emitter.REPLICA,)
)
VIEWS = Metric(
    "frontrow_views", Kind.GAUGE, "Shows that a replica keeps a view of.", (Emitter.REPLICA,)
)
HOST_CALL_SECONDS = Metric(
    "frontrow_host_call_seconds",
    Kind.HISTOGRAM,
    "A call of a ticket host, with all the commands that went along.",
    _CALLERS,
    (),
    "seconds",
    CALL_SECONDS,
)
HOST_CALLS_LOST = Metric(
    "frontrow_host_calls_lost",
    Kind.COUNTER,
    "Calls of a ticket host that brought no answer, and were made again.",
    _CALLERS,
    starts=_NO_LABELS,
)
COMMANDS = Metric(
    "frontrow_commands",
    Kind.COUNTER,
    "Commands by kind and outcome: accepted, replayed, unavailable, or the code of the refusal.",
    (Emitter.HOST,),
    ("kind", "outcome"),
)
BATCH_COMMANDS = Metric(
    "frontrow_batch_commands",
    Kind.HISTOGRAM,
    "Commands of one block that were decided together.",
    (Emitter.HOST,),
    (),
    "commands",
    BATCH_SIZES,
)
DECIDE_SECONDS = Metric(
    "frontrow_decide_seconds",
    Kind.HISTOGRAM,
    "Deciding a batch in memory.",
    (Emitter.HOST,),
    (),
    "seconds",
    FAST_SECONDS,
)
APPEND_SECONDS = Metric(
    "frontrow_append_seconds",
    Kind.HISTOGRAM,
    "From sending a commit to knowing for certain what became of it.",
    _JOURNAL_WRITERS,
    (),
    "seconds",
    CALL_SECONDS,
)
APPENDS = Metric(
    "frontrow_appends",
    Kind.COUNTER,
    "Commits by what became of them: stored, settled (stored, proven by reading back), conflict (another writer was "
    "faster), unknown (the block is rebuilt, the callers get 503).",
    _JOURNAL_WRITERS,
    ("outcome",),
    starts=(("stored",), ("settled",), ("conflict",), ("unknown",)),
)
APPEND_DOUBTS = Metric(
    "frontrow_append_doubts",
    Kind.COUNTER,
    "Answers to a commit that had to be settled by reading back: the fence's codes 10071 and 10164, any other code, "
    "duplicate, or silence.",
    _JOURNAL_WRITERS,
    ("answer",),
    starts=(("10071",), ("10164",), ("duplicate",), ("silence",)),
)
ACTIVATION_SECONDS = Metric(
    "frontrow_activation_seconds",
    Kind.HISTOGRAM,
    "Rebuilding a block from the journal.",
    (Emitter.HOST,),
    (),
    "seconds",
    CALL_SECONDS,
)
ACTIVATIONS = Metric(
    "frontrow_activations", Kind.GAUGE, "Blocks that are active in a host.", (Emitter.HOST,)
)
MAILBOX_DEPTH = Metric(
    "frontrow_mailbox_depth",
    Kind.GAUGE,
    "Commands that wait in a host, of all of its blocks.",
    (Emitter.HOST,),
)
MAILBOX_DEEPEST = Metric(
    "frontrow_mailbox_deepest",
    Kind.GAUGE,
    "Commands that wait for one block, of the block with the most (at most 4,000).",
    (Emitter.HOST,),
)
SERVICE_UP = Metric(
    "frontrow_service_up",
    Kind.GAUGE,
    "1 while the service works, 0 while it is being restarted.",
    SERVICES,
    ("service",),
)
SERVICE_RESTARTS = Metric(
    "frontrow_service_restarts",
    Kind.COUNTER,
    "Times that a service ended with an error and was built anew in its process.",
    SERVICES,
    ("service",),
    starts=tuple((str(one),) for one in SERVICES),
)
CONSUMER_LAG = Metric(
    "frontrow_consumer_lag_messages",
    Kind.GAUGE,
    "Messages that a durable consumer has still to acknowledge.",
    _CONSUMERS,
    ("stream", "consumer"),
    "messages",
)
CONSUMER_DELAY = Metric(
    "frontrow_consumer_delay_seconds",
    Kind.HISTOGRAM,
    "Age of the oldest message of a batch when it had been handled.",
    _CONSUMERS,
    ("stream", "consumer"),
    "seconds",
    LAG_SECONDS,
)
DEAD_LETTERS = Metric(
    "frontrow_dead_letters",
    Kind.COUNTER,
    "Messages that could not be handled and were buried.",
    _CONSUMERS,
    ("stream", "consumer"),
    starts=(
        ("JOURNAL", "expiration"),
        ("JOURNAL", "payment"),
        ("NOTICES", "payment"),
        ("ORDERS", "documents"),
        ("ORDERS", "door"),
        ("WAKEUPS", "expiration"),
    ),
)
EXPIRY_LAG = Metric(
    "frontrow_expiry_lag_seconds",
    Kind.HISTOGRAM,
    "From a due wake-up to the block's answer, of the latest of a batch.",
    (Emitter.EXPIRATION,),
    (),
    "seconds",
    LAG_SECONDS,
)
PROJECTION_LAG = Metric(
    "frontrow_projection_lag_commits",
    Kind.GAUGE,
    "Commits that the read model of tickets is behind the journal.",
    (Emitter.PROJECTION,),
    (),
    "commits",
)
ORDER_TRANSITIONS = Metric(
    "frontrow_order_transitions",
    Kind.COUNTER,
    "Changes of orders that were stored, by the state that they led to.",
    _ORDER_WRITERS,
    ("state",),
    starts=tuple((str(one),) for one in State),
)
ORDERS_OVERDUE = Metric(
    "frontrow_orders_overdue",
    Kind.GAUGE,
    "Orders that are due for more than ten seconds (counted up to 200).",
    (Emitter.PAYMENT,),
)
PAYMENT_CALL_SECONDS = Metric(
    "frontrow_payment_call_seconds",
    Kind.HISTOGRAM,
    "Calls of the payment provider by operation and outcome: ok, refused, or unavailable (no answer, or the circuit "
    "is open).",
    _ORDER_WRITERS,
    ("operation", "outcome"),
    "seconds",
    CALL_SECONDS,
)
BREAKER_OPEN = Metric(
    "frontrow_payment_breaker_open",
    Kind.GAUGE,
    "1 while a process leaves the payment provider alone.",
    _ORDER_WRITERS,
)
WEBHOOK_LAG = Metric(
    "frontrow_webhook_lag_seconds",
    Kind.HISTOGRAM,
    "From the provider's event to its being stored in the order; the event's time is in whole seconds.",
    (Emitter.PAYMENT,),
    (),
    "seconds",
    LAG_SECONDS,
)
DISPUTE_NOTICES = Metric(
    "frontrow_dispute_notices",
    Kind.COUNTER,
    "What the payment provider has told of disputes: that a buyer's bank asks for money back, and how that ended.",
    (Emitter.PAYMENT,),
    starts=_NO_LABELS,
)
LOAD_JOBS = Metric(
    "frontrow_load_jobs",
    Kind.COUNTER,
    "Load jobs by how their turn ended: done, failed, or put_back (to be tried again).",
    (Emitter.LOADING,),
    ("outcome",),
    starts=(("done",), ("failed",), ("put_back",)),
)
LOAD_JOBS_WAITING = Metric(
    "frontrow_load_jobs_waiting", Kind.GAUGE, "Load jobs that are not over.", (Emitter.LOADING,)
)
HOSTS_WANTED = Metric(
    "frontrow_hosts_wanted",
    Kind.GAUGE,
    "Ticket hosts that blocks are placed on: all that there should be, but for drained ones.",
    (Emitter.WATCH,),
)
HOSTS_ANSWERING = Metric(
    "frontrow_hosts_answering", Kind.GAUGE, "Those of them that answer a call.", (Emitter.WATCH,)
)
TICKETS = Metric(
    "frontrow_tickets",
    Kind.GAUGE,
    "Tickets of all shows by state, as the journal has them.",
    (Emitter.WATCH,),
    ("state",),
    starts=tuple((state,) for state in STATES),
)
OVERSOLD = Metric(
    "frontrow_oversold",
    Kind.GAUGE,
    "Tickets that the journal gave to one while they were another's, since its beginning. Must be 0.",
    (Emitter.WATCH,),
)
JOURNAL_VIOLATIONS = Metric(
    "frontrow_journal_violations",
    Kind.GAUGE,
    "Commits, or parts of them, that the rules do not allow, since the journal's beginning. Must be 0.",
    (Emitter.WATCH,),
)
PAID_WITHOUT_SEATS = Metric(
    "frontrow_paid_without_seats",
    Kind.GAUGE,
    "Seats of paid orders that the journal does not have as sold to them, for longer than ten seconds. Must be 0.",
    (Emitter.WATCH,),
)
SOLD_WITHOUT_PAYMENT = Metric(
    "frontrow_sold_without_payment",
    Kind.GAUGE,
    "Sold seats whose order is not there, or not (or no longer) paid, for longer than ten seconds. Must be 0.",
    (Emitter.WATCH,),
)
WATCHED_AT = Metric(
    "frontrow_watched_timestamp_seconds",
    Kind.GAUGE,
    "When the invariants were last looked at in full, seconds since the epoch.",
    (Emitter.WATCH,),
    (),
    "seconds",
)

METRICS: tuple[Metric, ...] = tuple(
    value for value in tuple(globals().values()) if isinstance(value, Metric)
)
