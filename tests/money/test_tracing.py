"""One trace from a buyer's or a provider's request through the journal into the payment service, and to the door."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from opentelemetry.sdk.trace import ReadableSpan

from cluster.embedded.nats import NatsServer
from cluster.embedded.stripe import LocalStripe
from tests.fakes.stripe_proxy import StripeProxy
from tests.meters import Recorder, context_of
from tests.paying import Till, till, until

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(scope="module")
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture(scope="module")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    server = NatsServer.start(tmp_path_factory.mktemp("traced-nats"))
    yield server
    server.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def traced(
    tmp_path_factory: pytest.TempPathFactory,
    nats: NatsServer,
    paying_stripe: LocalStripe,
    mongodb_url: str,
    recorder: Recorder,
) -> AsyncIterator[Till]:
    """A server all of whose requests are traced into memory."""
    async with (
        StripeProxy(paying_stripe) as proxy,
        till(
            nats.url,
            mongodb_url,
            proxy,
            tmp_path_factory.mktemp("traced"),
            telemetry=recorder.telemetry,
            traces_url="file:///nowhere",
        ) as running,
    ):
        yield running


class Trace:
    """The spans of one trace, by name; each must be there once."""

    def __init__(self, recorder: Recorder, trace_id: int) -> None:
        self.spans = dict[str, list[ReadableSpan]]()
        for span in recorder.spans:
            if context_of(span).trace_id == trace_id:
                self.spans.setdefault(span.name, []).append(span)

    def lineage(self, name: str) -> list[str]:
        """The first span of this name, the one that it is a part of, and so on up to the request."""
        by_id = {context_of(one).span_id: one for of_name in self.spans.values() for one in of_name}
        names, span = list[str](), self.spans[name][0] if name in self.spans else None
        while span is not None:
            names.append(span.name)
            span = by_id.get(span.parent.span_id) if span.parent is not None else None
        return names

    def told(self) -> str:
        return str([span.to_json() for spans in self.spans.values() for span in spans])


async def complete(recorder: Recorder, trace_id: int, *names: str) -> Trace:
    """The trace once it has spans of all these names."""

    async def there() -> Trace | None:
        trace = Trace(recorder, trace_id)
        return trace if trace.spans.keys() >= set(names) else None

    async def story() -> str:
        return f"there are {sorted(Trace(recorder, trace_id).spans)}"

    return await until(there, f"spans {names}", story)


def parent() -> tuple[str, int]:
    """A `traceparent` that nobody else has, and its trace's id."""
    trace = secrets.token_hex(16)
    return f"00-{trace}-{secrets.token_hex(8)}-01", int(trace, 16)


async def test_a_hold_given_back_is_traced_through_the_journal_and_the_saga(
    traced: Till, recorder: Recorder
) -> None:
    show_id = await traced.hall()
    order = await traced.ordered(show_id, "S-1-1")
    traceparent, trace_id = parent()
    path = f"/v1/holds/{order['hold_id']}"
    gone = await traced.http.delete(path, headers={"traceparent": traceparent})
    assert gone.status_code == 204
    cancelled = await traced.becomes(order, "cancelled")
    assert cancelled["reason"] == "hold_released"
    trace = await complete(recorder, trace_id, "JOURNAL payment", "payment cancel")
    journal = ["JOURNAL payment", "commit", "release_hold", "DELETE /v1/holds/{hold_id}"]
    assert trace.lineage("JOURNAL payment") == journal
    assert trace.lineage("payment cancel") == ["payment cancel", *journal]
    stored = await traced.stored(order["order_id"])
    for authority in (stored.order_id, stored.token, stored.payment_id, order["client_secret"]):
        assert authority not in trace.told()


async def test_a_webhook_is_traced_through_the_saga_to_the_door(
    traced: Till, recorder: Recorder
) -> None:
    show_id = await traced.hall()
    order = await traced.ordered(show_id, "S-1-1")
    await traced.pay(order)
    await traced.becomes(order, "paid")

    async def first_of(name: str, show: str = "") -> int | None:
        """The trace of the first span of a name that is about a show."""
        for span in recorder.named(name):
            if show in str((span.attributes or {}).get("block", "")):
                return context_of(span).trace_id
        return None

    notice = ["NOTICES payment", "POST /webhooks/stripe"]
    trace_id = await until(lambda: first_of("confirm_hold", show_id), "the sale is traced")
    sale = await complete(recorder, trace_id, "payment capture", "JOURNAL payment")
    assert sale.lineage("commit") == ["commit", "confirm_hold", *notice]
    assert sale.lineage("payment capture") == ["payment capture", *notice]
    assert sale.lineage("JOURNAL payment") == ["JOURNAL payment", *sale.lineage("commit")]
    # That it was captured may be heard from the answer or, sooner, from the next webhook.
    trace_id = await until(lambda: first_of("ORDERS door"), "the door's part is traced")
    door = await complete(recorder, trace_id, *notice)
    assert door.lineage("ORDERS door") == ["ORDERS door", *notice]
    for trace in (sale, door):
        assert order["order_id"] not in trace.told()
